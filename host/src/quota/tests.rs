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
        quota: (Option<u64>, Option<u64>),
        announced: u64,
    ) -> Result<Metered, SinkError> {
        let (bytes, files) = quota;
        let (account, sink) = (self.quotas.account(&Self::at("home")), &self.sink);
        let quota = Quota { bytes, files };
        let key = Key::parse("home").unwrap().child(name).unwrap();
        let before = Before::at(&account, &**sink, &key)?;
        let room = Reservation::new(account, Arc::clone(sink), quota, before, announced)?;
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
    let store = |name, bytes: &[u8]| stored(fixture.begin(name, thirty, 0), bytes);
    assert!(is_refused(store("c", b"01234567890")));
    assert!(is_refused(fixture.begin("c", thirty, 11)));
    // What broke off has given its room back.
    store("c", b"0123456789").unwrap();
    assert!(is_refused(fixture.begin("d", thirty, 0)));
    // What takes the place of a file needs room for what it is larger.
    store("c", b"9876543210").unwrap();
    assert!(is_refused(store("c", b"98765432100")));
    store("c", b"12345").unwrap();
    store("d", b"12345").unwrap();
    assert!(is_refused(store("e", b"1")));
    fs::remove_file(fixture.folder.path().join("home/a")).unwrap();
    fixture.quotas.removed(&Fixture::at("home/a"));
    store("e", b"0123456789").unwrap();
    assert!(is_refused(store("f", b"1")));
    // What came by itself is noticed where it is told.
    fs::remove_file(fixture.folder.path().join("home/e")).unwrap();
    fs::write(fixture.folder.path().join("home/e"), "0").unwrap();
    fixture.quotas.came(&Fixture::at("home/e"));
    store("f", b"012345678").unwrap();
}

