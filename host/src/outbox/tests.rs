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
    Event::example(Kind::Upload, session, sequence)
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
