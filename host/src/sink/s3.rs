//! A bucket of an S3 store.
//!
//! Requests are asynchronous and a sink is not: it waits for them on the blocking threads that it
//! is called on, while parts and ranges move in tasks beside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectCannedAcl, ServerSideEncryption, StorageClass};
use bytes::Bytes;
use tokio::runtime::Handle;
use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use self::commit::Over;
use self::download::S3Reader;
use self::error::failed;
use self::layout::Layout;
use self::memory::Memory;
use self::parts::Growth;
use self::properties::Properties;
use self::upload::S3Upload;
use super::free_name::FreeNames;
use super::locks::Locks;
use super::{Entries, Existing, Key, Reader, Sink, SinkError, Upload, WriteMode};
use crate::config::{Checksums, Directories, Modified, Rights, S3Sink};

mod client;
mod commit;
mod content;
mod copy;
mod download;
mod encoding;
mod error;
mod layout;
mod listing;
mod memory;
mod multipart;
mod orphans;
mod parts;
mod properties;
mod range;
mod remove;
mod rename;
mod resume;
#[cfg(test)]
mod tests;
mod upload;

pub use self::client::{OpenError, ask};
pub use self::parts::{Growth as PartGrowth, OBJECT_MAX};

/// How often a request is tried.
const ATTEMPTS: u32 = 5;
/// The largest object that one request copies (Amazon S3, CopyObject).
const COPY_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// A bucket, as all transfers share it.
struct Store {
    client: Client,
    settings: S3Sink,
    layout: Layout,
    memory: Memory,
    growth: Growth,
    runtime: Handle,
    orphans: orphans::Journal,
    free_names: FreeNames,
    locks: Locks,
}

/// A sink of kind `s3`.
#[derive(Clone)]
pub struct Bucket(Arc<Store>);

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket")
            .field(&self.0.settings.bucket)
            .finish()
    }
}

impl Bucket {
    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.0.runtime.block_on(answer)
    }

    /// That the credentials permit more than storing.
    fn needs_full_rights(&self) -> Result<(), SinkError> {
        match self.0.settings.rights {
            Rights::Full => Ok(()),
            Rights::PutOnly => Err(SinkError::PermissionDenied),
        }
    }
}

impl Bucket {
    /// That something may stand at `key`: the markers of directories are not shown.
    fn is_shown(&self, key: &Key) -> Result<(), SinkError> {
        match self.0.layout.excludes(key) {
            true => Err(SinkError::NotFound),
            false => Ok(()),
        }
    }

    /// That something may be made at `key`.
    fn may_be_made(&self, key: &Key) -> Result<(), SinkError> {
        match self.0.layout.excludes(key) {
            true => Err(SinkError::InvalidName),
            false => Ok(()),
        }
    }
}

impl Sink for Bucket {
    fn stat(&self, key: &Key) -> Result<Entry, SinkError> {
        self.is_shown(key)?;
        self.wait(self.0.stat(key))
    }

    fn list(&self, directory: &Key) -> Result<Entries, SinkError> {
        listing::list(&self.0, directory)
    }

