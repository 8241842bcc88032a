//! Replaces the generation of plugins that serves by what stands in the directory now.
//!
//! What has not changed is carried over as it is, with its warm instances. What cannot serve is
//! told once, and what served under its name before goes on. Everything else becomes one new
//! generation, which takes the place of the old one at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::directory::{self, Content, Found};
use super::live::LivePlugins;
use super::load::{Candidate, LoadCause, LoadError, PluginRuntime, Warning};
use super::role::Role;
use super::statistics::{RejectedCandidate, unix_ms};
use super::text::hex;
use super::watch::Stamp;
use super::{Plugin, Plugins};
use crate::metrics::{self, ReloadOutcome};

/// Where plugins come from.
pub struct PluginSource {
    /// What they are loaded with.
    pub runtime: PluginRuntime,
    /// Where they are.
    pub directory: PathBuf,
    /// The names of the configured sinks.
    pub sinks: Vec<String>,
    /// The names of the plugins that configured sinks are kept in.
    pub needed: Vec<String>,
}

/// Lets serve what stands in a directory.
pub struct Reloader {
    pub(super) plugins: Arc<LivePlugins>,
    pub(super) source: PluginSource,
    /// What the directory looked like when it was last read.
    pub(super) seen: Stamp,
    /// The files that sidecars took values from then, whether they could be read or not.
    pub(super) value_files: Vec<PathBuf>,
    /// What the files of each refused candidate looked like when that was told.
    told: BTreeMap<String, Stamp>,
}

/// What became of a look at the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Whether another generation serves now.
    pub swapped: bool,
    /// How many candidates were refused that were not refused before.
    pub refused: usize,
}

/// A candidate that cannot serve.
struct Refusal {
    error: LoadError,
    sha256: Option<[u8; 32]>,
}

/// A generation that is being put together.
#[derive(Default)]
struct Draft {
    plugins: BTreeMap<String, Arc<Plugin>>,
    refused: Vec<Refusal>,
    value_files: Vec<PathBuf>,
}

impl Reloader {
    /// Begins with all that is in the directory.
    ///
    /// # Errors
    /// All that cannot be loaded; there is no generation without them.
    pub async fn start(source: PluginSource) -> Result<(Self, Vec<Warning>), Vec<LoadError>> {
        let seen = Stamp::of(&source.directory, &[]);
        let sinks = source.sinks.clone();
        let loaded = Plugins::load(&source.runtime, &source.directory, sinks);
        let (plugins, warnings) = loaded.await?;
        source.runtime.tidy().await;
        metrics::plugin_generation().set(1.0);
        let reloader = Self {
            plugins: Arc::new(LivePlugins::new(plugins)),
            source,
            seen,
            value_files: Vec::new(),
            told: BTreeMap::new(),
        };
        Ok((reloader, warnings))
    }

    /// The plugins that serve.
    pub fn plugins(&self) -> &Arc<LivePlugins> {
        &self.plugins
    }

    /// Looks at the directory, and lets serve what is there.
    pub async fn reload(&mut self) -> Reload {
        let began = Instant::now();
        let before = self.plugins.current();
        let mut draft = self.draft(&before).await.unwrap_or_else(|error| {
            // Without a word on what is there, nothing is known to be gone.
            let mut draft = Draft::of(&before);
            draft.refused.push(Refusal::from(error));
            draft
        });
        let refused = self.report(&draft.refused);
        self.value_files = std::mem::take(&mut draft.value_files);
        if draft.is_same_as(&before) {
            return Reload {
                swapped: false,
                refused,
            };
        }
        let (number, sinks) = (before.generation() + 1, self.source.sinks.clone());
        let plugins = draft.plugins.into_values().collect();
        let after = Arc::new(Plugins::new(number, plugins, sinks));
        self.plugins.replace(Arc::clone(&after));
        retire(&before, &after);
        log_swap(&before, &after, began.elapsed());
        metrics::plugin_reloads(ReloadOutcome::Applied).increment(1);
        metrics::plugin_generation().set(number as f64);
        self.source.runtime.tidy().await;
        Reload {
            swapped: true,
            refused,
        }
    }

