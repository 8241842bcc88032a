//! Why a file does not become a plugin, and what is odd about one that does.

use std::path::PathBuf;
use std::time::Duration;

use super::super::componentize::FormError;
use super::super::engine::MAX_INSTANCES;
use super::super::fault::CallError;
use super::super::role::Role;
use super::candidate::MAX_FILE;
use crate::config::error::Problems;

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
    /// An instance of it would take more of what all plugins share than one may.
    #[error("each of its instances has {found} {what}, and may have up to {most}")]
    TooManyParts {
        /// What it has too many of.
        what: &'static str,
        /// How many.
        found: u32,
        /// How many it may have.
        most: u32,
    },
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
    /// `on-failure = "allow"` where that would let in whoever the plugin would have refused.
    #[error(
        "its sidecar says on-failure = \"allow\", and in the role {0} it always denies where it \
         fails; leave `on-failure` out"
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
        "the plugins' instances add up to {0}, and the host has {MAX_INSTANCES} for all (one with \
         several linear memories counts as that many); lower `instances` under [limits]"
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
