//! Where the binary under test and its plugins are.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The `wharf` binary: `$WHARF_BIN`, or else what a release build made.
pub fn wharf() -> PathBuf {
    existing("WHARF_BIN", || release().join("wharf"))
}

/// The directory of built plugins: `$WHARF_PLUGINS`, or else the one beside the binary.
pub fn plugins() -> PathBuf {
    existing("WHARF_PLUGINS", || release().join("plugins"))
}

/// Where `wharf plugin` keeps what it compiled from one run of the tests to the next, as
/// `XDG_CACHE_HOME`: components of some languages take seconds.
pub fn code_cache() -> PathBuf {
    plugins().join("examples/cache")
}

/// The part of it that a server uses, too, as `plugins` in its state directory.
pub fn compiled() -> PathBuf {
    let compiled = code_cache().join("wharf/plugins");
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&compiled);
    made.expect("beside the plugins there is room");
    compiled
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
