//! The files and collections of the server, by their keys.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wharf_plugin::{Entry, EntryKind, StorageError};

use crate::address::{Address, split};
use crate::client::{self, Client, refused};
use crate::listing::Window;
use crate::multistatus::Resource;

/// What all transfers of an instance share.
pub struct Store {
    /// How the server is asked.
    pub client: Client,
    /// Where keys stand.
    pub address: Address,
    /// The key of the collection in which uploads wait; never shown.
    pub staging: String,
    /// How old what waits there may be.
    pub sweep_after: Duration,
    /// The largest file that is sent again to change a part of it.
    pub rewrite_up_to: u64,
    /// When [`Store::staging`] was last looked at.
    pub looked_after: Cell<Option<Duration>>,
    /// What the server can do; asked when it is first needed.
    pub abilities: OnceCell<Abilities>,
    /// What is left of the last look at a directory.
    pub window: RefCell<Option<Window>>,
}

/// What a server can do beyond RFC 4918.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// How it changes a part of a file.
    pub patching: Option<Patching>,
    /// Whether it keeps no times but its own.
    pub keeps_own_times: bool,
}

/// How a part of a file is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patching {
    /// PUT with `Content-Range`: Apache's `mod_dav_fs`.
    Put,
    /// PATCH with `X-Update-Range`: SabreDAV's partial update.
    Patch,
}

impl Store {
    /// What stands at `key`.
    ///
    /// # Errors
    /// Nothing does, or the server does not say.
    pub fn find(&self, key: &str) -> Result<Resource, StorageError> {
        if self.is_hidden(key) {
            return Err(StorageError::NotFound);
        }
        let found = self.described(key)?;
        found.map_err(|status| self.explain(key, "PROPFIND", status))
    }

    /// What the server tells of `key`, or the status with which it refuses.
    fn described(&self, key: &str) -> Result<Result<Resource, u16>, StorageError> {
        let url = match key {
            "" => self.address.directory(key),
            _ => self.address.file(key),
        };
        let answer = self.client.propfind(&url, 0)?;
        let answer = match answer.status {
            // The address of a collection ends with a slash, and some insist on that.
            301 | 302 | 307 | 308 => self.client.propfind(&self.address.directory(key), 0)?,
            _ => answer,
        };
        match answer.status {
            207 => client::resource(answer).map(Ok),
            status => Ok(Err(status)),
        }
    }

    /// The collection at `key`.
    ///
    /// # Errors
    /// As [`Self::find`], and a file stands there.
    pub fn collection(&self, key: &str) -> Result<(), StorageError> {
        match self.find(key)?.is_collection {
            true => Ok(()),
            false => Err(StorageError::NotDirectory),
        }
    }

