//! Makes a finished upload visible, at its own place or at one that was chosen since.

use crate::limits::TRANSFER_BLOCK_BYTES;
use crate::sink::{Existing, Key, Location, Sink, SinkError, Upload, WriteMode};
use crate::sinks::Sinks;

use super::StorageError;

/// What an upload may take the place of when it is published. That was asked when it began, and
/// may be another answer by then: others store there meanwhile, and gates choose other places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayReplace {
    /// Any file.
    Anything,
    /// What it goes on from, or the free name that it was given: the sink sees to that.
    Itself,
    /// Nothing.
    Nothing,
}

impl MayReplace {
    /// What becomes of a file that stands where the upload was not begun.
    fn elsewhere(self) -> Existing {
        match self {
            Self::Anything => Existing::Replaced,
            Self::Itself | Self::Nothing => Existing::Kept,
        }
    }
}

/// Make `upload` visible, which was begun at `place`: at `target`, or there where it is `None`.
///
/// A target in another sink, or where the upload cannot be put, gets a copy, which is as invisible
/// until it is whole, and the original is discarded. Missing directories on the way to a target are
/// made. It blocks, and ends soon after `cancelled` says so, with nothing visible.
pub fn publish(
    sinks: &Sinks,
    mut upload: Box<dyn Upload>,
    place: &Location,
    target: Option<&Location>,
    may_replace: MayReplace,
    cancelled: impl Fn() -> bool,
) -> Result<(), StorageError> {
    let Some(target) = target.filter(|target| *target != place) else {
        let (key, size, own) = (
            upload.key().clone(),
            upload.size()?,
            upload.counts_in().cloned(),
        );
        let committed = match may_replace {
            MayReplace::Anything | MayReplace::Itself => upload.commit(),
            MayReplace::Nothing => upload.commit_to(&key, Existing::Kept),
        };
        committed?;
        sinks.quotas().stored(place, size, own.as_ref());
        return Ok(());
    };
    let sink = sinks.named(&target.sink).ok_or(StorageError::NoSuchSink)?;
    let existing = may_replace.elsewhere();
    make_parents(&**sink, &target.key)?;
    if target.sink == place.sink && upload.relocates() {
        upload.commit_to(&target.key, existing)?;
        sinks.quotas().came(target);
        return Ok(());
    }
    // The commit sees to it; this spares the copy.
    if existing == Existing::Kept && is_taken(&**sink, &target.key)? {
        return Err(SinkError::Exists.into());
    }
    upload.let_go();
    let copy = copy(&*upload, &**sink, &target.key, cancelled)?;
    copy.commit_to(&target.key, existing)?;
    sinks.quotas().came(target);
    Ok(())
}

