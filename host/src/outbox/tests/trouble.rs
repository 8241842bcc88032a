//! Files that are no outbox, and disks that fail.

use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;

use redb::{Database, StorageBackend, backends::FileBackend};

use super::*;

fn refused(directory: &Path) -> OpenOutboxError {
    let opened = Outbox::open(directory, Durability::Os, &Events::default());
    opened.err().unwrap()
}

/// The file of an outbox that was closed with twenty events in it.
fn closed(directory: &Path) -> std::path::PathBuf {
    let outbox = open(directory);
    outbox.subscribe(&[subscription("x", &["*"])]);
    for sequence in 0..20 {
        outbox.append(&[event("a", sequence)]).unwrap();
    }
    outbox.close();
    directory.join(FILE_NAME)
}

#[test]
fn a_file_that_is_no_outbox_is_left_as_it_is() {
    let other = {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other");
        drop(Database::create(&path).unwrap());
        fs::read(path).unwrap()
    };
    let contents: [&[u8]; 4] = [b"", b"junk", &[0; 100_000], &other];
    for content in contents {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        fs::write(&path, content).unwrap();
        let error = refused(directory.path());
        assert!(matches!(error, OpenOutboxError::Damaged { .. }), "{error}");
        assert!(path.exists());
        if *content != *other {
            assert!(fs::read(&path).unwrap() == content, "it was changed");
        }
    }
}

#[test]
fn a_cut_outbox_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = closed(directory.path());
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() / 2, 5000, 400, 17] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(directory.path());
        assert!(
            matches!(error, OpenOutboxError::Damaged { .. }),
            "{length}: {error}"
        );
        assert!(path.exists());
    }
}

#[test]
fn damage_is_an_error_or_is_not_met() {
    let directory = tempfile::tempdir().unwrap();
    let path = closed(directory.path());
    let whole = fs::read(&path).unwrap();
    for round in 0..100 {
        let mut bytes = whole.clone();
        // Half of it hits the header and what it leads to first.
        let reach = if round % 2 == 0 { 4096 } else { bytes.len() };
        for _ in 0..4 {
            let at = rand::random_range(0..reach);
            bytes[at] ^= 1 << rand::random_range(0..8);
        }
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), &bytes).unwrap();
        match Outbox::open(directory.path(), Durability::Os, &Events::default()) {
            Ok(_) | Err(OpenOutboxError::Damaged { .. } | OpenOutboxError::Format { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn another_format_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = closed(directory.path());
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(tables::META)
        .unwrap()
        .insert("format", 2)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused(directory.path()).to_string();
    assert!(
        error.contains("has format 2, and this version of wharf reads format 1"),
        "{error}"
    );
}

#[test]
fn there_is_one_host_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let _outbox = open(directory.path());
    let error = refused(directory.path());
    assert!(matches!(error, OpenOutboxError::InUse { .. }), "{error}");
}

#[test]
fn a_draft_that_a_crash_left_is_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("events.new"), b"half an outbox").unwrap();
    assert_eq!(open(directory.path()).level(), Level::default());
}

/// A disk that can be full, and one that makes the database panic.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    full: Arc<AtomicBool>,
    cursed: Arc<AtomicBool>,
}

impl StorageBackend for Disk {
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
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        assert!(!self.cursed.load(Ordering::Relaxed), "as asked");
        match self.full.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => self.file.write(offset, data),
        }
    }
}

/// An outbox on such a disk.
struct Troubled {
    outbox: Arc<Outbox>,
    full: Arc<AtomicBool>,
    cursed: Arc<AtomicBool>,
    _directory: tempfile::TempDir,
}

impl Troubled {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = closed(directory.path());
        let [full, cursed] = [false, false].map(|it| Arc::new(AtomicBool::new(it)));
        let trouble = [Arc::clone(&full), Arc::clone(&cursed)];
        let open = move || {
            let file = fs::File::options().read(true).write(true).open(&path)?;
            let file = FileBackend::new(file)?;
            let [full, cursed] = trouble.clone();
            Database::builder().create_with_backend(Disk { file, full, cursed })
        };
        let store = Store::with(Box::new(open)).unwrap();
        let outbox = Outbox::on(store, &Events::default()).unwrap();
        outbox.subscribe(&[subscription("x", &["*"])]);
        Self {
            outbox,
            full,
            cursed,
            _directory: directory,
        }
    }
}

#[test]
fn a_disk_that_was_full_is_used_again() {
    let Troubled { outbox, full, .. } = &Troubled::new();
    outbox.append(&[event("a", 20)]).unwrap();
    assert_eq!(outbox.fault(), None);
    full.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(outbox.append(&[event("a", 21)]), Err(NotStored));
        outbox.post(&event("b", 0));
    }
    // Behind what was posted.
    assert_eq!(outbox.append(&[event("a", 21)]), Err(NotStored));
    assert_eq!(outbox.lost(), 3);
    assert!(outbox.fault().unwrap().contains("cannot be written"));
    full.store(false, Ordering::Relaxed);
    outbox.append(&[event("a", 22)]).unwrap();
    let kept = waiting(outbox, "x");
    let expected: Vec<_> = (0..=20).chain([22]).map(|n| format!("a.{n}")).collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_panic_of_the_database_is_a_failure_like_others() {
    let Troubled { outbox, cursed, .. } = &Troubled::new();
    outbox.append(&[event("a", 20)]).unwrap();
    cursed.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(outbox.append(&[event("a", 21)]), Err(NotStored));
    }
    assert!(outbox.fault().is_some());
    cursed.store(false, Ordering::Relaxed);
    outbox.append(&[event("a", 22)]).unwrap();
    assert_eq!(outbox.fault(), None);
    let kept = waiting(outbox, "x");
    let expected: Vec<_> = (0..=20).chain([22]).map(|n| format!("a.{n}")).collect();
    assert_eq!(kept, expected);
}
