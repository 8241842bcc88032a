//! Directories in pages: a server tells all of a collection at once, in any order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use wharf_plugin::sinks::Page;
use wharf_plugin::{Entry, StorageError, clock};

use crate::address::split;
use crate::client::unreadable;
use crate::limits::{WINDOW, WINDOW_AGE};
use crate::multistatus::Multistatus;
use crate::store::{Store, entry};

/// The entries of a directory that come next, in the order of their names.
pub struct Window {
    directory: String,
    /// The name that was told last.
    after: String,
    /// What was found behind it.
    entries: VecDeque<Entry>,
    /// Whether there are more than were kept.
    has_more: bool,
    looked_at: Duration,
}

impl Store {
    /// At most `limit` entries of a directory behind the name `after`.
    ///
    /// # Errors
    /// It is no directory, or the server does not say.
    pub fn browse(&self, key: &str, limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
        let kept = self.window.take().filter(|kept| kept.leads_on(key, after));
        let mut window = match kept {
            Some(kept) => kept,
            None => self.look(key, after.unwrap_or_default(), WINDOW)?,
        };
        let count = window.entries.len().min(limit as usize);
        let entries: Vec<_> = window.entries.drain(..count).collect();
        let last = entries.last().map(|entry| entry.name.clone());
        let is_over = window.entries.is_empty() && !window.has_more;
        let Some(last) = last.filter(|_| !is_over) else {
            return Ok(Page {
                entries,
                next: None,
            });
        };
        window.after.clone_from(&last);
        if !window.entries.is_empty() {
            self.window.replace(Some(window));
        }
        Ok(Page {
            entries,
            next: Some(last),
        })
    }

    /// Whether a directory holds nothing.
    ///
    /// # Errors
    /// It is no directory, or the server does not say.
    pub fn is_empty(&self, key: &str) -> Result<bool, StorageError> {
        Ok(self.look(key, "", 1)?.entries.is_empty())
    }

    /// The first `limit` entries behind the name `after`. Only these are kept of a directory of any
    /// size.
    fn look(&self, key: &str, after: &str, limit: usize) -> Result<Window, StorageError> {
        if self.is_hidden(key) {
            return Err(StorageError::NotFound);
        }
        let looked_at = clock::elapsed();
        let answer = self.client.propfind(&self.address.directory(key), 1)?;
        if answer.status != 207 {
            // A file has no address with a slash.
            self.collection(key)?;
            return Err(self.explain(key, "PROPFIND", answer.status));
        }
        let own_depth = self.address.depth(key);
        let (mut names, mut has_more, mut is_there) = (BTreeMap::new(), false, false);
        let mut answer = Multistatus::new(answer);
        while let Some(mut found) = answer.next().map_err(unreadable)? {
            if found.parts.len() == own_depth {
                is_there = true;
                if !found.is_collection {
                    return Err(StorageError::NotDirectory);
                }
            }
            if found.parts.len() != own_depth + 1 {
                continue;
            }
            let is_next = |name: &String| name.as_str() > after && self.is_shown(key, name);
            let Some(name) = found.parts.pop().filter(is_next) else {
                continue;
            };
            names.insert(name, found);
            if names.len() > limit {
                names.pop_last();
                has_more = true;
            }
        }
        if !is_there {
            let text = "the server answers for another path: `url` has to be the address that it \
                        knows itself by";
            return Err(StorageError::Failed(text.into()));
        }
        let entries = names.iter().map(|(name, found)| entry(name, found));
        Ok(Window {
            directory: key.to_owned(),
            after: after.to_owned(),
            entries: entries.collect(),
            has_more,
            looked_at,
        })
    }

    /// Whether an entry of the directory `key` can have a key, and is not the collection of
    /// uploads.
    fn is_shown(&self, key: &str, name: &str) -> bool {
        !name.contains('/') && split(&self.staging) != (key, name)
    }
}

impl Window {
    /// Whether it begins behind `after`, and is of that directory and not old.
    fn leads_on(&self, directory: &str, after: Option<&str>) -> bool {
        self.directory == directory
            && after == Some(self.after.as_str())
            && clock::elapsed().saturating_sub(self.looked_at) < WINDOW_AGE
    }
}
