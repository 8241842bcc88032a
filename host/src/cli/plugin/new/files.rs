//! The files of a new plugin: templates for its language and roles, the contract, the SDK.

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::plugin::{Role, contract};

/// The directories that stand in the program.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// What a plugin can be written in, of what there are templates for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with the SDK
    Rust,
    /// JavaScript, with componentize-js
    Js,
    /// Python, with componentize-py
    Python,
    /// C, with zig's compiler or any other
    C,
}

impl Language {
    /// The directory of its templates.
    fn directory(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// What builds a plugin in its directory.
    pub fn build_command(self) -> &'static str {
        match self {
            Self::Rust => "cargo build --release --target wasm32-unknown-unknown",
            Self::Js => "node build.mjs",
            Self::Python | Self::C => "python3 build.py",
        }
    }

    /// What the command needs.
    fn needs(self) -> &'static str {
        match self {
            Self::Rust => {
                "Rust with the target for WebAssembly (`rustup target add wasm32-unknown-unknown`)"
            }
            Self::Js => "Node.js from version 20 on, with npm",
            Self::Python => "Python from version 3.10 on, with pip",
            Self::C => "Python 3 with pip, which fetches the compiler",
        }
    }

    /// Where the command puts the plugin.
    fn built(self, name: &str) -> String {
        match self {
            Self::Rust => {
                let name = name.replace('-', "_");
                format!("target/wasm32-unknown-unknown/release/{name}.wasm")
            }
            _ => format!("{name}.wasm"),
        }
    }

    /// The file of a role.
    fn file_of(self, role: Role) -> String {
        let module = role.interface().replace('-', "_");
        match self {
            Self::Rust => format!("src/{module}.rs"),
            Self::Js => format!("{}.js", role.interface()),
            Self::Python => format!("{module}.py"),
            Self::C => format!("{}.c", role.interface()),
        }
    }

    /// What the plugin's main file says of a role.
    fn wiring(self, roles: &[Role]) -> String {
        let mut lines = String::new();
        for role in roles {
            let (file, module) = (role.interface(), role.interface().replace('-', "_"));
            lines += &match self {
                Self::Rust => format!("mod {module};\n"),
                Self::Js => format!(
                    "export {{ {} }} from \"./{file}.js\";\n",
                    camel(file, false)
                ),
                Self::Python => format!("from {module} import {}\n", camel(file, true)),
                Self::C => String::new(),
            };
        }
        lines
    }
}

/// A name of the contract as languages write it: `uploadGate`, `UploadGate`.
fn camel(name: &str, first: bool) -> String {
    let mut upper = first;
    let mut camel = String::new();
    for letter in name.chars() {
        match letter {
            '-' => upper = true,
            letter if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}

/// A file of the new directory.
pub struct File {
    /// Within the directory.
    pub path: String,
    /// What stands in it.
    pub content: Vec<u8>,
}

impl File {
    fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let (path, content) = (path.into(), content.into());
        Self { path, content }
    }
}

/// All files of a plugin.
///
/// # Errors
/// There is no template for a role in this language.
pub fn of(name: &str, language: Language, roles: &[Role]) -> anyhow::Result<Vec<File>> {
    let fill = |text: &str| filled(text, name, language, roles);
    let within = format!("{}/", language.directory());
    let mut files = Vec::new();
    for (path, text) in embedded::TEMPLATES {
        if let Some(path) = path
            .strip_prefix(&within)
            .filter(|path| !path.starts_with("roles/"))
        {
            files.push(File::new(path, fill(text)));
        }
    }
    files.push(File::new(
        format!("{name}.toml"),
        fill(template("sidecar.toml")?),
    ));
    files.push(File::new("README.md", fill(template("README.md")?)));
    for role in roles {
        let path = language.file_of(*role);
        let text = role_template(language, *role, &path)?;
        files.push(File::new(path, fill(text)));
        let cases = format!("cases/{role}.case.toml");
        files.push(File::new(&*cases, fill(template(&cases)?)));
    }
    let (contract, world) = (contract::FILES, world(roles));
    files.extend(
        contract
            .iter()
            .map(|(name, text)| File::new(format!("wit/{name}"), *text)),
    );
    match language {
        Language::Rust => files.extend(sdk()),
        Language::Js | Language::Python => files.push(File::new("wit/world.wit", world)),
        Language::C => {
            for (name, content) in contract::c_bindings(WORLD, &world)? {
                files.push(File::new(format!("bindings/{name}"), content));
            }
            files.push(File::new("wit/world.wit", world));
        }
    }
    Ok(files)
}

fn template(name: &str) -> anyhow::Result<&'static str> {
    let found = embedded::TEMPLATES.iter().find(|(path, _)| *path == name);
    Ok(found
        .with_context(|| format!("there is no template {name}"))?
        .1)
}

