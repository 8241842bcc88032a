//! Hears of what happened.

use wharf_plugin::{Event, Failure, StorageEvents, log};

use crate::Settings;

impl StorageEvents for Settings {
    fn subscribe(&self) -> Vec<String> {
        vec!["upload".to_owned()]
    }

    /// The same event may come again, with the same id.
    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        for event in batch {
            let path = event.path.as_deref().unwrap_or_default();
            log::info("stored", &[("id", &event.id), ("path", path)]);
        }
        Ok(())
    }
}
