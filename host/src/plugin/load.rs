//! From a file to a plugin that may serve: read, made a component, compiled, tried in every role.

mod candidate;
mod error;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::OnceCell;
use wasmtime::component::{Component, InstancePre, Linker};

pub use self::candidate::{Candidate, read};
pub use self::error::{LoadCause, LoadError, Warning};
use super::bindings;
use super::bindings::lifecycle::exports::wharf::plugin::lifecycle;
use super::breaker::Breaker;
use super::cache::CodeCache;
use super::call::Plugin;
use super::compiler::{Compiled, Compiler};
use super::componentize;
use super::engine::PluginEngine;
use super::evolution;
use super::gate::Demands;
use super::imports;
use super::instance::{InstanceState, PluginFacts};
use super::limits::{MAX_MEMORIES, MAX_TABLES};
use super::pool::Pool;
use super::role::{Indices, Role, Surface};
use super::services::Services;
use super::sidecar::OnFailure;
use super::statistics::Statistics;
use super::text::one_line;
use crate::config::error::{Origin, Problem, Problems};

/// Instances that are ready before the first call: two clients who log in at once both find one.
const WARM_AT_FIRST: usize = 2;

/// How long every client waits for the last reply to an upload: curl gives the whole of it 60 s,
/// whatever comes meanwhile.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// What all plugins are loaded with; lives as long as the host.
pub struct PluginRuntime {
    engine: Arc<PluginEngine>,
    linker: Linker<InstanceState>,
    cache: Arc<CodeCache>,
    compiler: Arc<Compiler>,
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
            compiler: Arc::new(Compiler::new(Arc::clone(&engine), Arc::clone(&cache))),
            engine,
            linker,
            cache,
            services,
        })
    }

    /// The same with other `services`: what is compiled by one serves in the other.
    pub fn with_services(&self, services: Services) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            linker: self.linker.clone(),
            cache: Arc::clone(&self.cache),
            compiler: Arc::clone(&self.compiler),
            services,
        }
    }

    /// Compiles `candidate`, so that it can be loaded many times.
    ///
    /// # Errors
    /// It holds no component, or does not compile.
    pub async fn compiled(&self, candidate: Candidate) -> Result<Candidate, LoadCause> {
        let component = self.component(&candidate).await?;
        Ok(Candidate {
            compiled: Some(component),
            ..candidate
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
        let memories = memories(&component)?;
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
        let mut plugin = self.assemble(candidate, surface, component, memories)?;
        let mut warnings = odd(&plugin);
        let problems = trial(&plugin, &mut warnings).await?;
        plugin.direct = plugin.called_directly();
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
        memories: usize,
    ) -> Result<Plugin, LoadCause> {
        let roles = Indices::of(&surface, &component).map_err(|error| mismatch(&error))?;
        let sidecar = candidate.sidecar;
        let facts = PluginFacts {
            name: candidate.name,
            sha256: candidate.sha256,
            settings: sidecar.settings,
            allow: sidecar.allow,
            limits: sidecar.limits,
            on_failure: sidecar.on_failure,
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
            fingerprint: sidecar.fingerprint,
            value_files: sidecar.value_files,
            generation: candidate.generation,
            loaded_at: SystemTime::now(),
            surface,
            engine: Arc::clone(&self.engine),
            component,
            memories,
            roles,
            direct: None,
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

/// How many linear memories an instance has. What else it takes is bounded by the engine.
///
/// # Errors
/// It takes too much, and others would be left without.
fn memories(component: &Component) -> Result<usize, LoadCause> {
    // Nothing where it imports modules, which the host has none of: it does not fit then.
    let Some(takes) = component.resources_required() else {
        return Ok(0);
    };
    for (what, found, most) in [
        ("linear memories", takes.num_memories, MAX_MEMORIES),
        ("tables", takes.num_tables, MAX_TABLES),
    ] {
        if found > most {
            return Err(LoadCause::TooManyParts { what, found, most });
        }
    }
    Ok(takes.num_memories as usize)
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
    Ok(())
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
    // State, secrets and sinks are often for settings that this plugin does without; whoever can do
    // nothing without HTTP is of no use.
    let allow = &plugin.facts.allow;
    if surface.imports_ours("http-client") && allow.http.is_empty() {
        texts.push("it imports http-client and is allowed nothing of it".to_owned());
    }
    let speaks_http = wasi
        .iter()
        .any(|name| name.starts_with("wasi:http/outgoing-handler"));
    if speaks_http && allow.http.is_empty() {
        texts.push("it imports wasi:http and is allowed nothing of it".to_owned());
    }
    let deadline = plugin.facts.limits.deadline;
    if surface.roles.contains(&Role::UploadGate) && deadline > UPLOAD_PATIENCE {
        texts.push(format!(
            "it may take {} s to decide on an upload, and curl gives up after {} s: see \
             `deadline` in [limits]",
            deadline.as_secs(),
            UPLOAD_PATIENCE.as_secs()
        ));
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
