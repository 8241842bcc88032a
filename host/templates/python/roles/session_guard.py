"""Who may connect, and who may stay."""

from wit_world import exports
from wit_world.exports import session_guard as guard


class SessionGuard(exports.SessionGuard):
    def connect(self, client):
        """Before the greeting. None lets the client in, a Denial does not."""
        return None

    def revalidate(self, client):
        """As often as the grant's set_revalidate_every says."""
        return guard.Ruling_Keep()
