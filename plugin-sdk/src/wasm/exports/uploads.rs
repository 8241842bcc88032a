//! Uploads before anybody sees them, and events.

use std::time::Duration;

use crate::export::{self, Instance};
use crate::storage::moment;
use crate::wasm::bindings::storage_events::exports::wharf::plugin::storage_events;
use crate::wasm::bindings::types;
use crate::wasm::bindings::upload_gate::exports::wharf::plugin::upload_gate;
use crate::wasm::bindings::wharf::plugin::staging;
use crate::{
    Content, Demands, Disposition, Event, Failure, Fault, Session, Staged, StorageEvents, Upload,
    UploadGate,
};

impl<I: Instance<Plugin: UploadGate>> upload_gate::Guest for I {
    fn needs() -> upload_gate::Demands {
        // A plugin that does not start is not loaded, whatever it would need.
        let demands = export::call::<I, _, Failure>(|plugin| Ok(plugin.needs()));
        demands.unwrap_or_default().into()
    }

    fn commit(
        client: &types::Session,
        what: upload_gate::Upload,
        content: &staging::Staged,
    ) -> Result<upload_gate::Disposition, types::Failure> {
        let upload = what.into();
        let disposition = export::call::<I, _, Failure>(|plugin| {
            plugin.commit(&Session(client), &upload, &Staged(content))
        })?;
        Ok(match disposition {
            Disposition::Publish => upload_gate::Disposition::Publish,
            Disposition::PublishAt(place) => upload_gate::Disposition::PublishAt(place.into()),
            Disposition::Quarantine(place) => upload_gate::Disposition::Quarantine(place.into()),
            Disposition::Discard(denial) => upload_gate::Disposition::Discard(denial.into()),
            Disposition::Consume => upload_gate::Disposition::Consume,
        })
    }
}

impl From<Demands> for upload_gate::Demands {
    fn from(demands: Demands) -> Self {
        let content = match demands.content {
            Content::None => upload_gate::Content::None,
            Content::Head(length) => upload_gate::Content::Head(length),
            Content::All => upload_gate::Content::All,
        };
        Self {
            content,
            checksums: demands.checksums,
            relocates: demands.relocates,
        }
    }
}

impl From<upload_gate::Upload> for Upload {
    fn from(upload: upload_gate::Upload) -> Self {
        Self {
            path: upload.path,
            place: upload.place.into(),
            size: upload.size,
            checksums: upload.checksums.into_iter().map(Into::into).collect(),
            elapsed: Duration::from_millis(upload.elapsed_ms),
            appended: upload.appended,
            quarantined: upload.quarantined,
        }
    }
}

impl<I: Instance<Plugin: StorageEvents>> storage_events::Guest for I {
    fn subscribe() -> Vec<String> {
        // A plugin that does not start is not loaded, whatever it would hear.
        let kinds = export::call::<I, _, Failure>(|plugin| Ok(plugin.subscribe()));
        kinds.unwrap_or_default()
    }

    fn deliver(batch: Vec<storage_events::Event>) -> Result<(), types::Failure> {
        let batch: Vec<_> = batch.into_iter().map(Into::into).collect();
        Ok(export::call::<I, _, Failure>(|plugin| {
            plugin.deliver(&batch)
        })?)
    }
}

impl From<storage_events::Event> for Event {
    fn from(event: storage_events::Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            at: moment(event.at_ms),
            session: event.session,
            sequence: event.sequence,
            listener: event.listener,
            peer: event.peer,
            principal: event.principal,
            path: event.path,
            place: event.place.map(Into::into),
            new_path: event.new_path,
            new_place: event.new_place.map(Into::into),
            size: event.size,
            checksums: event.checksums.into_iter().map(Into::into).collect(),
            elapsed: Duration::from_millis(event.elapsed_ms),
            fault: event.fault.map(|fault| Fault {
                reply: fault.reply,
                message: fault.message,
            }),
            attributes: event.attributes,
        }
    }
}
