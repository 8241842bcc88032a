//! A sink whose back end is a plugin.
//!
//! The plugin is asked from the blocking threads that a sink is called on, so its work holds up
//! nobody but the client whose file it is about.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::Handle;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use self::reader::PluginReader;
use super::free_name::FreeNames;
use super::locks::Locks;
use super::{Entries, Existing, Key, Reader, Sink, SinkError, Upload, WriteMode};
use crate::plugin::storage_sink::{Feature, Page, Start};
use crate::plugin::{LivePlugins, Plugin, Role};

mod reader;
#[cfg(test)]
mod tests;
mod upload;

/// Entries that are asked for at once.
const PAGE: u32 = 256;
/// Pages without an entry that may follow each other: a back end may have to look at much before it
/// finds something, and nobody can break off a listing that shows nothing.
const BARREN_PAGES: u32 = 1000;

/// Where the sinks find the plugins, which are loaded after them.
pub type PluginDirectory = Arc<OnceLock<Weak<LivePlugins>>>;

/// A sink of kind `plugin`.
#[derive(Clone)]
pub struct PluginSink {
    plugin: String,
    plugins: PluginDirectory,
    runtime: Handle,
    free_names: FreeNames,
    /// Keys at which something is about to stand. Not every back end is exact about what it may
    /// replace: Apache looks first, and moves then.
    locks: Locks,
}

impl PluginSink {
    /// The sink behind the plugin called `plugin`. It has to be called within the runtime.
    pub fn new(plugin: String, plugins: PluginDirectory) -> Self {
        Self {
            plugin,
            plugins,
            runtime: Handle::current(),
            free_names: FreeNames::default(),
            locks: Locks::default(),
        }
    }

    /// The plugin as it serves now.
    fn plugin(&self) -> Result<Arc<Plugin>, SinkError> {
        let plugins = self.plugins.get().and_then(Weak::upgrade);
        let plugin = plugins.and_then(|plugins| {
            let current = plugins.current();
            let mut serving = current.of(Role::StorageSink).iter();
            serving.find(|plugin| plugin.name() == self.plugin).cloned()
        });
        plugin.ok_or_else(|| {
            let text = format!("no storage-sink called {:?} is loaded", self.plugin);
            SinkError::Io(io::Error::other(text))
        })
    }

    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// The plugin, if it says that it can do this.
    fn able(&self, feature: Feature) -> Result<Arc<Plugin>, SinkError> {
        let plugin = self.plugin()?;
        match self.wait(plugin.sink_can(feature))? {
            true => Ok(plugin),
            false => Err(SinkError::Unsupported),
        }
    }

    /// What stands at `key`, if anything does.
    fn existing(&self, key: &Key) -> Result<Option<Entry>, SinkError> {
        match self.stat(key) {
            Ok(entry) => Ok(Some(entry)),
            Err(SinkError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where an upload of `mode` begins, given what stands at its key.
    fn start(
        &self,
        file: &Key,
        mode: WriteMode,
        there: Option<&Entry>,
    ) -> Result<Start, SinkError> {
        let size = there.map_or(0, |entry| entry.size);
        match mode {
            WriteMode::Replace | WriteMode::Unique | WriteMode::At(0) => Ok(Start::Replace),
            WriteMode::Append => self.able(Feature::Append).map(|_| Start::Append),
            WriteMode::At(offset) if offset <= size => {
                self.able(Feature::Resume).map(|_| Start::Resume(offset))
            }
            WriteMode::At(_) => {
                if let Some((parent, _)) = file.split() {
                    self.stat(&parent)?;
                }
                Err(SinkError::BeyondEnd)
            }
        }
    }
}

impl fmt::Debug for PluginSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PluginSink").field(&self.plugin).finish()
    }
}

impl Sink for PluginSink {
    fn stat(&self, key: &Key) -> Result<Entry, SinkError> {
        let entry = self.wait(self.plugin()?.sink_stat(key.as_str()))?;
        match key.is_root() {
            true => entry.named("/").ok_or(SinkError::InvalidName),
            false => Ok(entry),
        }
    }

    fn list(&self, directory: &Key) -> Result<Entries, SinkError> {
        let (sink, directory) = (self.clone(), directory.clone());
        let page = move |after| {
            let plugin = sink.plugin()?;
            sink.wait(plugin.sink_browse(directory.as_str(), PAGE, after))
        };
        // The first page tells whether there is such a directory.
        let first = page(None)?;
        Ok(Box::new(Listing::new(self.plugin.clone(), page, first)))
    }

