//! What is kept, for whom, and for how long.

use super::*;

#[test]
fn what_nobody_wants_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    outbox.append(&[event("a", 0)]).unwrap();
    outbox.post(&event("a", 1));
    outbox.subscribe(&[subscription("x", &["login"])]);
    outbox.append(&[event("a", 2)]).unwrap();
    assert!(!outbox.wants(Kind::Upload));
    assert_eq!(outbox.level(), Level::default());
    assert_eq!(outbox.written.borrow().transactions, 0);
}

#[test]
fn what_was_appended_survives_a_crash() {
    for durability in [Durability::Os, Durability::Fsync] {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(directory.path(), durability, &Events::default()).unwrap();
        outbox.subscribe(&[subscription("x", &["*"])]);
        for sequence in 0..10 {
            outbox
                .append(&[event("a", sequence), event("b", sequence)])
                .unwrap();
        }
        // As after kill -9: nothing was closed.
        let crashed = tempfile::tempdir().unwrap();
        let copy = crashed.path().join(FILE_NAME);
        std::fs::copy(directory.path().join(FILE_NAME), copy).unwrap();
        let reopened = open(crashed.path());
        let expected: Vec<_> = (0..10)
            .flat_map(|n| [format!("a.{n}"), format!("b.{n}")])
            .collect();
        assert_eq!(waiting(&reopened, "x"), expected);
        assert_eq!(reopened.level(), outbox.level());
    }
}

#[test]
fn what_was_posted_is_there_when_the_outbox_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    outbox.subscribe(&[subscription("x", &["*"])]);
    for sequence in 0..100 {
        outbox.post(&event("a", sequence));
    }
    outbox.close();
    assert_eq!(outbox.append(&[event("a", 100)]), Err(NotStored));
    let reopened = open(directory.path());
    assert_eq!(waiting(&reopened, "x").len(), 100);
    assert_eq!(reopened.lost(), 0);
}

#[test]
fn an_event_is_kept_until_the_last_plugin_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    outbox.subscribe(&[
        subscription("x", &["*"]),
        subscription("y", &["upload", "up*"]),
    ]);
    outbox.append(&[event("a", 0), event("a", 1)]).unwrap();
    assert_eq!(outbox.level().events, 2);
    let take = |name: &'static str, numbers: &'static [u64]| {
        let taken = outbox
            .orders
            .write_blocking(move |tables| tables.taken(name, numbers));
        taken.unwrap();
    };
    take("x", &[0, 1]);
    assert_eq!((outbox.level().events, waiting(&outbox, "x").len()), (2, 0));
    take("y", &[0]);
    take("y", &[0]);
    assert_eq!((outbox.level().events, waiting(&outbox, "y").len()), (1, 1));
    take("y", &[1]);
    assert_eq!(outbox.level(), Level::default());
}

#[test]
fn a_number_is_never_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    outbox.subscribe(&[subscription("x", &["*"])]);
    let number =
        |outbox: &Outbox| outbox.list(&Filter::default(), None, 1).unwrap().entries[0].number;
    outbox.append(&[event("a", 0)]).unwrap();
    let first = number(&outbox);
    assert_eq!(outbox.drop_events(&Selection::default()), Ok(1));
    outbox.close();
    let outbox = open(directory.path());
    outbox.subscribe(&[subscription("x", &["*"])]);
    outbox.append(&[event("a", 1)]).unwrap();
    assert!(number(&outbox) > first);
}

#[test]
fn many_at_once_are_all_kept() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path());
    outbox.subscribe(&[subscription("x", &["*"])]);
    std::thread::scope(|scope| {
        for session in 0..16 {
            let outbox = &outbox;
            scope.spawn(move || {
                for sequence in 0..50 {
                    outbox
                        .append(&[event(&session.to_string(), sequence)])
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(outbox.level().events, 800);
    let kept = waiting(&outbox, "x");
    for session in 0..16 {
        let own = kept
            .iter()
            .filter(|id| id.starts_with(&format!("{session}.")));
        let expected: Vec<_> = (0..50).map(|n| format!("{session}.{n}")).collect();
        assert_eq!(own.cloned().collect::<Vec<_>>(), expected);
    }
}

fn bounded(events: u32, bytes: u64, when_full: WhenFull) -> Events {
    Events {
        max_events: events,
        max_bytes: ByteSize(bytes),
        when_full,
        ..Events::default()
    }
}

/// The length of three events.
fn three() -> u64 {
    3 * serde_json::to_vec(&event("a", 0)).unwrap().len() as u64
}

#[test]
fn a_full_outbox_refuses_what_has_not_begun() {
    for settings in [
        bounded(3, 1 << 30, WhenFull::Refuse),
        bounded(1 << 20, three(), WhenFull::Refuse),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let outbox = open_with(directory.path(), &settings);
        outbox.subscribe(&[subscription("x", &["upload*"])]);
        for sequence in 0..3 {
            outbox.admits(&[Kind::Upload]).unwrap();
            outbox.append(&[event("a", sequence)]).unwrap();
        }
        assert_eq!(
            outbox.admits(&[Kind::Delete, Kind::Upload]),
            Err(OutboxFull)
        );
        assert_eq!(
            outbox.admits(&[Kind::Delete]),
            Ok(()),
            "nobody wants to hear of it"
        );
        // One that began earlier has its place; what nobody can refuse is lost.
        outbox.append(&[event("a", 3)]).unwrap();
        outbox.post(&event("a", 4));
        outbox.append(&[event("a", 5)]).unwrap();
        assert_eq!(outbox.lost(), 1);
        assert_eq!(waiting(&outbox, "x"), ["a.0", "a.1", "a.2", "a.3", "a.5"]);
        assert_eq!(outbox.drop_events(&Selection::default()), Ok(5));
        assert_eq!(outbox.admits(&[Kind::Upload]), Ok(()));
    }
}

#[test]
fn the_oldest_make_room_where_the_operator_wants_that() {
    for settings in [
        bounded(3, 1 << 30, WhenFull::DropOldest),
        bounded(1 << 20, three(), WhenFull::DropOldest),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let outbox = open_with(directory.path(), &settings);
        outbox.subscribe(&[subscription("x", &["*"]), subscription("y", &["*"])]);
        for sequence in 0..10 {
            outbox.admits(&[Kind::Upload]).unwrap();
            outbox.append(&[event("a", sequence)]).unwrap();
        }
        for name in ["x", "y"] {
            assert_eq!(waiting(&outbox, name), ["a.7", "a.8", "a.9"]);
        }
        assert_eq!((outbox.lost(), outbox.level().events), (7, 3));
    }
}
