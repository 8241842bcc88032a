"""Lays a bucket out with aioftps3 as its makers publish it.

Standard input is the order, in JSON: where the store is, the key, and what to store. The package
speaks HTTPS alone, and the store of the tests HTTP: its session is ours, and only changes that.
"""

import asyncio
import json
import sys
from pathlib import PurePosixPath

import aiohttp
import aioftps3


class PlainSession:
    """A session whose requests go to the same address without TLS."""

    def __init__(self, session):
        self.session = session

    def request(self, method, url, ssl, **rest):
        return self.session.request(method, url.replace("https://", "http://", 1), **rest)


async def lay_out(order):
    async with aiohttp.ClientSession() as session:
        credentials = aioftps3.s3_path_io_secret_access_key_credentials(
            access_key_id=order["key"], secret_access_key=order["secret"]
        )
        bucket = aioftps3.s3_path_io_bucket(
            region="us-east-1", host=order["host"], verify_certs=False, name=order["bucket"]
        )
        factory = aioftps3.s3_path_io_factory(PlainSession(session), credentials, bucket)
        storage = factory()
        for path in order["directories"]:
            await storage.mkdir(PurePosixPath(path))
        for path, content in order["files"]:
            file = storage.open(PurePosixPath(path), "wb")
            async with file:
                for start in range(0, len(content), 65536):
                    await file.write(content[start : start + 65536].encode())


asyncio.run(lay_out(json.load(sys.stdin)))
