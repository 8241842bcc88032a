"""A whole storage back end: small files in one directory, kept in the plugin's state.

What lasts lies in the back end, and never in an instance, of which there are several: here a value
for each content, and one for the list of files. Whoever changes that list decides.
"""

from contextlib import suppress
from dataclasses import dataclass

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import storage_sink as sink
from wit_world.imports import state, types
from wit_world.imports.types import Entry, EntryKind

# Of a file, in bytes: a value of the state is not larger.
LARGEST = 64 * 1024


class StorageSink(exports.StorageSink):
    def features(self):
        """What is not named is not asked for: to append and resume, directories, times."""
        return ["rename", "read-back"]

    def stat(self, key):
        if key == "":
            return Entry("", EntryKind.DIRECTORY, 0, None)
        return Entry(key, EntryKind.FILE, find(key).size, None)

    def browse(self, key, limit, after):
        """`after` is what the page before had as `next`: here its last name."""
        if key != "":
            find(key)
            raise Err(types.StorageError_NotDirectory())
        _, files = listed()
        rest = sorted(name for name in files if after is None or name > after)
        page = rest[:limit]
        entries = [Entry(name, EntryKind.FILE, files[name].size, None) for name in page]
        return sink.Page(entries, page[-1] if len(rest) > len(page) > 0 else None)

    def open(self, key, offset):
        if key == "":
            raise Err(types.StorageError_IsDirectory())
        content = asked(state.get, content_of(find(key)))
        if content is None:
            # Somebody else has just removed it.
            raise Err(types.StorageError_NotFound())
        return Reader(content[offset:])

    def begin_upload(self, key, at, size_hint):
        check(key)
        return Upload()

    def delete(self, key):
        forget(change(lambda files: removed(files, key)))

    def rename(self, source, target, replace):
        check(target)
        replaced = change(lambda files: put(files, target, removed(files, source), replace))
        if replaced is not None:
            forget(replaced)

    # Not among the features.
    def make_directory(self, key):
        raise Err(types.StorageError_Unsupported())

    def remove_directory(self, key):
        raise Err(types.StorageError_Unsupported())

    def set_modified(self, key, modified_ms):
        raise Err(types.StorageError_Unsupported())

    def available(self):
        """In bytes; nobody knows."""
        return None


class Reader(sink.Reader):
    """What is still to be read. The name is that of the contract, and so is Upload's."""

    def __init__(self, rest):
        self.rest = rest

    def read(self, length):
        piece, self.rest = self.rest[:length], self.rest[length:]
        return piece


class Upload(sink.Upload):
    """What came of a file that nobody sees yet. A larger one would go to the back end meanwhile."""

    def __init__(self):
        self.content = b""

    def write(self, piece):
        if len(self.content) + len(piece) > LARGEST:
            raise Err(types.StorageError_QuotaExceeded())
        self.content += piece

    def publish(self, key, replace):
        check(key)
        file = File(asked(state.increment, "contents", 1, None), len(self.content))
        asked(state.set, content_of(file), self.content, None)
        unused = file
        try:
            unused = change(lambda files: put(files, key, file, replace))
        finally:
            # What there was before; what has just come, if it is not wanted.
            if unused is not None:
                forget(unused)
        return Entry(key, EntryKind.FILE, file.size, None)

    def discard(self):
        self.content = b""

    def read(self, offset, length):
        return self.content[offset : offset + length]


@dataclass
class File:
    """A file of the list: the number of its content, which no other has had, and its size."""

    number: int
    size: int


def listed():
    """The value of the list, `NUMBER SIZE NAME` in each line, and the files in it by their names."""
    value = asked(state.get, "files")
    files = {}
    for line in (value or b"").decode().split("\n")[:-1]:
        number, size, name = line.split(" ", 2)
        files[name] = File(int(number), int(size))
    return value, files


def find(key):
    return removed(listed()[1], key)


def removed(files, key):
    if key not in files:
        raise Err(types.StorageError_NotFound())
    return files.pop(key)


def put(files, name, file, replace):
    """Puts a file into the list; what had its name is returned."""
    if name in files and not replace:
        raise Err(types.StorageError_Exists())
    replaced = files.get(name)
    files[name] = file
    return replaced


def change(changed):
    """Changes the list; once more, where somebody else has changed it meanwhile."""
    while True:
        value, files = listed()
        result = changed(files)
        lines = (f"{file.number} {file.size} {name}\n" for name, file in files.items())
        if asked(state.swap, "files", value, "".join(lines).encode()):
            return result


def check(key):
    """Nothing but the one directory is there to store into."""
    if "/" in key:
        raise Err(types.StorageError_NotFound())


def content_of(file):
    return f"content/{file.number}"


def forget(file):
    """Nothing leads to it any more: if it cannot be removed, it takes room and does no harm."""
    with suppress(Err):
        state.remove(content_of(file))


def asked(question, *arguments):
    """Asks the state; what it cannot do, in the terms of storage."""
    try:
        return question(*arguments)
    except Err as error:
        match error.value:
            case state.Error_Quota() | state.Error_TooLarge():
                raise Err(types.StorageError_NoSpace()) from error
            case state.Error_NotGranted():
                why = "`[allow] state` is missing"
                raise Err(types.StorageError_NotGranted(why)) from error
            case state.Error_Unavailable(why):
                raise Err(types.StorageError_Failed(why)) from error
