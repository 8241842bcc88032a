//! Listings in pages, of directories of any size, in memory that depends on the page.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use wharf_protocol::listing;

use crate::plugin::bindings::imports::wharf::plugin::sinks::Page;
use crate::sink::SinkError;

/// Entries of one page, which is also the least where a plugin asks for none.
const MAX_PAGE: usize = 1000;

/// The first `limit` of `entries` by name, of those whose names come behind `after`.
///
/// A sink lists in no order, so each page looks at all entries and keeps the smallest names.
pub fn page(
    entries: impl Iterator<Item = Result<listing::Entry, SinkError>>,
    limit: u32,
    after: Option<&str>,
) -> Result<Page, SinkError> {
    let limit = match usize::try_from(limit).unwrap_or(MAX_PAGE) {
        0 => MAX_PAGE,
        limit => limit.min(MAX_PAGE),
    };
    let mut kept = BinaryHeap::with_capacity(limit + 1);
    let mut more = false;
    for entry in entries {
        let entry = ByName(entry?);
        if after.is_some_and(|after| entry.0.name() <= after) {
            continue;
        }
        kept.push(entry);
        if kept.len() > limit {
            more = true;
            kept.pop();
        }
    }
    let sorted = kept.into_sorted_vec();
    let last = sorted.last().map(|ByName(entry)| entry.name().to_owned());
    Ok(Page {
        entries: sorted
            .into_iter()
            .map(|ByName(entry)| entry.into())
            .collect(),
        next: last.filter(|_| more),
    })
}

/// An entry in the order of its name.
struct ByName(listing::Entry);

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name().cmp(other.0.name())
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByName {}

#[cfg(test)]
mod tests {
    use wharf_protocol::listing::{Entry, EntryKind};

    use super::*;

    fn names(count: usize) -> Vec<String> {
        // In no order, as a file system has them.
        (0..count)
            .map(|n| format!("{:05}", n * 7919 % count))
            .collect()
    }

    fn paged(names: &[String], limit: u32) -> Vec<Vec<String>> {
        let (mut pages, mut after) = (Vec::new(), None::<String>);
        loop {
            let entries = names
                .iter()
                .map(|name| Ok(Entry::new(name, EntryKind::File).unwrap()));
            let page = page(entries, limit, after.as_deref()).unwrap();
            pages.push(page.entries.into_iter().map(|entry| entry.name).collect());
            match page.next {
                Some(next) => after = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_hold_everything_once_and_in_order() {
        for (count, limit, sizes) in [
            (0, 10, vec![0]),
            (10, 10, vec![10]),
            (11, 10, vec![10, 1]),
            (25, 10, vec![10, 10, 5]),
            (1001, 0, vec![1000, 1]),
            (2500, u32::MAX, vec![1000, 1000, 500]),
        ] {
            let mut names = names(count);
            let pages = paged(&names, limit);
            let found: Vec<usize> = pages.iter().map(Vec::len).collect();
            assert_eq!(found, sizes, "{count} by {limit}");
            names.sort();
            assert_eq!(pages.concat(), names);
        }
    }

    #[test]
    fn an_error_is_no_end() {
        let entries = [Err(SinkError::PermissionDenied)];
        assert!(page(entries.into_iter(), 1, None).is_err());
    }
}
