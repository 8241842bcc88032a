//! What every sink must do, as tests over an empty one.

use std::thread;

use wharf_protocol::listing::{Entry, EntryKind};
use wharf_protocol::timestamp::Timestamp;

use super::{Existing, Key, Sink, SinkError, Upload, WriteMode};

/// Checks a sink in a directory that holds nothing.
type Check = fn(&dyn Sink, &Key);

/// Names that not every sink can keep as they are.
const BACKSLASH: &str = "a\\b";

/// Run all checks, each in a directory of its own.
pub(super) fn run(sink: &dyn Sink) {
    run_checks(sink);
    let directory = key("odd");
    sink.make_directory(&directory)
        .expect("a directory for the check");
    let (odd, long) = (child(&directory, BACKSLASH), "n".repeat(256));
    store(sink, &odd, b"x");
    assert_eq!(names(sink, &directory), [BACKSLASH]);
    let long = sink.create(&child(&directory, &long), WriteMode::Replace);
    assert!(long.is_err());
}

/// Run those checks that hold whatever a store does to odd and long names.
pub(super) fn run_checks(sink: &dyn Sink) {
    let checks: [(&str, Check); 13] = [
        ("upload", an_upload_is_invisible_until_it_is_committed),
        ("drop", a_dropped_upload_leaves_nothing),
        ("replace", a_file_is_replaced_at_once),
        ("resume", an_upload_goes_on_where_it_is_told),
        (
            "interrupt",
            an_interrupted_upload_is_kept_only_where_it_resumes,
        ),
        ("changed", an_upload_that_goes_on_undoes_nobody_elses_work),
        ("unique", a_unique_upload_replaces_nothing),
        ("kept", of_uploads_that_replace_nothing_one_is_first),
        ("directories", directories_are_made_listed_and_removed),
        ("rename", renaming_replaces_files_only),
        ("renamed", of_renames_that_replace_nothing_one_is_first),
        ("names", names_are_kept_as_they_are),
        ("errors", errors_tell_what_is_wrong),
    ];
    for (name, check) in checks {
        let directory = key(name);
        sink.make_directory(&directory)
            .expect("a directory for the check");
        check(sink, &directory);
    }
    let listed = names(sink, &Key::root());
    assert_eq!(listed.len(), checks.len(), "{listed:?}");
}

pub(super) fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

/// Store a whole file.
pub(super) fn store(sink: &dyn Sink, file: &Key, content: &[u8]) {
    written(sink, file, WriteMode::Replace, content)
        .commit()
        .expect("commits");
}

/// The content of a file from `offset` on.
pub(super) fn content(sink: &dyn Sink, file: &Key, offset: u64) -> Vec<u8> {
    let mut reader = sink.open(file, offset).expect("opens");
    let mut content = Vec::new();
    let mut buffer = [0; 7];
    loop {
        match reader.read(&mut buffer).expect("reads") {
            0 => return content,
            count => content.extend_from_slice(&buffer[..count]),
        }
    }
}

/// What a listing shows, sorted.
pub(super) fn names(sink: &dyn Sink, directory: &Key) -> Vec<String> {
    let entries = sink.list(directory).expect("lists");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").name().to_owned())
        .collect();
    names.sort();
    names
}

fn written(sink: &dyn Sink, file: &Key, mode: WriteMode, content: &[u8]) -> Box<dyn Upload> {
    let mut upload = sink.create(file, mode).expect("begins");
    upload.write(content).expect("writes");
    upload
}

fn child(directory: &Key, name: &str) -> Key {
    directory.child(name).expect("a name")
}

