//! Plugins that come, change and go while the host serves.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::guest::{self, DENY, GOOD, GRANT, Guest};
use super::{Bench, LiveBench, session};
use crate::plugin::bindings::authenticator::exports::wharf::plugin::authenticator as wit;
use crate::plugin::instance::PluginInstance;
use crate::plugin::{Login, Plugin, Plugins, Reload, inspect};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

const SWAPPED: Reload = Reload {
    swapped: true,
    refused: 0,
};
const UNCHANGED: Reload = Reload {
    swapped: false,
    refused: 0,
};
const REFUSED: Reload = Reload {
    swapped: false,
    refused: 1,
};

impl LiveBench {
    async fn reload(&mut self) -> Reload {
        self.reloader.as_mut().unwrap().reload().await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("plugins").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let plugins = self.plugins.current();
        plugins
            .all()
            .iter()
            .map(|plugin| plugin.name().to_owned())
            .collect()
    }

    fn plugin(&self, name: &str) -> Arc<Plugin> {
        Arc::clone(self.plugins.current().named(name).unwrap())
    }

    async fn grants(&self) -> bool {
        let login = self.plugins.current().begin(session(), "alice").await;
        matches!(login, Login::Granted(_))
    }
}

fn module(begin: &'static str) -> Vec<u8> {
    Guest { begin, ..GOOD }.module()
}

