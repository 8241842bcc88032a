//! The system's packages: what is missing is installed where that is possible.

use std::process::Command;

use anyhow::{Result, bail};

use crate::program;

/// A package of Debian, and what shows that it is there.
pub struct Package {
    /// A program in the search path, or the path of any file.
    pub file: &'static str,
    /// The package.
    pub name: &'static str,
}

/// The names of those packages that are missing.
pub fn missing(packages: &[Package]) -> Vec<&'static str> {
    let missing = packages
        .iter()
        .filter(|package| !program::is_there(package.file));
    missing.map(|package| package.name).collect()
}

/// Installs those packages that are missing, and says so.
///
/// # Errors
/// They cannot be installed; the message lists them.
pub fn provide(packages: &[Package], purpose: &str) -> Result<()> {
    let names = missing(packages);
    if names.is_empty() {
        return Ok(());
    }
    println!("installing {} ({purpose})", names.join(", "));
    let Some(mut apt) = apt_get() else {
        bail!("{purpose}: install {} and try again", names.join(", "));
    };
    // The lists of packages may never have been fetched; old ones serve if they cannot be.
    let _ = program::run(apt().args(["update", "--quiet"]));
    program::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&names),
    )
}

/// How to call `apt-get` with the rights it needs, if there is a way.
fn apt_get() -> Option<impl FnMut() -> Command> {
    let id = program::output(Command::new("id").arg("-u")).ok()?;
    let root = id == "0";
    let possible = program::is_there("apt-get") && (root || program::is_there("sudo"));
    possible.then_some(move || {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if !root {
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    })
}