/// Whether something stands at `key`.
pub(super) fn is_taken(sink: &dyn Sink, key: &Key) -> Result<bool, SinkError> {
    match sink.stat(key) {
        Ok(_) => Ok(true),
        Err(SinkError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Begin an upload of `key` that holds what `upload` does.
fn copy(
    upload: &dyn Upload,
    sink: &dyn Sink,
    key: &Key,
    cancelled: impl Fn() -> bool,
) -> Result<Box<dyn Upload>, StorageError> {
    let mut copy = sink.create(key, WriteMode::Replace)?;
    let mut block = vec![0; TRANSFER_BLOCK_BYTES];
    let mut position = 0;
    loop {
        if cancelled() {
            return Err(StorageError::Cancelled);
        }
        match upload.read_at(&mut block, position)? {
            0 => return Ok(copy),
            count => {
                copy.write(&block[..count])?;
                position += count as u64;
            }
        }
    }
}

/// Make the directories that hold `key`, where the sink has any.
fn make_parents(sink: &dyn Sink, key: &Key) -> Result<(), SinkError> {
    let mut missing = Vec::new();
    let mut directory = key.clone();
    while let Some((parent, _)) = directory.split() {
        if parent.is_root() || !matches!(sink.stat(&parent), Err(SinkError::NotFound)) {
            break;
        }
        missing.push(parent.clone());
        directory = parent;
    }
    for directory in missing.iter().rev() {
        match sink.make_directory(directory) {
            // Somebody else was faster, or there are none here.
            Ok(()) | Err(SinkError::Exists | SinkError::Unsupported) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// Two sinks, `local` and `other`, in one directory.
    fn sinks(folder: &Path) -> Sinks {
        let mut config = Config::defaults(folder);
        for name in ["local", "other"] {
            let root = folder.join(name);
            fs::create_dir(&root).unwrap();
            let sink = crate::config::Sink::Fs(crate::config::FsSink { root });
            config.sinks.insert(name.to_owned(), sink);
        }
        Sinks::open(&config).unwrap()
    }

    fn place(sink: &str, key: &str) -> Location {
        Location::new(sink, Key::parse(key).unwrap())
    }

    fn tree(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![folder.to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => waiting.push(path),
                    false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn an_upload_is_published_where_it_was_decided() {
        // The target, and where the file stands then.
        let cases = [
            (None, "local/a"),
            (Some(place("local", "a")), "local/a"),
            (Some(place("local", "b")), "local/b"),
            (Some(place("local", "new/deep/b")), "local/new/deep/b"),
            (Some(place("other", "b")), "other/b"),
            (Some(place("other", "new/deep/b")), "other/new/deep/b"),
        ];
        for (target, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            let sinks = sinks(folder.path());
            let begun = place("local", "a");
            let sink = sinks.named("local").unwrap();
            let mut upload = sink.create(&begun.key, WriteMode::Replace).unwrap();
            let content = vec![b'x'; 3 * TRANSFER_BLOCK_BYTES + 1];
            upload.write(&content).unwrap();
            let may = MayReplace::Nothing;
            publish(&sinks, upload, &begun, target.as_ref(), may, || false).unwrap();
            assert_eq!(tree(folder.path()), [expected]);
            assert!(fs::read(folder.path().join(expected)).unwrap() == content);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_published_leaves_nothing() {
        let cases = [
            (place("nowhere", "b"), false),
            (place("other", ""), false),
            (place("local", ""), false),
            (place("other", "b"), true),
        ];
        for (target, cancelled) in cases {
            let folder = tempfile::tempdir().unwrap();
            let sinks = sinks(folder.path());
            let begun = place("local", "a");
            let sink = sinks.named("local").unwrap();
            let mut upload = sink.create(&begun.key, WriteMode::Replace).unwrap();
            upload.write(b"x").unwrap();
            let published = publish(
                &sinks,
                upload,
                &begun,
                Some(&target),
                MayReplace::Anything,
                || cancelled,
            );
            assert!(published.is_err(), "{target:?}");
            assert!(tree(folder.path()).is_empty(), "{target:?}");
        }
    }

    #[tokio::test]
    async fn nothing_is_replaced_that_may_not_be() {
        use MayReplace::{Anything, Itself, Nothing};
        // What somebody else has stored meanwhile, where it is published, and whether it may be.
        let cases = [
            ("local/a", None, Anything, true),
            ("local/a", None, Nothing, false),
            ("local/b", None, Nothing, true),
            ("local/b", Some(place("local", "b")), Anything, true),
            ("local/b", Some(place("local", "b")), Itself, false),
            ("local/b", Some(place("local", "b")), Nothing, false),
            ("other/b", Some(place("other", "b")), Nothing, false),
            ("local/a", Some(place("local", "b")), Nothing, true),
        ];
        for (other, target, may_replace, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            let sinks = sinks(folder.path());
            let begun = place("local", "a");
            let sink = sinks.named("local").unwrap();
            let mut upload = sink.create(&begun.key, WriteMode::Replace).unwrap();
            upload.write(b"new").unwrap();
            fs::write(folder.path().join(other), b"old").unwrap();
            let target = target.as_ref();
            let published = publish(&sinks, upload, &begun, target, may_replace, || false);
            assert_eq!(
                published.is_ok(),
                expected,
                "{other} {target:?} {may_replace:?}"
            );
            if !expected {
                assert_eq!(tree(folder.path()), [other]);
                assert_eq!(fs::read(folder.path().join(other)).unwrap(), b"old");
            }
        }
    }
}
