//! What `wharf plugin inspect` tells of a file, without running any of it.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel};

use super::componentize;
use super::load::{LoadCause, LoadError, read};
use super::role::{Role, Surface};
use super::text::{hex, one_line};

/// What a component is and wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Whether the file is a core module that was made a component.
    pub is_core_module: bool,
    /// What it exports and imports.
    pub surface: Surface,
}

/// Reports on the component or core module in `file`. Compiles it: not for a thread that serves
/// connections.
///
/// # Errors
/// It is no component.
pub fn inspect(file: &Path) -> Result<Report, LoadError> {
    report(file).map_err(|cause| {
        let plugin = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        LoadError {
            plugin,
            file: file.to_owned(),
            cause,
        }
    })
}

fn report(file: &Path) -> Result<Report, LoadCause> {
    let bytes = read(file)?;
    let wasm = componentize::component(&bytes)?;
    let invalid = |error: wasmtime::Error| LoadCause::Invalid(one_line(&format!("{error:#}")));
    // Nothing will run, so the code need not be good.
    let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::None)).map_err(invalid)?;
    let component = Component::from_binary(&engine, &wasm).map_err(invalid)?;
    Ok(Report {
        file: file.to_owned(),
        size: bytes.len(),
        sha256: hex(&Sha256::digest(&bytes)),
        is_core_module: matches!(wasm, std::borrow::Cow::Owned(_)),
        surface: Surface::of(&component, &engine),
    })
}

impl Report {
    /// What an operator would have to write under `[allow]` for everything it imports to be of use.
    pub fn allowances(&self) -> Vec<&'static str> {
        [
            ("http-client", "http = [\"https://…\"]"),
            ("secrets", "secrets = { name = \"${NAME}\" }"),
            ("state", "state = { max-bytes = \"4MiB\" }"),
            (
                "sinks",
                "sinks = [{ name = \"…\", prefix = \"…\", operations = [\"…\"] }]",
            ),
        ]
        .into_iter()
        .filter(|(interface, _)| self.surface.imports_ours(interface))
        .map(|(_, line)| line)
        .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.is_core_module {
            "core module"
        } else {
            "component"
        };
        writeln!(f, "{}: {form}, {} bytes", self.file.display(), self.size)?;
        writeln!(f, "sha256: {}", self.sha256)?;
        let roles: Vec<&str> = self
            .surface
            .roles
            .iter()
            .map(|role| Role::interface(*role))
            .collect();
        section(f, "roles", &roles)?;
        section(f, "exports", &self.surface.exports)?;
        section(f, "imports", &self.surface.imports)?;
        section(f, "to be granted under [allow]", &self.allowances())
    }
}

fn section<T: AsRef<str>>(f: &mut fmt::Formatter<'_>, title: &str, lines: &[T]) -> fmt::Result {
    match lines {
        [] => writeln!(f, "{title}: none"),
        lines => {
            writeln!(f, "{title}:")?;
            lines
                .iter()
                .try_for_each(|line| writeln!(f, "  {}", line.as_ref()))
        }
    }
}