fn an_upload_is_invisible_until_it_is_committed(sink: &dyn Sink, directory: &Key) {
    let file = child(directory, "a");
    let upload = written(sink, &file, WriteMode::Replace, b"hello world");
    assert!(matches!(sink.stat(&file), Err(SinkError::NotFound)));
    assert!(matches!(sink.open(&file, 0), Err(SinkError::NotFound)));
    assert_eq!(names(sink, directory), [""; 0]);
    assert_eq!((upload.key(), upload.size().expect("a size")), (&file, 11));
    let mut tail = [0; 9];
    assert_eq!(upload.read_at(&mut tail, 6).expect("reads"), 5);
    assert_eq!(&tail[..5], b"world");
    upload.commit().expect("commits");
    let entry = sink.stat(&file).expect("is there");
    assert_eq!(
        (entry.name(), entry.kind, entry.size),
        ("a", EntryKind::File, 11)
    );
    let listed: Vec<Entry> = sink
        .list(directory)
        .expect("lists")
        .collect::<Result<_, _>>()
        .expect("entries");
    assert_eq!(listed, [entry]);
    assert_eq!(content(sink, &file, 0), b"hello world");
    assert_eq!(content(sink, &file, 6), b"world");
    assert_eq!(content(sink, &file, 11), b"");
    assert!(matches!(sink.open(&file, 12), Err(SinkError::BeyondEnd)));
}

fn a_dropped_upload_leaves_nothing(sink: &dyn Sink, directory: &Key) {
    for mode in [WriteMode::Replace, WriteMode::Append, WriteMode::Unique] {
        drop(written(sink, &child(directory, "a"), mode, b"lost"));
        assert_eq!(names(sink, directory), [""; 0], "{mode:?}");
    }
    sink.remove_directory(directory).expect("nothing is in it");
    sink.make_directory(directory).expect("as it was");
}

fn a_file_is_replaced_at_once(sink: &dyn Sink, directory: &Key) {
    let file = child(directory, "a");
    store(sink, &file, b"the old content");
    let mut reading = sink.open(&file, 4).expect("opens");
    let upload = written(sink, &file, WriteMode::Replace, b"new");
    assert_eq!(content(sink, &file, 0), b"the old content");
    upload.commit().expect("commits");
    assert_eq!(content(sink, &file, 0), b"new");
    let mut buffer = [0; 3];
    reading
        .read(&mut buffer)
        .expect("whoever reads the old file goes on reading it");
    assert_eq!(&buffer, b"old");
    assert_eq!(reading.size(), 15);
    let elsewhere = child(directory, "b");
    let upload = written(sink, &file, WriteMode::Replace, b"relocated");
    upload
        .commit_to(&elsewhere, Existing::Replaced)
        .expect("commits");
    assert_eq!(content(sink, &file, 0), b"new");
    assert_eq!(content(sink, &elsewhere, 0), b"relocated");
}

fn an_upload_goes_on_where_it_is_told(sink: &dyn Sink, directory: &Key) {
    let file = child(directory, "a");
    for (mode, added, result) in [
        (WriteMode::Append, "0123", "0123"),
        (WriteMode::Append, "4567", "01234567"),
        (WriteMode::At(8), "89", "0123456789"),
        (WriteMode::At(2), "ab", "01ab456789"),
        (WriteMode::At(8), "cdef", "01ab4567cdef"),
        (WriteMode::At(0), "x", "x"),
    ] {
        let upload = written(sink, &file, mode, added.as_bytes());
        assert_eq!(
            upload.size().expect("a size"),
            result.len() as u64,
            "{mode:?}"
        );
        upload.commit().expect("commits");
        assert_eq!(content(sink, &file, 0), result.as_bytes(), "{mode:?}");
    }
    assert!(matches!(
        sink.create(&file, WriteMode::At(2)),
        Err(SinkError::BeyondEnd)
    ));
    let missing = child(directory, "b");
    assert!(matches!(
        sink.create(&missing, WriteMode::At(1)),
        Err(SinkError::BeyondEnd)
    ));
    assert_eq!(names(sink, directory), ["a"]);
}

