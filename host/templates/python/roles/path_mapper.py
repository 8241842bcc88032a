"""Where a path leads."""

from wit_world import exports
from wit_world.exports import path_mapper as mapper
from wit_world.imports.types import Location
from wit_world.imports.types import Operations as May


class PathMapper(exports.PathMapper):
    def mounts(self, client):
        """A directory that all share, beside what the grant shows."""
        allowed = May.BROWSE | May.STAT | May.CHANGE_DIRECTORY | May.DOWNLOAD
        return [mapper.Mount("/shared", Location("local", "shared"), allowed, False)]

    def locate(self, client, what, path):
        """Only asked below mounts that are dynamic."""
        return mapper.Resolution_Pass()
