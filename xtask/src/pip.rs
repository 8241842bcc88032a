//! What the tests need of Python's package index, in folders that Python is told of.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::program;
use crate::project::Project;
use crate::system::{self, Package};

/// What installs it.
pub const PIP: &[Package] = &[
    Package {
        file: "python3",
        name: "python3",
    },
    Package {
        file: "pip3",
        name: "python3-pip",
    },
];

/// A package at one version, and what it stands on where that has to be of one version, too.
pub struct Pinned {
    package: &'static str,
    others: &'static [&'static str],
    purpose: &'static str,
}

/// aioftps3 as its makers publish it.
pub const AIOFTPS3: Pinned = Pinned {
    package: "aioftps3==0.0.6",
    others: &["aioftp==0.12.0", "aiohttp==3.13.5"],
    purpose: "to lay out a bucket for the tests",
};

/// A client.
pub const AIOFTP: Pinned = Pinned {
    package: "aioftp==0.28.3",
    others: &[],
    purpose: "a client that the tests run",
};

impl Pinned {
    /// Installs it where it is missing, into the folder that is returned.
    ///
    /// # Errors
    /// It cannot be installed.
    pub fn provide(&self, project: &Project) -> Result<PathBuf> {
        let Self {
            package,
            others,
            purpose,
        } = self;
        let tools = project.release.join("tools");
        let installed = tools.join(package);
        if installed.is_dir() {
            return Ok(installed);
        }
        system::provide(PIP, purpose)?;
        println!("installing {package} ({purpose})");
        let fresh = tools.join("pip.new");
        // What an earlier try has left.
        let _ = fs::remove_dir_all(&fresh);
        program::run(
            Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
                .args(["--root-user-action=ignore", "--target"])
                .arg(&fresh)
                .arg(package)
                .args(*others),
        )?;
        fs::rename(&fresh, &installed).with_context(|| format!("cannot install {package}"))?;
        Ok(installed)
    }
}