fn an_interrupted_upload_is_kept_only_where_it_resumes(sink: &dyn Sink, directory: &Key) {
    let file = child(directory, "a");
    written(sink, &file, WriteMode::Replace, b"lost")
        .interrupt()
        .expect("discards");
    assert_eq!(names(sink, directory), [""; 0]);
    store(sink, &file, b"0123");
    written(sink, &file, WriteMode::Replace, b"lost")
        .interrupt()
        .expect("discards");
    written(sink, &file, WriteMode::At(0), b"lost")
        .interrupt()
        .expect("discards");
    assert_eq!(content(sink, &file, 0), b"0123");
    written(sink, &file, WriteMode::At(4), b"45")
        .interrupt()
        .expect("keeps");
    written(sink, &file, WriteMode::Append, b"67")
        .interrupt()
        .expect("keeps");
    assert_eq!(content(sink, &file, 0), b"01234567");
}

fn an_upload_that_goes_on_undoes_nobody_elses_work(sink: &dyn Sink, directory: &Key) {
    type End = fn(Box<dyn Upload>) -> Result<(), SinkError>;
    let ends: [(&str, End); 2] = [
        ("commit", |upload| upload.commit()),
        ("interrupt", |upload| upload.interrupt()),
    ];
    for (name, end) in ends {
        let file = child(directory, name);
        store(sink, &file, b"0123");
        for mode in [WriteMode::Append, WriteMode::At(4)] {
            let stale = written(sink, &file, mode, b"stale");
            let other = written(sink, &file, WriteMode::Append, b"45");
            other.commit().expect("commits");
            assert!(matches!(end(stale), Err(SinkError::Changed)), "{mode:?}");
            assert_eq!(content(sink, &file, 0)[..6], b"012345"[..], "{mode:?}");
        }
        let stale = written(sink, &file, WriteMode::Append, b"stale");
        sink.remove(&file).expect("removes");
        assert!(matches!(end(stale), Err(SinkError::Changed)), "{name}");
        let stale = written(sink, &file, WriteMode::Append, b"stale");
        store(sink, &file, b"new");
        assert!(matches!(end(stale), Err(SinkError::Exists)), "{name}");
        assert_eq!(content(sink, &file, 0), b"new", "{name}");
    }
    assert_eq!(names(sink, directory), ["commit", "interrupt"]);
}

fn a_unique_upload_replaces_nothing(sink: &dyn Sink, directory: &Key) {
    let wanted = child(directory, "scan");
    let uploads: Vec<_> = (0..4)
        .map(|n| written(sink, &wanted, WriteMode::Unique, &[b'0' + n]))
        .collect();
    let mut keys: Vec<_> = uploads.iter().map(|upload| upload.key().clone()).collect();
    assert_eq!(keys[0], wanted);
    for upload in uploads {
        upload.commit().expect("commits");
    }
    for (n, key) in keys.iter().enumerate() {
        assert!(key.as_str().starts_with(wanted.as_str()), "{key}");
        assert_eq!(content(sink, key, 0), n.to_string().as_bytes());
    }
    keys.dedup();
    assert_eq!(names(sink, directory).len(), keys.len());
    let late = child(directory, "late");
    let upload = written(sink, &late, WriteMode::Unique, b"mine");
    store(sink, &late, b"theirs");
    assert!(matches!(upload.commit(), Err(SinkError::Exists)));
    assert_eq!(content(sink, &late, 0), b"theirs");
}

fn of_uploads_that_replace_nothing_one_is_first(sink: &dyn Sink, directory: &Key) {
    let (wanted, elsewhere) = (child(directory, "a"), child(directory, "b"));
    for target in [&wanted, &elsewhere] {
        let uploads: Vec<_> = (0..4)
            .map(|n| written(sink, &wanted, WriteMode::Replace, &[b'0' + n]))
            .collect();
        let first: Vec<_> = thread::scope(|scope| {
            let commits = uploads
                .into_iter()
                .map(|upload| scope.spawn(move || upload.commit_to(target, Existing::Kept)));
            let commits: Vec<_> = commits.collect();
            let ended = commits
                .into_iter()
                .map(|commit| commit.join().expect("ends"));
            ended
                .enumerate()
                .filter_map(|(n, ended)| match ended {
                    Ok(()) => Some(n),
                    Err(SinkError::Exists) => None,
                    Err(error) => panic!("{error}"),
                })
                .collect()
        });
        assert_eq!(first.len(), 1, "{target}");
        assert_eq!(content(sink, target, 0), first[0].to_string().as_bytes());
    }
    let upload = written(sink, &wanted, WriteMode::Replace, b"new");
    upload
        .commit_to(&wanted, Existing::Replaced)
        .expect("commits");
    assert_eq!(content(sink, &wanted, 0), b"new");
    assert_eq!(names(sink, directory), ["a", "b"]);
}