    /// # Errors
    /// Nothing may change.
    async fn draft(&self, before: &Plugins) -> Result<Draft, LoadError> {
        let directory = self.source.directory.clone();
        let failed = |cause| directory::of_the_directory(&self.source.directory, cause);
        let found = blocking(move || Ok(directory::find(&directory)?)).await;
        let Content {
            found,
            errors,
            value_files,
        } = found.map_err(failed)?;
        let unread = errors
            .iter()
            .find(|error| matches!(error.cause, LoadCause::Sidecar(_)))
            .map(|error| error.plugin.clone());
        let mut draft = Draft {
            value_files,
            ..Draft::default()
        };
        for error in errors {
            draft.refuse(before, error.into());
        }
        for found in found {
            let (name, file) = (found.name.clone(), found.component.clone());
            let is_new = before.named(&name).is_none();
            let renewed = match &unread {
                Some(other) if is_new && found.sidecar.origin.is_none() => {
                    Err((LoadCause::Unsettled(other.clone()), None))
                }
                _ => self.renewed(before, &draft, found).await,
            };
            match renewed {
                Ok(plugin) => drop(draft.plugins.insert(name, plugin)),
                Err((cause, sha256)) => {
                    let plugin = name;
                    let error = LoadError {
                        plugin,
                        file,
                        cause,
                    };
                    draft.refuse(before, Refusal { error, sha256 });
                }
            }
        }
        draft.keep_sinks(before, &self.source.needed);
        directory::check_slots(draft.plugins.values()).map_err(failed)?;
        Ok(draft)
    }

    /// The plugin that serves already if it is what was found, else a new one.
    async fn renewed(
        &self,
        before: &Plugins,
        draft: &Draft,
        found: Found,
    ) -> Result<Arc<Plugin>, (LoadCause, Option<[u8; 32]>)> {
        let (sinks, generation) = (self.source.sinks.clone(), before.generation() + 1);
        let candidate = blocking(move || found.candidate(&sinks, generation)).await;
        let mut candidate = candidate.map_err(|cause| (cause, None))?;
        let serving = before.named(&candidate.name);
        if let Some(serving) = serving.filter(|serving| is_same(serving, &candidate)) {
            return Ok(Arc::clone(serving));
        }
        let sha256 = candidate.sha256;
        let mut compiled = before.all().iter().chain(draft.plugins.values());
        let compiled = compiled.find(|plugin| plugin.facts.sha256 == sha256);
        candidate.compiled = compiled.map(|plugin| plugin.component.component().clone());
        match self.source.runtime.load(candidate).await {
            Ok((plugin, warnings)) => {
                warnings.iter().for_each(log_warning);
                Ok(Arc::new(plugin))
            }
            Err(cause) => Err((cause, Some(sha256))),
        }
    }

    /// Tells what is refused now and was not before, and how much of it there is. Who has changed
    /// the files of a candidate hears of it again, also where it is refused for the same reason.
    fn report(&mut self, refused: &[Refusal]) -> usize {
        let mut told = 0;
        let before = std::mem::take(&mut self.told);
        let mut known = self.plugins.rejected();
        let mut rejected = BTreeMap::new();
        for Refusal { error, sha256 } in refused {
            let mut candidate = RejectedCandidate {
                plugin: error.plugin.clone(),
                file: error.file.clone(),
                sha256: sha256.map(|sha256| hex(&sha256)),
                cause: error.cause.to_string(),
                at_ms: unix_ms(SystemTime::now()),
            };
            let files = self.seen.of_plugin(&error.plugin);
            let is_untouched = before.get(&error.plugin) == Some(&files);
            self.told.insert(error.plugin.clone(), files);
            match known.get(&error.plugin) {
                Some(before) if is_untouched && before.is_same_as(&candidate) => {
                    candidate.at_ms = before.at_ms;
                }
                _ => {
                    told += 1;
                    let sha256 = candidate.sha256.as_deref();
                    error!(sha256, "{error}; what served before still does");
                    metrics::plugin_reloads(ReloadOutcome::Rejected).increment(1);
                }
            }
            rejected.insert(error.plugin.clone(), candidate);
        }
        *known = rejected;
        told
    }
}

