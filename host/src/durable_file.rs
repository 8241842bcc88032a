//! Files that survive what `durability` promises: databases of redb in the state directory.

use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, StorageBackend};

use crate::config::Durability;

/// Opens the database at `path`, or makes it, for this user alone. It keeps `cache` bytes of the
/// file in memory.
///
/// With [`Durability::Os`] a commit is in the kernel's hands when it returns, and so survives a
/// crash of the host; with [`Durability::Fsync`] it is on the disk.
///
/// # Errors
/// The file cannot be used, or another process has it open.
pub fn open(path: &Path, durability: Durability, cache: usize) -> Result<Database, DatabaseError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let backend = DurableFile {
        file: FileBackend::new(file)?,
        durability,
    };
    Database::builder()
        .set_cache_size(cache)
        .create_with_backend(backend)
}

/// The file of a database, which is synchronised only where it is to survive a loss of power.
#[derive(Debug)]
struct DurableFile {
    file: FileBackend,
    durability: Durability,
}

type Edge = Bound<u64>;

impl StorageBackend for DurableFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.durability {
            Durability::Os => Ok(()),
            Durability::Fsync => self.file.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Edge, end: Edge) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Edge, end: Edge) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use redb::{ReadableDatabase as _, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<'_, &str, u64> = TableDefinition::new("table");

    #[test]
    fn what_was_committed_is_there_in_a_copy_of_the_open_file() {
        for durability in [Durability::Os, Durability::Fsync] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.redb");
            let database = open(&path, durability, 1 << 20).unwrap();
            let transaction = database.begin_write().unwrap();
            transaction
                .open_table(TABLE)
                .unwrap()
                .insert("a", 1)
                .unwrap();
            transaction.commit().unwrap();
            assert!(open(&path, durability, 1 << 20).is_err(), "it is in use");
            // As after kill -9: nothing was closed.
            let copy = directory.path().join("b.redb");
            std::fs::copy(&path, &copy).unwrap();
            let copy = open(&copy, durability, 1 << 20).unwrap();
            let table = copy.begin_read().unwrap().open_table(TABLE).unwrap();
            assert_eq!(
                redb::ReadableTable::get(&table, "a")
                    .unwrap()
                    .unwrap()
                    .value(),
                1
            );
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
