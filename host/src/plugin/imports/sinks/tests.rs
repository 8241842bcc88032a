//! What a plugin may do in sinks, and everything that it may not.

use tempfile::TempDir;

use super::*;
use crate::config::{self, Config};
use crate::plugin::instance::PluginInstance;
use crate::plugin::tests::{Bench, guest};
use crate::plugin::{Role, Services};
use crate::quota::Quota;
use crate::sinks::Sinks;

/// Two sinks with some files, and an instance of a plugin with a sidecar.
struct Stage {
    files: TempDir,
    _bench: Bench,
    instance: PluginInstance,
}

const FILES: [(&str, &str); 4] = [
    ("local/in/a", "alpha"),
    ("local/in/deep/b", "beta"),
    ("local/out/c", "gamma"),
    ("archive/kept", "delta"),
];

impl Stage {
    async fn new(allow: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = files.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut config = Config::defaults(files.path());
        config.sinks.clear();
        for name in ["local", "archive"] {
            let root = files.path().join(name);
            let sink = config::Sink::Fs(config::FsSink { root });
            config.sinks.insert(name.to_owned(), sink);
        }
        let services = Services::in_trial().with_sinks(Sinks::open(&config).unwrap());
        let sidecar = format!("[allow]\n{allow}\n");
        let module = guest::GOOD.module();
        let bench = Bench::with(
            services,
            &[("a.wasm", &module), ("a.toml", sidecar.as_bytes())],
        );
        let plugins = bench.load().await;
        let instance = plugins.of(Role::Authenticator)[0].started().await.unwrap();
        Self {
            files,
            _bench: bench,
            instance,
        }
    }

    fn host(&mut self) -> &mut InstanceState {
        self.instance.store.data_mut()
    }

    fn content(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.files.path().join(path)).ok()
    }
}

fn at(sink: &str, key: &str) -> Location {
    Location {
        sink: sink.to_owned(),
        key: key.to_owned(),
    }
}

const ALL: &str = "[\"get\", \"put\", \"head\", \"list\", \"delete\", \"copy\"]";

fn allow(sink: &str, prefix: &str, operations: &str) -> String {
    format!("{{ name = \"{sink}\", prefix = \"{prefix}\", operations = {operations} }}")
}

/// Every operation at one place; the word of each that was denied.
async fn denied(stage: &mut Stage, place: Location) -> Vec<&'static str> {
    let host = stage.host();
    let own = || at("archive", "own");
    let is_denied =
        |error: Option<StorageError>| matches!(error, Some(StorageError::NotGranted(_)));
    let outcomes = [
        ("head", Host::stat(host, place.clone()).await.unwrap().err()),
        (
            "get",
            Host::read(host, place.clone(), 0, 1).await.unwrap().err(),
        ),
        (
            "put",
            Host::put(host, place.clone(), vec![]).await.unwrap().err(),
        ),
        (
            "copy",
            Host::copy(host, place.clone(), own()).await.unwrap().err(),
        ),
        (
            "into",
            Host::copy(host, own(), place.clone()).await.unwrap().err(),
        ),
        (
            "list",
            Host::browse(host, place.clone(), 1, None)
                .await
                .unwrap()
                .err(),
        ),
        ("delete", Host::delete(host, place).await.unwrap().err()),
    ];
    let denied = outcomes
        .into_iter()
        .filter(|(_, error)| is_denied(error.clone()));
    denied.map(|(word, _)| word).collect()
}

