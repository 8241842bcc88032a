//! An upload that takes room of a quota as it grows.

use std::sync::Arc;
use std::time::Instant;

use wharf_protocol::listing::EntryKind;

use super::{Account, Amount, Quota};
use crate::sink::{Existing, Key, Location, Sink, SinkError, Upload, WriteMode};

/// What an upload goes on from or takes the place of.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// The size of the file; `None` where there is none.
    pub existing: Option<u64>,
    /// How much had happened to the place when that was so.
    generation: u64,
}

impl Before {
    /// What stands at `key`.
    pub fn at(account: &Account, sink: &dyn Sink, key: &Key) -> Result<Self, SinkError> {
        // First, so that what happens while the sink is asked shows as a change.
        let generation = account.generation();
        let existing = match sink.stat(key) {
            Ok(entry) => (entry.kind == EntryKind::File).then_some(entry.size),
            Err(SinkError::NotFound | SinkError::NotDirectory) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            existing,
            generation,
        })
    }

    /// Nothing: it gets a name that is free.
    pub fn nothing(account: &Account) -> Self {
        Self {
            existing: None,
            generation: account.generation(),
        }
    }
}

/// Room of a quota for one file, given back when it is dropped.
pub struct Reservation {
    account: Arc<Account>,
    sink: Arc<dyn Sink>,
    quota: Quota,
    before: Before,
    reserved: Amount,
}

impl Reservation {
    /// Room for a file in place of what was there `before`, and for `announced` bytes.
    ///
    /// # Errors
    /// [`SinkError::QuotaExceeded`], or what stands there cannot be measured.
    pub fn new(
        account: Arc<Account>,
        sink: Arc<dyn Sink>,
        quota: Quota,
        before: Before,
        announced: u64,
    ) -> Result<Self, SinkError> {
        let mut reservation = Self {
            account,
            sink,
            quota,
            before,
            reserved: Amount::default(),
        };
        let existing = before.existing;
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
        let wanted = size.saturating_sub(self.before.existing.unwrap_or(0));
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

    /// Room for the file to take the place of what stands at `key` now, with `size` bytes: what it
    /// was to replace may be gone, and the room that it left taken by others.
    fn renew(&mut self, key: &Key, size: u64) -> Result<(), SinkError> {
        if !self.account.has_changed(key, self.before.generation) {
            return Ok(());
        }
        self.before = Before::at(&self.account, &*self.sink, key)?;
        if self.before.existing.is_none() && self.reserved.files == 0 {
            self.take(Amount { bytes: 0, files: 1 })?;
        }
        self.reach(size)
    }

    /// The file stands at `key`, with `size` bytes, and was put there after `since`.
    fn settle(mut self, key: &Key, size: u64, since: Instant) {
        let reserved = std::mem::take(&mut self.reserved);
        let more = Amount {
            bytes: size,
            files: 1,
        };
        let Before {
            existing,
            generation,
        } = self.before;
        let less = existing.map(|bytes| Amount { bytes, files: 1 });
        let amounts = (more, less.unwrap_or_default());
        self.account
            .settle((key, generation), reserved, amounts, since);
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
            WriteMode::Append => reservation.before.existing.unwrap_or(0),
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

    fn all_in(&mut self) {
        self.upload.all_in();
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

    fn commit(mut self: Box<Self>) -> Result<(), SinkError> {
        let (size, key) = (self.upload.size()?, self.upload.key().clone());
        self.reservation.renew(&key, size)?;
        let since = Instant::now();
        self.upload.commit()?;
        self.reservation.settle(&key, size, since);
        Ok(())
    }

    fn commit_to(mut self: Box<Self>, key: &Key, existing: Existing) -> Result<(), SinkError> {
        let (size, at_home) = (self.upload.size()?, key == self.upload.key());
        if at_home {
            self.reservation.renew(key, size)?;
        }
        let since = Instant::now();
        self.upload.commit_to(key, existing)?;
        // Whoever puts it elsewhere says so to the quotas of that place.
        if at_home {
            self.reservation.settle(key, size, since);
        }
        Ok(())
    }

    fn counts_in(&self) -> Option<&Location> {
        Some(&self.reservation.account.place)
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
