//! An upload that is lent to gates, and comes back whatever they do with it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SinkError, Upload};

/// An upload whose bytes are all in and which nobody sees yet.
///
/// Its owner holds on to it while gates read from clones of it, and takes it back when it is
/// decided what becomes of it. Clones that live on, in a call that was given up, find nothing then.
#[derive(Clone)]
pub struct StagedUpload {
    upload: Arc<Mutex<Option<Box<dyn Upload>>>>,
    size: u64,
}

impl StagedUpload {
    /// Holds `upload`, which is as long as it will be.
    ///
    /// # Errors
    /// The sink cannot tell its size; the upload comes back.
    pub fn new(upload: Box<dyn Upload>) -> Result<Self, (Box<dyn Upload>, SinkError)> {
        match upload.size() {
            Ok(size) => Ok(Self {
                upload: Arc::new(Mutex::new(Some(upload))),
                size,
            }),
            Err(error) => Err((upload, error)),
        }
    }

    /// The size of the whole file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads what the file will hold, from `offset` on; 0 bytes is its end. It blocks.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        let held = self.upload.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(upload) => upload.read_at(buffer, offset),
            None => Err(io::Error::other("the upload was taken back").into()),
        }
    }

    /// Takes the upload back; `None` where somebody did already. It blocks while it is read.
    pub fn take(&self) -> Option<Box<dyn Upload>> {
        self.upload
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}
