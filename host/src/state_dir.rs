//! The directory in which the host keeps what is its own.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot make the state directory {}: {source}; make it and give it to this user",
    path.display()
)]
pub struct StateDirError {
    path: PathBuf,
    source: io::Error,
}

/// Makes `path` where it is missing, for this user alone: it holds keys and compiled code.
pub fn ensure(path: &Path) -> Result<(), StateDirError> {
    let failed = |source| StateDirError {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)
}
