//! `storage-events`: every event is logged with its kind, path, id and fault. `events-DEED-…` in
//! the name of the file, or the setting `deliver`, asks for the deed when it is delivered.

use wharf_plugin::{Event, Failure, StorageEvents, log};

use crate::deed::perform;
use crate::{Obliging, asked};

impl StorageEvents for Obliging {
    fn subscribe(&self) -> Vec<String> {
        match self.settings.kinds.as_slice() {
            [] => vec!["*".into()],
            kinds => kinds.to_vec(),
        }
    }

    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        for event in batch {
            let path = event.path.as_deref().unwrap_or_default();
            let deed = asked(path, "events").unwrap_or(&self.settings.deliver);
            perform(deed, &self.settings)?;
            let fault = event.fault.as_ref().map(|fault| fault.message.as_str());
            let fields = [
                ("kind", event.kind.as_str()),
                ("path", path),
                ("event", &event.id),
                ("fault", fault.unwrap_or_default()),
            ];
            log::info("delivered", &fields);
        }
        Ok(())
    }
}
