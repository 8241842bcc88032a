//! The `storage-sink` role: a storage back end in a plugin, asked in the terms of a sink.
//!
//! What is about one file or directory is asked of any instance. A reader and an upload live in the
//! instance that made them, which serves nothing else until they are dropped.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;
use wharf_protocol::listing;
use wharf_protocol::timestamp::Timestamp;

use self::answer::{asked, in_host_terms, undecided};
use super::bindings::imports::wharf::plugin::types;
use super::bindings::storage_sink::exports::wharf::plugin::storage_sink as wit;
use super::call::{Plugin, Running};
use super::instance::{InstanceState, PluginInstance};
use super::lease::Lease;
use crate::sink::{Existing, SinkError};

mod answer;

/// What a back end may be able to do beyond reading, storing and deleting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Add to a file.
    Append,
    /// Go on within a file.
    Resume,
    /// Rename files and directories.
    Rename,
    /// Have directories.
    Directories,
    /// Set times of modification.
    SetModified,
    /// Read what was staged of an upload.
    ReadBack,
}

impl Feature {
    /// The name that the contract has for it.
    fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Resume => "resume",
            Self::Rename => "rename",
            Self::Directories => "directories",
            Self::SetModified => "set-modified",
            Self::ReadBack => "read-back",
        }
    }
}

/// What one plugin says it can do.
pub struct Features(Vec<String>);

/// Where an upload's first byte goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A new file, over one that is there.
    Replace,
    /// Behind the last byte.
    Append,
    /// At this byte of a file that is there.
    Resume(u64),
}

/// Some entries of a directory.
pub struct Page {
    /// Those that can be listed.
    pub entries: Vec<listing::Entry>,
    /// Given back to get the next ones; `None` after the last.
    pub next: Option<String>,
}

/// What a question about storage is answered with.
type Answer<R> = Result<R, types::StorageError>;

type Guest<'i> = (&'i wit::Guest, &'i mut Store<InstanceState>);

impl Plugin {
    /// Whether it says that it can do this. It is asked once.
    pub async fn sink_can(&self, feature: Feature) -> Result<bool, SinkError> {
        let asked = self.sink_features.get_or_try_init(async || {
            let names = self.ask_sink("features", |(guest, store)| {
                Box::pin(async move { Ok(Ok(guest.call_features(store).await?)) })
            });
            names.await.map(Features)
        });
        Ok(asked.await?.0.iter().any(|name| name == feature.name()))
    }

    /// What stands at `key`.
    pub async fn sink_stat(&self, key: &str) -> Result<listing::Entry, SinkError> {
        let asked = key.to_owned();
        let entry = self.ask_sink("stat", |(guest, store)| {
            Box::pin(async move { guest.call_stat(store, &asked).await })
        });
        self.described(entry.await?, key)
    }

    /// At most `limit` entries of the directory `key`.
    pub async fn sink_browse(
        &self,
        key: &str,
        limit: u32,
        after: Option<String>,
    ) -> Result<Page, SinkError> {
        let key = key.to_owned();
        let page = self.ask_sink("browse", |(guest, store)| {
            Box::pin(async move {
                guest
                    .call_browse(store, &key, limit, after.as_deref())
                    .await
            })
        });
        let wit::Page { entries, next } = page.await?;
        if entries.len() > limit as usize {
            return Err(self.nonsense_of_sink("browse", "its page is larger than was asked for"));
        }
        let entries = entries.into_iter().filter_map(in_host_terms).collect();
        Ok(Page { entries, next })
    }

    /// Removes a file.
    pub async fn sink_delete(&self, key: &str) -> Result<(), SinkError> {
        let key = key.to_owned();
        self.ask_sink("delete", |(guest, store)| {
            Box::pin(async move { guest.call_delete(store, &key).await })
        })
        .await
    }

    /// Renames a file or directory, over a file that is there if `replace`.
    pub async fn sink_rename(
        &self,
        source: &str,
        target: &str,
        replace: bool,
    ) -> Result<(), SinkError> {
        let (source, target) = (source.to_owned(), target.to_owned());
        self.ask_sink("rename", |(guest, store)| {
            Box::pin(async move { guest.call_rename(store, &source, &target, replace).await })
        })
        .await
    }

    /// Makes a directory.
    pub async fn sink_make_directory(&self, key: &str) -> Result<(), SinkError> {
        let key = key.to_owned();
        self.ask_sink("make-directory", |(guest, store)| {
            Box::pin(async move { guest.call_make_directory(store, &key).await })
        })
        .await
    }

    /// Removes an empty directory.
    pub async fn sink_remove_directory(&self, key: &str) -> Result<(), SinkError> {
        let key = key.to_owned();
        self.ask_sink("remove-directory", |(guest, store)| {
            Box::pin(async move { guest.call_remove_directory(store, &key).await })
        })
        .await
    }

    /// Sets when something was last modified.
    pub async fn sink_set_modified(&self, key: &str, modified: Timestamp) -> Result<(), SinkError> {
        let (key, modified) = (key.to_owned(), milliseconds(modified));
        self.ask_sink("set-modified", |(guest, store)| {
            Box::pin(async move { guest.call_set_modified(store, &key, modified).await })
        })
        .await
    }

    /// Bytes that can still be stored, where the back end knows.
    pub async fn sink_available(&self) -> Result<Option<u64>, SinkError> {
        self.ask_sink("available", |(guest, store)| {
            Box::pin(async move { guest.call_available(store).await })
        })
        .await
    }

