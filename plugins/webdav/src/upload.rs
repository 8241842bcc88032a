//! A file that is stored, or gone on with.

use std::rc::Rc;

use wharf_plugin::{Entry, EntryKind, Incoming, Reader, Start, StorageError};

use crate::address::split;
use crate::download::Download;
use crate::limits::PIECE;
use crate::staged::Staged;
use crate::store::Store;

/// What is staged of an upload.
pub struct Upload {
    staged: Staged,
    /// The file that is sent again: what the new bytes do not reach stays.
    over: Option<Over>,
}

/// A file, and its size in bytes.
struct Over {
    url: String,
    size: u64,
}

impl Upload {
    /// Begins an upload to `key`.
    ///
    /// # Errors
    /// It has no directory, or the server refuses.
    pub fn begin(store: &Rc<Store>, key: &str, at: Start) -> Result<Self, StorageError> {
        let (directory, _) = split(key);
        store.collection(directory)?;
        if at == Start::Replace {
            return Ok(Self {
                staged: Staged::new(store)?,
                over: None,
            });
        }
        let Some(found) = store.there(key)? else {
            return Ok(Self {
                staged: Staged::new(store)?,
                over: None,
            });
        };
        if found.is_collection {
            return Err(StorageError::IsDirectory);
        }
        let offset = match at {
            Start::Resume(offset) => offset,
            Start::Replace | Start::Append => found.size,
        };
        if let Some(patching) = store.abilities()?.patching {
            let staged = Staged::copy(store, key, found.size, offset, patching)?;
            return Ok(Self { staged, over: None });
        }
        if found.size > store.rewrite_up_to {
            return Err(StorageError::Unsupported);
        }
        let url = store.address.file(key);
        let mut staged = Staged::new(store)?;
        transfer(store, &url, offset, &mut staged)?;
        let over = Some(Over {
            url,
            size: found.size,
        });
        Ok(Self { staged, over })
    }

    /// Adds what stays of the file that is gone on with.
    fn add_rest(&mut self, store: &Rc<Store>) -> Result<(), StorageError> {
        match self.over.take() {
            Some(over) => transfer(store, &over.url, over.size, &mut self.staged),
            None => Ok(()),
        }
    }
}

/// Copies the bytes of `url` between the end of `staged` and `end`.
fn transfer(
    store: &Rc<Store>,
    url: &str,
    end: u64,
    staged: &mut Staged,
) -> Result<(), StorageError> {
    if staged.end() >= end {
        return Ok(());
    }
    let mut source = Download::open(store, url.to_owned(), staged.end())?;
    while staged.end() < end {
        let left = u32::try_from(end - staged.end()).unwrap_or(u32::MAX);
        let piece = source.read(left.min(PIECE as u32))?;
        if piece.is_empty() {
            let text = "the file that is gone on with was changed";
            return Err(StorageError::Failed(text.into()));
        }
        staged.write(&piece)?;
    }
    Ok(())
}

impl Incoming for Upload {
    fn write(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        self.staged.write(piece)
    }

    fn publish(mut self: Box<Self>, key: &str, replace: bool) -> Result<Entry, StorageError> {
        let store = self.staged.store();
        self.add_rest(&store)?;
        self.staged.complete()?;
        self.staged.place(key, replace)?;
        Ok(Entry {
            name: split(key).1.to_owned(),
            kind: EntryKind::File,
            size: self.staged.size(),
            modified: None,
        })
    }

    fn discard(self: Box<Self>) -> Result<(), StorageError> {
        self.staged.discard()
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        let store = self.staged.store();
        self.add_rest(&store)?;
        if !self.staged.is_held() {
            self.staged.complete()?;
        }
        self.staged.read(offset, length)
    }
}
