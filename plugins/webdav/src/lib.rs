//! Keeps files on a WebDAV server (RFC 4918).

mod address;
mod client;
mod download;
mod limits;
mod listing;
mod multistatus;
mod settings;
mod staged;
mod staging;
mod store;
mod upload;

use std::rc::Rc;
use std::time::SystemTime;

use wharf_plugin::sinks::Page;
use wharf_plugin::{
    Entry, Feature, Incoming, Lifecycle, Problems, Reader, Start, StorageError, StorageSink, config,
};

use crate::client::Credentials;
use crate::download::Download;
use crate::store::{Store, entry};
use crate::upload::Upload;

/// The plugin.
struct WebDav(Rc<Store>);

wharf_plugin::export!(WebDav: StorageSink);

impl Lifecycle for WebDav {
    fn start() -> Result<Self, Problems> {
        let store = config::parse::<settings::Settings>()?.resolve()?;
        Ok(Self(Rc::new(store)))
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if matches!(self.0.client.credentials, Credentials::None) {
            warnings.add("user", "is missing, so the server has to let anybody in");
        } else if self.0.address.is_clear() {
            warnings.add(
                "url",
                "is not encrypted, and the password can be read on the way",
            );
        }
        warnings
    }
}

impl StorageSink for WebDav {
    fn features(&self) -> Vec<Feature> {
        vec![
            Feature::Append,
            Feature::Resume,
            Feature::Rename,
            Feature::Directories,
            Feature::SetModified,
            Feature::ReadBack,
        ]
    }

    fn stat(&self, key: &str) -> Result<Entry, StorageError> {
        Ok(entry(key, &self.0.find(key)?))
    }

    fn browse(&self, key: &str, limit: u32, after: Option<&str>) -> Result<Page, StorageError> {
        self.0.browse(key, limit, after)
    }

    fn open(&self, key: &str, offset: u64) -> Result<Box<dyn Reader>, StorageError> {
        if self.0.is_hidden(key) {
            return Err(StorageError::NotFound);
        }
        let download = Download::open(&self.0, self.0.address.file(key), offset)?;
        Ok(Box::new(download))
    }

    fn begin_upload(
        &self,
        key: &str,
        at: Start,
        _size_hint: Option<u64>,
    ) -> Result<Box<dyn Incoming>, StorageError> {
        Ok(Box::new(Upload::begin(&self.0, key, at)?))
    }

    fn delete(&self, key: &str) -> Result<(), StorageError> {
        // To delete a collection is to delete all that it holds.
        match self.0.find(key)?.is_collection {
            true => Err(StorageError::IsDirectory),
            false => self.0.delete(&self.0.address.file(key)),
        }
    }

    fn rename(&self, source: &str, target: &str, replace: bool) -> Result<(), StorageError> {
        let url = match self.0.find(source)?.is_collection {
            true => self.0.address.directory(source),
            false => self.0.address.file(source),
        };
        self.0.place(&url, target, replace)
    }

    fn make_directory(&self, key: &str) -> Result<(), StorageError> {
        if self.0.is_hidden(key) {
            return Err(StorageError::PermissionDenied);
        }
        // Not every server says that it is there already.
        if self.0.there(key)?.is_some() {
            return Err(StorageError::Exists);
        }
        let url = self.0.address.directory(key);
        match self.0.client.ask("MKCOL", &url)?.status {
            200..=299 => Ok(()),
            405 => Err(StorageError::Exists),
            status => Err(self.0.explain(key, "MKCOL", status)),
        }
    }

    fn remove_directory(&self, key: &str) -> Result<(), StorageError> {
        match self.0.is_empty(key)? {
            true => self.0.delete(&self.0.address.directory(key)),
            false => Err(StorageError::NotEmpty),
        }
    }

    fn set_modified(&self, key: &str, modified: SystemTime) -> Result<(), StorageError> {
        self.0.set_modified(key, modified)
    }

    fn available(&self) -> Result<Option<u64>, StorageError> {
        self.0.available()
    }
}

#[cfg(test)]
mod tests;
