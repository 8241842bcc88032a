//! The bytes of an upload on their way into a file that nobody sees.

use std::rc::Rc;

use wharf_plugin::http::Exchange;
use wharf_plugin::{Reader, StorageError};

use crate::client::{self, answered, failed, known, refused};
use crate::download::Download;
use crate::limits::HELD;
use crate::store::{Patching, Store};

/// A file in the collection of uploads. Dropped before it is [placed](Self::place), it is deleted.
pub struct Staged {
    store: Rc<Store>,
    url: String,
    stage: Stage,
    /// The byte behind the last one that was written.
    end: u64,
    /// The bytes that it has in all.
    size: u64,
    /// What reads it back.
    reading: Option<Download>,
    /// Whether nothing is left at `url`.
    is_over: bool,
}

/// Where the bytes are.
enum Stage {
    /// Here, all of them.
    Held(Vec<u8>),
    /// On their way, in one request that does not say how many there are.
    Streaming(Exchange),
    /// In a copy of another file, but for those here.
    Patching(Patching, Vec<u8>),
    /// With the server.
    Stored,
    /// Nowhere: the server did not take them.
    Lost,
}

impl Staged {
    /// An empty file.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn new(store: &Rc<Store>) -> Result<Self, StorageError> {
        Ok(Self {
            url: store.stage()?,
            store: Rc::clone(store),
            stage: Stage::Held(Vec::new()),
            end: 0,
            size: 0,
            reading: None,
            is_over: false,
        })
    }

    /// A copy of the file at `key`, which has `size` bytes and is changed from `offset` on.
    ///
    /// # Errors
    /// There is no place for it, or the server does not copy it.
    pub fn copy(
        store: &Rc<Store>,
        key: &str,
        size: u64,
        offset: u64,
        patching: Patching,
    ) -> Result<Self, StorageError> {
        let mut staged = Self::new(store)?;
        let (source, path) = (store.address.file(key), store.address.path(&staged.url));
        let answer = store
            .client
            .relocate("COPY", &source, &staged.url, path, false)?;
        if !answer.is_success() {
            return Err(refused("COPY", answer.status));
        }
        staged.stage = Stage::Patching(patching, Vec::new());
        (staged.end, staged.size) = (offset, size);
        Ok(staged)
    }

    /// Where it is kept.
    pub fn store(&self) -> Rc<Store> {
        Rc::clone(&self.store)
    }

    /// The byte behind the last one that was written.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes that it has in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether its bytes are all here, where they can be read at no cost.
    pub fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Held(_))
    }

    /// Adds `piece`.
    ///
    /// # Errors
    /// The server does not take it, or the file is complete.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        let written = self.end;
        self.end += piece.len() as u64;
        self.size = self.size.max(self.end);
        match &mut self.stage {
            Stage::Held(held) => {
                held.extend_from_slice(piece);
                match held.len() < HELD {
                    true => Ok(()),
                    false => self.stream(),
                }
            }
            Stage::Streaming(_) => self.push(piece),
            Stage::Patching(_, held) => {
                held.extend_from_slice(piece);
                let first = written + piece.len() as u64 - held.len() as u64;
                match held.len() < HELD {
                    true => Ok(()),
                    false => self.patch(first),
                }
            }
            Stage::Stored => Err(StorageError::Failed("the upload is complete".into())),
            Stage::Lost => Err(StorageError::Failed("the upload is lost".into())),
        }
    }

    /// Waits until the server has all of it.
    ///
    /// # Errors
    /// It does not.
    pub fn complete(&mut self) -> Result<(), StorageError> {
        match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Held(held) => {
                let request = self.store.client.request("PUT", &self.url)?;
                let answer = answered(request.body(held))?;
                self.taken("PUT", answer.status)?;
            }
            Stage::Streaming(exchange) => {
                let answer = known(exchange.open().map_err(failed)?)?;
                self.taken("PUT", answer.status)?;
                self.check_size()?;
            }
            Stage::Patching(patching, held) => {
                let first = self.end - held.len() as u64;
                self.stage = Stage::Patching(patching, held);
                self.patch(first)?;
                self.check_size()?;
            }
            Stage::Stored => {}
            Stage::Lost => return Err(StorageError::Failed("the upload is lost".into())),
        }
        self.stage = Stage::Stored;
        Ok(())
    }

    /// Bytes from `offset` on, at most `length`.
    ///
    /// # Errors
    /// The server does not give them.
    pub fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, StorageError> {
        if let Stage::Held(held) = &self.stage {
            let start = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(held.len());
            let end = held.len().min(start.saturating_add(length as usize));
            return Ok(held[start..end].to_vec());
        }
        let leads_on = |reading: &Download| reading.offset() == offset;
        let mut reading = match self.reading.take().filter(leads_on) {
            Some(reading) => reading,
            None => Download::open(&self.store, self.url.clone(), offset)?,
        };
        let piece = reading.read(length)?;
        self.reading = Some(reading);
        Ok(piece)
    }

    /// Gives it the place of `key`, over a file there only if `replace`.
    ///
    /// # Errors
    /// Something stands there, or the server refuses.
    pub fn place(&mut self, key: &str, replace: bool) -> Result<(), StorageError> {
        self.reading = None;
        self.store.place(&self.url, key, replace)?;
        self.is_over = true;
        Ok(())
    }

    /// Throws it away.
    ///
    /// # Errors
    /// The server keeps it until it is swept away.
    pub fn discard(mut self) -> Result<(), StorageError> {
        self.remove()
    }

    fn remove(&mut self) -> Result<(), StorageError> {
        if self.is_over || self.is_held() {
            return Ok(());
        }
        self.is_over = true;
        // Breaks off a request that is under way, which the server may answer by keeping a part.
        self.stage = Stage::Lost;
        self.reading = None;
        match self.store.delete(&self.url) {
            Ok(()) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Begins to send what is held and all that comes.
    fn stream(&mut self) -> Result<(), StorageError> {
        let Stage::Held(held) = std::mem::replace(&mut self.stage, Stage::Lost) else {
            return Ok(());
        };
        let request = self.store.client.request("PUT", &self.url)?;
        let exchange = request.begin(None).map_err(failed)?;
        self.stage = Stage::Streaming(exchange);
        self.push(&held)
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), StorageError> {
        let Stage::Streaming(exchange) = &mut self.stage else {
            return Ok(());
        };
        let goes_on = exchange.push(piece);
        if goes_on == Ok(true) {
            return Ok(());
        }
        // What the server said before the end can only be no.
        let Stage::Streaming(exchange) = std::mem::replace(&mut self.stage, Stage::Lost) else {
            return Ok(());
        };
        goes_on.map_err(failed)?;
        let answer = known(exchange.open().map_err(failed)?)?;
        self.taken("PUT", answer.status)?;
        let text = "the server answered before it had all of the file";
        Err(StorageError::Failed(text.into()))
    }

    /// Sends what is held to where it belongs, the byte `first` and those behind it.
    fn patch(&mut self, first: u64) -> Result<(), StorageError> {
        let Stage::Patching(patching, held) = &mut self.stage else {
            return Ok(());
        };
        if held.is_empty() {
            return Ok(());
        }
        let last = first + held.len() as u64 - 1;
        let request = |method| self.store.client.request(method, &self.url);
        let (method, request) = match patching {
            Patching::Put => {
                let range = format!("bytes {first}-{last}/*");
                ("PUT", request("PUT")?.header("content-range", range))
            }
            Patching::Patch => {
                let request = request("PATCH")?;
                let request = request.header("x-update-range", format!("bytes={first}-{last}"));
                let kind = "application/x-sabredav-partialupdate";
                ("PATCH", request.header("content-type", kind))
            }
        };
        let answer = answered(request.body(std::mem::take(held)))?;
        self.taken(method, answer.status)
    }

    fn taken(&mut self, method: &str, status: u16) -> Result<(), StorageError> {
        if (200..300).contains(&status) {
            return Ok(());
        }
        self.stage = Stage::Lost;
        Err(match refused(method, status) {
            // Nothing that a client names is missing.
            StorageError::NotFound => {
                self.store.looked_after.set(None);
                StorageError::Failed(format!("the collection of uploads is gone ({status})"))
            }
            error => error,
        })
    }

    /// Some servers take a part of a request for all of it, or one in chunks for an empty one.
    fn check_size(&self) -> Result<(), StorageError> {
        let stored = client::resource(self.store.client.propfind(&self.url, 0)?)?.size;
        match stored == self.size {
            true => Ok(()),
            false => Err(StorageError::Failed(format!(
                "the server stored {stored} bytes of an upload of {}",
                self.size
            ))),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What is left all the same is swept away once it is old.
        let _ = self.remove();
    }
}
