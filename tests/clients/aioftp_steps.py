"""Do the steps that stand as JSON on standard input with aioftp, in one session."""

import asyncio
import json
import os
import ssl
import sys

import aioftp

BLOCK = 64 * 1024


async def connect(order):
    """A session that is logged in, its data connections secured where it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    implicit = order["security"] == "implicit"
    client = aioftp.Client(socket_timeout=50, ssl=context if implicit else None)
    await client.connect(order["host"], order["port"])
    if order["security"] == "explicit":
        await client.upgrade_to_tls(context)
    await client.login(order["user"], order["password"])
    return client


class Steps:
    """What can be ordered, by name."""

    def __init__(self, client):
        self.client = client

    async def list(self, directory):
        before = await self.client.get_current_directory()
        await self.client.change_directory(directory)
        for command in ("MLSD", "LIST"):
            for path, facts in await self.client.list(raw_command=command):
                print(path, facts["type"])
        await self.client.change_directory(before)

    async def make_directory(self, path):
        await self.client.make_directory(path, parents=False)

    async def upload(self, local, remote, offset=0):
        with open(local, "rb") as file:
            file.seek(offset)
            async with self.client.upload_stream(remote, offset=offset) as stream:
                while block := file.read(BLOCK):
                    await stream.write(block)

    async def resume_upload(self, local, remote):
        facts = await self.client.stat(remote)
        await self.upload(local, remote, int(facts["size"]))

    async def download(self, remote, local, mode="wb", offset=0):
        with open(local, mode) as file:
            async with self.client.download_stream(remote, offset=offset) as stream:
                async for block in stream.iter_by_block(BLOCK):
                    file.write(block)

    async def resume_download(self, remote, local):
        await self.download(remote, local, "ab", os.path.getsize(local))

    async def rename(self, source, target):
        await self.client.rename(source, target)

    async def delete(self, path):
        await self.client.remove_file(path)

    async def remove_directory(self, path):
        await self.client.remove_directory(path)


async def main():
    order = json.load(sys.stdin)
    sys.stdout.reconfigure(encoding="utf-8")
    client = await connect(order)
    steps = Steps(client)
    for name, *arguments in order["steps"]:
        await getattr(steps, name)(*arguments)
    await client.quit()


asyncio.run(main())
