//! What only a file system can get wrong: links, pipes, crashes, permissions.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use wharf_protocol::listing::EntryKind;

use super::super::suite::{self, content, key, names, store};
use super::*;

/// A sink at `root` of a temporary directory, beside which a `secret` stands.
struct Fixture {
    folder: tempfile::TempDir,
    sink: FsSink,
}

impl Fixture {
    fn new(durability: Durability) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        fs::create_dir(folder.path().join("root")).expect("made");
        fs::write(folder.path().join("secret"), "secret").expect("written");
        let sink = FsSink::open(&folder.path().join("root"), durability).expect("opens");
        Self { folder, sink }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("root").join(name)
    }
}

#[test]
fn it_passes_the_suite_of_all_sinks() {
    for durability in [Durability::Os, Durability::Fsync] {
        suite::run(&Fixture::new(durability).sink);
    }
}

#[test]
fn no_link_leads_out() {
    let fixture = Fixture::new(Durability::Os);
    let Fixture { folder, sink } = &fixture;
    let outside = folder.path();
    symlink("..", fixture.path("up")).expect("linked");
    symlink(outside, fixture.path("absolute")).expect("linked");
    symlink("../secret", fixture.path("file")).expect("linked");
    for (directory, file) in [("up", "up/secret"), ("absolute", "absolute/secret")] {
        assert!(sink.list(&key(directory)).is_err());
        assert!(sink.open(&key(file), 0).is_err());
        assert!(sink.stat(&key(file)).is_err());
        assert!(sink.remove(&key(file)).is_err());
        assert!(sink.create(&key(file), WriteMode::Replace).is_err());
        assert!(
            sink.make_directory(&key(&format!("{directory}/new")))
                .is_err()
        );
        assert!(
            sink.rename(&key(file), &key("stolen"), Existing::Replaced)
                .is_err()
        );
    }
    assert!(sink.open(&key("file"), 0).is_err());
    assert!(sink.create(&key("file"), WriteMode::Append).is_err());
    assert!(sink.set_mode(&key("file"), 0o777).is_err());
    assert!(sink.set_modified(&key("file"), Timestamp::EPOCH).is_err());
    let listed = sink.list(&Key::root()).expect("lists");
    for entry in listed.map(|entry| entry.expect("an entry")) {
        assert_eq!(entry.kind, EntryKind::Symlink, "{entry:?}");
    }
    // The link itself may go, what it leads to stays.
    sink.remove(&key("file")).expect("removes the link");
    assert_eq!(
        fs::read(outside.join("secret")).expect("is there"),
        b"secret"
    );
}

#[test]
fn a_directory_swapped_for_a_link_leads_nowhere() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    sink.make_directory(&key("d")).expect("makes");
    let mut upload = sink
        .create(&key("d/secret"), WriteMode::Replace)
        .expect("begins");
    upload.write(b"overwritten").expect("writes");
    fs::rename(fixture.path("d"), fixture.path("old")).expect("moved");
    symlink("..", fixture.path("d")).expect("linked");
    assert!(upload.commit().is_err());
    let secret = fs::read(fixture.folder.path().join("secret")).expect("is there");
    assert_eq!(secret, b"secret");
    assert_eq!(names(sink, &key("old")), [""; 0]);
}

#[test]
fn links_that_stay_inside_work() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    sink.make_directory(&key("real")).expect("makes");
    store(sink, &key("real/a"), b"one");
    symlink("real", fixture.path("link")).expect("linked");
    symlink("real/a", fixture.path("file")).expect("linked");
    symlink("nothing", fixture.path("dangling")).expect("linked");
    assert_eq!(content(sink, &key("link/a"), 0), b"one");
    assert_eq!(names(sink, &key("link")), ["a"]);
    store(sink, &key("file"), b"two");
    assert_eq!(content(sink, &key("real/a"), 0), b"two");
    assert!(
        fs::symlink_metadata(fixture.path("file"))
            .expect("is there")
            .is_symlink()
    );
    for (name, kind) in [
        ("link", EntryKind::Directory),
        ("file", EntryKind::File),
        ("dangling", EntryKind::Symlink),
    ] {
        let mut listed = sink
            .list(&Key::root())
            .expect("lists")
            .map(|entry| entry.expect("entry"));
        assert_eq!(
            listed
                .find(|entry| entry.name() == name)
                .expect("listed")
                .kind,
            kind
        );
    }
    assert_eq!(sink.stat(&key("file")).expect("is there").size, 3);
    assert!(matches!(
        sink.stat(&key("dangling")),
        Err(SinkError::NotFound)
    ));
}

