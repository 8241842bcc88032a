//! From a file to a plugin that may serve: read, made a component, compiled, tried in every role.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use wasmtime::component::{Component, InstancePre, Linker};

use super::bindings;
use super::bindings::lifecycle::exports::wharf::plugin::lifecycle;
use super::breaker::Breaker;
use super::cache::CodeCache;
use super::call::Plugin;
use super::compiler::{Compiled, Compiler};
use super::componentize::{self, FormError};
use super::engine::{MAX_INSTANCES, PluginEngine};
use super::evolution;
use super::fault::CallError;
use super::gate::Demands;
use super::imports;
use super::instance::{InstanceState, PluginFacts};
use super::pool::Pool;
use super::role::{Indices, Role, Surface};
use super::services::Services;
use super::sidecar::{OnFailure, Sha256Pin, Sidecar};
use super::statistics::Statistics;
use super::text::{hex, one_line};
use crate::config::error::{Origin, Problem, Problems};

/// The largest component: an interpreter of Python with its library has 18 MiB.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Instances that are ready before the first call: two clients who log in at once both find one.
const WARM_AT_FIRST: usize = 2;

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin} ({}): {cause}", file.display())]
pub struct LoadError {
    /// Its name.
    pub plugin: String,
    /// The file at fault.
    pub file: PathBuf,
    /// What is wrong; part of the message, and so no source.
    pub cause: LoadCause,
}

/// What is wrong with a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadCause {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Larger than any component.
    #[error("it is larger than {} MiB", MAX_FILE >> 20)]
    TooLarge,
    /// The sidecar is wrong.
    #[error("its settings are wrong\n{0}")]
    Sidecar(#[from] Problems),
    /// A sidecar without a component.
    #[error("there is no component for it: put {0}.wasm beside it, or name one with `wasm`")]
    NoComponent(String),
    /// A sidecar that names another component than the one beside it, which nobody would ask.
    #[error("its settings name another component with `wasm`, and {0}.wasm is there too")]
    TwoComponents(String),
    /// It is not the pinned file.
    #[error("its SHA-256 is {found}, and {expected} is pinned in its sidecar")]
    Pin {
        /// Of the file.
        found: String,
        /// `[policy] sha256`
        expected: String,
    },
    /// It is no component and cannot be made one.
    #[error(transparent)]
    Form(#[from] FormError),
    /// It does not compile.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It takes too long to compile.
    #[error("it was not compiled within {0:?}, and nobody waits any longer")]
    CompileDeadline(Duration),
    /// Sidecars that cannot be read might name it, and it must not serve without its settings.
    #[error("it waits until the settings of {0} can be read, which might name it with `wasm`")]
    Unsettled(String),
    /// A configured sink would be gone with it.
    #[error("a sink of wharf.toml is kept in it, so it may not lose the role storage-sink")]
    Needed,
    /// It does nothing for the host.
    #[error("it exports no role of wharf:plugin@1 (its exports: {0})")]
    NoRole(String),
    /// It has a role that exists, and that this version does not ask.
    #[error("it is a {0}, which this version of the host does not ask yet")]
    RoleNotServed(Role),
    /// `on-failure = "allow"` where that would let in whoever the plugin would have refused.
    #[error(
        "its sidecar says on-failure = \"allow\", and it is a {0}: one that fails always denies; \
         leave `on-failure` out"
    )]
    AlwaysDenies(Role),
    /// It wants something of the host that the host does not have, or exports what it cannot call.
    #[error(
        "it does not fit this host: {0}; \
         rebuild it with the interfaces of this host, which `wharf plugin wit` prints"
    )]
    Mismatch(String),
    /// It says itself that it cannot serve.
    #[error("it refuses its settings\n{0}")]
    Settings(Problems),
    /// Their instances may not all live at once.
    #[error(
        "the plugins' instances add up to {0}, and the host has {MAX_INSTANCES} for all; lower \
         `instances` under [limits]"
    )]
    TooManyInstances(usize),
    /// It fails before it serves.
    #[error("it fails its trial: {0}")]
    Trial(#[from] CallError),
    /// The host failed.
    #[error("the host cannot load plugins: {0}")]
    Host(String),
}