fn directories_are_made_listed_and_removed(sink: &dyn Sink, directory: &Key) {
    let (inner, file) = (child(directory, "d"), child(directory, "f"));
    sink.make_directory(&inner).expect("makes");
    assert!(matches!(
        sink.make_directory(&inner),
        Err(SinkError::Exists)
    ));
    assert_eq!(
        sink.stat(&inner).expect("is there").kind,
        EntryKind::Directory
    );
    store(sink, &file, b"x");
    assert!(matches!(sink.make_directory(&file), Err(SinkError::Exists)));
    assert_eq!(names(sink, directory), ["d", "f"]);
    assert_eq!(names(sink, &inner), [""; 0]);
    store(sink, &child(&inner, "x"), b"x");
    assert!(matches!(
        sink.remove_directory(&inner),
        Err(SinkError::NotEmpty)
    ));
    sink.remove(&child(&inner, "x")).expect("removes");
    sink.remove_directory(&inner).expect("removes");
    assert!(matches!(sink.stat(&inner), Err(SinkError::NotFound)));
    assert_eq!(sink.stat(&Key::root()).expect("the root").name(), "/");
}

fn renaming_replaces_files_only(sink: &dyn Sink, directory: &Key) {
    let at = |name| child(directory, name);
    let rename = |source: &Key, target: &Key| sink.rename(source, target, Existing::Replaced);
    store(sink, &at("a"), b"a");
    store(sink, &at("b"), b"b");
    sink.make_directory(&at("d")).expect("makes");
    sink.make_directory(&at("e")).expect("makes");
    rename(&at("a"), &at("b")).expect("replaces");
    assert_eq!(content(sink, &at("b"), 0), b"a");
    rename(&at("b"), &at("b")).expect("changes nothing");
    for (source, target) in [("b", "d"), ("d", "b"), ("d", "e")] {
        let result = rename(&at(source), &at(target));
        assert!(
            matches!(result, Err(SinkError::Exists)),
            "{source} {target}"
        );
    }
    rename(&at("b"), &child(&at("d"), "b")).expect("moves");
    assert!(rename(&at("d"), &child(&at("d"), "d")).is_err());
    rename(&at("d"), &at("f")).expect("moves the directory");
    assert_eq!(content(sink, &child(&at("f"), "b"), 0), b"a");
    assert!(matches!(
        rename(&at("a"), &at("x")),
        Err(SinkError::NotFound)
    ));
    let orphan = child(&at("missing"), "x");
    assert!(matches!(
        rename(&at("f"), &orphan),
        Err(SinkError::NotFound)
    ));
    assert_eq!(names(sink, directory), ["e", "f"]);
}

fn of_renames_that_replace_nothing_one_is_first(sink: &dyn Sink, directory: &Key) {
    let target = &child(directory, "target");
    let sources: Vec<Key> = ["a", "b", "c", "d"]
        .map(|name| child(directory, name))
        .into();
    for source in &sources {
        store(sink, source, source.as_str().as_bytes());
    }
    let renamed: Vec<&Key> = thread::scope(|scope| {
        let rename = |source| scope.spawn(move || sink.rename(source, target, Existing::Kept));
        let renames: Vec<_> = sources.iter().map(rename).collect();
        let ended = renames.into_iter().map(|it| it.join().expect("ends"));
        sources
            .iter()
            .zip(ended)
            .filter_map(|(source, ended)| match ended {
                Ok(()) => Some(source),
                Err(SinkError::Exists) => None,
                Err(error) => panic!("{error}"),
            })
            .collect()
    });
    assert_eq!(renamed.len(), 1);
    assert_eq!(content(sink, target, 0), renamed[0].as_str().as_bytes());
    for source in &sources {
        assert_eq!(
            sink.stat(source).is_ok(),
            *source != *renamed[0],
            "{source}"
        );
    }
    sink.rename(target, target, Existing::Kept)
        .expect("changes nothing");
}

