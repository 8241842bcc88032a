//! What the host does for plugins: what they share, and what each of them is granted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::denials::Denials;
use super::imports::crypto::PasswordWork;
use super::imports::http::{HttpClient, Network};
use super::imports::logging::LogAllowance;
use super::imports::metrics::Figures;
use super::imports::sinks::SinkAccess;
use super::instance::PluginFacts;
use super::state_store::{StateError, StateSpace, StateStore};
use crate::config::Durability;
use crate::sinks::Sinks;

/// The file of all plugins' state, in the state directory.
const STATE_FILE: &str = "plugin-state.redb";

/// What all plugins share. It outlives every one of them.
pub struct Services {
    sinks: Arc<Sinks>,
    state: StatePlace,
    /// Open from the first plugin on that may use it.
    store: Mutex<Option<Arc<StateStore>>>,
    network: Network,
    passwords: Arc<PasswordWork>,
    /// By plugin, so that a reload does not begin to count anew.
    figures: Mutex<BTreeMap<String, Arc<Figures>>>,
    /// The same.
    logs: Mutex<BTreeMap<String, Arc<LogAllowance>>>,
}

/// Where state is kept.
enum StatePlace {
    File(PathBuf, Durability),
    Memory,
}

/// What the host does for one plugin.
pub struct Granted {
    /// What it reaches of the sinks.
    pub sinks: SinkAccess,
    /// Its HTTP client, which knows what it may.
    pub http: HttpClient,
    /// Its state, if it may have one.
    pub state: Option<StateSpace>,
    /// Where passwords are verified.
    pub passwords: Arc<PasswordWork>,
    /// What it counts.
    pub figures: Arc<Figures>,
    /// What it may log over time.
    pub log: Arc<LogAllowance>,
    /// What it was denied.
    pub denials: Arc<Denials>,
}

impl Services {
    /// For plugins that serve: with `sinks`, and state that lasts in `state_dir`.
    pub fn serving(state_dir: &Path, durability: Durability, sinks: Arc<Sinks>) -> Self {
        let state = StatePlace::File(state_dir.join(STATE_FILE), durability);
        Self::new(sinks, state)
    }

    /// For plugins that are only tried: without sinks, and with state that nobody will miss.
    pub fn in_trial() -> Self {
        Self::new(Arc::default(), StatePlace::Memory)
    }

    /// Puts `state` into the state of `plugin`, before it is loaded.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn remember(
        &self,
        plugin: &str,
        state: &BTreeMap<String, String>,
    ) -> Result<(), StateError> {
        if state.is_empty() {
            return Ok(());
        }
        let space = StateSpace::new(self.store()?, plugin, u64::MAX);
        for (key, value) in state {
            let value = value.clone().into_bytes();
            space.set(key.clone(), value, None).await?;
        }
        Ok(())
    }

    /// The same, with another way into the world.
    pub fn with_network(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// The same, with `sinks`.
    #[cfg(test)]
    pub fn with_sinks(self, sinks: Sinks) -> Self {
        let sinks = Arc::new(sinks);
        Self { sinks, ..self }
    }

    fn new(sinks: Arc<Sinks>, state: StatePlace) -> Self {
        Self {
            sinks,
            state,
            store: Mutex::default(),
            network: Network::default(),
            passwords: Arc::default(),
            figures: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    /// What `plugin` is granted.
    ///
    /// # Errors
    /// It may have state, and that cannot be kept.
    pub fn granted(&self, plugin: &PluginFacts) -> Result<Granted, StateError> {
        let space = |max_bytes| {
            let store = self.store();
            store.map(|store| StateSpace::new(store, &plugin.name, max_bytes))
        };
        let denials = Arc::new(Denials::new(&plugin.name));
        let (network, sinks) = (self.network.clone(), Arc::clone(&self.sinks));
        Ok(Granted {
            http: HttpClient::new(&plugin.allow, network, Arc::clone(&denials)),
            sinks: SinkAccess::new(&plugin.allow.sinks, sinks, Arc::clone(&denials)),
            state: plugin.allow.state.map(space).transpose()?,
            passwords: Arc::clone(&self.passwords),
            figures: of_plugin(&self.figures, &plugin.name, Figures::new),
            log: of_plugin(&self.logs, &plugin.name, LogAllowance::new),
            denials,
        })
    }

    fn store(&self) -> Result<Arc<StateStore>, StateError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*store {
            return Ok(Arc::clone(open));
        }
        let opened = Arc::new(match &self.state {
            StatePlace::File(path, durability) => StateStore::open(path, *durability)?,
            StatePlace::Memory => StateStore::in_memory()?,
        });
        *store = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// What `all` has of `plugin`, from now on.
fn of_plugin<T>(all: &Mutex<BTreeMap<String, Arc<T>>>, plugin: &str, new: fn(&str) -> T) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let its = all.entry(plugin.to_owned());
    Arc::clone(its.or_insert_with(|| Arc::new(new(plugin))))
}
