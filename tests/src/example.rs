//! The configuration directories of `docs/migrate/`, made ready to be served in a test.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::binaries;
use crate::ports;
use crate::server::Directory;

/// What stands where an operator puts a password that `wharf hash-password` printed.
pub const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Passive ports of a server under test.
const PASSIVE_PORTS: u16 = 40;

/// A copy of `docs/migrate/NAME` with the components that its sidecars name.
///
/// Each change is a text that must be somewhere in its files, and what stands there in the test
/// instead: an address, a secret, a file. The passive ports are changed already.
pub fn directory(name: &str, changes: &[(&str, &str)]) -> Directory {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migrate");
    let temporary = TempDir::with_prefix("wharf-").expect("there is room for a test");
    let mut files = Vec::new();
    copy(&source.join(name), temporary.path(), &mut files);
    let first = ports::free_block(PASSIVE_PORTS);
    let ports = format!("\"{first}-{}\"", first + PASSIVE_PORTS - 1);
    for (from, to) in changes.iter().chain(&[("\"40000-40999\"", &*ports)]) {
        replace(&files, from, to);
    }
    let plugins = temporary.path().join("plugins");
    for sidecar in files.iter().filter(|file| file.starts_with(&plugins)) {
        let component = component(sidecar);
        fs::copy(
            binaries::plugins().join(&component),
            plugins.join(component),
        )
        .expect("the plugin was built");
    }
    Directory::of(temporary)
}

/// Copies a directory, and notes its files.
fn copy(from: &Path, to: &Path, files: &mut Vec<PathBuf>) {
    fs::create_dir_all(to).expect("there is room for a test");
    for entry in fs::read_dir(from).expect("the example is there") {
        let entry = entry.expect("the example can be read").path();
        let target = to.join(entry.file_name().expect("every entry has a name"));
        if entry.is_dir() {
            copy(&entry, &target, files);
        } else {
            fs::copy(&entry, &target).expect("there is room for a test");
            files.push(target);
        }
    }
}

fn replace(files: &[PathBuf], from: &str, to: &str) {
    let mut is_found = false;
    for file in files {
        let text = fs::read_to_string(file).expect("an example is text");
        if text.contains(from) {
            is_found = true;
            fs::write(file, text.replace(from, to)).expect("there is room for a test");
        }
    }
    assert!(is_found, "{from} is nowhere in the example");
}

/// The file that the sidecar names as its component.
fn component(sidecar: &Path) -> String {
    let text = fs::read_to_string(sidecar).expect("an example is text");
    let line = text.lines().find_map(|line| line.strip_prefix("wasm = \""));
    let name = line.and_then(|line| line.split('"').next());
    let name = name.unwrap_or_else(|| panic!("{} names no component", sidecar.display()));
    name.to_owned()
}
