//! An outbox on a disk of its own, and plugins that are played.

mod deliveries;
mod keeping;
mod trouble;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::config::ByteSize;
use crate::event::KindPattern;

fn open(directory: &Path) -> Arc<Outbox> {
    open_with(directory, &Events::default())
}

fn open_with(directory: &Path, settings: &Events) -> Arc<Outbox> {
    Outbox::open(directory, Durability::Os, settings).unwrap()
}

fn event(session: &str, sequence: u64) -> Event {
    Event {
        id: format!("{session}.{sequence}"),
        kind: Kind::Upload,
        at_ms: 1_700_000_000_000 + sequence,
        session: session.to_owned(),
        sequence,
        listener: "[::]:2121".to_owned(),
        peer: "192.0.2.1:1025".to_owned(),
        principal: Some("alice".to_owned()),
        path: Some(format!("/{sequence}")),
        place: None,
        new_path: None,
        new_place: None,
        size: Some(sequence),
        checksums: Vec::new(),
        elapsed_ms: 1,
        fault: None,
        attributes: Vec::new(),
    }
}

fn subscription(name: &str, kinds: &[&str]) -> Subscription {
    Subscription {
        name: name.to_owned(),
        kinds: kinds.iter().map(|kind| KindPattern::new(*kind)).collect(),
    }
}

/// The ids of what waits for `name`, in the order of the outbox.
fn waiting(outbox: &Outbox, name: &str) -> Vec<String> {
    let filter = Filter {
        plugin: Some(name.to_owned()),
        ..Filter::default()
    };
    let page = outbox.list(&filter, None, MAX_LISTED).unwrap();
    page.entries
        .into_iter()
        .map(|entry| entry.event.id)
        .collect()
}