/// The same plugin in a file with another hash.
fn marked(module: &[u8], mark: u8) -> Vec<u8> {
    // A custom section without a name, holding one byte.
    [module, &[0, 2, 0, mark]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_where_nothing_has_changed() {
    let files: &[(&str, &[u8])] = &[("a.wasm", &module(GRANT)), ("a.toml", b"[config]\n")];
    let mut bench = Bench::new(files).live(&[]).await;
    let before = bench.plugins.current();
    bench.write("a.wasm", module(GRANT));
    bench.write("notes.txt", "");
    assert_eq!(bench.reload().await, UNCHANGED);
    assert!(Arc::ptr_eq(&before, &bench.plugins.current()));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_come_change_and_go() {
    let mut bench = Bench::new(&[("20-b.wasm", &module(GRANT))]).live(&[]).await;
    let kept = bench.plugin("20-b");
    let warm = kept.pool.status().warm;

    bench.write("10-a.wasm", module(DENY));
    assert_eq!(bench.reload().await, SWAPPED);
    assert_eq!(bench.names(), ["10-a", "20-b"]);
    assert!(!bench.grants().await, "the new one is asked first");
    assert!(Arc::ptr_eq(&kept, &bench.plugin("20-b")));
    assert_eq!(kept.pool.status().warm, warm, "with its instances");

    fs::rename(bench.path("10-a.wasm"), bench.path("30-a.wasm")).unwrap();
    assert_eq!(bench.reload().await, SWAPPED);
    assert_eq!(bench.names(), ["20-b", "30-a"]);
    assert!(bench.grants().await, "the order has changed");

    bench.write("20-b.wasm", module(DENY));
    assert_eq!(bench.reload().await, SWAPPED);
    assert!(!bench.grants().await);
    assert_eq!(kept.pool.status().warm, 0, "the old one is let go");

    bench.remove("20-b.wasm");
    bench.remove("30-a.wasm");
    assert_eq!(bench.reload().await, SWAPPED);
    assert!(bench.names().is_empty());
    let login = bench.plugins.current().begin(session(), "alice").await;
    assert!(matches!(login, Login::Undecided { .. }), "{login:?}");
    assert_eq!(bench.plugins.status().generation, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_last_good_one_and_is_told_once() {
    let mut bench = Bench::new(&[("10-a.wasm", &module(GRANT))]).live(&[]).await;
    let traps = Guest {
        start: guest::TRAP,
        ..GOOD
    };
    let broken: [&[u8]; 3] = [b"garbage", &traps.module(), &module(GRANT)[..100]];
    for broken in broken {
        bench.write("10-a.wasm", broken);
        assert_eq!(bench.reload().await, REFUSED);
        let told = bench.plugins.status().plugins[0].rejected.clone().unwrap();
        let sha256 = inspect(&bench.path("10-a.wasm"))
            .map(|report| report.sha256)
            .ok();
        assert!(sha256.is_none() || sha256 == told.sha256);
        assert_eq!(told.file, bench.path("10-a.wasm"));
        assert!(!told.cause.is_empty());
        assert!(bench.grants().await);

        // What is fine is taken up meanwhile, and what is not is not told again.
        assert_eq!(bench.reload().await, UNCHANGED);
        bench.write("20-b.wasm", module(DENY));
        assert_eq!(bench.reload().await, SWAPPED);
        bench.remove("20-b.wasm");
        assert_eq!(bench.reload().await, SWAPPED);
        assert_eq!(bench.plugins.status().plugins[0].rejected, Some(told));
    }
    bench.write("10-a.wasm", module(GRANT));
    assert_eq!(bench.reload().await, UNCHANGED);
    assert_eq!(bench.plugins.status().plugins[0].rejected, None);

    bench.write("30-new.wasm", "garbage");
    assert_eq!(bench.reload().await, REFUSED);
    assert_eq!(bench.plugins.status().rejected[0].plugin, "30-new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_sidecar_gives_new_settings_without_compiling() {
    let files: &[(&str, &[u8])] = &[("a.wasm", &module(GRANT)), ("a.toml", b"")];
    let mut bench = Bench::new(files).live(&[]).await;
    let compiled = bench.directory.path().join("state/plugins");
    for entry in fs::read_dir(&compiled).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    bench.write(
        "a.toml",
        "[config]\ncolour = \"red\"\n[limits]\ninstances = 3\n",
    );
    assert_eq!(bench.reload().await, SWAPPED);
    let plugin = bench.plugin("a");
    assert_eq!(plugin.facts.settings.value("colour"), Some("red"));
    assert_eq!(plugin.pool.status().limit, 3);
    assert_eq!(fs::read_dir(&compiled).unwrap().count(), 0);

    bench.write("secret", "one");
    bench.write(
        "a.toml",
        "[allow]\nsecrets = { key = { file = \"secret\" } }\n",
    );
    assert_eq!(bench.reload().await, SWAPPED);
    assert_eq!(bench.reload().await, UNCHANGED);
    bench.write("secret", "two");
    assert_eq!(bench.reload().await, SWAPPED);
    let plugin = bench.plugin("a");
    assert_eq!(plugin.facts.allow.secrets["key"].expose(), "two");

    bench.write("a.toml", "[limits]\ninstances = 0\n");
    assert_eq!(bench.reload().await, REFUSED);
    bench.remove("a.toml");
    assert_eq!(bench.reload().await, SWAPPED);
    assert_eq!(bench.plugin("a").facts.settings.json(), "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_kept_to() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    let report = inspect(&bench.path("a.wasm")).unwrap();
    bench.write(
        "a.toml",
        format!("[policy]\nsha256 = \"{}\"\n", report.sha256),
    );
    assert_eq!(bench.reload().await, SWAPPED);
    bench.write("a.wasm", module(DENY));
    assert_eq!(bench.reload().await, REFUSED);
    assert!(bench.grants().await);
    let report = inspect(&bench.path("a.wasm")).unwrap();
    bench.write(
        "a.toml",
        format!("[policy]\nsha256 = \"{}\"\n", report.sha256),
    );
    assert_eq!(bench.reload().await, SWAPPED);
    assert!(!bench.grants().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_does_not_serve_without_the_settings_that_named_it() {
    let files: &[(&str, &[u8])] = &[
        ("auth.wasm", &module(GRANT)),
        ("10-a.toml", b"wasm = \"auth.wasm\"\n[config]\nn = 1\n"),
        ("20-b.toml", b"wasm = \"auth.wasm\"\n[config]\nn = 2\n"),
    ];
    let mut bench = Bench::new(files).live(&[]).await;
    assert_eq!(bench.names(), ["10-a", "20-b"]);
    bench.remove("20-b.toml");
    bench.write("10-a.toml", "wasm = \"auth.wasm\"\n[confg]\n");
    let told = Reload {
        swapped: true,
        refused: 2,
    };
    assert_eq!(bench.reload().await, told);
    assert_eq!(bench.names(), ["10-a"], "and not `auth`");
    let rejected = &bench.plugins.status().rejected[0];
    assert_eq!(rejected.plugin, "auth");
    assert!(
        rejected.cause.contains("the settings of 10-a"),
        "{}",
        rejected.cause
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_needed_stays() {
    let files: &[(&str, &[u8])] = &[
        ("10-a.wasm", &module(GRANT)),
        ("20-b.wasm", &module(DENY)),
        ("30-c.toml", b"wasm = \"c\"\n"),
        ("c", &module(DENY)),
    ];
    let mut bench = Bench::new(files).live(&["20-b"]).await;
    bench.remove("20-b.wasm");
    bench.remove("c");
    let refused = Reload {
        swapped: false,
        refused: 2,
    };
    assert_eq!(bench.reload().await, refused);
    let causes: Vec<String> = bench
        .plugins
        .status()
        .plugins
        .into_iter()
        .filter_map(|plugin| Some(plugin.rejected?.cause))
        .collect();
    assert!(causes[0].contains("a sink of wharf.toml"), "{causes:?}");
    assert!(causes[1].contains("cannot be read"), "{causes:?}");

    fs::remove_dir_all(bench.path("")).unwrap();
    assert!(!bench.reload().await.swapped, "an absence is no wish");
    assert_eq!(bench.names(), ["10-a", "20-b", "30-c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_instances_change_nothing() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    bench.write("b.wasm", module(DENY));
    bench.write("b.toml", "[limits]\ninstances = 128\n");
    bench.write("a.toml", "[limits]\ninstances = 128\n");
    assert_eq!(bench.reload().await, SWAPPED);
    bench.write("c.wasm", module(DENY));
    assert_eq!(bench.reload().await, REFUSED);
    assert_eq!(bench.names(), ["a", "b"]);
    assert!(
        bench.plugins.status().rejected[0]
            .cause
            .contains("add up to 264")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_the_plugin_it_began_with_whose_memory_then_goes() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    let old = Arc::downgrade(&bench.plugin("a"));
    let (began, begun) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let plugin = bench.plugin("a");
    let call = tokio::spawn(async move {
        let answer = plugin.call("begin", session(), |instance, client| {
            Box::pin(async move {
                began.send(()).unwrap();
                released.await.unwrap();
                let PluginInstance { exports, store, .. } = instance;
                let role = exports.authenticator.as_ref().unwrap();
                let guest = role.wharf_plugin_authenticator();
                guest.call_begin(store, client, "alice").await
            })
        });
        answer.await.unwrap().unwrap()
    });
    begun.await.unwrap();
    bench.write("a.wasm", module(DENY));
    assert_eq!(bench.reload().await, SWAPPED);
    assert!(!bench.grants().await);
    assert!(old.upgrade().is_some(), "it is still asked");
    release.send(()).unwrap();
    let step = call.await.unwrap();
    assert!(matches!(step, wit::Step::Grant(_)), "{step:?}");
    assert!(old.upgrade().is_none());
}

/// How often the plugin is replaced below.
const RELOADS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_lose_no_call() {
    let module = module(GRANT);
    let mut bench = Bench::new(&[("a.wasm", &module)]).live(&[]).await;
    let (stop, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (plugins, stop) = (Arc::clone(&bench.plugins), Arc::clone(&stop));
        let calls = Arc::clone(&calls);
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let login = plugins.current().begin(session(), "alice").await;
                assert!(matches!(login, Login::Granted(_)), "{login:?}");
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    for number in 0..RELOADS {
        bench.write("a.wasm", marked(&module, u8::from(number % 2 == 0)));
        let before = calls.load(Ordering::Relaxed);
        assert_eq!(bench.reload().await, SWAPPED);
        while calls.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    assert_eq!(bench.plugins.current().generation(), 1 + RELOADS as u64);
}

/// Waits until that is so.
async fn until(what: impl Fn() -> bool) {
    let so = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_the_directory_are_noticed() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    let told = Arc::new(AtomicU64::new(1));
    let tell = Arc::clone(&told);
    let tell = move |plugins: &Plugins| tell.store(plugins.generation(), Ordering::Relaxed);
    let _watch = bench.reloader.take().unwrap().watch(tell);
    let generation = || told.load(Ordering::Relaxed);

    bench.write("a.wasm", module(DENY));
    until(|| generation() == 2).await;
    // What is on its way, and what nobody means as a plugin.
    for name in [".b.wasm.swp", "b.wasm.tmp", "b.wasm.part", ".c.wasm"] {
        bench.write(name, "half of a plugin");
    }
    fs::rename(bench.path("b.wasm.part"), bench.path("b.part")).unwrap();
    bench.write("b.wasm", module(GRANT));
    until(|| generation() == 3).await;
    assert!(bench.plugins.status().rejected.is_empty());
    assert_eq!(bench.names(), ["a", "b"]);

    bench.write("b.wasm", "garbage");
    until(|| bench.plugins.status().plugins[1].rejected.is_some()).await;
    bench.remove("b.wasm");
    until(|| generation() == 4).await;
    assert_eq!(bench.names(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_refused_sidecar_wants_is_noticed_when_it_comes() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    let _watch = bench.reloader.take().unwrap().watch(|_| {});
    bench.write("b.toml", "[allow]\nsecrets = { k = { file = \"k.key\" } }");
    bench.write("b.wasm", module(GRANT));
    until(|| !bench.plugins.status().rejected.is_empty()).await;
    assert_eq!(bench.names(), ["a"]);
    bench.write("k.key", "a secret");
    until(|| bench.plugins.current().generation() == 2).await;
    assert_eq!(bench.names(), ["a", "b"]);
    assert!(bench.plugins.status().rejected.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_ask_for_a_reload() {
    let mut bench = Bench::new(&[("a.wasm", &module(GRANT))]).live(&[]).await;
    let _watch = bench.reloader.take().unwrap().watch(|_| {});
    bench.write("a.wasm", module(DENY));
    bench.plugins.ask_to_reload();
    until(|| bench.plugins.current().generation() == 2).await;
}
