//! Loads the certificate again when its files change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::RecommendedWatcher;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::warn;

use super::{Tls, TlsError};
use crate::{limits, watch};

/// Watches as long as it lives.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    changed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Has the files read now, whether they look changed or not.
    pub fn ask_to_reload(&self) {
        self.changed.notify_one();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tls {
    /// Reloads whenever something changes in the directories of the files: renewals replace files
    /// and symbolic links, so the files themselves cannot be watched. What cannot be loaded is
    /// logged, and the certificate in use stays.
    pub fn watch(self: &Arc<Self>) -> Result<Watch, TlsError> {
        let changed = Arc::new(Notify::new());
        let mut watcher =
            watch::watcher(Arc::clone(&changed)).map_err(|source| TlsError::Watch {
                directory: directory(&self.files.certificate),
                source,
            })?;
        let directories: BTreeSet<PathBuf> = self.files.paths().map(directory).collect();
        for directory in directories {
            watch::watch(&mut watcher, &directory)
                .map_err(|source| TlsError::Watch { directory, source })?;
        }
        let task = tokio::spawn(reload_on(Arc::clone(&changed), Arc::clone(self)));
        Ok(Watch {
            _watcher: watcher,
            changed,
            task,
        })
    }
}

/// Where the name of the file is.
fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
        _ => PathBuf::from("."),
    }
}

async fn reload_on(changed: Arc<Notify>, tls: Arc<Tls>) {
    loop {
        changed.notified().await;
        sleep(limits::CERTIFICATE_RELOAD_DELAY).await;
        let tls = Arc::clone(&tls);
        let reloaded = tokio::task::spawn_blocking(move || tls.reload()).await;
        if let Ok(Err(error)) = reloaded {
            warn!(%error, "the certificate cannot be reloaded, the one in use stays");
        }
    }
}

#[cfg(test)]
mod tests;
