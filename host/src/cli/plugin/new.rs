//! `wharf plugin new`: a directory with a plugin that builds with one command.

mod files;
mod language;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use self::files::File;
use self::language::Language;
use crate::plugin::Role;

/// Make a directory with a plugin that builds with one command, which its README tells.
#[derive(Debug, Args)]
pub struct New {
    /// The plugin and its directory: lower-case letters, digits and hyphens
    name: PathBuf,
    /// What it is written in
    #[arg(long, value_enum)]
    lang: Language,
    /// What it does for the host; several with commas between them
    #[arg(long, value_delimiter = ',', required = true, value_parser = roles())]
    role: Vec<Role>,
}

/// Reads the name of a role, of which the help has all.
fn roles() -> impl TypedValueParser<Value = Role> {
    let names = Role::ALL.iter().map(|role| role.interface());
    PossibleValuesParser::new(names).try_map(|name| {
        let mut roles = Role::ALL.iter().copied();
        roles.find(|role| role.interface() == name).ok_or("unknown")
    })
}

impl New {
    /// Writes it; nothing that is there is written over.
    pub fn run(&self) -> anyhow::Result<()> {
        let name = self.name.file_name().unwrap_or_default().to_string_lossy();
        ensure!(
            is_plain(&name),
            "{name:?} is no name of a plugin: write lower-case letters, digits and hyphens, and a \
             letter first"
        );
        let mut roles = self.role.clone();
        roles.sort();
        roles.dedup();
        let files = files::of(&name, self.lang, &roles)?;
        ensure!(
            !self.name.exists(),
            "{} is there already, and nothing of it is written over",
            self.name.display()
        );
        for file in &files {
            self.write(file)?;
        }
        let command = self.lang.build_command();
        println!("{}: {} files", self.name.display(), files.len());
        println!("build it there with: {command}");
        println!("its README.md tells the rest");
        Ok(())
    }

    fn write(&self, file: &File) -> anyhow::Result<()> {
        let path = self.name.join(&file.path);
        let cannot = || format!("cannot write {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(cannot)?;
        }
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let mut written = opened.with_context(cannot)?;
        written.write_all(&file.content).with_context(cannot)
    }
}

/// Fit for a file, a crate, a package and a module.
fn is_plain(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase();
    let known = |byte: u8| letter(byte) || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 64 && name.bytes().next().is_some_and(letter) && name.bytes().all(known)
}
