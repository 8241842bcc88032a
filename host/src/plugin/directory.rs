//! The directory of plugins: which there are, in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Plugins;
use super::call::Plugin;
use super::engine::MAX_INSTANCES;
use super::load::{Candidate, LoadCause, LoadError, PluginRuntime, Warning};
use super::sidecar::Sidecar;
use super::text::hex;

/// Plugins of one host; each is asked in turn at every login.
const MAX_PLUGINS: usize = 256;

/// A plugin to be loaded.
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its component.
    pub component: PathBuf,
    /// Its settings.
    pub sidecar: Sidecar,
}

/// What is in the directory.
#[derive(Default)]
pub struct Content {
    /// What is to be loaded, in the order of the names.
    pub found: Vec<Found>,
    /// What is wrong with sidecars.
    pub errors: Vec<LoadError>,
    /// The files that the sidecars take values from, those included that are wrong.
    pub value_files: Vec<PathBuf>,
}

impl Found {
    /// Reads the component. It may be large: not for a thread that serves connections.
    ///
    /// # Errors
    /// It cannot be read, or a sink that it is allowed is not among the configured `sinks`.
    pub fn candidate(self, sinks: &[String], generation: u64) -> Result<Candidate, LoadCause> {
        self.sidecar.check_sinks(sinks)?;
        Candidate::read(&self.name, &self.component, self.sidecar, generation)
    }
}

impl Plugins {
    /// Loads every plugin in `directory`, in the order of the file names. A directory that is not
    /// there holds none. `sinks` are the names of the configured sinks.
    ///
    /// # Errors
    /// All that cannot be loaded; there is no set without them.
    pub async fn load(
        runtime: &PluginRuntime,
        directory: &Path,
        sinks: Vec<String>,
    ) -> Result<(Self, Vec<Warning>), Vec<LoadError>> {
        let Content {
            found, mut errors, ..
        } = match find(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(vec![of_the_directory(directory, error.into())]),
            Ok(found) => found,
        };
        let (mut plugins, mut warnings) = (Vec::new(), Vec::new());
        for found in found {
            let (name, file) = (found.name.clone(), found.component.clone());
            let loaded = match found.candidate(&sinks, 1) {
                Ok(candidate) => runtime.load(candidate).await,
                Err(cause) => Err(cause),
            };
            match loaded {
                Ok((plugin, odd)) => {
                    log_loaded(&plugin);
                    warnings.extend(odd);
                    plugins.push(Arc::new(plugin));
                }
                Err(cause) => errors.push(LoadError {
                    plugin: name,
                    file,
                    cause,
                }),
            }
        }
        if let Err(cause) = check_slots(plugins.iter()) {
            errors.push(of_the_directory(directory, cause));
        }
        match errors.is_empty() {
            true => Ok((Self::new(1, plugins, sinks), warnings)),
            false => Err(errors),
        }
    }
}

/// Whether the engine has room for them all. An idle instance is kept, so with more of them than
/// there are slots a plugin could be left without any.
pub fn check_slots<'p>(plugins: impl Iterator<Item = &'p Arc<Plugin>>) -> Result<(), LoadCause> {
    match plugins.map(|plugin| plugin.slots()).sum() {
        sum if sum > MAX_INSTANCES as usize => Err(LoadCause::TooManyInstances(sum)),
        _ => Ok(()),
    }
}

/// What is wrong with no plugin in particular.
pub fn of_the_directory(directory: &Path, cause: LoadCause) -> LoadError {
    LoadError {
        plugin: "*".to_owned(),
        file: directory.to_owned(),
        cause,
    }
}

fn log_loaded(plugin: &Plugin) {
    tracing::info!(
        plugin = plugin.name(),
        roles = plugin.surface.names().join(","),
        sha256 = hex(&plugin.facts.sha256),
        "plugin loaded"
    );
}

/// Every `*.wasm` that no other sidecar names, and every sidecar that names one; and what is wrong
/// with other sidecars.
///
/// # Errors
/// The directory cannot be read.
pub fn find(directory: &Path) -> io::Result<Content> {
    let (components, sidecars) = list(directory)?;
    let (mut found, mut errors) = (BTreeMap::new(), Vec::new());
    let (mut named, mut value_files) = (BTreeSet::new(), Vec::new());
    for (name, file) in &sidecars {
        let loaded = Sidecar::load_noting(file, &mut value_files)
            .map_err(LoadCause::from)
            .and_then(|mut sidecar| {
                let other = sidecar.wasm.take();
                named.extend(other.clone());
                let component = match (other, components.get(name)) {
                    (Some(other), Some(beside)) if other != *beside => {
                        return Err(LoadCause::TwoComponents(name.clone()));
                    }
                    (Some(component), _) => component,
                    (None, Some(beside)) => beside.clone(),
                    (None, None) => return Err(LoadCause::NoComponent(name.clone())),
                };
                Ok(Found {
                    name: name.clone(),
                    component,
                    sidecar,
                })
            });
        match loaded {
            Ok(plugin) => drop(found.insert(name.clone(), plugin)),
            Err(cause) => {
                errors.push(LoadError {
                    plugin: name.clone(),
                    file: file.clone(),
                    cause,
                });
            }
        }
    }
    for (name, component) in components {
        if !sidecars.contains_key(&name) && !named.contains(&component) {
            let plugin = Found {
                name: name.clone(),
                component,
                sidecar: Sidecar::default(),
            };
            found.insert(name, plugin);
        }
    }
    Ok(Content {
        found: found.into_values().collect(),
        errors,
        value_files,
    })
}

/// The files `*.wasm` and `*.toml`, by their names without that.
pub type Listed = (BTreeMap<String, PathBuf>, BTreeMap<String, PathBuf>);

/// # Errors
/// The directory cannot be read, or holds too much.
pub fn list(directory: &Path) -> io::Result<Listed> {
    let (mut components, mut sidecars) = Listed::default();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let listed = match path.extension().and_then(OsStr::to_str) {
            Some("wasm") => &mut components,
            Some("toml") => &mut sidecars,
            _ => continue,
        };
        // Not left out silently: it might be the one that would have denied.
        let name = path.file_stem().and_then(OsStr::to_str).map(str::to_owned);
        let name = name.ok_or_else(|| {
            io::Error::other(format!("the name of {} is not UTF-8", path.display()))
        })?;
        // Hidden files are what editors and copying tools leave while they write.
        if !name.starts_with('.') {
            listed.insert(name, path);
        }
        if components.len() + sidecars.len() > 2 * MAX_PLUGINS {
            return Err(io::Error::other(format!(
                "it holds more than {MAX_PLUGINS} plugins"
            )));
        }
    }
    Ok((components, sidecars))
}
