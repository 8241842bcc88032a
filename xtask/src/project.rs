//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders of a checkout.
pub struct Project {
    /// The checkout.
    pub root: PathBuf,
    /// Where cargo puts the programs it builds for this machine.
    pub release: PathBuf,
}

impl Project {
    /// The checkout this program was built from, and the folder it was built into.
    pub fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = root.context("xtask/ stands in the checkout")?.to_owned();
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let release = program
            .parent()
            .context("a program is in a folder")?
            .to_owned();
        Ok(Self { root, release })
    }

    /// The host.
    pub fn wharf(&self) -> PathBuf {
        self.release.join("wharf")
    }

    /// The first-party plugins, beside the host, which is where `wharf init` looks for them.
    pub fn plugins(&self) -> PathBuf {
        self.release.join("plugins")
    }

    /// The workspace of the plugins' sources.
    pub fn plugin_sources(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// The folder that all plugins are built in, so that what they share is built once.
    pub fn plugin_target(&self) -> PathBuf {
        self.plugin_sources().join("target")
    }
}
