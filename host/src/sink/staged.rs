//! An upload that is lent to gates, and comes back whatever they do with it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{SinkError, Upload};

/// An upload whose bytes are all in and which nobody sees yet.
///
/// Its owner holds on to it while gates read from clones of it, and takes it back when it is
/// decided what becomes of it. Clones that live on, in a call that was given up, find nothing then.
#[derive(Clone)]
pub struct StagedUpload(Arc<Mutex<Option<Box<dyn Upload>>>>);

impl StagedUpload {
    /// Holds `upload`.
    pub fn new(upload: Box<dyn Upload>) -> Self {
        Self(Arc::new(Mutex::new(Some(upload))))
    }

    /// The size of the whole file in bytes. It blocks.
    pub fn size(&self) -> Result<u64, SinkError> {
        self.held(|upload| upload.size())
    }

    /// Whether all of it can be read.
    pub fn reads_back(&self) -> bool {
        self.lock()
            .as_ref()
            .is_some_and(|upload| upload.reads_back())
    }

    /// Reads what the file will hold, from `offset` on; 0 bytes is its end. It blocks.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        self.held(|upload| upload.read_at(buffer, offset))
    }

    /// Takes the upload back; `None` where somebody did already. It blocks while it is read.
    pub fn take(&self) -> Option<Box<dyn Upload>> {
        self.lock().take()
    }

    /// Whether it was taken back. It does not block.
    pub fn is_taken(&self) -> bool {
        self.0.try_lock().is_ok_and(|held| held.is_none())
    }

    fn held<T>(
        &self,
        work: impl FnOnce(&dyn Upload) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        match &*self.lock() {
            Some(upload) => work(&**upload),
            None => Err(io::Error::other("the upload was taken back").into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
