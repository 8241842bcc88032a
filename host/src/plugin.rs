//! Plugins: WebAssembly components that decide what an operator wants to own.
//!
//! A file becomes a plugin in `load`: read, made a component (`componentize`), compiled or taken
//! from the `cache`, its `role`s told by what it exports, and tried. A `call` runs in an
//! `instance` of the `pool`, within its `limits`, and may call what stands in `imports`; what it
//! comes to is kept in `account`. `live` holds the generation that serves, `reload` makes the next
//! one, and `watch` tells when.
//!
//! `auth` is the stage *who*: it asks the authenticators in turn; `gate` the one between an upload
//! and its 226.
//!
//! A failure of a plugin is not a no: it is told apart from a denial in every type here.

mod account;
mod action;
mod allow;
mod auth;
mod authenticator;
mod bindings;
mod breaker;
mod cache;
mod call;
mod compiler;
mod componentize;
pub mod contract;
mod denial;
mod denials;
mod direct;
mod directory;
mod engine;
mod events;
mod evolution;
mod facts;
mod fault;
mod filter;
mod gate;
mod histogram;
mod imports;
mod inspect;
mod instance;
mod lease;
mod limits;
mod live;
mod load;
mod login;
mod mapper;
mod password;
mod pool;
mod refusal;
mod reload;
mod role;
mod services;
mod session_guard;
mod settings;
mod sidecar;
mod state_store;
mod statistics;
mod storage_guard;
pub mod storage_sink;
mod text;
mod watch;
pub mod workbench;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use action::Action;
pub use call::Plugin;
pub use facts::{SessionFacts, SessionNotes};
pub use filter::PAGE_ENTRIES;
pub use gate::{Demands, FinishedUpload, GateRuling};
pub use inspect::{Report, inspect};
pub use live::LivePlugins;
pub use load::{Candidate, LoadCause, LoadError, PluginRuntime, Warning};
pub mod paths;

pub use login::{Continuation, Login};
pub use password::{PasswordError, hash as hash_password, verify as verify_password};
pub use refusal::Refusal;
pub use reload::{PluginSource, Reload, Reloader};
pub use role::{Role, Surface};
pub use services::Services;
pub use session_guard::SessionRuling;
pub use sidecar::Sidecar;
pub use statistics::{
    CallStatus, InstanceStatus, LastError, PluginStatus, PluginsStatus, RejectedCandidate,
};
pub use storage_guard::Intent;

pub use watch::Watch;

use crate::config::{Config, PluginSink, Sink};
pub use crate::tls::TlsFacts;

/// A generation of plugins. It never changes: a reload makes a new one.
#[derive(Default)]
pub struct Plugins {
    /// Counted from 1, which the host started with.
    generation: u64,
    /// In the order of their names.
    all: Vec<Arc<Plugin>>,
    /// Each role's, in the order in which they are asked.
    by_role: BTreeMap<Role, Vec<Arc<Plugin>>>,
    /// The names of the configured sinks.
    sinks: Vec<String>,
}

impl Plugins {
    fn new(generation: u64, all: Vec<Arc<Plugin>>, sinks: Vec<String>) -> Self {
        let mut by_role = BTreeMap::<_, Vec<_>>::new();
        for plugin in &all {
            for role in &plugin.surface.roles {
                by_role.entry(*role).or_default().push(Arc::clone(plugin));
            }
        }
        Self {
            generation,
            all,
            by_role,
            sinks,
        }
    }

    /// Its number: 1 for what the host started with.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> &[Arc<Plugin>] {
        &self.all
    }

    /// The one called `name`.
    pub fn named(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.all.iter().find(|plugin| plugin.name() == name)
    }

    /// Those of `role`, in the order in which they are asked.
    pub fn of(&self, role: Role) -> &[Arc<Plugin>] {
        self.by_role.get(&role).map_or(&[], Vec::as_slice)
    }

    /// The sinks, with the plugin that each is to be, for which there is no such plugin.
    pub fn missing_sinks<'c>(
        &self,
        config: &'c Config,
    ) -> impl Iterator<Item = (&'c str, &'c str)> {
        config.sinks.iter().filter_map(|(name, sink)| match sink {
            Sink::Plugin(PluginSink { plugin }) => {
                let mut serving = self.of(Role::StorageSink).iter();
                let is_missing = serving.all(|serving| serving.name() != plugin);
                is_missing.then_some((name.as_str(), plugin.as_str()))
            }
            Sink::Fs(_) | Sink::S3(_) => None,
        })
    }

    /// The names of those that decide who may log in, in the order in which they are asked.
    pub fn authenticators(&self) -> impl Iterator<Item = &str> {
        self.of(Role::Authenticator)
            .iter()
            .map(|plugin| plugin.name())
    }
}

#[cfg(test)]
mod tests;