/// What an operator should know of a plugin that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The plugin.
    pub plugin: String,
    /// What it is.
    pub text: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin {}: {}", self.plugin, self.text)
    }
}

/// What is to become a plugin.
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The component, or the core module that is made one.
    pub file: PathBuf,
    /// What the file holds.
    pub bytes: Arc<Vec<u8>>,
    /// Of the file.
    pub sha256: [u8; 32],
    /// What stands beside it.
    pub sidecar: Sidecar,
    /// The component, if it was compiled for another plugin.
    pub compiled: Option<Component>,
    /// The generation that it is to come with.
    pub generation: u64,
}

impl Candidate {
    /// Reads `file`. It may be large: not for a thread that serves connections.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(
        name: &str,
        file: &Path,
        sidecar: Sidecar,
        generation: u64,
    ) -> Result<Self, LoadCause> {
        let bytes = read(file)?;
        Ok(Self {
            name: name.to_owned(),
            file: file.to_owned(),
            sha256: Sha256::digest(&bytes).into(),
            bytes: Arc::new(bytes),
            sidecar,
            compiled: None,
            generation,
        })
    }

    fn check_pin(&self) -> Result<(), LoadCause> {
        match self.sidecar.sha256 {
            Some(Sha256Pin(expected)) if expected != self.sha256 => Err(LoadCause::Pin {
                found: hex(&self.sha256),
                expected: hex(&expected),
            }),
            _ => Ok(()),
        }
    }
}

/// What all plugins are loaded with; lives as long as the host.
pub struct PluginRuntime {
    engine: Arc<PluginEngine>,
    linker: Linker<InstanceState>,
    cache: Arc<CodeCache>,
    compiler: Compiler,
    services: Services,
}

impl PluginRuntime {
    /// A runtime that keeps compiled plugins in `state_dir`, and has `services` for them.
    ///
    /// # Errors
    /// There is no engine on this machine, or the directory is not the host's own.
    pub fn new(state_dir: &Path, services: Services) -> Result<Self, LoadCause> {
        let engine = PluginEngine::new().map_err(|error| LoadCause::Host(format!("{error:#}")))?;
        let linker = imports::linker(engine.wasmtime())
            .map_err(|error| LoadCause::Host(format!("{error:#}")))?;
        let cache = CodeCache::open(&state_dir.join("plugins"))
            .map_err(|error| LoadCause::Host(error.to_string()))?;
        let (engine, cache) = (Arc::new(engine), Arc::new(cache));
        Ok(Self {
            compiler: Compiler::new(Arc::clone(&engine), Arc::clone(&cache)),
            engine,
            linker,
            cache,
            services,
        })
    }

    /// Makes a plugin of `candidate`, and says what is odd about it.
    ///
    /// # Errors
    /// Why it cannot serve.
    pub async fn load(&self, candidate: Candidate) -> Result<(Plugin, Vec<Warning>), LoadCause> {
        let bytes = Arc::clone(&candidate.bytes);
        let loaded = self.tried(candidate).await;
        loaded.map_err(|cause| explained(cause, &bytes))
    }

    /// Forgets the compiled components that nobody has used for long. For the time when all plugins
    /// are loaded.
    pub async fn tidy(&self) {
        let cache = Arc::clone(&self.cache);
        let evicted = tokio::task::spawn_blocking(move || cache.evict()).await;
        if let Ok(Err(error)) = evicted {
            tracing::warn!(%error, "compiled plugins cannot be listed, and none is dropped");
        }
    }

