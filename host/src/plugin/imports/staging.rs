//! The `staging` interface: an upload that is complete and that nobody sees yet.

use wasmtime::component::Resource;

use crate::plugin::bindings::imports::wharf::plugin::staging::{Host, HostStaged};
use crate::plugin::bindings::imports::wharf::plugin::types::Failure;
use crate::plugin::instance::InstanceState;

/// Received bytes that are not published yet; no plugin is lent any before upload gates are asked.
pub enum Staged {}

impl Host for InstanceState {}

impl HostStaged for InstanceState {
    fn size(&mut self, staged: Resource<Staged>) -> wasmtime::Result<u64> {
        match *self.table.get(&staged)? {}
    }

    fn read(
        &mut self,
        staged: Resource<Staged>,
        _: u64,
        _: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Failure>> {
        match *self.table.get(&staged)? {}
    }

    fn drop(&mut self, staged: Resource<Staged>) -> wasmtime::Result<()> {
        match self.table.delete(staged)? {}
    }
}
