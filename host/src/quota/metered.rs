//! An upload that takes room of a quota as it grows.

use std::sync::Arc;

use super::{Account, Amount, Quota};
use crate::sink::{Existing, Key, Sink, SinkError, Upload, WriteMode};

/// Room of a quota for one file, given back when it is dropped.
pub struct Reservation {
    account: Arc<Account>,
    sink: Arc<dyn Sink>,
    quota: Quota,
    /// Of the file that it goes on from or takes the place of; `None` where there is none.
    existing: Option<u64>,
    reserved: Amount,
}

impl Reservation {
    /// Room for a file where `existing` bytes stand, and for `announced` bytes.
    ///
    /// # Errors
    /// [`SinkError::QuotaExceeded`], or what stands there cannot be measured.
    pub fn new(
        account: Arc<Account>,
        sink: Arc<dyn Sink>,
        quota: Quota,
        existing: Option<u64>,
        announced: u64,
    ) -> Result<Self, SinkError> {
        let mut reservation = Self {
            account,
            sink,
            quota,
            existing,
            reserved: Amount::default(),
        };
        let files = u64::from(existing.is_none());
        // A place that is full takes nothing, not even nothing.
        reservation.take(Amount {
            bytes: u64::from(announced > 0 || existing.is_none()),
            files,
        })?;
        reservation.reach(announced)?;
        Ok(reservation)
    }

    /// Room for the file to have `size` bytes.
    fn reach(&mut self, size: u64) -> Result<(), SinkError> {
        let wanted = size.saturating_sub(self.existing.unwrap_or(0));
        match wanted.checked_sub(self.reserved.bytes) {
            Some(bytes @ 1..) => self.take(Amount { bytes, files: 0 }),
            _ => Ok(()),
        }
    }

    fn take(&mut self, more: Amount) -> Result<(), SinkError> {
        self.account.reserve(&*self.sink, self.quota, more)?;
        self.reserved = self.reserved.and(more);
        Ok(())
    }

    /// The file stands there, with `size` bytes.
    fn settle(mut self, size: u64) {
        let reserved = std::mem::take(&mut self.reserved);
        let more = Amount {
            bytes: size,
            files: 1,
        };
        let less = self.existing.map(|bytes| Amount { bytes, files: 1 });
        self.account
            .settle(reserved, more, less.unwrap_or_default());
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.account.release(self.reserved);
    }
}

/// An upload within a quota.
pub struct Metered {
    upload: Box<dyn Upload>,
    reservation: Reservation,
    /// Of the next byte that is written.
    position: u64,
}

impl Metered {
    /// `upload`, which was begun in this mode.
    pub fn new(upload: Box<dyn Upload>, mode: WriteMode, reservation: Reservation) -> Self {
        let position = match mode {
            WriteMode::At(offset) => offset,
            WriteMode::Append => reservation.existing.unwrap_or(0),
            WriteMode::Replace | WriteMode::Unique => 0,
        };
        Self {
            upload,
            reservation,
            position,
        }
    }
}

impl Upload for Metered {
    fn key(&self) -> &Key {
        self.upload.key()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.position += bytes.len() as u64;
        self.reservation.reach(self.position)?;
        self.upload.write(bytes)
    }

    fn size(&self) -> Result<u64, SinkError> {
        self.upload.size()
    }

    fn reads_back(&self) -> bool {
        self.upload.reads_back()
    }

    fn relocates(&self) -> bool {
        self.upload.relocates()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, SinkError> {
        self.upload.read_at(buffer, offset)
    }

    fn commit(self: Box<Self>) -> Result<(), SinkError> {
        let size = self.upload.size()?;
        self.upload.commit()?;
        self.reservation.settle(size);
        Ok(())
    }

    fn commit_to(self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        let (size, at_home) = (self.upload.size()?, key == self.upload.key());
        self.upload.commit_to(key, existing)?;
        // Whoever puts it elsewhere says so to the quotas of that place.
        if at_home {
            self.reservation.settle(size);
        }
        Ok(())
    }

    fn let_go(&mut self) {
        self.upload.let_go();
    }

    fn interrupt(self: Box<Self>) -> Result<(), SinkError> {
        let account = Arc::clone(&self.reservation.account);
        let ended = self.upload.interrupt();
        // Nobody tells whether it was kept.
        account.forget();
        ended
    }
}
