//! The files of a new plugin: templates for its language and roles, the contract, the SDK.

use anyhow::Context as _;

use super::language::{Language, camel};
use crate::plugin::{Role, contract};

/// The directories that stand in the program.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
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
        let text = role_template(language, &path)?;
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
fn role_template(language: Language, file: &str) -> anyhow::Result<&'static str> {
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
    found(embedded::EXAMPLES, &example)
        .or(found(embedded::TEMPLATES, &template))
        .with_context(|| format!("there is no template {template}"))
}

/// The name of the world in `wit/world.wit`.
const WORLD: &str = "bindings";

fn world(roles: &[Role]) -> String {
    let mut imports = vec!["config", "crypto", "logging"];
    if roles.contains(&Role::StorageSink) {
        imports.push("state");
    }
    let line = |does: &str, name: &str| format!("  {does} {name};\n");
    let imports: String = imports.iter().map(|name| line("import", name)).collect();
    let roles = roles.iter().map(|role| role.interface());
    let exports = ["lifecycle"].into_iter().chain(roles);
    let exports: String = exports.map(|name| line("export", name)).collect();
    format!(
        "package wharf:plugin@1.0.0;\n\n\
         /// What this plugin is (its exports), what it asks of the host (its imports): clock,\n\
         /// http-client, metrics, secrets, sinks and state can be added.\n\
         world {WORLD} {{\n{imports}{exports}}}\n"
    )
}

/// Fills in what a template leaves open.
fn filled(text: &str, name: &str, language: Language, roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.interface()).collect();
    let types: Vec<String> = names.iter().map(|name| camel(name, true)).collect();
    for_roles(text, &names)
        .replace("{{name}}", name)
        .replace("{{roles}}", &names.join(", "))
        .replace("{{traits}}", &types.join(" + "))
        .replace("{{wiring}}", &language.wiring(roles))
        .replace("{{exports}}", &language.exports(roles))
        .replace("{{command}}", language.build_command())
        .replace("{{built}}", &language.built(name))
        .replace("{{needs}}", language.needs())
}

/// Leaves out the lines between `{{#ROLE}}` and `{{/ROLE}}` of other roles.
fn for_roles(text: &str, roles: &[&str]) -> String {
    let between = |line: &str, sign: &str| {
        let rest = line.trim().strip_prefix("{{")?.strip_prefix(sign)?;
        Some(rest.strip_suffix("}}")?.to_owned())
    };
    let (mut kept, mut is_kept) = (String::new(), true);
    for line in text.split_inclusive('\n') {
        if let Some(role) = between(line, "#") {
            is_kept = roles.contains(&&*role);
        } else if between(line, "/").is_some() {
            is_kept = true;
        } else if is_kept {
            kept.push_str(line);
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_role_can_be_begun_in_every_language() {
        for language in Language::value_variants() {
            for role in Role::ALL.iter().copied() {
                let files = of("made-anew", *language, &[role]).unwrap();
                let text = |path: &str| {
                    let file = files.iter().find(|file| file.path == path).unwrap();
                    String::from_utf8(file.content.clone()).unwrap()
                };
                assert!(text(&language.file_of(role)).lines().count() > 5);
                assert!(text(&format!("cases/{role}.case.toml")).contains(role.interface()));
                toml::from_str::<toml::Table>(&text("made-anew.toml")).unwrap();
                for file in &files {
                    let content = String::from_utf8_lossy(&file.content);
                    assert!(!content.contains("{{#"), "{language:?}: {}", file.path);
                }
            }
        }
    }

    #[test]
    fn what_is_for_another_role_is_left_out() {
        let text = "a\n{{#upload-gate}}\nb\n{{/upload-gate}}\nc\n";
        assert_eq!(for_roles(text, &["upload-gate"]), "a\nb\nc\n");
        assert_eq!(for_roles(text, &["storage-sink"]), "a\nc\n");
    }
}
