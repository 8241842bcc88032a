//! What `wharf plugin inspect` tells of a file, without compiling or running any of it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wit_parser::{InterfaceId, Resolve, WorldItem, WorldKey};

use super::load::{LoadCause, LoadError, read};
use super::role::{Role, Surface};
use super::text::{hex, one_line};
use super::{componentize, contract, evolution};

/// What a component is and wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Whether the file is a core module that was made a component.
    pub is_core_module: bool,
    /// The version of our contract that it was built with, if it speaks it.
    pub contract: Option<String>,
    /// Its roles.
    pub roles: Vec<String>,
    /// Everything it exports, in full.
    pub exports: Vec<String>,
    /// Everything it imports, in full.
    pub imports: Vec<String>,
    /// The functions of our contract that it imports, such as `sinks.put`.
    pub calls: Vec<String>,
    /// What an operator would have to write under `[allow]` for all of them to be of use.
    pub to_be_granted: Vec<String>,
    /// In which way it does not fit this host.
    pub does_not_fit: Option<String>,
}

/// Reports on the component or core module in `file`.
///
/// # Errors
/// It is no component.
pub fn inspect(file: &Path) -> Result<Report, LoadError> {
    let report = read(file).and_then(|bytes| report(file, &bytes));
    report.map_err(|cause| {
        let plugin = file.file_stem().unwrap_or_default();
        LoadError {
            plugin: plugin.to_string_lossy().into_owned(),
            file: file.to_owned(),
            cause,
        }
    })
}

fn report(file: &Path, bytes: &[u8]) -> Result<Report, LoadCause> {
    let wasm = componentize::component(bytes)?;
    let (resolve, world) = contract::of_component(&wasm)
        .map_err(|error| LoadCause::Invalid(one_line(&format!("{error:#}"))))?;
    let world = &resolve.worlds[world];
    let names = |items: &wit_parser::IndexMap<WorldKey, WorldItem>| -> Vec<String> {
        items
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect()
    };
    let surface = Surface::new(names(&world.exports), names(&world.imports));
    let imported = world.imports.values().filter_map(interface);
    let calls: Vec<String> = imported.flat_map(|id| functions(&resolve, id)).collect();
    let mut ours = world.exports.values().chain(world.imports.values());
    let version = |item| contract::version(&resolve, &resolve.interfaces[interface(item)?]);
    Ok(Report {
        file: file.to_owned(),
        size: bytes.len(),
        sha256: hex(&Sha256::digest(bytes)),
        is_core_module: matches!(wasm, std::borrow::Cow::Owned(_)),
        contract: ours.find_map(version),
        roles: surface.roles.iter().map(Role::to_string).collect(),
        to_be_granted: allowances(&surface, &calls),
        exports: surface.exports,
        imports: surface.imports,
        calls,
        does_not_fit: evolution::differences(&wasm),
    })
}

fn interface(item: &WorldItem) -> Option<InterfaceId> {
    match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    }
}

/// Those of one interface of our contract.
fn functions(resolve: &Resolve, id: InterfaceId) -> Vec<String> {
    let interface = &resolve.interfaces[id];
    let name = interface.name.as_deref().unwrap_or_default();
    let ours = contract::version(resolve, interface).is_some();
    let functions = interface.functions.keys().filter(|_| ours);
    functions
        .map(|function| format!("{name}.{function}"))
        .collect()
}

/// The functions of `sinks`, and the operations under `[allow]` that let a plugin call them.
const SINK_CALLS: &[(&str, &str)] = &[
    ("sinks.stat", "head"),
    ("sinks.read", "get"),
    ("sinks.put", "put"),
    ("sinks.copy", "copy"),
    ("sinks.delete", "delete"),
    ("sinks.browse", "list"),
];

fn allowances(surface: &Surface, calls: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let is_called = |function: &str| calls.iter().any(|call| call == function);
    let wasi_http = surface
        .wasi()
        .any(|import| import.starts_with("wasi:http/outgoing-handler"));
    if is_called("http-client.send") || is_called("http-client.begin") || wasi_http {
        lines.push("http = [\"https://…\"]".to_owned());
    }
    if surface.imports_ours("secrets") {
        lines.push("secrets = { name = \"${NAME}\" }".to_owned());
    }
    if surface.imports_ours("state") {
        lines.push("state = { max-bytes = \"4MiB\" }".to_owned());
    }
    let operations = SINK_CALLS
        .iter()
        .filter(|(function, _)| is_called(function));
    let operations: Vec<String> = operations.map(|(_, name)| format!("{name:?}")).collect();
    if !operations.is_empty() {
        let operations = operations.join(", ");
        lines.push(format!(
            "sinks = [{{ name = \"…\", prefix = \"…\", operations = [{operations}] }}]"
        ));
    }
    lines
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.is_core_module {
            true => "core module",
            false => "component",
        };
        writeln!(f, "{}: {form}, {} bytes", self.file.display(), self.size)?;
        writeln!(f, "sha256: {}", self.sha256)?;
        if let Some(contract) = &self.contract {
            writeln!(f, "built against: wharf:plugin {contract}")?;
        }
        section(f, "roles", &self.roles)?;
        section(f, "exports", &self.exports)?;
        section(f, "imports", &self.imports)?;
        section(f, "calls of the host", &self.calls)?;
        section(f, "to be granted under [allow]", &self.to_be_granted)?;
        match &self.does_not_fit {
            Some(differences) => writeln!(f, "does not fit this host: {differences}"),
            None => Ok(()),
        }
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    match lines {
        [] => writeln!(f, "{title}: none"),
        lines => {
            writeln!(f, "{title}:")?;
            lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
        }
    }
}