/// The example where there is one, which is tested with a server, else the template.
fn role_template(language: Language, role: Role, file: &str) -> anyhow::Result<&'static str> {
    let example = match language {
        Language::Js => "javascript",
        other => other.directory(),
    };
    let example = format!("{example}/{file}");
    let file = file.trim_start_matches("src/");
    let template = format!("{}/roles/{file}", language.directory());
    let found = |files: &'static [(&str, &str)], name: &str| {
        files
            .iter()
            .find(|(path, _)| *path == name)
            .map(|(_, text)| *text)
    };
    match found(embedded::EXAMPLES, &example).or(found(embedded::TEMPLATES, &template)) {
        Some(text) => Ok(text),
        None => bail!("there is no template for {role} in this language; --lang rust has them all"),
    }
}

/// The name of the world in `wit/world.wit`.
const WORLD: &str = "bindings";

fn world(roles: &[Role]) -> String {
    let exports: String = roles
        .iter()
        .map(|role| format!("  export {role};\n"))
        .collect();
    format!(
        "package wharf:plugin@1.0.0;\n\n\
         /// What this plugin is (its exports), what it asks of the host (its imports): clock,\n\
         /// http-client, metrics, secrets, sinks and state can be added.\n\
         world {WORLD} {{\n  import config;\n  import crypto;\n  import logging;\n\
         \x20 export lifecycle;\n{exports}}}\n"
    )
}

/// Fills in what a template leaves open.
fn filled(text: &str, name: &str, language: Language, roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.interface()).collect();
    let types: Vec<String> = names.iter().map(|name| camel(name, true)).collect();
    text.replace("{{name}}", name)
        .replace("{{roles}}", &names.join(", "))
        .replace("{{traits}}", &types.join(" + "))
        .replace("{{wiring}}", &language.wiring(roles))
        .replace("{{command}}", language.build_command())
        .replace("{{built}}", &language.built(name))
        .replace("{{needs}}", language.needs())
}

/// The SDK, as a package that stands beside the contract.
fn sdk() -> impl Iterator<Item = File> {
    let manifest = include_str!("../../../../../plugin-sdk/Cargo.toml");
    let sources = embedded::SDK.iter();
    let sources = sources.map(|(path, text)| File::new(format!("wharf-plugin/src/{path}"), *text));
    sources.chain([File::new("wharf-plugin/Cargo.toml", on_its_own(manifest))])
}

const RUST_VERSION: &str = concat!("rust-version = \"", env!("CARGO_PKG_RUST_VERSION"), "\"");
const VERSION: &str = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");

/// A manifest of our workspace, for a package that stands alone.
fn on_its_own(manifest: &str) -> String {
    manifest
        .replace("rust-version.workspace = true", RUST_VERSION)
        .replace("version.workspace = true", VERSION)
        .replace("edition.workspace = true", "edition = \"2024\"")
        .replace("license.workspace = true", "license = \"Apache-2.0\"")
        .replace("publish.workspace = true", "publish = false")
        .replace("[lints]\nworkspace = true\n\n", "")
}
