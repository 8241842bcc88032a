//! `wharf plugin`: what authors and operators do with plugins beside serving them.

mod call;
mod check;
mod component;
mod new;
mod test;

use std::path::PathBuf;

use clap::Subcommand;

use crate::plugin;

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Tell what a plugin exports, imports and would need to be granted; nothing of it runs
    Inspect {
        /// A component or core module
        file: PathBuf,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Load a plugin as the host would, and tell what it is and what is wrong
    Check(check::Check),
    /// Call one function of a plugin without a server
    Call(call::Call),
    /// Make a directory with a plugin that builds with one command
    New(new::New),
    /// Try the cases of a plugin, and tell which do not come out as expected
    Test(test::Test),
    /// Print the interfaces that plugins are built against, as one WIT document
    Wit,
}

impl PluginCommand {
    /// Does it.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Inspect { file, json } => {
                let report = plugin::inspect(file)?;
                match json {
                    true => println!("{}", serde_json::to_string_pretty(&report)?),
                    false => print!("{report}"),
                }
            }
            Self::Check(check) => check.run()?,
            Self::Call(call) => call.run()?,
            Self::New(new) => new.run()?,
            Self::Test(test) => test.run()?,
            Self::Wit => print!("{}", plugin::contract::document()),
        }
        Ok(())
    }
}
