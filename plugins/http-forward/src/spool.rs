//! Uploads that were taken while the application was away, handed over from the host's outbox.

use wharf_plugin::{Event, Failure, Location, StorageError, StorageEvents, log, sinks};

use crate::answer::Verdict;
use crate::settings::Spool;
use crate::{Account, Document, Forward, Source};

impl StorageEvents for Forward {
    fn subscribe(&self) -> Vec<String> {
        match self.spool {
            Some(_) => vec!["upload".into()],
            None => Vec::new(),
        }
    }

    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        let Some(spool) = &self.spool else {
            return Ok(());
        };
        batch.iter().try_for_each(|event| match &event.place {
            Some(place) if spool.holds(place) => self.hand_over_later(spool, event, place),
            _ => Ok(()),
        })
    }
}

impl Spool {
    fn holds(&self, place: &Location) -> bool {
        place.sink == self.place.sink
            && place.key.strip_prefix(&self.place.key) == Some(&format!("/{}", place.name()))
    }
}

impl Forward {
    fn hand_over_later(
        &self,
        spool: &Spool,
        event: &Event,
        place: &Location,
    ) -> Result<(), Failure> {
        let size = match sinks::stat(place) {
            Ok(entry) => entry.size,
            // It was handed over when this event was told before.
            Err(StorageError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let account = match spool.account.as_ref().or(self.account.as_ref()) {
            Some(account) => account.with_password()?,
            None => Account::default(),
        };
        let document = Document {
            path: event.path.as_deref().unwrap_or_default(),
            user: event.principal.as_deref().unwrap_or_default(),
            size,
            key: place.name(),
            content: Source::Spooled(place),
        };
        match self.hand_over(&document, &account)? {
            Verdict::Accepted => {
                sinks::delete(place)?;
                log::info(
                    "a spooled upload is handed over",
                    &[("path", document.path)],
                );
                Ok(())
            }
            // Its client heard 226: only the operator may throw it away.
            Verdict::Refused { reason, .. } => {
                let reason = reason.unwrap_or_default();
                let text = format!("the application refused it, and it stays at {place}: {reason}");
                Err(Failure::Unavailable(text))
            }
        }
    }
}