impl RejectedCandidate {
    fn is_same_as(&self, other: &Self) -> bool {
        self.sha256 == other.sha256 && self.file == other.file && self.cause == other.cause
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        Self {
            error,
            sha256: None,
        }
    }
}

impl Draft {
    fn of(plugins: &Plugins) -> Self {
        let named = |plugin: &Arc<Plugin>| (plugin.name().to_owned(), Arc::clone(plugin));
        Self {
            plugins: plugins.all().iter().map(named).collect(),
            ..Self::default()
        }
    }

    /// Goes on with what served before under that name, if anything did.
    fn refuse(&mut self, before: &Plugins, refusal: Refusal) {
        let name = &refusal.error.plugin;
        if let Some(serving) = before.named(name) {
            self.plugins.insert(name.clone(), Arc::clone(serving));
        }
        self.refused.push(refusal);
    }

    /// Keeps the plugins that configured sinks are kept in.
    fn keep_sinks(&mut self, before: &Plugins, needed: &[String]) {
        for name in needed {
            let is_sink = |plugin: &Arc<Plugin>| plugin.surface.roles.contains(&Role::StorageSink);
            if self.plugins.get(name).is_some_and(is_sink) {
                continue;
            }
            let Some(serving) = before.named(name) else {
                continue;
            };
            let error = LoadError {
                plugin: name.clone(),
                file: serving.file.clone(),
                cause: LoadCause::Needed,
            };
            self.refuse(before, error.into());
        }
    }

    fn is_same_as(&self, plugins: &Plugins) -> bool {
        let both = self.plugins.values().zip(plugins.all());
        self.plugins.len() == plugins.all().len()
            && both.into_iter().all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

/// Whether `serving` was made of exactly that.
fn is_same(serving: &Plugin, candidate: &Candidate) -> bool {
    serving.facts.sha256 == candidate.sha256
        && serving.fingerprint == candidate.sidecar.fingerprint
        && serving.file == candidate.file
}

/// Lets go of what only served `before`: its calls end, and nothing waits for more.
fn retire(before: &Plugins, after: &Plugins) {
    for old in before.all() {
        if !after.all().iter().any(|plugin| Arc::ptr_eq(plugin, old)) {
            old.pool.retire();
        }
        if after.named(old.name()).is_none() {
            metrics::plugin_is_gone(old.name());
        }
    }
}

fn log_warning(warning: &Warning) {
    warn!("{warning}");
}

fn log_swap(before: &Plugins, after: &Plugins, elapsed: Duration) {
    let generation = after.generation();
    for new in after.all() {
        let (plugin, sha256) = (new.name(), hex(&new.facts.sha256));
        let roles = new.surface.names().join(",");
        match before.named(plugin) {
            Some(old) if Arc::ptr_eq(old, new) => {}
            Some(old) => {
                let old = hex(&old.facts.sha256);
                info!(
                    plugin,
                    generation,
                    old,
                    sha256,
                    roles,
                    ?elapsed,
                    "plugin swapped"
                );
            }
            None => info!(plugin, generation, sha256, roles, ?elapsed, "plugin added"),
        }
    }
    for old in before.all() {
        let plugin = old.name();
        if after.named(plugin).is_none() {
            let sha256 = hex(&old.facts.sha256);
            info!(plugin, generation, sha256, ?elapsed, "plugin removed");
        }
    }
    let decides = |plugins: &Plugins| !plugins.of(Role::Authenticator).is_empty();
    if decides(before) && !decides(after) {
        error!(generation, "no authenticator is left, so nobody can log in");
    }
}

/// Does `work`, which reads files, off the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadCause> + Send + 'static,
) -> Result<T, LoadCause> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LoadCause::Host(error.to_string())))
}
