"""{{name}}: its settings are looked at here; each role has a module of its own."""

import sys

from wit_world import exports
from wit_world.imports import logging
{{wiring}}

class Lifecycle(exports.Lifecycle):
    def validate(self):
        """What is wrong with the settings, as a list of lifecycle.Problem."""
        return []

    def start(self):
        """Once per instance. Instances come and go: what must last belongs to the host."""


def tell(kind, error, trace):
    """Why a call failed, in the host's log: the host itself only sees that it stopped."""
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    fields = [("message", f"{kind.__name__}: {error}"), ("at", f"{file}:{trace.tb_lineno}")]
    logging.write(logging.Level.ERROR, "raised", fields)


sys.excepthook = tell
