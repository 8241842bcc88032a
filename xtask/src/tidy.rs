//! The rules of the architecture that the compiler does not know.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::program;
use crate::project::Project;
use crate::tables;

/// What a crate must not reach through its dependencies, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "wharf-protocol",
        &[
            "tokio",
            "mio",
            "socket2",
            "rustls",
            "getrandom",
            "cap-std",
            "tracing",
            "wasmtime",
        ],
        "the protocol does no I/O",
    ),
    (
        "wharf-plugin",
        &["wharf-protocol", "wharf", "tokio"],
        "a plugin knows the contract only",
    ),
];

/// The longest file; what needs more is two things.
const MAX_LINES: usize = 600;

/// The longest line, in characters.
const MAX_COLUMNS: usize = 100;

/// Checks all rules and reports every breach.
///
/// # Errors
/// A rule is broken, or the checkout cannot be read.
pub fn check(project: &Project) -> Result<()> {
    let mut breaches = Vec::new();
    for (package, forbidden, reason) in FORBIDDEN {
        let tree = program::output(&mut program::cargo(
            &project.root,
            [
                "tree",
                "--package",
                package,
                "--edges",
                "normal",
                "--prefix",
                "none",
            ],
        ))?;
        let reached = tree
            .lines()
            .skip(1)
            .filter_map(|line| line.split(' ').next());
        for name in reached.filter(|name| forbidden.contains(name)) {
            breaches.push(format!("{package} depends on {name}: {reason}"));
        }
    }
    let mut files = Vec::new();
    collect(&project.root, &mut files)?;
    for file in &files {
        let text = fs::read_to_string(file)?;
        let file = file.strip_prefix(&project.root).unwrap_or(file).display();
        let found = source(&text);
        breaches.extend(
            found
                .into_iter()
                .map(|(line, what)| format!("{file}:{line}: {what}")),
        );
    }
    breaches.extend(tables::breaches(project, &files)?);
    breaches.extend(uncompiled(project)?);
    if !breaches.is_empty() {
        bail!(
            "{} rules are broken\n{}",
            breaches.len(),
            breaches.join("\n")
        );
    }
    println!("{} source files are tidy", files.len());
    Ok(())
}

/// The pages for authors that show a plugin in Rust which nothing compiles.
fn uncompiled(project: &Project) -> Result<Vec<String>> {
    let compiled = fs::read_to_string(project.root.join("plugin-sdk/src/lib.rs"))?;
    let mut breaches = Vec::new();
    for entry in fs::read_dir(project.root.join("docs/plugins"))? {
        let page = entry?.path();
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        if fs::read_to_string(&page)?.contains("```rust") && !compiled.contains(&*name) {
            let what = "the tests of plugin-sdk/src/lib.rs do not compile it";
            breaches.push(format!("docs/plugins/{name}: {what}"));
        }
    }
    Ok(breaches)
}

/// Finds the Rust sources below a folder, apart from what is built or hidden.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let built = name.starts_with('.') || name == "target" || name == "node_modules";
        if path.is_dir() && !built {
            collect(&path, files)?;
        } else if path.is_file() && name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The breaches in one source file, each with its line.
fn source(text: &str) -> Vec<(usize, String)> {
    // In two parts, so that this file does not break its own rule.
    const ALLOW: [&str; 2] = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let mut breaches = Vec::new();
    if !text.starts_with("//!") {
        breaches.push((1, "does not open with a sentence on its purpose".into()));
    }
    for (line, number) in text.lines().zip(1..) {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            breaches.push((
                number,
                format!("{columns} columns, more than {MAX_COLUMNS}"),
            ));
        }
        if ALLOW.iter().any(|allow| line.contains(allow)) {
            breaches.push((
                number,
                "use `expect` with a reason in place of `allow`".into(),
            ));
        }
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        breaches.push((lines, format!("more than {MAX_LINES} lines")));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach() {
        let opening = "//! Purpose.\n";
        let long = "x".repeat(MAX_COLUMNS);
        for (text, breach) in [
            (format!("{opening}fn main() {{}}\n"), None),
            (format!("{opening}{long}\n"), None),
            (format!("{opening}{}", "\n".repeat(MAX_LINES - 1)), None),
            ("fn main() {}\n".into(), Some((1, "does not open"))),
            (format!("{opening}{long}x\n"), Some((2, "101 columns"))),
            (
                format!("{opening}#[{}(unused)]\n", "allow"),
                Some((2, "use `expect`")),
            ),
            (
                format!("{opening}{}", "\n".repeat(MAX_LINES)),
                Some((601, "more than 600 lines")),
            ),
        ] {
            let found = source(&text);
            assert_eq!(found.len(), usize::from(breach.is_some()), "{found:?}");
            if let Some((line, what)) = breach {
                assert!(
                    found[0].0 == line && found[0].1.starts_with(what),
                    "{found:?}"
                );
            }
        }
    }
}
