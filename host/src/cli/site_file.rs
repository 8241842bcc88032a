//! `wharf site-file`: a file that opens a client program on this host.

mod cyberduck;
mod filezilla;
mod site;
mod winscp;
mod xml;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::ConfigDirectory;
use super::init::user_name;
use crate::config::{Config, ListenerTls};
use site::Site;

/// Write a file that a user opens with his client.
#[derive(Debug, Args)]
pub struct SiteFile {
    /// The client that it is for
    #[arg(value_enum)]
    client: Client,
    /// The user it is for; it never holds a password
    #[arg(long, value_name = "NAME", value_parser = user_name)]
    user: String,
    /// What clients call this host [default: the certificate's name, or the listener's address]
    #[arg(long, value_name = "NAME", value_parser = user_name)]
    host: Option<String>,
    /// The port that clients connect to [default: the listener's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The name of the listener [default: the one that protects most]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    directory: ConfigDirectory,
}

/// A client whose files we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Client {
    /// A site for File > Import
    Filezilla,
    /// An INI file for Tools > Import Sites
    Winscp,
    /// A bookmark (.duck), opened with a double click
    Cyberduck,
}

impl Client {
    /// Whether it can connect where TLS is like that. Cyberduck's documentation says that implicit
    /// TLS is not supported.
    fn speaks(self, tls: ListenerTls) -> bool {
        !(self == Self::Cyberduck && tls == ListenerTls::Implicit)
    }

    fn render(self, site: &Site) -> String {
        match self {
            Self::Filezilla => filezilla::render(site),
            Self::Winscp => winscp::render(site),
            Self::Cyberduck => cyberduck::render(site),
        }
    }

    /// What its user does with the file.
    fn advice(self) -> &'static str {
        match self {
            Self::Filezilla => "in FileZilla: File > Import, then File > Site Manager",
            Self::Winscp => "in WinSCP: Login dialog > Tools > Import Sites > INI file",
            Self::Cyberduck => "a double click opens it; its name has to end with .duck",
        }
    }
}

impl SiteFile {
    /// Writes it, and says what to do with it.
    pub fn run(&self) -> anyhow::Result<()> {
        let (config, _) = Config::load(&self.directory.config)?;
        let text = self.client.render(&Site::of(&config, self)?);
        let Some(path) = &self.out else {
            print!("{text}");
            return Ok(());
        };
        let is_duck = path.extension().is_some_and(|ending| ending == "duck");
        if self.client == Client::Cyberduck && !is_duck {
            bail!(
                "{} has to end with .duck, or Cyberduck does not open it",
                path.display()
            );
        }
        write_new(path, &text)?;
        eprintln!("{}: {}", path.display(), self.client.advice());
        Ok(())
    }
}

/// Writes a file that is not there: over that of a client, all its other sites would be lost.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    match file {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already; name another file", path.display());
        }
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