#[test]
fn files_are_counted() {
    let fixture = Fixture::new();
    let three = (None, Some(3));
    let under_way = fixture.begin("c", three, 0).unwrap();
    assert!(is_refused(fixture.begin("d", three, 0)));
    drop(under_way);
    stored(fixture.begin("c", three, 0), b"").unwrap();
    assert!(is_refused(fixture.begin("d", three, 0)));
    stored(fixture.begin("c", three, 0), b"more").unwrap();
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
                    let upload = fixture.begin(&format!("n{number}"), quota, 7);
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

/// What stands in `home`, and what is counted there; `None` where it is measured first.
fn counted(fixture: &Fixture) -> (Amount, Option<Amount>) {
    let home = Fixture::at("home");
    let there = measure::amount(&*fixture.sink, &home.key).unwrap();
    let account = fixture.quotas.account(&home);
    let state = lock(&account.state);
    (there, state.is_believed().then_some(state.stands))
}

#[test]
fn what_others_do_to_a_file_that_is_replaced_is_no_room() {
    let fixture = Fixture::new();
    let thirty = (Some(30), None);
    let path = |name: &str| fixture.folder.path().join("home").join(name);
    // It goes on from ten bytes, which somebody removes to store others.
    let mut upload = fixture.begin("a", thirty, 20).unwrap();
    upload.write(&[b'x'; 20]).unwrap();
    fs::remove_file(path("a")).unwrap();
    fixture.quotas.removed(&Fixture::at("home/a"));
    stored(fixture.begin("c", thirty, 0), b"0123456789").unwrap();
    assert!(is_refused(Box::new(upload).commit()));
    let (there, _) = counted(&fixture);
    assert_eq!((there.bytes, there.files), (20, 2));
    stored(fixture.begin("a", thirty, 0), b"0123456789").unwrap();
    assert!(is_refused(fixture.begin("d", thirty, 0)));
}

#[test]
fn what_is_counted_is_what_stands_there_whatever_happens_to_an_upload() {
    type Meanwhile = fn(&Fixture);
    let remove: Meanwhile = |fixture| {
        fs::remove_file(fixture.folder.path().join("home/a")).unwrap();
        fixture.quotas.removed(&Fixture::at("home/a"));
    };
    let store: Meanwhile = |fixture| {
        stored(fixture.begin("a", (Some(99), Some(9)), 0), b"0123").unwrap();
        stored(fixture.begin("new", (Some(99), Some(9)), 0), b"0123").unwrap();
    };
    let others: Meanwhile = |fixture| {
        for number in 0..70 {
            let name = format!("other{}", number % 3);
            stored(fixture.begin(&name, (Some(99), Some(9)), 0), b"0").unwrap();
        }
    };
    let came: Meanwhile = |fixture| {
        fs::write(fixture.folder.path().join("home/new"), "longer than it was").unwrap();
        fixture.quotas.came(&Fixture::at("home/new"));
    };
    let moved: Meanwhile = |fixture| {
        let home = fixture.folder.path().join("home");
        fs::rename(home.join("a"), home.join("new")).unwrap();
        let [from, to] = ["home/a", "home/new"].map(Fixture::at);
        fixture.quotas.moved(&from, &to);
    };
    let nothing: Meanwhile = |_| ();
    let cases = [nothing, remove, store, others, came, moved];
    for (number, meanwhile) in cases.into_iter().enumerate() {
        for name in ["a", "new"] {
            let fixture = Fixture::new();
            let mut upload = fixture.begin(name, (Some(99), Some(9)), 0).unwrap();
            upload.write(b"0123456").unwrap();
            meanwhile(&fixture);
            Box::new(upload).commit().unwrap();
            let account = fixture.quotas.account(&Fixture::at("home"));
            assert_eq!(lock(&account.state).reserved, Amount::default());
            // What was removed is counted on until somebody would be refused.
            let (there, counts) = counted(&fixture);
            let is_exact = lock(&account.state).is_exact;
            if let Some(counts) = counts {
                let is_right = match is_exact {
                    true => counts == there,
                    false => counts.bytes >= there.bytes && counts.files >= there.files,
                };
                assert!(is_right, "{number} {name} {counts:?} {there:?}");
            }
            let quota = Quota {
                bytes: Some(99),
                files: None,
            };
            let left = account.left(&*fixture.sink, quota).unwrap();
            assert_eq!(left, Some(99 - there.bytes), "{number} {name}");
        }
    }
}

#[test]
fn uploads_of_others_count() {
    let fixture = Fixture::new();
    let thirty = (Some(30), None);
    stored(fixture.begin("c", thirty, 0), b"01234").unwrap();
    let home = Fixture::at("home");
    // Somebody else's, whose quota is of a place further down, or who has none.
    for (own, left) in [(None, 3), (Some(Fixture::at("home/deep")), 1)] {
        let file = format!("home/deep/{left}");
        fs::write(fixture.folder.path().join(&file), "01").unwrap();
        fixture.quotas.stored(&Fixture::at(&file), 2, own.as_ref());
        assert!(is_refused(fixture.begin("d", thirty, left + 1)));
        drop(fixture.begin("d", thirty, left).unwrap());
    }
    // What is counted already is not counted again.
    fixture
        .quotas
        .stored(&Fixture::at("home/c"), 5, Some(&home));
    let (there, counts) = counted(&fixture);
    assert_eq!(counts, Some(there));
}

#[test]
fn a_number_is_sure_only_where_nothing_has_happened_since() {
    let second = Duration::from_secs(1);
    // How long ago it was measured, how long that took, and what holds then.
    for (age, took, is_exact, is_believed, is_sure) in [
        (0, 0, true, true, true),
        (0, 0, false, true, false),
        (59, 0, true, true, true),
        (61, 0, true, true, false),
        (61, 29, true, true, false),
        (90, 50, true, true, true),
        (110, 50, true, true, false),
        (601, 1, true, false, false),
        (601, 10, true, true, false),
    ] {
        let Some(at) = Instant::now().checked_sub(second * age) else {
            continue;
        };
        let state = State {
            measured: Some((at, second * took)),
            is_exact,
            ..State::default()
        };
        let found = (state.is_believed(), state.is_sure());
        assert_eq!(found, (is_believed, is_sure), "{age} {took} {is_exact}");
    }
    let mut state = State {
        measured: Some((Instant::now(), second)),
        is_exact: true,
        ..State::default()
    };
    state.forget();
    assert!(!state.is_believed() && !state.is_sure());
}
