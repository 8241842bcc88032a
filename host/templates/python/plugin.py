"""{{name}}: its settings are looked at here; each role has a module of its own."""

from wit_world import exports
{{wiring}}

class Lifecycle(exports.Lifecycle):
    def validate(self):
        """What is wrong with the settings, as a list of lifecycle.Problem."""
        return []

    def start(self):
        """Once per instance. Instances come and go: what must last belongs to the host."""
