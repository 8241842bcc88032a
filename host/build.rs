//! Puts what `wharf plugin new` writes into the program: the templates, the SDK and the examples.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The directories, and the names of the tables that their files become.
const EMBEDDED: &[(&str, &str)] = &[
    ("TEMPLATES", "templates"),
    ("SDK", "../plugin-sdk/src"),
    ("EXAMPLES", "../plugins/examples"),
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut tables = String::new();
    for (name, directory) in EMBEDDED {
        println!("cargo:rerun-if-changed={directory}");
        let directory = root.join(directory).canonicalize()?;
        let mut files = Vec::new();
        list(&directory, &mut files)?;
        files.sort();
        let _ = writeln!(tables, "pub const {name}: &[(&str, &str)] = &[");
        for file in files {
            let within = file.strip_prefix(&directory).map_err(io::Error::other)?;
            let _ = writeln!(tables, "    ({within:?}, include_str!({file:?})),");
        }
        tables.push_str("];\n");
    }
    fs::write(Path::new(&variable("OUT_DIR")?).join("embedded.rs"), tables)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// The files below `directory`, but not what is hidden.
fn list(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        match path.is_dir() {
            _ if hidden => {}
            true => list(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
