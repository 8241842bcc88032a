//! aioftps3 as its makers publish it, which lays out a bucket for the tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::program;
use crate::project::Project;
use crate::system::{self, Package};

/// What installs it.
const PYTHON: &[Package] = &[
    Package {
        file: "python3",
        name: "python3",
    },
    Package {
        file: "pip3",
        name: "python3-pip",
    },
];

/// The package with the code, and what it stands on.
const PACKAGES: [&str; 3] = ["aioftps3==0.0.6", "aioftp==0.12.0", "aiohttp==3.13.5"];

/// Installs it where it is missing, into a folder that Python is told of.
///
/// # Errors
/// It cannot be installed.
pub fn provide(project: &Project) -> Result<PathBuf> {
    let tools = project.release.join("tools");
    let installed = tools.join(PACKAGES[0]);
    if installed.is_dir() {
        return Ok(installed);
    }
    system::provide(PYTHON, "to fetch a server that others come from")?;
    println!(
        "installing {} (to lay out a bucket for the tests)",
        PACKAGES[0]
    );
    let fresh = tools.join("aioftps3.new");
    // What an earlier try has left.
    let _ = fs::remove_dir_all(&fresh);
    program::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(&fresh)
            .args(PACKAGES),
    )?;
    fs::rename(&fresh, &installed).context("cannot install aioftps3")?;
    Ok(installed)
}
