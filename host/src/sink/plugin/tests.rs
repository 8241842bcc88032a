//! The checks of every sink, over a back end in a real plugin.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::super::suite;
use super::{BARREN_PAGES, Listing};
use crate::config::{Config, PluginSink, Sink as Settings};
use crate::host::Host;
use crate::plugin::storage_sink::Page;
use crate::sink::{Key, Sink, WriteMode};

mod webdav;

/// A host with a sink that is a plugin.
struct Fixture {
    _folder: TempDir,
    host: Arc<Host>,
}

impl Fixture {
    /// The plugin `shelf`, within these limits.
    async fn new(limits: &str) -> Self {
        let sidecar = format!("[allow]\nstate = {{ max-bytes = \"64MiB\" }}\n{limits}");
        Self::of("tests/shelf.wasm", &sidecar).await
    }

    /// The plugin that was built into this file, with its sidecar.
    async fn of(file: &str, sidecar: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        fs::create_dir_all(&plugins).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::copy(built(file), plugins.join("50-sink.wasm")).unwrap();
        fs::write(plugins.join("50-sink.toml"), sidecar).unwrap();
        let mut config = Config::defaults(folder.path());
        let plugin = "50-sink".to_owned();
        let settings = Settings::Plugin(PluginSink { plugin });
        config.sinks.insert("tested".to_owned(), settings);
        let (host, _) = Host::start(config).await.unwrap();
        Self {
            _folder: folder,
            host,
        }
    }

    /// Does `work` where a sink may be used.
    async fn with_sink<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Sink) -> T + Send + 'static,
    ) -> T {
        let sink = Arc::clone(self.host.sinks.named("tested").unwrap());
        spawn_blocking(move || work(&*sink)).await.unwrap()
    }
}

/// What `cargo xtask plugins` builds into the directory beside the host's program.
fn built(file: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let release = test.parent().and_then(Path::parent).unwrap();
    let plugins = env::var_os("WHARF_PLUGINS").map_or(release.join("plugins"), PathBuf::from);
    let plugin = plugins.join(file);
    assert!(
        plugin.exists(),
        "{} is not there: run `cargo xtask plugins`",
        plugin.display()
    );
    plugin
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_passes_the_checks_of_every_sink() {
    let limits = "[limits]\ninstances = 16\ncpu = \"1s\"\ndeadline = \"5m\"\n";
    let fixture = Fixture::new(limits).await;
    fixture.with_sink(|sink| suite::run(sink)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_ends_gives_its_instance_back() {
    let fixture = Fixture::new("[limits]\ninstances = 1\n").await;
    fixture
        .with_sink(|sink| {
            let key = |text| Key::parse(text).unwrap();
            for round in 0..3 {
                suite::store(sink, &key("a"), b"0123456789");
                assert_eq!(suite::content(sink, &key("a"), 4), b"456789", "{round}");
                let mut dropped = sink.create(&key("b"), WriteMode::Replace).unwrap();
                dropped.write(b"lost").unwrap();
                drop(dropped);
                assert_eq!(suite::names(sink, &Key::root()), ["a"], "{round}");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_streams_is_never_held_as_a_whole() {
    const SIZE: u64 = 256 * 1024 * 1024;
    // An instance may have far less memory than the file has bytes.
    let fixture = Fixture::new("[limits]\nmemory = \"4MiB\"\n").await;
    let moved = fixture.with_sink(|sink| {
        let key = |text: &str| Key::parse(text).unwrap();
        let mut reader = sink.open(&key(&format!("zeros-{SIZE}")), 0).unwrap();
        let mut upload = sink.create(&key("void-a"), WriteMode::Replace).unwrap();
        let mut buffer = vec![0; 256 * 1024];
        let mut moved = 0;
        loop {
            let count = reader.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            upload.write(&buffer[..count]).unwrap();
            moved += count as u64;
        }
        upload.commit().unwrap();
        moved
    });
    assert_eq!(moved.await, SIZE);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_leave_an_instance_to_others_and_need_no_second_one() {
    let key = |text: &str| Key::parse(text).unwrap();
    let modes = [WriteMode::Replace, WriteMode::Append, WriteMode::Unique];
    // How many instances there are, and how many transfers they take at once.
    for (instances, transfers) in [(1, 1), (2, 2), (3, 2)] {
        let limits = format!("[limits]\ninstances = {instances}\n");
        let fixture = Fixture::new(&limits).await;
        fixture
            .with_sink(move |sink| {
                let begin = |n: usize| {
                    let name = format!("{n}");
                    let mut upload = sink.create(&key(&name), modes[n]).unwrap();
                    upload.write(b"0123456789").unwrap();
                    let mut read = [0; 10];
                    assert_eq!(upload.read_at(&mut read, 0).unwrap(), 10);
                    upload
                };
                for first in 0..modes.len() {
                    let numbers = (first..modes.len()).take(transfers);
                    let uploads: Vec<_> = numbers.map(begin).collect();
                    if transfers < instances {
                        sink.stat(&Key::root()).unwrap();
                    }
                    for upload in uploads {
                        upload.commit().unwrap();
                    }
                }
            })
            .await;
    }
}

#[test]
fn a_listing_that_shows_nothing_ends() {
    let mut asked: u32 = 0;
    let pages = |_| {
        asked += 1;
        Ok(Page {
            entries: Vec::new(),
            next: Some(asked.to_string()),
        })
    };
    let first = Page {
        entries: Vec::new(),
        next: Some("first".to_owned()),
    };
    let mut listing = Listing::new("a".to_owned(), pages, first);
    assert!(listing.next().unwrap().is_err());
    assert!(listing.next().is_none());
    drop(listing);
    assert_eq!(asked, BARREN_PAGES + 1);
}
