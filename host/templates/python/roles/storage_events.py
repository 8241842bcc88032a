"""Hears of what happened."""

from wit_world import exports
from wit_world.imports import logging


class StorageEvents(exports.StorageEvents):
    def subscribe(self):
        return ["upload"]

    def deliver(self, batch):
        """The same event may come again, with the same id."""
        for event in batch:
            fields = [("id", event.id), ("path", event.path or "")]
            logging.write(logging.Level.INFO, "stored", fields)
