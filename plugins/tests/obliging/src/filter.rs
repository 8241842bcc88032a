//! `listing-filter`: in every directory `filter-hide-…` is hidden and `filter-show-NAME` shown as
//! `NAME`. `filter-DEED-…` in the name of the directory asks for a deed.
//!
//! `add`: a file `added` on the last page. `slash`: a name that is none. `many`: more than may
//! take a page's place.

use wharf_plugin::{Entry, Failure, ListingFilter, Session};

use crate::deed::perform;
use crate::{Obliging, asked};

impl ListingFilter for Obliging {
    fn shape(
        &self,
        _session: &Session<'_>,
        directory: &str,
        page: Vec<Entry>,
        last: bool,
    ) -> Result<Vec<Entry>, Failure> {
        let deed = asked(directory, "filter").unwrap_or_default();
        perform(deed, &self.settings)?;
        let mut shown: Vec<_> = page
            .into_iter()
            .filter(|entry| asked(&entry.name, "filter") != Some("hide"))
            .map(|entry| match entry.name.strip_prefix("filter-show-") {
                Some(name) => named(name, &entry),
                None => entry,
            })
            .collect();
        let names: &[&str] = match deed {
            "add" if last => &["added"],
            "slash" => &["a/b"],
            "many" => &["again"; 2000],
            _ => &[],
        };
        shown.extend(names.iter().map(|name| named(name, &Entry::default())));
        Ok(shown)
    }
}

/// The same under another name.
fn named(name: &str, entry: &Entry) -> Entry {
    Entry {
        name: name.to_owned(),
        ..entry.clone()
    }
}
