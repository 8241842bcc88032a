//! Directory changes that survive a loss of power, synchronised together.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::fsync;
use rustix::io::Errno;

use super::readable;

/// Shares one fsync of a directory among all who changed it before that fsync began.
#[derive(Debug, Default)]
pub(super) struct DirectorySyncs {
    /// By device and inode; only directories that somebody waits for, so as many as uploads.
    groups: Mutex<HashMap<(u64, u64), Arc<Group>>>,
}

#[derive(Debug, Default)]
struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    started: u64,
    finished: u64,
    running: bool,
    /// The number of the last one that failed, and its error.
    failed: Option<(u64, Errno)>,
}

impl State {
    /// What came of the one that somebody waited for. He may hear of it after a later one has
    /// finished: its success says nothing about his, since the kernel reports an error only once.
    fn outcome(&self, wanted: u64) -> Result<(), Errno> {
        match self.failed {
            Some((number, error)) if number >= wanted => Err(error),
            _ => Ok(()),
        }
    }
}

impl DirectorySyncs {
    /// Return when everything that was changed in `directory` before is on the disk.
    pub(super) fn sync(&self, directory: &Dir) -> io::Result<()> {
        let stat = rustix::fs::fstat(directory)?;
        let id = (stat.st_dev, stat.st_ino);
        let group = lock(&self.groups).entry(id).or_default().clone();
        let result = group.sync(|| fsync(readable(directory)?));
        let mut groups = lock(&self.groups);
        // The map and this call hold it: nobody else waits.
        if Arc::strong_count(&group) == 2 {
            groups.remove(&id);
        }
        Ok(result?)
    }
}

impl Group {
    fn sync(&self, fsync: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        // One that runs already may have begun before our change: the next one will do.
        let wanted = state.started + 1;
        while state.running && state.finished < wanted {
            state = self
                .ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.finished < wanted {
            state.started += 1;
            state.running = true;
            drop(state);
            let result = fsync();
            state = lock(&self.state);
            state.running = false;
            state.finished = state.started;
            if let Err(error) = result {
                state.failed = Some((state.started, error));
            }
            self.ended.notify_all();
        }
        state.outcome(wanted)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete in itself, so a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn those_who_wait_during_one_sync_share_the_next() {
        let group = Arc::new(Group::default());
        let syncs = Arc::new(AtomicU32::new(0));
        let (began, begun) = channel();
        let (release, released) = channel::<()>();
        let first = thread::spawn({
            let (group, syncs) = (group.clone(), syncs.clone());
            move || {
                group.sync(|| {
                    syncs.fetch_add(1, Ordering::SeqCst);
                    began.send(()).expect("the test waits");
                    released.recv().expect("the test releases");
                    Ok(())
                })
            }
        });
        begun.recv().expect("the first sync began");
        let others: Vec<_> = (0..8)
            .map(|_| {
                let (group, syncs) = (group.clone(), syncs.clone());
                thread::spawn(move || {
                    group.sync(|| {
                        syncs.fetch_add(1, Ordering::SeqCst);
                        Err(Errno::IO)
                    })
                })
            })
            .collect();
        // Whoever is late starts a sync of its own, so only the bounds are certain.
        release.send(()).expect("the first sync waits");
        assert_eq!(first.join().expect("no panic"), Ok(()));
        for other in others {
            assert_eq!(other.join().expect("no panic"), Err(Errno::IO));
        }
        assert!((2..=9).contains(&syncs.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_failure_is_not_hidden_by_the_success_of_a_later_sync() {
        let group = Group::default();
        assert_eq!(group.sync(|| Err(Errno::IO)), Err(Errno::IO));
        assert_eq!(group.sync(|| Ok(())), Ok(()));
        // Somebody who waited for the first one wakes up only now.
        assert_eq!(lock(&group.state).outcome(1), Err(Errno::IO));
    }

    #[test]
    fn a_directory_is_forgotten_once_nobody_waits() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory =
            Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).expect("opens");
        let syncs = DirectorySyncs::default();
        syncs.sync(&directory).expect("syncs");
        assert!(lock(&syncs.groups).is_empty());
    }
}
