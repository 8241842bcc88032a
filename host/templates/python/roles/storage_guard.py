"""Whether an operation may be done, and where."""

from wit_world import exports
from wit_world.exports import storage_guard as guard
from wit_world.imports.types import Denial, DenialReason, Operation


class StorageGuard(exports.StorageGuard):
    def before(self, client, what):
        """What ends in `.keep` is not deleted."""
        if what.what == Operation.DELETE and what.path.endswith(".keep"):
            return guard.Decision_Deny(Denial(DenialReason.POLICY, None, None))
        return guard.Decision_Allow()