fn names_are_kept_as_they_are(sink: &dyn Sink, directory: &Key) {
    let longest = "n".repeat(255);
    let mut given: Vec<String> = [" spaces ", "-rf", "\"quotes\"", "...", ".hidden", "*?"]
        .map(str::to_owned)
        .into_iter()
        .chain([
            "\u{1f6a2}".repeat(63),
            "e\u{301}".to_owned(),
            "\u{e9}".to_owned(),
            longest,
        ])
        .collect();
    for name in &given {
        store(sink, &child(directory, name), name.as_bytes());
    }
    given.sort();
    assert_eq!(names(sink, directory), given);
    for name in &given {
        let file = child(directory, name);
        assert_eq!(content(sink, &file, 0), name.as_bytes(), "{name}");
        let renamed = child(directory, "renamed");
        sink.rename(&file, &renamed, Existing::Replaced)
            .expect("renames");
        sink.remove(&renamed).expect("removes");
    }
    assert_eq!(names(sink, directory), [""; 0]);
}

fn errors_tell_what_is_wrong(sink: &dyn Sink, directory: &Key) {
    let (file, inner) = (child(directory, "f"), child(directory, "d"));
    let (missing, orphan) = (child(directory, "m"), child(&child(directory, "m"), "x"));
    store(sink, &file, b"x");
    sink.make_directory(&inner).expect("makes");
    assert!(matches!(sink.stat(&missing), Err(SinkError::NotFound)));
    assert!(matches!(sink.list(&missing), Err(SinkError::NotFound)));
    assert!(matches!(sink.list(&file), Err(SinkError::NotDirectory)));
    assert!(matches!(sink.open(&missing, 0), Err(SinkError::NotFound)));
    assert!(matches!(sink.open(&inner, 0), Err(SinkError::IsDirectory)));
    for mode in [WriteMode::Replace, WriteMode::At(1), WriteMode::Append] {
        assert!(
            matches!(sink.create(&orphan, mode), Err(SinkError::NotFound)),
            "{mode:?}"
        );
        assert!(
            matches!(sink.create(&inner, mode), Err(SinkError::IsDirectory)),
            "{mode:?}"
        );
    }
    assert!(matches!(
        sink.make_directory(&orphan),
        Err(SinkError::NotFound)
    ));
    assert!(matches!(sink.remove(&missing), Err(SinkError::NotFound)));
    assert!(matches!(sink.remove(&inner), Err(SinkError::IsDirectory)));
    assert!(matches!(
        sink.remove_directory(&missing),
        Err(SinkError::NotFound)
    ));
    assert!(matches!(
        sink.remove_directory(&file),
        Err(SinkError::NotDirectory)
    ));
    assert!(sink.remove_directory(&Key::root()).is_err());
    assert!(sink.create(&Key::root(), WriteMode::Replace).is_err());
    let below_file = child(&file, "x");
    assert!(matches!(
        sink.stat(&below_file),
        Err(SinkError::NotDirectory)
    ));
    // A sink that cannot set a time says so; one that can must keep it.
    let moment = Timestamp::from_unix(1_700_000_000, 0);
    match sink.set_modified(&file, moment) {
        Ok(()) => assert_eq!(sink.stat(&file).expect("is there").modified, Some(moment)),
        Err(error) => assert!(matches!(error, SinkError::Unsupported), "{error}"),
    }
    match sink.available(directory) {
        Ok(bytes) => assert!(bytes > 0),
        Err(error) => assert!(matches!(error, SinkError::Unsupported), "{error}"),
    }
}
