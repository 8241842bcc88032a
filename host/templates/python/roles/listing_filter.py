"""What a listing shows."""

from wit_world import exports


class ListingFilter(exports.ListingFilter):
    def shape(self, client, directory, page, last):
        """Hides what begins with a dot."""
        return [entry for entry in page if not entry.name.startswith(".")]