const EVERYTHING: [&str; 7] = ["head", "get", "put", "copy", "into", "list", "delete"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reached_but_what_is_below_the_prefix() {
    let sinks = [allow("local", "in", ALL), allow("archive", "own", ALL)].join(", ");
    let mut stage = Stage::new(&format!("sinks = [{sinks}]")).await;
    for (sink, key) in [
        ("local", ""),
        ("local", "out/c"),
        ("local", "inn"),
        ("local", "in/../out/c"),
        ("local", "in/.."),
        ("local", "in//a"),
        ("local", "./in/a"),
        ("local", "in/a\0"),
        ("archive", "kept"),
        ("nowhere", "in/a"),
    ] {
        let denied = denied(&mut stage, at(sink, key)).await;
        assert_eq!(denied, EVERYTHING, "{sink} {key:?}");
    }
    for (path, text) in FILES {
        assert_eq!(stage.content(path).as_deref(), Some(text), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_but_the_operations_that_are_named() {
    let others = |allowed: &[&str]| -> Vec<&str> {
        let is_other = |word: &&str| !allowed.contains(word);
        EVERYTHING.into_iter().filter(is_other).collect()
    };
    for (operations, allowed) in [
        ("[\"head\"]", &["head"][..]),
        ("[\"get\"]", &["get"]),
        ("[\"put\"]", &["put", "into"]),
        ("[\"list\"]", &["list"]),
        ("[\"delete\"]", &["delete"]),
        ("[\"copy\"]", &["copy"]),
    ] {
        let sinks = [
            allow("local", "in", operations),
            allow("archive", "own", ALL),
        ];
        let mut stage = Stage::new(&format!("sinks = [{}]", sinks.join(", "))).await;
        let denied = denied(&mut stage, at("local", "in/a")).await;
        assert_eq!(denied, others(allowed), "{operations}");
    }
    let mut stage = Stage::new("").await;
    let denied = denied(&mut stage, at("local", "in/a")).await;
    assert_eq!(denied, EVERYTHING, "without any allowance");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_in_parts_and_written_whole() {
    let mut stage = Stage::new(&format!("sinks = [{}]", allow("local", "in", ALL))).await;
    let host = stage.host();
    let file = || at("local", "in/a");
    for (offset, length, expected) in [
        (0, 100, &b"alpha"[..]),
        (1, 3, b"lph"),
        (5, 1, b""),
        (6, 1, b""),
        (u64::MAX, 1, b""),
        (0, 0, b""),
    ] {
        let read = Host::read(host, file(), offset, length).await.unwrap();
        assert_eq!(read.unwrap(), expected, "{offset} {length}");
    }
    let large = vec![b'x'; 3 * 1024 * 1024];
    Host::put(host, file(), large.clone())
        .await
        .unwrap()
        .unwrap();
    let part = Host::read(host, file(), 0, u32::MAX)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(part.len(), MAX_READ as usize);
    let entry = Host::stat(host, file()).await.unwrap().unwrap();
    assert_eq!((entry.name.as_str(), entry.size), ("a", large.len() as u64));
    assert!(entry.modified_ms.is_some() && matches!(entry.kind, WitKind::File));
    let missing = Host::stat(host, at("local", "in/none")).await.unwrap();
    assert!(matches!(missing, Err(StorageError::NotFound)));
    let directory = Host::read(host, at("local", "in/deep"), 0, 1)
        .await
        .unwrap();
    assert!(matches!(directory, Err(StorageError::IsDirectory)));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_across_sinks_listed_and_deleted() {
    let sinks = [allow("local", "in", ALL), allow("archive", "", ALL)].join(", ");
    let mut stage = Stage::new(&format!("sinks = [{sinks}]")).await;
    let (source, target) = (at("local", "in/a"), at("archive", "a"));
    let host = stage.host();
    Host::copy(host, source.clone(), target)
        .await
        .unwrap()
        .unwrap();
    Host::copy(host, source.clone(), source.clone())
        .await
        .unwrap()
        .unwrap();
    Host::delete(host, source).await.unwrap().unwrap();
    let page = Host::browse(host, at("archive", ""), 1, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (page.entries[0].name.as_str(), page.next.as_deref()),
        ("a", Some("a"))
    );
    let page = Host::browse(host, at("archive", ""), 1, page.next)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((page.entries[0].name.as_str(), page.next), ("kept", None));
    let page = Host::browse(host, at("local", "in"), 9, None)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(page.entries[0].kind, WitKind::Directory));
    assert_eq!(page.entries.len(), 1);
    assert_eq!(stage.content("archive/a").as_deref(), Some("alpha"));
    assert_eq!(stage.content("local/in/a"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_waits_for_ends_and_its_place_is_free_again() {
    let denials = Arc::new(Denials::new("a"));
    let access = SinkAccess::new(&[], Arc::default(), denials);
    let (ended, heard) = std::sync::mpsc::channel();
    for _ in 0..MAX_AT_WORK {
        let ended = ended.clone();
        let endless = access.work(move |given_up| {
            while given_up.check().is_ok() {
                std::thread::yield_now();
            }
            ended.send(()).map_err(|_| SinkError::Unsupported)
        });
        let waited = tokio::time::timeout(std::time::Duration::from_millis(1), endless);
        assert!(waited.await.is_err());
    }
    for _ in 0..MAX_AT_WORK {
        heard.recv().unwrap();
    }
    assert!(access.work(|_| Ok(())).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_hear_of_what_is_stored_and_deleted() {
    let mut stage = Stage::new(&format!("sinks = [{}]", allow("local", "in", ALL))).await;
    let host = stage.host();
    let sinks = Arc::clone(&host.granted.sinks.sinks);
    let home = sink::Location::new("local", Key::parse("in").unwrap());
    let (account, sink) = (sinks.quotas().account(&home), sinks.named("local").unwrap());
    let quota = Quota {
        bytes: Some(100),
        files: None,
    };
    let left = || account.left(&**sink, quota).unwrap();
    let (own, copied) = (|| at("local", "in/own"), || at("local", "in/copied"));
    assert_eq!(left(), Some(91));
    Host::put(host, own(), vec![b'x'; 10])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(left(), Some(81));
    Host::copy(host, own(), copied()).await.unwrap().unwrap();
    assert_eq!(left(), Some(71));
    Host::delete(host, own()).await.unwrap().unwrap();
    assert_eq!(left(), Some(81));
}
