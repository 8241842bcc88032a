//! What is to become a plugin, as it was read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::super::sidecar::{Sha256Pin, Sidecar};
use super::super::text::hex;
use super::error::LoadCause;

/// The largest component: an interpreter of Python with its library has 18 MiB.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What is to become a plugin.
#[derive(Clone)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The component, or the core module that is made one.
    pub file: PathBuf,
    /// What the file holds.
    pub bytes: Arc<Vec<u8>>,
    /// Of the file.
    pub sha256: [u8; 32],
    /// What stands beside it.
    pub sidecar: Sidecar,
    /// The component, if it was compiled before.
    pub compiled: Option<Component>,
    /// The generation that it is to come with.
    pub generation: u64,
}

impl Candidate {
    /// Reads `file`. It may be large: not for a thread that serves connections.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(
        name: &str,
        file: &Path,
        sidecar: Sidecar,
        generation: u64,
    ) -> Result<Self, LoadCause> {
        let bytes = read(file)?;
        Ok(Self {
            name: name.to_owned(),
            file: file.to_owned(),
            sha256: Sha256::digest(&bytes).into(),
            bytes: Arc::new(bytes),
            sidecar,
            compiled: None,
            generation,
        })
    }

    /// # Errors
    /// It is not the file that its sidecar pins.
    pub fn check_pin(&self) -> Result<(), LoadCause> {
        match self.sidecar.sha256 {
            Some(Sha256Pin(expected)) if expected != self.sha256 => Err(LoadCause::Pin {
                found: hex(&self.sha256),
                expected: hex(&expected),
            }),
            _ => Ok(()),
        }
    }
}

/// What `file` holds.
///
/// # Errors
/// It is no regular file, cannot be read, or is too large.
pub fn read(file: &Path) -> Result<Vec<u8>, LoadCause> {
    if !file.metadata()?.is_file() {
        // A pipe, for one, would be waited for.
        return Err(io::Error::other("it is not a regular file").into());
    }
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(LoadCause::TooLarge);
    }
    Ok(bytes)
}
