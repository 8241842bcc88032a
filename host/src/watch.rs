//! Notices when something changes in a directory.

use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Notifies `changed` whenever something changes in one of the directories that the watcher is
/// told to watch, for as long as it lives. Files are not watched themselves: those who replace a
/// file give its name to another one.
///
/// # Errors
/// The system has no more watchers.
pub fn watcher(changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_change(&event)) {
            changed.notify_one();
        }
    })
}

/// Lets `watcher` watch what is in `directory`, and nothing below that.
///
/// # Errors
/// It is not there, or cannot be watched.
pub fn watch(watcher: &mut RecommendedWatcher, directory: &Path) -> notify::Result<()> {
    watcher.watch(directory, RecursiveMode::NonRecursive)
}

/// Reading is no change: whoever reads what has changed would answer himself for ever.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
