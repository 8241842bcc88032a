//! The `storage-events` role: what a plugin wants to hear of, and how it is told.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;

use super::Plugins;
use super::bindings::imports::wharf::plugin::types as shared;
use super::bindings::storage_events::exports::wharf::plugin::storage_events as wit;
use super::call::{Plugin, undecided};
use super::fault::CallError;
use super::instance::{InstanceState, PluginInstance};
use super::role::Role;
use super::text::one_line;
use crate::event::{Checksum, Event, Fault, Kind, KindPattern, Place};
use crate::outbox::{Deliver, Subscriber};

/// Patterns of one subscription: there are fewer kinds.
const MAX_PATTERNS: usize = 64;

/// Bytes of one pattern, several times those of the longest kind.
const MAX_PATTERN: usize = 128;

impl Plugins {
    /// Those that hear of events.
    pub fn subscribers(&self) -> Vec<Arc<dyn Subscriber>> {
        let plugins = self.of(Role::StorageEvents).iter();
        plugins
            .map(|plugin| Arc::clone(plugin) as Arc<dyn Subscriber>)
            .collect()
    }
}

impl Subscriber for Plugin {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn kinds(&self) -> &[KindPattern] {
        &self.event_kinds
    }

    fn pause(&self) -> Option<Duration> {
        self.breaker.pause()
    }

    fn deliver(&self, batch: Vec<Event>) -> Deliver<'_> {
        Box::pin(async move {
            let delivered = self.tell(batch).await;
            // Much of it may be the plugin's own words.
            delivered.map_err(|error| one_line(&error.to_string()))
        })
    }
}

impl Plugin {
    /// What it wants to hear of, where that is its role; asked once, when it is loaded.
    pub(super) async fn subscription(&self) -> Result<Vec<KindPattern>, CallError> {
        if !self.surface.roles.contains(&Role::StorageEvents) {
            return Ok(Vec::new());
        }
        let subscribe = self.call_alone("subscribe", |instance| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                guest.call_subscribe(store).await
            })
        });
        let patterns = subscribe.await?;
        if patterns.len() > MAX_PATTERNS {
            return Err(self.nonsense(
                "subscribe",
                format!("it subscribes to more than {MAX_PATTERNS} kinds"),
            ));
        }
        if patterns.iter().any(|pattern| pattern.len() > MAX_PATTERN) {
            let fault = format!("it subscribes to a kind of more than {MAX_PATTERN} bytes");
            return Err(self.nonsense("subscribe", fault));
        }
        Ok(patterns.into_iter().map(KindPattern::new).collect())
    }

    /// What is odd about its subscription.
    pub(super) fn odd_subscription(&self) -> Option<String> {
        let unknown = |pattern: &&KindPattern| !Kind::ALL.iter().any(|kind| pattern.matches(*kind));
        let unknown = self.event_kinds.iter().find(unknown)?;
        let unknown = one_line(&unknown.to_string());
        Some(format!(
            "it subscribes to {unknown:?}, and there are no such events"
        ))
    }

    async fn tell(&self, batch: Vec<Event>) -> Result<(), CallError> {
        let batch: Vec<_> = batch.into_iter().map(wit::Event::from).collect();
        let deliver = self.call_for("deliver", undecided, |instance| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                guest.call_deliver(store, &batch).await
            })
        });
        Ok(deliver.await??)
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .storage_events
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no storage events"))?;
    Ok((role.wharf_plugin_storage_events(), store))
}

impl From<Event> for wit::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            kind: event.kind.name().to_owned(),
            at_ms: event.at_ms,
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
            elapsed_ms: event.elapsed_ms,
            fault: event.fault.map(Into::into),
            attributes: event.attributes,
        }
    }
}

impl From<Place> for shared::Location {
    fn from(Place { sink, key }: Place) -> Self {
        Self { sink, key }
    }
}

impl From<Checksum> for shared::Checksum {
    fn from(Checksum { algorithm, hex }: Checksum) -> Self {
        Self { algorithm, hex }
    }
}

impl From<Fault> for wit::Fault {
    fn from(Fault { reply, message }: Fault) -> Self {
        Self { reply, message }
    }
}
