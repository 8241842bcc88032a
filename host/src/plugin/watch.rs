//! Watches the directory of plugins, and has it read again when it has changed and come to rest.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::RecommendedWatcher;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Plugins;
use super::call::Plugin;
use super::directory;
use super::reload::Reloader;
use crate::watch;

/// How often the directory is looked at: not every file system tells what changes.
const LOOK: Duration = Duration::from_secs(5);
/// Looks after which instances go that no call has needed, and log lines are told of that were left
/// out: one a minute.
const LOOKS_PER_TRIM: u32 = 12;
/// A change is taken up when nothing has changed for so long: files are written piece by piece, and
/// a component and its settings one after the other.
const REST: Duration = Duration::from_millis(300);
/// Looks in search of that rest: a directory that never rests is read all the same.
const MAX_RESTS: u32 = 100;

/// Watches as long as it lives.
pub struct Watch {
    _watcher: Option<RecommendedWatcher>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reloader {
    /// Reloads whenever the directory has changed, and whenever somebody asks for it. `swapped` is
    /// told of each generation that has taken the place of another one.
    pub fn watch(self, swapped: impl Fn(&Plugins) + Send + Sync + 'static) -> Watch {
        let changed = Arc::new(Notify::new());
        let directory = &self.source.directory;
        let watcher = watch::watcher(Arc::clone(&changed)).and_then(|mut watcher| {
            watch::watch(&mut watcher, directory)?;
            Ok(watcher)
        });
        let watcher = watcher.inspect_err(|error| {
            let directory = directory.display();
            tracing::debug!(%directory, %error, "changes of plugins are noticed later");
        });
        Watch {
            _watcher: watcher.ok(),
            task: tokio::spawn(self.reload_on(changed, swapped)),
        }
    }

    async fn reload_on(mut self, changed: Arc<Notify>, swapped: impl Fn(&Plugins) + Send + Sync) {
        let plugins = Arc::clone(&self.plugins);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until_trim = LOOKS_PER_TRIM;
        loop {
            let found = tokio::select! {
                () = plugins.asked_to_reload() => Some(self.look().await),
                () = changed.notified() => self.change().await,
                _ = looks.tick() => {
                    until_trim -= 1;
                    if until_trim == 0 {
                        until_trim = LOOKS_PER_TRIM;
                        for plugin in plugins.current().all() {
                            plugin.pool.trim();
                            plugin.granted.log.tell_left_out();
                        }
                    }
                    self.change().await
                }
            };
            if let Some(found) = found {
                self.seen = found;
                if self.reload().await.swapped {
                    swapped(&plugins.current());
                }
            }
        }
    }

    /// What the directory looks like when it has come to rest, if that is not as it was.
    async fn change(&self) -> Option<Stamp> {
        let mut found = self.look().await;
        if found == self.seen {
            return None;
        }
        for _ in 0..MAX_RESTS {
            tokio::select! {
                () = sleep(REST) => {}
                () = self.plugins.asked_to_reload() => return Some(self.look().await),
            }
            let later = self.look().await;
            if later == found {
                break;
            }
            found = later;
        }
        Some(found)
    }

    async fn look(&self) -> Stamp {
        let directory = self.source.directory.clone();
        let current = self.plugins.current();
        let besides = |plugin: &Arc<Plugin>| {
            let files = plugin.value_files.iter().chain([&plugin.file]);
            files.cloned().collect::<Vec<_>>()
        };
        let serving = current.all().iter().flat_map(besides);
        let files: Vec<PathBuf> = serving.chain(self.value_files.iter().cloned()).collect();
        let look = spawn_blocking(move || Stamp::of(&directory, &files));
        // It does not panic, and is not cancelled while this task lives.
        look.await.unwrap_or_default()
    }
}

/// What files look like from outside: if one of them is written or replaced, it differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(BTreeMap<PathBuf, Option<FileStamp>>);

/// Size, times of modification and change in nanoseconds, number.
type FileStamp = (u64, (i64, i64), (i64, i64), u64);

impl Stamp {
    /// Of the components and sidecars in `directory` and of the `files` besides.
    pub fn of(directory: &Path, files: &[PathBuf]) -> Self {
        // A directory that cannot be read looks empty; what that means shows when it is reloaded.
        let listed = directory::list(directory).unwrap_or_default();
        let listed = listed.0.into_values().chain(listed.1.into_values());
        let stamped = |path: PathBuf| {
            let stamp = fs::metadata(&path).ok().map(|file| {
                let modified = (file.mtime(), file.mtime_nsec());
                let changed = (file.ctime(), file.ctime_nsec());
                (file.len(), modified, changed, file.ino())
            });
            (path, stamp)
        };
        Self(listed.chain(files.iter().cloned()).map(stamped).collect())
    }

    /// What it holds of the files that are named after the plugin `name`.
    pub fn of_plugin(&self, name: &str) -> Self {
        let is_its = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
        let files = self.0.iter().filter(|(path, _)| is_its(path));
        Self(files.map(|(path, stamp)| (path.clone(), *stamp)).collect())
    }
}
