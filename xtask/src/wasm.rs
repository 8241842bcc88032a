//! Builds the first-party plugins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::program;
use crate::project::Project;
use crate::system::{self, Package};

/// What plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's Rust for WebAssembly, with the sources of the standard library.
const SYSTEM_RUST: &[Package] = &[
    Package {
        file: "/usr/bin/rustc",
        name: "rustc-web",
    },
    Package {
        file: "/usr/bin/cargo",
        name: "cargo-web",
    },
    Package {
        file: "/usr/share/doc/rust-web-src/copyright",
        name: "rust-web-src",
    },
];

/// Which compiler builds the plugins.
pub enum Route {
    /// The one that builds the host, as it has the target.
    Toolchain,
    /// The distribution's, which builds the standard library itself.
    System {
        /// The linker of the toolchain that builds the host.
        linker: PathBuf,
    },
}

impl Route {
    /// The first route that is open.
    ///
    /// # Errors
    /// None is.
    pub fn find() -> Result<Self> {
        let installed = sysroot()?.join("lib/rustlib").join(TARGET).is_dir();
        if installed {
            return Ok(Self::Toolchain);
        }
        // Installed by an earlier run, which found no other way.
        if system::missing(SYSTEM_RUST).is_empty() {
            return Self::system();
        }
        if program::is_there("rustup") {
            println!("adding the target {TARGET} (to build plugins)");
            if program::run(Command::new("rustup").args(["target", "add", TARGET])).is_ok() {
                return Ok(Self::Toolchain);
            }
            println!("rustup cannot add it; trying the distribution's Rust");
        }
        Self::system()
    }

    /// The distribution's Rust, installed if it is missing.
    ///
    /// # Errors
    /// It is missing and cannot be installed, or the toolchain has no linker for it.
    pub fn system() -> Result<Self> {
        system::provide(SYSTEM_RUST, "to build plugins")?;
        let version = program::output(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not say what it runs on")?;
        let linker = sysroot()?
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        Ok(Self::System { linker })
    }

    /// Whether this is the compiler that builds the host.
    pub fn is_toolchain(&self) -> bool {
        matches!(self, Self::Toolchain)
    }

    /// Cargo as this route calls it in `sources`.
    pub fn cargo(&self, sources: &Path, arguments: &[&str]) -> Command {
        match self {
            Self::Toolchain => program::cargo(sources, arguments),
            Self::System { linker } => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .current_dir(sources)
                    .args(arguments)
                    .args(["-Z", "build-std=std,panic_abort"])
                    .env("RUSTC", "/usr/bin/rustc")
                    // Building the standard library is an unstable feature of a stable compiler.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    // Set by the cargo that runs this program, and meant for its own compiler.
                    .env_remove("LD_LIBRARY_PATH")
                    .env_remove("RUSTUP_TOOLCHAIN");
                command
            }
        }
    }
}

/// The folders of the plugins' workspace that hold packages; what is built from one goes into the
/// same folder beside the host. Those in `tests` are for the tests of the host.
const FOLDERS: &[&str] = &["", "tests"];

/// Builds every plugin and puts it beside the host.
///
/// # Errors
/// A plugin does not build, or cannot be copied.
pub fn build(project: &Project, route: Route) -> Result<()> {
    let target = project.plugin_target();
    let mut cargo = route.cargo(
        &project.plugin_sources(),
        &["build", "--release", "--locked"],
    );
    program::run(
        cargo
            .args(["--workspace", "--target", TARGET])
            .arg("--target-dir")
            .arg(&target),
    )?;
    let built = target.join(TARGET).join("release");
    for folder in FOLDERS {
        let to = project.plugins().join(folder);
        fs::create_dir_all(&to)?;
        for name in packages(&project.plugin_sources().join(folder))? {
            let from = built.join(name.replace('-', "_")).with_extension("wasm");
            let copied = fs::copy(&from, to.join(name).with_extension("wasm"));
            copied.with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}

/// The names of the packages in a folder, each in a folder of its own.
fn packages(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Where the toolchain is that builds the host.
pub fn sysroot() -> Result<PathBuf> {
    program::output(Command::new("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}
