//! The contract of `wit/` that this host was built with, as text and as types.

use anyhow::Context as _;
use wit_component::DecodedWasm;
use wit_parser::{Interface, Resolve, SourceMap, WorldId};

/// The package, without its version.
pub const PACKAGE: (&str, &str) = ("wharf", "plugin");

/// Declares the files of the contract, the one that explains the package first.
macro_rules! files {
    ($($name:literal)+) => {
        /// Its files: their names and texts.
        pub const FILES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../wit/", $name)))),+
        ];
    };
}

files! {
    "package.wit" "types.wit" "host.wit" "login.wit" "storage.wit" "events.wit" "sink.wit"
}

/// The whole package as one document.
pub fn document() -> String {
    let mut document = String::new();
    for (_, text) in FILES {
        // A document names its package once.
        let body = match text.split_once("package wharf:plugin@") {
            Some((_, rest)) if !document.is_empty() => rest.split_once('\n').map(|(_, body)| body),
            _ => Some(*text),
        };
        document.push_str(body.unwrap_or_default());
    }
    document
}

/// Its types, and nothing where the text is wrong, which a test rules out.
pub fn types() -> Option<Resolve> {
    parse(FILES.iter().copied())
}

/// The types of a package in several files.
pub fn parse<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Option<Resolve> {
    let mut sources = SourceMap::new();
    for (name, text) in files {
        sources.push_str(name, text);
    }
    let mut resolve = Resolve::default();
    let parsed = sources.parse().ok()?;
    resolve.push_group(parsed).ok()?;
    Some(resolve)
}

/// What a component says of its own imports and exports.
///
/// # Errors
/// It is no component.
pub fn of_component(wasm: &[u8]) -> anyhow::Result<(Resolve, WorldId)> {
    match wit_component::decode(wasm)? {
        DecodedWasm::Component(resolve, world) => Ok((resolve, world)),
        DecodedWasm::WitPackage(..) => anyhow::bail!("it is a package of interfaces"),
    }
}

/// Bindings for C of the world that `world` names in the document `text`, which belongs to the
/// package: the names of the files and their content.
///
/// # Errors
/// The document is wrong.
pub fn c_bindings(world: &str, text: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut resolve = parse(FILES.iter().copied().chain([("world.wit", text)]))
        .context("the world does not parse")?;
    let packages: Vec<_> = resolve.packages.iter().map(|(id, _)| id).collect();
    let world = resolve.select_world(&packages, Some(world))?;
    let mut files = wit_bindgen_core::Files::default();
    let options = wit_bindgen_c::Opts {
        // What is lent is given back when a function returns, and not by its author.
        autodrop_borrows: wit_bindgen_c::Enabled::Yes,
        ..wit_bindgen_c::Opts::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    let files = files
        .iter()
        .map(|(name, content)| (name.to_owned(), content.to_vec()));
    Ok(files.collect())
}

/// The interface of that name in the contract.
pub fn interface<'r>(resolve: &'r Resolve, name: &str) -> Option<&'r Interface> {
    let named = |interface: &&Interface| interface.name.as_deref() == Some(name);
    let mut interfaces = resolve.interfaces.iter().map(|(_, interface)| interface);
    interfaces.find(|interface| named(interface) && version(resolve, interface).is_some())
}

/// The version of the contract that an interface belongs to, if it belongs to it.
pub fn version(resolve: &Resolve, interface: &Interface) -> Option<String> {
    let name = &resolve.packages[interface.package?].name;
    let ours = (name.namespace.as_str(), name.name.as_str()) == PACKAGE;
    ours.then(|| {
        name.version
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_there_and_parses() {
        let there: Vec<(String, String)> = crate::plugin::tests::contract();
        let mut known: Vec<(String, String)> = FILES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        known.sort();
        assert_eq!(known, there);
        let types = types().unwrap();
        for role in crate::plugin::Role::ALL {
            assert!(interface(&types, role.interface()).is_some(), "{role}");
        }
    }

    #[test]
    fn the_document_is_the_package() {
        let document = document();
        let one = parse([("wharf.wit", document.as_str())]).unwrap();
        assert_eq!(one.interfaces.len(), types().unwrap().interfaces.len());
        assert!(
            document.starts_with("/// The contract between"),
            "{document}"
        );
    }
}
