//! `wharf plugin`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::plugin;

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Tell what a plugin exports, imports and would need to be granted; nothing of it runs
    Inspect {
        /// A component or core module
        file: PathBuf,
    },
    /// Print the interfaces that plugins are built against, as one WIT document
    Wit,
}

impl PluginCommand {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Inspect { file } => inspect(file),
            Self::Wit => {
                print!("{}", plugin::contract_document());
                Ok(())
            }
        }
    }
}

fn inspect(file: &Path) -> anyhow::Result<()> {
    print!("{}", plugin::inspect(file)?);
    Ok(())
}
