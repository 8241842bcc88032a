//! x

use crate::plugin::bindings::imports::wharf::plugin::sinks;
use crate::plugin::bindings::imports::wharf::plugin::sinks::Page;
use crate::plugin::bindings::imports::wharf::plugin::types::{Entry, Location, StorageError};
use crate::plugin::instance::InstanceState;

fn no_sink<T>(place: Location) -> wasmtime::Result<Result<T, StorageError>> {
    Ok(Err(StorageError::NotGranted(place.sink)))
}

impl sinks::Host for InstanceState {
    fn stat(&mut self, at: Location) -> wasmtime::Result<Result<Entry, StorageError>> {
        no_sink(at)
    }

    fn read(
        &mut self,
        at: Location,
        _: u64,
        _: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, StorageError>> {
        no_sink(at)
    }

    fn put(&mut self, at: Location, _: Vec<u8>) -> wasmtime::Result<Result<(), StorageError>> {
        no_sink(at)
    }

    fn copy(
        &mut self,
        source: Location,
        _: Location,
    ) -> wasmtime::Result<Result<(), StorageError>> {
        no_sink(source)
    }

    fn delete(&mut self, at: Location) -> wasmtime::Result<Result<(), StorageError>> {
        no_sink(at)
    }

    fn browse(
        &mut self,
        at: Location,
        _: u32,
        _: Option<String>,
    ) -> wasmtime::Result<Result<Page, StorageError>> {
        no_sink(at)
    }
}
