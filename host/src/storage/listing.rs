//! What stands in a directory: what its sink holds, and what mounts show there.

use std::collections::BTreeSet;
use std::iter;

use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::transfer::ListOrder;

use super::StorageError;
use super::place::Spot;
use super::shaping::Filters;
use super::view::View;
use crate::limits;
use crate::sink::{Entries, SinkError};

/// The entries of a listing, read as they are asked for.
pub type Listed = Box<dyn Iterator<Item = Result<Entry, StorageError>> + Send>;

/// `entries` in `order`. A directory with more of them than are held comes as storage has it, so
/// that it takes no memory and its first lines do not wait for the last.
pub(super) fn in_order(mut entries: Listed, order: ListOrder) -> Result<Listed, StorageError> {
    let mut held = Vec::new();
    for entry in entries.by_ref().take(limits::LISTING_SORTED_MAX) {
        held.push(entry?);
    }
    let next = entries.next();
    if next.is_none() {
        held.sort_unstable_by(|one, other| order.compare(one, other));
    }
    Ok(Box::new(
        held.into_iter().map(Ok).chain(next).chain(entries),
    ))
}

impl View {
    /// The entries of a directory as `filters` leave them; `with_allowed`, each with what this user
    /// may do to it.
    pub fn list(
        &self,
        directory: &Spot,
        filters: Option<&Filters>,
        with_allowed: bool,
    ) -> Result<Listed, StorageError> {
        let path = directory.path().clone();
        let mut entries = self.entries(directory)?;
        if let Some(filters) = filters {
            entries = filters.shape(&path, entries);
        }
        if !with_allowed {
            return Ok(entries);
        }
        let view = self.clone();
        Ok(Box::new(entries.map(move |entry| {
            let mut entry = entry?;
            if let Some(path) = path.child(entry.name()) {
                entry.allowed = view.allowed(&path);
            }
            Ok(entry)
        })))
    }

    /// What is there whatever the sink holds hides what the sink has of the same name.
    fn entries(&self, directory: &Spot) -> Result<Listed, StorageError> {
        let held = self.held(directory)?.map(|entry| Ok(entry?));
        let fixed = self.mounts.fixed_names(directory.path());
        if fixed.is_empty() {
            return Ok(Box::new(held));
        }
        let fixed: BTreeSet<String> = fixed.into_iter().map(str::to_owned).collect();
        let shown: Vec<Entry> = fixed
            .iter()
            .filter_map(|name| Entry::new(name, EntryKind::Directory))
            .collect();
        let rest = held.filter(move |entry: &Result<Entry, StorageError>| {
            !entry
                .as_ref()
                .is_ok_and(|entry| fixed.contains(entry.name()))
        });
        Ok(Box::new(shown.into_iter().map(Ok).chain(rest)))
    }

    /// What the sink has there. The directory of a mount need not exist for that.
    fn held(&self, directory: &Spot) -> Result<Entries, StorageError> {
        let Spot::Place(place) = directory else {
            return Ok(Box::new(iter::empty()));
        };
        match place.sink.list(&place.location.key) {
            Err(SinkError::NotFound | SinkError::NotDirectory)
                if self.mounts.is_fixed(&place.path) =>
            {
                Ok(Box::new(iter::empty()))
            }
            held => Ok(held?),
        }
    }
}
