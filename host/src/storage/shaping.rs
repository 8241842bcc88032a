//! Listings as the listing filters want them, a page at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;
use wharf_protocol::listing::Entry;
use wharf_protocol::path::VirtualPath;

use super::StorageError;
use super::listing::Listed;
use crate::plugin::{PAGE_ENTRIES, Plugin, SessionFacts};

/// The filters that have a say in what a session is shown.
#[derive(Clone)]
pub(super) struct Filters {
    /// In the order in which they are asked.
    pub plugins: Vec<Arc<Plugin>>,
    pub session: Arc<SessionFacts>,
    /// Where they are asked from the thread that lists.
    pub runtime: Handle,
}

impl Filters {
    /// `entries` of `directory` as all filters leave them.
    pub fn shape(&self, directory: &VirtualPath, entries: Listed) -> Listed {
        self.plugins.iter().fold(entries, |entries, plugin| {
            Box::new(Shaped {
                plugin: Arc::clone(plugin),
                session: Arc::clone(&self.session),
                runtime: self.runtime.clone(),
                directory: directory.clone(),
                entries,
                ahead: None,
                ready: VecDeque::new(),
                over: false,
            })
        })
    }
}

/// The entries that one filter leaves. It holds a page of them, and one more.
struct Shaped {
    plugin: Arc<Plugin>,
    session: Arc<SessionFacts>,
    runtime: Handle,
    directory: VirtualPath,
    entries: Listed,
    /// The first entry of the next page: with it there is one.
    ahead: Option<Entry>,
    ready: VecDeque<Entry>,
    /// The last page has been asked for, or something failed.
    over: bool,
}

impl Shaped {
    fn next_page(&mut self) -> Result<(), StorageError> {
        let mut page = Vec::with_capacity(PAGE_ENTRIES);
        page.extend(self.ahead.take());
        while let Some(entry) = self.entries.next().transpose()? {
            if page.len() == PAGE_ENTRIES {
                self.ahead = Some(entry);
                break;
            }
            page.push(entry);
        }
        let last = self.ahead.is_none();
        let shaped = self
            .plugin
            .shape(&self.session, &self.directory, page, last);
        self.ready = self.runtime.block_on(shaped)?.into();
        self.over = last;
        Ok(())
    }
}

impl Iterator for Shaped {
    type Item = Result<Entry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.next_page() {
                self.over = true;
                return Some(Err(error));
            }
        }
    }
}
