//! What commands that make a configuration directory share: where the plugins come from, and files
//! that only their owner may read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Where the plugins are that come with this program, first match first.
pub fn plugin_directories() -> Vec<PathBuf> {
    let named = std::env::var_os("WHARF_PLUGINS").map(PathBuf::from);
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(|directory| directory.join("plugins")));
    named.into_iter().chain(beside).collect()
}

/// The file of the plugin `name`, in the first of `directories` that has it.
pub fn find_plugin(name: &str, directories: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let file = format!("{name}.wasm");
    let candidates = directories.iter().map(|directory| directory.join(&file));
    if let Some(found) = candidates.clone().find(|path| path.is_file()) {
        return Ok(found);
    }
    let places: Vec<String> = candidates.map(|path| path.display().to_string()).collect();
    bail!(
        "the plugin {file} is not there: looked for {}; \
         set WHARF_PLUGINS to the directory that holds it",
        places.join(" and ")
    )
}

/// Copies a plugin to where a configuration has it.
pub fn copy_plugin(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Nothing of a new configuration is written over.
pub fn refuse_to_overwrite(paths: &[&Path]) -> anyhow::Result<()> {
    match paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => bail!(
            "{} is there already; choose another directory",
            path.display()
        ),
        None => Ok(()),
    }
}

/// Makes a directory that only this user may enter, unless it is there.
pub fn make_directory(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))
}

/// Writes a new file that only this user may read.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already", path.display()),
            _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
        })
}
