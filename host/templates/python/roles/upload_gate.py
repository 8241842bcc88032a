"""What becomes of an upload before anybody sees it."""

from wit_world import exports
from wit_world.exports import upload_gate as gate
from wit_world.imports.types import Denial, DenialReason


class UploadGate(exports.UploadGate):
    def needs(self):
        """What is read in commit, which checksums it is given, whether it publishes elsewhere."""
        return gate.Demands(gate.Content_None_(), [], False)

    def commit(self, client, what, content):
        """Nothing empty is stored."""
        if what.size == 0:
            denial = Denial(DenialReason.CONTENT_REJECTED, "The file is empty", None)
            return gate.Disposition_Discard(denial)
        return gate.Disposition_Publish()