    fn open(&self, file: &Key, offset: u64) -> Result<Box<dyn Reader>, SinkError> {
        self.needs_full_rights()?;
        self.is_shown(file)?;
        let object = self.0.layout.object(file);
        match self.wait(S3Reader::open(&self.0, object, offset)) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(SinkError::NotFound) => match self.stat(file)?.kind {
                EntryKind::Directory => Err(SinkError::IsDirectory),
                _ => Err(SinkError::NotFound),
            },
            Err(error) => Err(error),
        }
    }

    fn create(&self, file: &Key, mode: WriteMode) -> Result<Box<dyn Upload>, SinkError> {
        if file.is_root() {
            return Err(SinkError::IsDirectory);
        }
        self.may_be_made(file)?;
        if mode != WriteMode::Unique {
            return Ok(Box::new(self.wait(self.0.begin(file, mode))?));
        }
        let is_taken = |key: &Key| Ok(self.wait(self.0.existing(key))?.is_some());
        let name = self.0.free_names.hold(file, is_taken)?;
        let upload = self.wait(self.0.begin(name.key(), mode))?;
        Ok(Box::new(upload.named(name)))
    }

    fn make_directory(&self, directory: &Key) -> Result<(), SinkError> {
        self.may_be_made(directory)?;
        self.wait(async {
            let _held = self.0.locks.hold(&[directory]).await;
            if self.0.existing(directory).await?.is_some() {
                return Err(SinkError::Exists);
            }
            self.0.check_parent(directory).await?;
            self.0.put_marker(directory).await
        })
    }

    fn remove_directory(&self, directory: &Key) -> Result<(), SinkError> {
        self.needs_full_rights()?;
        if directory.is_root() {
            return Err(SinkError::PermissionDenied);
        }
        self.wait(async {
            let _held = self.0.locks.hold(&[directory]).await;
            self.0.remove_directory(directory).await
        })
    }

    fn remove(&self, file: &Key) -> Result<(), SinkError> {
        self.needs_full_rights()?;
        self.is_shown(file)?;
        self.wait(async {
            let _held = self.0.locks.hold(&[file]).await;
            match self.0.stat(file).await?.kind {
                EntryKind::Directory => Err(SinkError::IsDirectory),
                _ => self.0.delete(&self.0.layout.object(file)).await,
            }
        })
    }

    fn rename(&self, source: &Key, target: &Key, existing: Existing) -> Result<(), SinkError> {
        self.needs_full_rights()?;
        if source.is_root() || target.is_root() {
            return Err(SinkError::PermissionDenied);
        }
        self.is_shown(source)?;
        self.may_be_made(target)?;
        self.wait(async {
            let _held = self.0.locks.hold(&[source, target]).await;
            self.0.rename(source, target, existing).await
        })
    }

    fn keeps_times(&self) -> bool {
        self.0.settings.modified == Modified::Metadata
    }

    fn set_modified(&self, key: &Key, modified: Timestamp) -> Result<(), SinkError> {
        self.needs_full_rights()?;
        if !self.keeps_times() {
            return Err(SinkError::Unsupported);
        }
        self.is_shown(key)?;
        self.wait(async {
            let _held = self.0.locks.hold(&[key]).await;
            self.0.set_modified(key, modified).await
        })
    }

    fn set_mode(&self, _: &Key, _: u32) -> Result<(), SinkError> {
        Err(SinkError::Unsupported)
    }

    fn available(&self, _: &Key) -> Result<u64, SinkError> {
        Err(SinkError::Unsupported)
    }
}

impl Store {
    /// Whether a key with something below it is a directory without a marker, and whether files may
    /// be stored in directories that nobody made.
    fn implicit(&self) -> bool {
        self.settings.directories == Directories::Implicit
    }

    fn storage_class(&self) -> Option<StorageClass> {
        self.settings
            .storage_class
            .as_deref()
            .map(StorageClass::from)
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.settings
            .encryption
            .as_deref()
            .map(ServerSideEncryption::from)
    }

    fn acl(&self) -> Option<ObjectCannedAcl> {
        self.settings.acl.as_deref().map(ObjectCannedAcl::from)
    }

    fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        let always = self.settings.checksums == Checksums::WhenSupported;
        always.then_some(ChecksumAlgorithm::Crc32)
    }

    /// Whether bodies go unsigned: TLS makes it safe, and it saves hashing them.
    fn is_unsigned(&self) -> bool {
        let endpoint = self.settings.endpoint.as_deref();
        endpoint.is_none_or(|endpoint| endpoint.starts_with("https:"))
    }

    /// What stands at `key`: a file where there is an object, else a directory.
    async fn stat(&self, key: &Key) -> Result<Entry, SinkError> {
        let name = key.split().map_or("/", |(_, name)| name);
        let directory = || Entry::new(name, EntryKind::Directory).ok_or(SinkError::InvalidName);
        if key.is_root() {
            return directory();
        }
        let (file, is_directory) = tokio::join!(self.file(key, name), self.is_directory(key));
        match file {
            Ok(Some(entry)) => Ok(entry),
            Ok(None) if is_directory? => directory(),
            Ok(None) => Err(self.missing(key).await),
            Err(error) => Err(error),
        }
    }

    /// What stands at `key`, if anything does.
    async fn existing(&self, key: &Key) -> Result<Option<Entry>, SinkError> {
        match self.stat(key).await {
            Ok(entry) => Ok(Some(entry)),
            Err(SinkError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn file(&self, key: &Key, name: &str) -> Result<Option<Entry>, SinkError> {
        if self.settings.rights == Rights::PutOnly {
            return self.listed(key, name).await;
        }
        let Some(head) = self.head(&self.layout.object(key)).await? else {
            return Ok(None);
        };
        let mut entry = Entry::new(name, EntryKind::File).ok_or(SinkError::InvalidName)?;
        entry.size = copy::size_of(&head);
        entry.modified = self.modified(&head);
        Ok(Some(entry))
    }

    /// What the store tells of an object, if there is one.
    async fn head(&self, object: &str) -> Result<Option<HeadObjectOutput>, SinkError> {
        let head = self.client.head_object().bucket(&self.settings.bucket);
        match head.key(object).send().await.map_err(failed) {
            Ok(head) => Ok(Some(head)),
            Err(SinkError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When an object was modified, according to whom the operator believes.
    fn modified(&self, head: &HeadObjectOutput) -> Option<Timestamp> {
        let said = match self.settings.modified {
            Modified::Store => None,
            Modified::Metadata => properties::modified(head),
        };
        said.or_else(|| head.last_modified.map(listing::timestamp))
    }

    /// The size and entity tag of an object.
    async fn size_of(&self, object: &str) -> Result<(u64, Option<String>), SinkError> {
        let head = self.head(object).await?.ok_or(SinkError::NotFound)?;
        Ok((copy::size_of(&head), head.e_tag))
    }

    /// Why nothing stands at `key`: something below a file is another error than nothing.
    async fn missing(&self, key: &Key) -> SinkError {
        match key.split() {
            Some((parent, name)) if !parent.is_root() && !self.implicit() => {
                let below_file = self.file(&parent, name).await;
                match below_file {
                    Ok(Some(_)) => SinkError::NotDirectory,
                    Ok(None) => SinkError::NotFound,
                    Err(error) => error,
                }
            }
            _ => SinkError::NotFound,
        }
    }

    /// That a file or directory may be made at `key`, as far as its directory decides.
    async fn check_parent(&self, key: &Key) -> Result<(), SinkError> {
        match key.split() {
            Some((parent, _)) if !parent.is_root() && !self.implicit() => {
                match self.stat(&parent).await?.kind {
                    EntryKind::Directory => Ok(()),
                    _ => Err(SinkError::NotDirectory),
                }
            }
            _ => Ok(()),
        }
    }

    /// That a file may be stored at `key`, as far as directories decide.
    async fn check_place(&self, key: &Key) -> Result<(), SinkError> {
        if self.implicit() {
            return Ok(());
        }
        let (is_directory, parent) = tokio::join!(self.is_directory(key), self.check_parent(key));
        parent?;
        match is_directory? {
            true => Err(SinkError::IsDirectory),
            false => Ok(()),
        }
    }

    /// Begins an upload. Where directories are implicit a new file takes no request before its
    /// bytes.
    async fn begin(self: &Arc<Self>, file: &Key, mode: WriteMode) -> Result<S3Upload, SinkError> {
        self.check_place(file).await?;
        match mode {
            WriteMode::Replace | WriteMode::Unique | WriteMode::At(0) => {
                Ok(S3Upload::new(Arc::clone(self), file.clone(), mode))
            }
            WriteMode::Append | WriteMode::At(_) => resume::begin(self, file, mode).await,
        }
    }

    async fn put_marker(&self, directory: &Key) -> Result<(), SinkError> {
        match self.layout.marker(directory) {
            Some(marker) => {
                let properties = Properties::of_new(self);
                let put = self.put(&marker, Bytes::new(), &Over::Nothing, &properties);
                put.await
            }
            None => Ok(()),
        }
    }

    async fn delete(&self, object: &str) -> Result<(), SinkError> {
        let request = self.client.delete_object().bucket(&self.settings.bucket);
        request.key(object).send().await.map_err(failed).map(drop)
    }
}

/// How long to wait before what failed is tried again: longer each time, and not all at once.
fn pause(attempt: u32) -> Duration {
    let most = Duration::from_millis(200) * 2_u32.saturating_pow(attempt.min(6));
    most.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
