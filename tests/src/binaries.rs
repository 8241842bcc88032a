//! Where the binary under test and its plugins are.

use std::env;
use std::path::{Path, PathBuf};

/// The `wharf` binary: `$WHARF_BIN`, or else what a release build made.
pub fn wharf() -> PathBuf {
    existing("WHARF_BIN", || release().join("wharf"))
}

/// The directory of built plugins: `$WHARF_PLUGINS`, or else the one beside the binary.
pub fn plugins() -> PathBuf {
    existing("WHARF_PLUGINS", || release().join("plugins"))
}

fn existing(variable: &str, default: impl FnOnce() -> PathBuf) -> PathBuf {
    let path = env::var_os(variable).map_or_else(default, PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: run `cargo xtask test`, or set {variable}",
        path.display()
    );
    path
}

/// Test binaries stand in `release/deps`.
fn release() -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    let release = test.parent().and_then(Path::parent);
    release
        .expect("a test binary is in release/deps")
        .to_owned()
}
