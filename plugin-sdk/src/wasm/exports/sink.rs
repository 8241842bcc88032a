//! A storage back end, and what it has open.

use std::cell::RefCell;

use crate::export::{self, Instance};
use crate::storage::moment;
use crate::wasm::bindings::storage_sink::exports::wharf::plugin::storage_sink as sink;
use crate::wasm::bindings::types;
use crate::{Feature, Incoming, Reader, Start, StorageError, StorageSink};

/// What the host holds a handle to while a file is read.
pub struct OpenReader(RefCell<Box<dyn Reader>>);

/// What the host holds a handle to while a file is stored; empty once it is published or discarded.
pub struct OpenUpload(RefCell<Option<Box<dyn Incoming>>>);

impl<I: Instance<Plugin: StorageSink>> sink::Guest for I {
    type Reader = OpenReader;
    type Upload = OpenUpload;

    fn features() -> Vec<String> {
        // A plugin that does not start is not loaded, whatever it could do.
        let features = export::call::<I, _, StorageError>(|plugin| Ok(plugin.features()));
        let features = features.unwrap_or_default().into_iter();
        features
            .map(|feature: Feature| feature.name().into())
            .collect()
    }

    fn stat(key: String) -> Result<types::Entry, types::StorageError> {
        Ok(ask::<I, _>(|plugin| plugin.stat(&key))?.into())
    }

    fn browse(
        key: String,
        limit: u32,
        after: Option<String>,
    ) -> Result<sink::Page, types::StorageError> {
        let page = ask::<I, _>(|plugin| plugin.browse(&key, limit, after.as_deref()))?;
        Ok(sink::Page {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    fn open(key: String, offset: u64) -> Result<sink::Reader, types::StorageError> {
        let reader = ask::<I, _>(|plugin| plugin.open(&key, offset))?;
        Ok(sink::Reader::new(OpenReader(RefCell::new(reader))))
    }

    fn begin_upload(
        key: String,
        at: sink::Start,
        size_hint: Option<u64>,
    ) -> Result<sink::Upload, types::StorageError> {
        let at = match at {
            sink::Start::Replace => Start::Replace,
            sink::Start::Append => Start::Append,
            sink::Start::Resume(offset) => Start::Resume(offset),
        };
        let upload = ask::<I, _>(|plugin| plugin.begin_upload(&key, at, size_hint))?;
        Ok(sink::Upload::new(OpenUpload(RefCell::new(Some(upload)))))
    }

    fn delete(key: String) -> Result<(), types::StorageError> {
        ask::<I, _>(|plugin| plugin.delete(&key))
    }

    fn rename(source: String, target: String, replace: bool) -> Result<(), types::StorageError> {
        ask::<I, _>(|plugin| plugin.rename(&source, &target, replace))
    }

    fn make_directory(key: String) -> Result<(), types::StorageError> {
        ask::<I, _>(|plugin| plugin.make_directory(&key))
    }

    fn remove_directory(key: String) -> Result<(), types::StorageError> {
        ask::<I, _>(|plugin| plugin.remove_directory(&key))
    }

    fn set_modified(key: String, modified_ms: u64) -> Result<(), types::StorageError> {
        ask::<I, _>(|plugin| plugin.set_modified(&key, moment(modified_ms)))
    }

    fn available() -> Result<Option<u64>, types::StorageError> {
        ask::<I, _>(StorageSink::available)
    }
}

/// Asks the plugin, and answers in the contract's errors.
fn ask<I: Instance<Plugin: StorageSink>, R>(
    question: impl FnOnce(&I::Plugin) -> Result<R, StorageError>,
) -> Result<R, types::StorageError> {
    export::call::<I, R, StorageError>(question).map_err(Into::into)
}

impl sink::GuestReader for OpenReader {
    fn read(&self, length: u32) -> Result<Vec<u8>, types::StorageError> {
        Ok(self.0.borrow_mut().read(length)?)
    }
}

impl sink::GuestUpload for OpenUpload {
    fn write(&self, piece: Vec<u8>) -> Result<(), types::StorageError> {
        let mut upload = self.0.borrow_mut();
        Ok(upload.as_mut().ok_or_else(closed)?.write(&piece)?)
    }

    fn publish(&self, key: String, replace: bool) -> Result<types::Entry, types::StorageError> {
        let upload = self.0.take().ok_or_else(closed)?;
        Ok(upload.publish(&key, replace)?.into())
    }

    fn discard(&self) -> Result<(), types::StorageError> {
        let upload = self.0.take().ok_or_else(closed)?;
        Ok(upload.discard()?)
    }

    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, types::StorageError> {
        let mut upload = self.0.borrow_mut();
        Ok(upload.as_mut().ok_or_else(closed)?.read(offset, length)?)
    }
}

/// The host asked for something after the end.
fn closed() -> StorageError {
    StorageError::Failed("the upload is over".into())
}