#[test]
fn staged_files_are_hidden_and_nobodys_to_name() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    let upload = sink.create(&key("a"), WriteMode::Replace).expect("begins");
    let staged = fs::read_dir(fixture.path(""))
        .expect("lists")
        .next()
        .expect("one");
    let name = staged
        .expect("an entry")
        .file_name()
        .into_string()
        .expect("a name");
    assert_eq!(names(sink, &Key::root()), [""; 0]);
    let reserved = key(&name);
    assert!(matches!(sink.stat(&reserved), Err(SinkError::InvalidName)));
    assert!(matches!(
        sink.open(&reserved, 0),
        Err(SinkError::InvalidName)
    ));
    assert!(matches!(
        sink.remove(&reserved),
        Err(SinkError::InvalidName)
    ));
    assert!(matches!(
        sink.make_directory(&reserved),
        Err(SinkError::InvalidName)
    ));
    let below = reserved.child("x").expect("a name");
    assert!(matches!(
        sink.create(&below, WriteMode::Replace),
        Err(SinkError::InvalidName)
    ));
    drop(upload);
    assert_eq!(fs::read_dir(fixture.path("")).expect("lists").count(), 0);
}

#[test]
fn only_what_a_crash_left_is_swept() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    fs::create_dir_all(fixture.path("d/e")).expect("made");
    for orphan in [".wharf-1.part", "d/e/.wharf-2.part"] {
        fs::write(fixture.path(orphan), "left").expect("written");
    }
    let mut running = sink
        .create(&key("d/a"), WriteMode::Replace)
        .expect("begins");
    running.write(b"alive").expect("writes");
    assert_eq!(sink.remove_orphans().expect("sweeps"), 2);
    running.commit().expect("commits");
    assert_eq!(content(sink, &key("d/a"), 0), b"alive");
    // One that turned up since then does not keep its directory alive either.
    fs::write(fixture.path("d/e/.wharf-3.part"), "left").expect("written");
    sink.remove_directory(&key("d/e")).expect("removes");
}

#[test]
fn what_is_no_file_is_neither_shown_nor_opened() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    let pipe = fixture.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .expect("made");
    fs::write(
        fixture
            .path("")
            .join(std::ffi::OsString::from_vec(vec![b'x', 0xff])),
        "",
    )
    .expect("written");
    fs::write(fixture.path("two\nlines"), "").expect("written");
    assert_eq!(names(sink, &Key::root()), [""; 0]);
    assert!(matches!(
        sink.open(&key("pipe"), 0),
        Err(SinkError::PermissionDenied)
    ));
    assert!(matches!(
        sink.stat(&key("pipe")),
        Err(SinkError::PermissionDenied)
    ));
    assert!(sink.create(&key("pipe"), WriteMode::Replace).is_err());
}

#[test]
fn permission_bits_are_set_and_outlive_a_replacement() {
    let fixture = Fixture::new(Durability::Os);
    let sink = &fixture.sink;
    store(sink, &key("a"), b"one");
    sink.set_mode(&key("a"), 0o640).expect("sets");
    assert_eq!(sink.stat(&key("a")).expect("is there").mode, Some(0o640));
    store(sink, &key("a"), b"two");
    let mut upload = sink.create(&key("a"), WriteMode::Append).expect("begins");
    upload.write(b"three").expect("writes");
    upload.commit().expect("commits");
    let mode = fs::metadata(fixture.path("a"))
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn a_file_that_is_cut_while_it_is_read_does_not_end_well() {
    let fixture = Fixture::new(Durability::Os);
    store(&fixture.sink, &key("file"), b"0123456789");
    let mut reader = fixture.sink.open(&key("file"), 4).expect("opens");
    let mut buffer = [0; 2];
    assert_eq!(reader.read(&mut buffer).expect("is read"), 2);
    let file = File::options()
        .write(true)
        .open(fixture.path("file"))
        .expect("opens");
    file.set_len(6).expect("is cut");
    assert!(matches!(reader.read(&mut buffer), Err(SinkError::Changed)));
}