    async fn tried(&self, candidate: Candidate) -> Result<(Plugin, Vec<Warning>), LoadCause> {
        candidate.check_pin()?;
        let component = self.component(&candidate).await?;
        let surface = Surface::of(&component, self.engine.wasmtime());
        check_roles(&surface)?;
        if candidate.sidecar.on_failure == OnFailure::Allow {
            check_may_allow(&surface)?;
        }
        let component = self
            .linker
            .instantiate_pre(&component)
            .map_err(|e| mismatch(&e))?;
        let origin = candidate.sidecar.origin.clone();
        let mut plugin = self.assemble(candidate, surface, component)?;
        let mut warnings = odd(&plugin);
        let problems = trial(&plugin, &mut warnings).await?;
        Problems::check(settings_problems(problems, &plugin.file, origin.as_ref()))
            .map_err(LoadCause::Settings)?;
        for _ in 0..plugin.facts.limits.instances.min(WARM_AT_FIRST) {
            let started = plugin.within_deadline("start", plugin.started()).await?;
            plugin.pool.keep(started);
        }
        plugin.demands = plugin.needs().await?;
        plugin.event_kinds = plugin.subscription().await?;
        warnings.extend(plugin.odd_subscription().map(|text| Warning {
            plugin: plugin.name().to_owned(),
            text,
        }));
        Ok((plugin, warnings))
    }

    async fn component(&self, candidate: &Candidate) -> Result<Component, LoadCause> {
        if let Some(component) = &candidate.compiled {
            return Ok(component.clone());
        }
        let Compiled {
            component,
            cached,
            elapsed,
        } = self.compiler.component(&candidate.bytes).await?;
        let plugin = &candidate.name;
        tracing::debug!(plugin, cached, ?elapsed, "plugin compiled");
        Ok(component)
    }

