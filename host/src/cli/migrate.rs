//! `wharf migrate`: the configuration of a server that came before, as one of Wharf.

mod aioftps3;
mod migration;
mod openspp;
mod port;
mod store;
mod variables;
mod written;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use self::variables::Variables;
use crate::config::Config;

/// Read the environment variables of another server and write a configuration directory.
#[derive(Debug, Args)]
pub struct Migrate {
    /// What the variables are of
    #[arg(value_enum, value_name = "SERVER")]
    server: Server,
    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Read the variables from a file of lines NAME=VALUE instead of from the environment
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// Servers whose users can move over.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Server {
    /// aioftps3, FTPS before a bucket
    Aioftps3,
    /// The FTP server of OpenSPP's document management
    Openspp,
}

impl Migrate {
    /// Writes the directory, and tells what has no place in it.
    pub fn run(&self) -> anyhow::Result<()> {
        let mut variables = match &self.env_file {
            Some(path) => Variables::of_file(path)?,
            None => Variables::of_process(),
        };
        let written = match self.server {
            Server::Aioftps3 => aioftps3::migrate(&mut variables),
            Server::Openspp => openspp::migrate(&mut variables),
        };
        let written = match written {
            Ok(written) => written,
            Err(problems) => bail!("nothing was written:\n  {}", problems.join("\n  ")),
        };
        written.write(&self.directory)?;
        for note in &written.notes {
            eprintln!("note: {note}");
        }
        let directory = self.directory.display();
        Config::load(&self.directory)
            .with_context(|| format!("{directory} was written, and is not right yet"))?;
        println!(
            "Made {directory}.\n\nNext:  wharf check --config {directory}\n       \
             wharf serve --config {directory}"
        );
        Ok(())
    }
}