    /// Opens a file.
    pub async fn sink_open(
        self: &Arc<Self>,
        key: &str,
        offset: u64,
    ) -> Result<LeasedReader, SinkError> {
        let lease = self.lease().await;
        let mut lease = lease.map_err(|error| self.failed(error))?;
        let key = key.to_owned();
        let opened = lease.ask_sink("open", |(guest, store)| {
            Box::pin(async move { guest.call_open(store, &key, offset).await })
        });
        match opened.await {
            Ok(reader) => Ok(LeasedReader { lease, reader }),
            Err(error) => {
                lease.give_back();
                Err(error)
            }
        }
    }

    /// Begins an upload.
    pub async fn sink_begin_upload(
        self: &Arc<Self>,
        key: &str,
        start: Start,
    ) -> Result<LeasedUpload, SinkError> {
        let lease = self.lease().await;
        let mut lease = lease.map_err(|error| self.failed(error))?;
        let key = key.to_owned();
        let start = match start {
            Start::Replace => wit::Start::Replace,
            Start::Append => wit::Start::Append,
            Start::Resume(offset) => wit::Start::Resume(offset),
        };
        let begun = lease.ask_sink("begin-upload", |(guest, store)| {
            Box::pin(async move { guest.call_begin_upload(store, &key, start, None).await })
        });
        match begun.await {
            Ok(upload) => Ok(LeasedUpload { lease, upload }),
            Err(error) => {
                lease.give_back();
                Err(error)
            }
        }
    }

    async fn ask_sink<R: Send>(
        &self,
        function: &'static str,
        question: impl for<'i> FnOnce(Guest<'i>) -> Running<'i, Answer<R>> + Send,
    ) -> Result<R, SinkError> {
        let answer = self.call_for(function, undecided, |instance| asked(instance, question));
        self.answered(answer.await)
    }
}

impl Lease {
    async fn ask_sink<R: Send>(
        &mut self,
        function: &'static str,
        question: impl for<'i> FnOnce(Guest<'i>) -> Running<'i, Answer<R>> + Send,
    ) -> Result<R, SinkError> {
        let answer = self.call(function, undecided, |instance| asked(instance, question));
        let answer = answer.await;
        self.plugin().answered(answer)
    }

    /// Drops what the instance held, and gives it back.
    async fn close(mut self, held: ResourceAny) {
        let dropped = self.call(
            "drop",
            |()| None,
            |instance| Box::pin(async move { held.resource_drop_async(&mut instance.store).await }),
        );
        match dropped.await {
            Ok(()) => self.give_back(),
            Err(error) => tracing::debug!(%error, "an instance did not end its transfer"),
        }
    }
}

/// A file that is read from the instance that opened it.
pub struct LeasedReader {
    lease: Lease,
    reader: ResourceAny,
}

impl LeasedReader {
    /// The next bytes, at most `length`; none at the end.
    pub async fn read(&mut self, length: u32) -> Result<Vec<u8>, SinkError> {
        let reader = self.reader;
        let piece = self.lease.ask_sink("reader.read", |(guest, store)| {
            Box::pin(async move { guest.reader().call_read(store, reader, length).await })
        });
        let piece = piece.await?;
        self.lease.plugin().within("reader.read", piece, length)
    }

    /// Ends it.
    pub async fn close(self) {
        self.lease.close(self.reader).await;
    }
}

/// A file that is stored through the instance that began it.
pub struct LeasedUpload {
    lease: Lease,
    upload: ResourceAny,
}

impl LeasedUpload {
    /// Adds `piece`.
    pub async fn write(&mut self, piece: Vec<u8>) -> Result<(), SinkError> {
        let upload = self.upload;
        self.lease
            .ask_sink("upload.write", |(guest, store)| {
                Box::pin(async move { guest.upload().call_write(store, upload, &piece).await })
            })
            .await
    }

    /// Reads back what was written, at most `length` bytes from `offset`.
    pub async fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SinkError> {
        let upload = self.upload;
        let piece = self.lease.ask_sink("upload.read", |(guest, store)| {
            Box::pin(async move {
                let upload_of = guest.upload();
                upload_of.call_read(store, upload, offset, length).await
            })
        });
        let piece = piece.await?;
        self.lease.plugin().within("upload.read", piece, length)
    }

    /// What stands at `key`: asked of the instance that is there for the upload already.
    pub async fn stat(&mut self, key: &str) -> Result<listing::Entry, SinkError> {
        let asked = key.to_owned();
        let entry = self.lease.ask_sink("stat", |(guest, store)| {
            Box::pin(async move { guest.call_stat(store, &asked).await })
        });
        let entry = entry.await?;
        self.lease.plugin().described(entry, key)
    }

    /// Makes it visible under `key`.
    pub async fn publish(mut self, key: &str, existing: Existing) -> Result<(), SinkError> {
        let (upload, key) = (self.upload, key.to_owned());
        let replace = existing == Existing::Replaced;
        let published = self.lease.ask_sink("upload.publish", |(guest, store)| {
            Box::pin(async move {
                let upload_of = guest.upload();
                upload_of.call_publish(store, upload, &key, replace).await
            })
        });
        let published = published.await;
        self.close().await;
        published.map(drop)
    }

    /// Throws it away.
    pub async fn discard(mut self) -> Result<(), SinkError> {
        if self.lease.is_gone() {
            return Ok(());
        }
        let upload = self.upload;
        let discarded = self.lease.ask_sink("upload.discard", |(guest, store)| {
            Box::pin(async move { guest.upload().call_discard(store, upload).await })
        });
        let discarded = discarded.await;
        self.close().await;
        discarded
    }

    async fn close(self) {
        self.lease.close(self.upload).await;
    }
}

fn guest(instance: &mut PluginInstance) -> wasmtime::Result<Guest<'_>> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .storage_sink
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no storage sink"))?;
    Ok((role.wharf_plugin_storage_sink(), store))
}

fn milliseconds(moment: Timestamp) -> u64 {
    let since_epoch = std::time::SystemTime::from(moment)
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
