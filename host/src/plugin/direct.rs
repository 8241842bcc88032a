//! Calls on the caller's own stack, for plugins that never wait and have little CPU to spend.
//!
//! A call that may wait runs on a stack of its own, so that its thread can go on meanwhile. Where
//! everything that a component imports answers at once there is nothing to wait for, and the
//! switch between the stacks can be saved. Such a call holds its thread until it ends: hence only
//! for a plugin whose budget is as short as what any other call may run without yielding. Only
//! what is asked for every single operation is called like this.

use wasmtime::component::{ComponentExportIndex, InstancePre, Resource, TypedFunc};

use super::bindings::imports::wharf::plugin::types::{Entry, Failure, Operation};
use super::bindings::path_mapper::exports::wharf::plugin::path_mapper::Resolution;
use super::bindings::storage_guard::exports::wharf::plugin::storage_guard::{Decision, Intent};
use super::imports::session::SessionView;
use super::instance::{InstanceState, PluginInstance};

type Client = Resource<SessionView>;

/// A function of the contract, with what it takes and how it answers.
type Function<P, T> = TypedFunc<P, (Result<T, Failure>,)>;

/// Declares the functions by the interfaces and names they have in the contract.
macro_rules! functions {
    ($($name:ident = $interface:literal: ($($param:ty),+) -> $answer:ty,)+) => {
        /// Where a component keeps those of these functions that it has.
        pub struct Indices {
            $($name: Option<ComponentExportIndex>,)+
        }

        /// Those of one instance; none of a plugin that is not called directly.
        #[derive(Default)]
        pub struct Functions {
            $(pub $name: Option<Function<($($param,)+), $answer>>,)+
        }

        impl Indices {
            /// Looks them up.
            pub fn of(component: &InstancePre<InstanceState>) -> Self {
                let component = component.component();
                let index = |interface, function| {
                    let interface = component.get_export_index(None, interface)?;
                    component.get_export_index(Some(&interface), function)
                };
                Self {
                    $($name: index($interface, stringify!($name)),)+
                }
            }

            /// Looks them up in `instance`.
            pub fn load(&self, instance: &mut PluginInstance) -> wasmtime::Result<Functions> {
                let PluginInstance { instance, store, .. } = instance;
                Ok(Functions {
                    $($name: self
                        .$name
                        .map(|index| instance.get_typed_func(&mut *store, index))
                        .transpose()?,)+
                })
            }
        }
    };
}

functions! {
    locate = "wharf:plugin/path-mapper@1.0.0": (Client, Operation, String) -> Resolution,
    before = "wharf:plugin/storage-guard@1.0.0": (Client, Intent) -> Decision,
    shape = "wharf:plugin/listing-filter@1.0.0":
        (Client, String, Vec<Entry>, bool) -> Vec<Entry>,
}
