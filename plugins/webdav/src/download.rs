//! A file that is read.

use std::rc::Rc;

use wharf_plugin::http::Answer;
use wharf_plugin::{Reader, StorageError};

use crate::client::{answered, failed, refused};
use crate::limits::PIECE;
use crate::store::Store;

/// Reads a file forwards, in one request as long as that lasts.
pub struct Download {
    store: Rc<Store>,
    url: String,
    offset: u64,
    /// None where nothing is left.
    answer: Option<Answer>,
    version: Version,
    /// Whether the request that is under way has brought anything.
    has_progressed: bool,
}

/// What tells one content of a file from another, as far as the server tells.
#[derive(PartialEq, Eq)]
struct Version {
    tag: Option<String>,
    modified: Option<String>,
}

impl Download {
    /// Opens what stands at the address `url`, at the byte `offset`.
    ///
    /// # Errors
    /// It is not there, or the server refuses.
    pub fn open(store: &Rc<Store>, url: String, offset: u64) -> Result<Self, StorageError> {
        let answer = fetch(store, &url, offset)?;
        Ok(Self {
            store: Rc::clone(store),
            url,
            offset,
            version: Version::of(answer.as_ref()),
            answer,
            has_progressed: false,
        })
    }

    /// The byte that comes next.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on where the request before broke off: a server waits for a slow client only so long.
    fn reopen(&mut self) -> Result<(), StorageError> {
        // Nobody can tell whether the rest belongs to what was read.
        if self.version.is_unknown() {
            let text = "the request broke off, and the server tells no version to go on with";
            return Err(StorageError::Failed(text.into()));
        }
        let answer = fetch(&self.store, &self.url, self.offset)?;
        if answer.is_none() || Version::of(answer.as_ref()) != self.version {
            let text = "the file was changed while it was read";
            return Err(StorageError::Failed(text.into()));
        }
        self.answer = answer;
        self.has_progressed = false;
        Ok(())
    }
}

impl Reader for Download {
    fn read(&mut self, length: u32) -> Result<Vec<u8>, StorageError> {
        loop {
            let Some(answer) = &mut self.answer else {
                return Ok(Vec::new());
            };
            match answer.next(length as usize) {
                Ok(piece) => {
                    self.offset += piece.len() as u64;
                    self.has_progressed |= !piece.is_empty();
                    return Ok(piece);
                }
                Err(_) if self.has_progressed => self.reopen()?,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

impl Version {
    fn of(answer: Option<&Answer>) -> Self {
        let header = |name| answer?.header(name).map(str::to_owned);
        Self {
            tag: header("etag"),
            modified: header("last-modified"),
        }
    }

    fn is_unknown(&self) -> bool {
        self.tag.is_none() && self.modified.is_none()
    }
}

/// What stands at `url` from `offset` on; none at its end.
fn fetch(store: &Store, url: &str, offset: u64) -> Result<Option<Answer>, StorageError> {
    let request = store.client.request("GET", url)?;
    let request = match offset {
        0 => request,
        _ => request.header("range", format!("bytes={offset}-")),
    };
    let mut answer = answered(request)?;
    let begins = |range: &str| range.starts_with(&format!("bytes {offset}-"));
    match answer.status {
        200 => skip(&mut answer, offset)?,
        206 if answer.header("content-range").is_some_and(begins) => {}
        416 => return Ok(None),
        status => return Err(refused("GET", status)),
    }
    Ok(Some(answer))
}

/// Reads what a server sends that knows no ranges.
fn skip(answer: &mut Answer, mut count: u64) -> Result<(), StorageError> {
    while count > 0 {
        let wanted = usize::try_from(count).unwrap_or(PIECE).min(PIECE);
        match answer.next(wanted).map_err(failed)?.len() {
            0 => return Ok(()),
            skipped => count -= skipped as u64,
        }
    }
    Ok(())
}
