"""Reads a site file as the client that it is for does, and prints what it says as JSON.

    site_file.py filezilla|winscp|cyberduck FILE
"""

import configparser
import json
import plistlib
import sys
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree


def filezilla(path):
    """The elements of the only site."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "FileZilla3", root.tag
    (server,) = root.findall("Servers/Server")
    return {element.tag: element.text for element in server}


def winscp(path):
    """The values of the only site, with its name."""

    def unmunged(text):
        return unquote_to_bytes(text).decode("utf-8-sig")

    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=(";",))
    parser.optionxform = str
    with open(path, encoding="ascii", newline="") as file:
        parser.read_file(file)
    (section,) = parser.sections()
    folder, name = section.split("\\")
    assert folder == "Sessions", folder
    values = {key: unmunged(value) for key, value in parser.items(section)}
    return {"Name": unmunged(name), **values}


def cyberduck(path):
    """The keys of the bookmark."""
    with open(path, "rb") as file:
        return plistlib.load(file, fmt=plistlib.FMT_XML)


client, path = sys.argv[1:]
json.dump({"filezilla": filezilla, "winscp": winscp, "cyberduck": cyberduck}[client](path), sys.stdout)