    fn open(&self, file: &Key, offset: u64) -> Result<Box<dyn Reader>, SinkError> {
        let entry = self.stat(file)?;
        if entry.kind == EntryKind::Directory {
            return Err(SinkError::IsDirectory);
        }
        if offset > entry.size {
            return Err(SinkError::BeyondEnd);
        }
        let reader = self.wait(self.plugin()?.sink_open(file.as_str(), offset))?;
        let runtime = self.runtime.clone();
        Ok(Box::new(PluginReader::new(reader, entry.size, runtime)))
    }

    fn create(&self, file: &Key, mode: WriteMode) -> Result<Box<dyn Upload>, SinkError> {
        if file.is_root() {
            return Err(SinkError::IsDirectory);
        }
        if mode == WriteMode::Unique {
            let is_taken = |key: &Key| Ok(self.existing(key)?.is_some());
            let name = self.free_names.hold(file, is_taken)?;
            let key = name.key().clone();
            return upload::begin(self, key, mode, Start::Replace, None, Some(name));
        }
        let there = self.existing(file)?;
        if there
            .as_ref()
            .is_some_and(|entry| entry.kind == EntryKind::Directory)
        {
            return Err(SinkError::IsDirectory);
        }
        let start = self.start(file, mode, there.as_ref())?;
        upload::begin(self, file.clone(), mode, start, there, None)
    }

    fn make_directory(&self, directory: &Key) -> Result<(), SinkError> {
        let plugin = self.able(Feature::Directories)?;
        self.wait(plugin.sink_make_directory(directory.as_str()))
    }

    fn remove_directory(&self, directory: &Key) -> Result<(), SinkError> {
        if directory.is_root() {
            return Err(SinkError::PermissionDenied);
        }
        let plugin = self.able(Feature::Directories)?;
        self.wait(plugin.sink_remove_directory(directory.as_str()))
    }

    fn remove(&self, file: &Key) -> Result<(), SinkError> {
        self.wait(self.plugin()?.sink_delete(file.as_str()))
    }

    fn rename(&self, source: &Key, target: &Key, existing: Existing) -> Result<(), SinkError> {
        let plugin = self.able(Feature::Rename)?;
        let _held = self.wait(self.locks.hold(&[source, target]));
        let moved = self.stat(source)?;
        if source == target {
            return Ok(());
        }
        if source.holds(target) {
            return Err(SinkError::InvalidName);
        }
        let is_file = moved.kind == EntryKind::File;
        let replace = is_file && existing == Existing::Replaced;
        // Only a file is replaced, and only by a file. Where none is, the plugin sees to it.
        if (replace || !is_file)
            && let Some(there) = self.existing(target)?
            && !(is_file && there.kind == EntryKind::File)
        {
            return Err(SinkError::Exists);
        }
        self.wait(plugin.sink_rename(source.as_str(), target.as_str(), replace))
    }

    fn keeps_times(&self) -> bool {
        self.able(Feature::SetModified).is_ok()
    }

    fn set_modified(&self, key: &Key, modified: Timestamp) -> Result<(), SinkError> {
        let plugin = self.able(Feature::SetModified)?;
        self.wait(plugin.sink_set_modified(key.as_str(), modified))
    }

    fn set_mode(&self, _: &Key, _: u32) -> Result<(), SinkError> {
        Err(SinkError::Unsupported)
    }

    fn available(&self, _: &Key) -> Result<u64, SinkError> {
        self.wait(self.plugin()?.sink_available())?
            .ok_or(SinkError::Unsupported)
    }
}

/// The entries of a directory, a page at a time.
struct Listing<P> {
    plugin: String,
    page: P,
    entries: std::vec::IntoIter<Entry>,
    next: Option<String>,
    /// Pages without an entry since the last one.
    barren: u32,
}

impl<P> Listing<P> {
    fn new(plugin: String, page: P, first: Page) -> Self {
        Self {
            plugin,
            page,
            entries: first.entries.into_iter(),
            next: first.next,
            barren: 0,
        }
    }
}

impl<P: FnMut(Option<String>) -> Result<Page, SinkError>> Iterator for Listing<P> {
    type Item = Result<Entry, SinkError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                self.barren = 0;
                return Some(Ok(entry));
            }
            let after = self.next.take()?;
            self.barren += 1;
            match (self.page)(Some(after.clone())) {
                // A plugin that gives the same page for ever must not be asked for ever.
                Ok(page) if page.next.as_ref() == Some(&after) || self.barren > BARREN_PAGES => {
                    return Some(Err(SinkError::Plugin {
                        plugin: self.plugin.clone(),
                        cause: "its listing does not go on".to_owned(),
                    }));
                }
                Ok(page) => {
                    self.entries = page.entries.into_iter();
                    self.next = page.next;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
