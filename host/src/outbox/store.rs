//! The database of the outbox: how it is opened, and after a failure opened again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use redb::{Database, DatabaseError, ReadableDatabase, TableError};

use super::error::{OpenOutboxError, StoreError};
use super::snapshot::{Snapshot, known_names};
use super::tables::{FORMAT, META, Tables};
use crate::config::Durability;
use crate::durable_file;

/// Memory for pages of the database: what is written is soon read again and removed, so it seldom
/// needs more than the newest.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Opens the database, the first time or again.
type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The database, open while nothing failed.
pub(super) struct Store {
    database: RwLock<Option<Database>>,
    open: Open,
}

impl Store {
    /// Opens the outbox in the file `path`, or makes it where there is none.
    ///
    /// # Errors
    /// What is wrong with the file. It is never replaced.
    pub(super) fn open(path: &Path, durability: Durability) -> Result<Self, OpenOutboxError> {
        let failed = |source| OpenOutboxError::Io {
            path: path.to_owned(),
            source,
        };
        if !path.try_exists().map_err(failed)? {
            create(path, durability)?;
        }
        if path.metadata().map_err(failed)?.len() == 0 {
            return Err(damaged(path, "it is empty"));
        }
        let file = path.to_owned();
        let open = move || durable_file::open(&file, durability, CACHE_BYTES);
        let store = Self::with(Box::new(open)).map_err(|error| unopened(path, error))?;
        store.check_format(path)?;
        Ok(store)
    }

    /// A store on what `open` opens.
    pub(super) fn with(open: Open) -> Result<Self, DatabaseError> {
        let database = RwLock::new(Some(open()?));
        Ok(Self { database, open })
    }

    fn check_format(&self, path: &Path) -> Result<(), OpenOutboxError> {
        let found = self
            .with_database(|database| match database.begin_read()?.open_table(META) {
                Ok(meta) => Ok(meta.get("format")?.map_or(0, |format| format.value())),
                Err(TableError::TableDoesNotExist(_)) => Ok(0),
                Err(error) => Err(error.into()),
            })
            .map_err(|cause| damaged(path, cause))?;
        match found {
            FORMAT => Ok(()),
            0 => Err(damaged(path, "it has no format, so it is no outbox")),
            found => Err(OpenOutboxError::Format {
                path: path.to_owned(),
                found,
                expected: FORMAT,
            }),
        }
    }

    /// Does `work` on the tables as they are now.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_database(|database| work(&Snapshot::open(&database.begin_read()?)?))
    }

    /// Does `work` on the tables and makes it durable, or none of it.
    pub(super) fn write<T>(
        &self,
        names: &mut BTreeSet<String>,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_database(|database| {
            let transaction = database.begin_write()?;
            let value = {
                let mut tables = Tables::open(&transaction, names)?;
                let value = work(&mut tables)?;
                tables.finish()?;
                value
            };
            transaction.commit()?;
            Ok(value)
        })
    }

    /// The names of all plugins that anything is kept for.
    pub(super) fn names(&self) -> Result<BTreeSet<String>, StoreError> {
        self.read(known_names)
    }

    /// Opens the database again: after an error it answers nothing any more, also when its cause,
    /// such as a full disk, has passed.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        // The old one has to be gone first: it writes to the file when it closes.
        self.close();
        let database = (self.open)()?;
        *self.slot() = Some(database);
        Ok(())
    }

    /// Closes the database in good order.
    pub(super) fn close(&self) {
        *self.slot() = None;
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        work(database.as_ref().ok_or(StoreError::Closed)?)
    }
}

/// Makes an empty outbox under another name and renames it when it is whole, so that a crash never
/// leaves half of one.
fn create(path: &Path, durability: Durability) -> Result<(), OpenOutboxError> {
    let failed = |source| OpenOutboxError::Io {
        path: path.to_owned(),
        source,
    };
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let database = durable_file::open(&draft, durability, CACHE_BYTES);
    initialize(database.map_err(|error| unopened(path, error))?)
        .map_err(|error| failed(io::Error::other(error)))?;
    fs::rename(&draft, path).map_err(failed)?;
    if durability == Durability::Fsync {
        let directory = path.parent().map_or(PathBuf::from("."), Path::to_owned);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed)?;
    }
    Ok(())
}

fn initialize(database: Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    Tables::open(&transaction, &mut BTreeSet::new())?.initialize()?;
    transaction.commit()?;
    Ok(())
}

fn unopened(path: &Path, error: DatabaseError) -> OpenOutboxError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenOutboxError::InUse { path },
        DatabaseError::Storage(redb::StorageError::Io(source))
            if !matches!(
                source.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            OpenOutboxError::Io { path, source }
        }
        error => damaged(&path, error),
    }
}

fn damaged(path: &Path, cause: impl ToString) -> OpenOutboxError {
    OpenOutboxError::Damaged {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}
