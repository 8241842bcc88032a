//! Quotas of a real directory, however many store there.

use std::fs;
use std::thread;

use super::*;
use crate::config::Durability;
use crate::sink::fs::FsSink;
use crate::sink::{Key, Upload, WriteMode};

/// A directory with two files of ten bytes each, one of them further down.
struct Fixture {
    folder: tempfile::TempDir,
    sink: Arc<dyn Sink>,
    quotas: Quotas,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home/deep/er")).unwrap();
        for file in ["outside", "home/a", "home/deep/er/b"] {
            fs::write(folder.path().join(file), "0123456789").unwrap();
        }
        let sink = FsSink::open(folder.path(), Durability::Os).unwrap();
        Self {
            folder,
            sink: Arc::new(sink),
            quotas: Quotas::default(),
        }
    }

    fn at(key: &str) -> Location {
        Location::new("local", Key::parse(key).unwrap())
    }

    /// An upload of a user who may have `bytes` and `files` in `home`.
    fn begin(
        &self,
        name: &str,
        existing: Option<u64>,
        quota: (Option<u64>, Option<u64>),
        announced: u64,
    ) -> Result<Metered, SinkError> {
        let (bytes, files) = quota;
        let (account, sink) = (self.quotas.account(&Self::at("home")), &self.sink);
        let quota = Quota { bytes, files };
        let room = Reservation::new(account, Arc::clone(sink), quota, existing, announced)?;
        let key = Key::parse("home").unwrap().child(name).unwrap();
        let upload = sink.create(&key, WriteMode::Replace)?;
        Ok(Metered::new(upload, WriteMode::Replace, room))
    }
}

fn stored(upload: Result<Metered, SinkError>, bytes: &[u8]) -> Result<(), SinkError> {
    let mut upload = upload?;
    upload.write(bytes)?;
    Box::new(upload).commit()
}

fn is_refused<T>(result: Result<T, SinkError>) -> bool {
    matches!(result, Err(SinkError::QuotaExceeded))
}

#[test]
fn what_stands_there_counts_and_what_goes_does_not() {
    let fixture = Fixture::new();
    let thirty = (Some(30), None);
    let store =
        |name, existing, bytes: &[u8]| stored(fixture.begin(name, existing, thirty, 0), bytes);
    assert!(is_refused(store("c", None, b"01234567890")));
    assert!(is_refused(fixture.begin("c", None, thirty, 11)));
    // What broke off has given its room back.
    store("c", None, b"0123456789").unwrap();
    assert!(is_refused(fixture.begin("d", None, thirty, 0)));
    // What takes the place of a file needs room for what it is larger.
    store("c", Some(10), b"9876543210").unwrap();
    assert!(is_refused(store("c", Some(10), b"98765432100")));
    store("c", Some(10), b"12345").unwrap();
    store("d", None, b"12345").unwrap();
    assert!(is_refused(store("e", None, b"1")));
    fs::remove_file(fixture.folder.path().join("home/a")).unwrap();
    fixture.quotas.removed(&Fixture::at("home/a"));
    store("e", None, b"0123456789").unwrap();
    assert!(is_refused(store("f", None, b"1")));
    // What came by itself is noticed where it is told.
    fs::remove_file(fixture.folder.path().join("home/e")).unwrap();
    fs::write(fixture.folder.path().join("home/e"), "0").unwrap();
    fixture.quotas.came(&Fixture::at("home/e"));
    store("f", None, b"012345678").unwrap();
}

#[test]
fn files_are_counted() {
    let fixture = Fixture::new();
    let three = (None, Some(3));
    let under_way = fixture.begin("c", None, three, 0).unwrap();
    assert!(is_refused(fixture.begin("d", None, three, 0)));
    drop(under_way);
    stored(fixture.begin("c", None, three, 0), b"").unwrap();
    assert!(is_refused(fixture.begin("d", None, three, 0)));
    stored(fixture.begin("c", Some(0), three, 0), b"more").unwrap();
}

#[test]
fn uploads_at_once_never_get_more_than_there_is() {
    let fixture = Fixture::new();
    let quota = (Some(20 + 6 * 7), None);
    let ended: Vec<bool> = thread::scope(|scope| {
        let uploads: Vec<_> = (0..16)
            .map(|number| {
                let fixture = &fixture;
                scope.spawn(move || {
                    let upload = fixture.begin(&format!("n{number}"), None, quota, 7);
                    stored(upload, b"seven b").is_ok()
                })
            })
            .collect();
        uploads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    // Those that end early give back what others were refused meanwhile, and none gets too much.
    let stored = ended.iter().filter(|stored| **stored).count();
    assert!((1..=6).contains(&stored), "{stored}");
    let home = Key::parse("home").unwrap();
    let there = measure::amount(&*fixture.sink, &home).unwrap();
    assert_eq!(there.bytes, 20 + 7 * stored as u64);
}