    /// What stands at `key`, if anything does.
    ///
    /// # Errors
    /// The server does not say.
    pub fn there(&self, key: &str) -> Result<Option<Resource>, StorageError> {
        match self.find(key) {
            Ok(found) => Ok(Some(found)),
            Err(StorageError::NotFound | StorageError::NotDirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why `method` for `key` is answered with `status`. Servers use different ones for what is
    /// missing above `key`, so this looks there.
    pub fn explain(&self, key: &str, method: &str, status: u16) -> StorageError {
        if key.is_empty() {
            let text = format!("`url` leads to no collection: {method} is answered with {status}");
            return StorageError::Failed(text);
        }
        let is_unclear = matches!(status, 400 | 403..=405 | 409 | 500);
        let (above, _) = split(key);
        if !is_unclear || above.is_empty() {
            return refused(method, status);
        }
        match self.described(above) {
            Ok(Ok(found)) if found.is_collection => refused(method, status),
            Ok(Ok(_)) => StorageError::NotDirectory,
            Ok(Err(_)) => StorageError::NotFound,
            Err(error) => error,
        }
    }

    /// Moves what stands at the address `source` to `target`, over a file there only if `replace`.
    ///
    /// # Errors
    /// A directory stands there, or a file that stays, or the server refuses.
    pub fn place(&self, source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
        if self.is_hidden(target) {
            return Err(StorageError::PermissionDenied);
        }
        let url = match source.ends_with('/') {
            true => self.address.directory(target),
            false => self.address.file(target),
        };
        let go = |overwrite| {
            let path = self.address.path(&url);
            self.client.relocate("MOVE", source, &url, path, overwrite)
        };
        let answer = match go(false)? {
            // To overwrite a collection is to delete all that it holds.
            answer if answer.status == 412 && replace => match self.there(target)? {
                Some(found) if found.is_collection => return Err(StorageError::IsDirectory),
                _ => go(true)?,
            },
            answer => answer,
        };
        match answer.status {
            // Of many, some were not moved.
            207 => Err(StorageError::Failed("only a part of it was moved".into())),
            200..=299 => Ok(()),
            status => Err(self.explain(target, "MOVE", status)),
        }
    }

    /// Deletes what stands at the address `url`.
    ///
    /// # Errors
    /// The server refuses.
    pub fn delete(&self, url: &str) -> Result<(), StorageError> {
        match self.client.ask("DELETE", url)?.status {
            207 => Err(StorageError::Failed("only a part of it was deleted".into())),
            200..=299 => Ok(()),
            status => Err(refused("DELETE", status)),
        }
    }

    /// What the server can do.
    ///
    /// # Errors
    /// It does not say.
    pub fn abilities(&self) -> Result<Abilities, StorageError> {
        if let Some(known) = self.abilities.get() {
            return Ok(*known);
        }
        let answer = self.client.ask("OPTIONS", &self.address.directory(""))?;
        if !answer.is_success() {
            return Err(refused("OPTIONS", answer.status));
        }
        let is_dav = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("dav");
        let classes: Vec<_> = answer.headers.iter().filter(is_dav).collect();
        let has = |class: &str| classes.iter().any(|(_, value)| value.contains(class));
        let is_apache = has("<http://apache.org/dav/propset/fs/1>");
        let abilities = Abilities {
            patching: match () {
                () if is_apache => Some(Patching::Put),
                () if has("sabredav-partialupdate") => Some(Patching::Patch),
                () => None,
            },
            keeps_own_times: is_apache,
        };
        Ok(*self.abilities.get_or_init(|| abilities))
    }

    /// Bytes that can still be stored, where the server knows.
    ///
    /// # Errors
    /// It does not answer.
    pub fn available(&self) -> Result<Option<u64>, StorageError> {
        let answer = self.client.quota(&self.address.directory(""))?;
        Ok(client::resource(answer)?.available)
    }

    /// Sets when `key` was changed, in whole seconds.
    ///
    /// # Errors
    /// Nothing stands there, or the server keeps no times but its own.
    pub fn set_modified(&self, key: &str, modified: SystemTime) -> Result<(), StorageError> {
        let found = self.find(key)?;
        if self.abilities()?.keeps_own_times {
            return Err(StorageError::Unsupported);
        }
        let seconds = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified = UNIX_EPOCH + Duration::from_secs(seconds.as_secs());
        let url = match found.is_collection {
            true => self.address.directory(key),
            false => self.address.file(key),
        };
        // The first is RFC 4918's, which most protect; the second what ownCloud began.
        for (property, value) in [
            ("getlastmodified", httpdate::fmt_http_date(modified)),
            ("lastmodified", seconds.as_secs().to_string()),
        ] {
            let document = format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
                 <propertyupdate xmlns=\"DAV:\"><set><prop><{property}>{value}</{property}></prop>\
                 </set></propertyupdate>"
            );
            let answer = self.client.proppatch(&url, &document)?;
            let took_it = answer.status == 207 && client::resource(answer)?.is_complete;
            // Some keep the property as any other, and change nothing else.
            if took_it && self.find(key)?.modified == Some(modified) {
                return Ok(());
            }
        }
        Err(StorageError::Unsupported)
    }

    /// Whether `key` is the collection of uploads or in it.
    pub fn is_hidden(&self, key: &str) -> bool {
        let below = key.strip_prefix(&self.staging);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// What stands at `key`, as the host wants it.
pub fn entry(key: &str, found: &Resource) -> Entry {
    let (_, name) = split(key);
    Entry {
        // The root has no name, and one must be told.
        name: if name.is_empty() { "root" } else { name }.to_owned(),
        kind: match found.is_collection {
            true => EntryKind::Directory,
            false => EntryKind::File,
        },
        size: if found.is_collection { 0 } else { found.size },
        modified: found.modified,
    }
}