    fn assemble(
        &self,
        candidate: Candidate,
        surface: Surface,
        component: InstancePre<InstanceState>,
    ) -> Result<Plugin, LoadCause> {
        let roles = Indices::of(&surface, &component).map_err(|error| mismatch(&error))?;
        let Sidecar {
            settings,
            allow,
            limits,
            on_failure,
            fingerprint,
            value_files,
            ..
        } = candidate.sidecar;
        let facts = PluginFacts {
            name: candidate.name,
            sha256: candidate.sha256,
            settings,
            allow,
            limits,
            on_failure,
        };
        let lifecycle = surface
            .lifecycle
            .then(|| bindings::lifecycle::RoleIndices::new(&component))
            .transpose()
            .map_err(|error| mismatch(&error))?;
        let granted = self.services.granted(&facts);
        let granted = granted.map_err(|error| LoadCause::Host(error.to_string()))?;
        let statistics = Statistics::new(&facts.name, &surface.roles);
        Ok(Plugin {
            pool: Pool::new(facts.limits.instances),
            facts: Arc::new(facts),
            file: candidate.file,
            fingerprint,
            value_files,
            generation: candidate.generation,
            loaded_at: SystemTime::now(),
            surface,
            engine: Arc::clone(&self.engine),
            component,
            roles,
            lifecycle,
            granted: Arc::new(granted),
            sink_features: OnceCell::new(),
            event_kinds: Vec::new(),
            breaker: Breaker::default(),
            statistics,
            demands: Demands::default(),
        })
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, LoadCause> {
    if !file.metadata()?.is_file() {
        // A pipe, for one, would be waited for.
        return Err(std::io::Error::other("it is not a regular file").into());
    }
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(LoadCause::TooLarge);
    }
    Ok(bytes)
}

fn check_roles(surface: &Surface) -> Result<(), LoadCause> {
    if let Some(unknown) = surface.unknown_exports.first() {
        return Err(LoadCause::Mismatch(format!(
            "it exports {unknown}, which is not known here"
        )));
    }
    if surface.roles.is_empty() {
        let exports = match surface.exports.join(", ") {
            none if none.is_empty() => "none".to_owned(),
            some => some,
        };
        return Err(LoadCause::NoRole(exports));
    }
    match surface.roles.iter().find(|role| !role.is_served()) {
        Some(role) => Err(LoadCause::RoleNotServed(*role)),
        None => Ok(()),
    }
}

/// Nobody gets in, and nothing is found somewhere else, because a plugin failed.
fn check_may_allow(surface: &Surface) -> Result<(), LoadCause> {
    let always_denies = |role: &&Role| matches!(role, Role::Authenticator | Role::PathMapper);
    match surface.roles.iter().find(always_denies) {
        Some(role) => Err(LoadCause::AlwaysDenies(*role)),
        None => Ok(()),
    }
}

/// What differs, in words for the plugin's author where the contracts tell it.
fn explained(cause: LoadCause, bytes: &[u8]) -> LoadCause {
    let LoadCause::Mismatch(engine) = cause else {
        return cause;
    };
    let wasm = componentize::component(bytes).ok();
    let told = wasm.and_then(|wasm| evolution::differences(&wasm));
    LoadCause::Mismatch(told.unwrap_or(engine))
}

/// The engine's own words, without the line breaks between them.
fn mismatch(error: &wasmtime::Error) -> LoadCause {
    LoadCause::Mismatch(one_line(&format!("{error:#}")))
}

/// Imports that can be of no use to the plugin.
fn odd(plugin: &Plugin) -> Vec<Warning> {
    let surface = &plugin.surface;
    let mut texts = Vec::new();
    let wasi: Vec<&str> = surface.wasi().collect();
    if let Some(first) = wasi.first() {
        texts.push(format!(
            "it imports {} interfaces of WASI ({first} …): it finds no files, no environment, no \
             sockets and no terminal there",
            wasi.len()
        ));
    }
    let allow = &plugin.facts.allow;
    for (interface, allowed) in [
        ("secrets", !allow.secrets.is_empty()),
        ("http-client", !allow.http.is_empty()),
        ("state", allow.state.is_some()),
        ("sinks", !allow.sinks.is_empty()),
    ] {
        if surface.imports_ours(interface) && !allowed {
            texts.push(format!(
                "it imports {interface} and is allowed nothing of it"
            ));
        }
    }
    let speaks_http = wasi
        .iter()
        .any(|name| name.starts_with("wasi:http/outgoing-handler"));
    if speaks_http && allow.http.is_empty() {
        texts.push("it imports wasi:http and is allowed nothing of it".to_owned());
    }
    let plugin = plugin.name();
    texts
        .into_iter()
        .map(|text| Warning {
            plugin: plugin.to_owned(),
            text,
        })
        .collect()
}

/// What is told of the settings of one plugin: more would not be read.
const MAX_TOLD: usize = 100;

/// Every role is checked in a real instance, and the settings are shown to the plugin, whose fatal
/// problems are returned.
async fn trial(
    plugin: &Plugin,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<lifecycle::Problem>, LoadCause> {
    let mut instance = plugin
        .within_deadline("instantiation", plugin.instance())
        .await?;
    plugin
        .roles
        .load(&mut instance)
        .map_err(|error| mismatch(&error))?;
    if plugin.surface.lifecycle {
        bindings::lifecycle::RoleIndices::new(&plugin.component)
            .and_then(|role| role.load(&mut instance.store, &instance.instance))
            .map_err(|error| mismatch(&error))?;
    }
    drop(instance);
    let validate = plugin.within_deadline("validate", plugin.validate());
    let (fatal, odd): (Vec<_>, Vec<_>) = validate.await?.into_iter().partition(|p| p.fatal);
    warnings.extend(odd.iter().take(MAX_TOLD).map(|problem| Warning {
        plugin: plugin.name().to_owned(),
        text: told(problem),
    }));
    Ok(fatal)
}

/// What a plugin says of its settings.
fn told(problem: &lifecycle::Problem) -> String {
    let key = problem.key.as_ref().map(|key| format!("`{key}`: "));
    one_line(&format!("{}{}", key.unwrap_or_default(), problem.message))
}

/// The problems at their lines of the sidecar, if there is one, else of the component in `file`.
fn settings_problems(
    problems: Vec<lifecycle::Problem>,
    file: &Path,
    origin: Option<&Origin>,
) -> Vec<Problem> {
    let placed = |problem: &lifecycle::Problem| {
        let advice = "mend it under [config]";
        let Some(origin) = origin else {
            return Problem::new(file, told(problem), advice);
        };
        let key = problem.key.as_ref().map(|key| format!(".{key}"));
        let key = format!("config{}", key.unwrap_or_default());
        origin.problem_of_secret(&key, told(problem), advice)
    };
    problems.iter().take(MAX_TOLD).map(placed).collect()
}
