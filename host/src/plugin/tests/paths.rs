//! Path mappers, storage guards and listing filters: what they may do, and what becomes of a
//! session where they misbehave.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wharf_protocol::effect::{Operation, Outcome};
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;
use wharf_protocol::transfer::{ListFormat, TransferKind};

use super::answers::{Answers, HIDE_FIRST};
use super::guest::{GROW, SPIN, TRAP};
use super::{Bench, session};
use crate::config::{self, Config};
use crate::identity::{Identity, Operations, Rule, Rules};
use crate::plugin::{LivePlugins, Plugins};
use crate::sink::{Key, Location};
use crate::sinks::Sinks;
use crate::storage::{Object, Storage, StorageError};

/// `operations` with every flag.
const ALL: u16 = u16::MAX;

/// A user who may do everything below `local:home`, with the plugins in `files`.
pub(super) struct Site {
    folder: tempfile::TempDir,
    storage: Result<Storage, StorageError>,
    pub(super) plugins: Arc<LivePlugins>,
    _bench: Bench,
}

impl Site {
    pub(super) async fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::defaults(folder.path());
        let root = folder.path().join("archive");
        let archive = config::Sink::Fs(config::FsSink { root });
        config.sinks.insert("archive".to_owned(), archive);
        for directory in ["data/home/in", "archive/box"] {
            std::fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        std::fs::write(folder.path().join("data/home/a"), "0123456789").unwrap();
        let sinks = Arc::new(Sinks::open(&config).unwrap());
        let (bench, plugins) = loaded(1, files).await;
        let plugins = Arc::new(LivePlugins::new(plugins));
        let (live, session) = (Arc::clone(&plugins), session());
        let storage = Storage::new(Arc::new(identity()), sinks, live, &session).await;
        Self {
            folder,
            storage,
            plugins,
            _bench: bench,
        }
    }

    fn storage(&self) -> &Storage {
        self.storage
            .as_ref()
            .unwrap_or_else(|error| panic!("{error}"))
    }

    async fn perform(&self, operation: Operation) -> Result<Outcome, StorageError> {
        let resolved = self.storage().resolve(operation, &session()).await?;
        resolved.perform(&AtomicBool::new(false))
    }

    async fn open(&self, kind: TransferKind) -> Result<Object, StorageError> {
        let resolved = self.storage().resolve_transfer(kind, &session()).await?;
        blocking(move || resolved.open()).await
    }

    /// What a listing shows, as far as it comes.
    pub(super) async fn names(&self, directory: &str) -> Result<Vec<String>, StorageError> {
        let kind = TransferKind::List {
            path: path(directory),
            format: ListFormat::Names,
            hidden: true,
            order: None,
            said_in: String::new(),
        };
        let Object::Listing { entries, .. } = self.open(kind).await? else {
            panic!("no listing")
        };
        let names = move || {
            let names = entries.map(|entry| Ok(entry?.name().to_owned()));
            names.collect::<Result<Vec<_>, StorageError>>()
        };
        let mut names = blocking(names).await?;
        names.sort();
        Ok(names)
    }

    /// Where an upload of `name` would be.
    pub(super) async fn place(&self, name: &str) -> Result<String, StorageError> {
        let kind = TransferKind::Store {
            path: path(name),
            offset: 0,
            size_hint: Some(7),
        };
        let object = self.open(kind).await?;
        Ok(object.place().unwrap().location.to_string())
    }
}

/// The plugins in `files` as a generation of that number.
async fn loaded(generation: u64, files: &[(&str, &[u8])]) -> (Bench, Plugins) {
    let bench = Bench::new(files);
    let names = vec!["archive".to_owned(), "local".to_owned()];
    let loaded = Plugins::load(&bench.runtime, &bench.plugins(), names.clone()).await;
    let (plugins, _) = loaded.unwrap_or_else(|errors| panic!("{}", errors[0]));
    let plugins = Plugins::new(generation, plugins.all().to_vec(), names);
    (bench, plugins)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

pub fn identity() -> Identity {
    Identity {
        root: Some(Location::new("local", Key::parse("home").unwrap())),
        rules: Rules::new(vec![Rule {
            permit: true,
            pattern: "/**".parse().unwrap(),
            operations: Operations::ALL,
        }]),
        ..Identity::new("alice".to_owned())
    }
}

/// A sidecar that lets a plugin lead into the archive.
const ARCHIVE: &[u8] = b"[allow]
sinks = [{ name = \"archive\", prefix = \"box\", operations = [\"put\", \"head\", \"list\"] }]
";

#[track_caller]
fn assert_fails(result: Result<impl Sized, StorageError>, name: &str, cause: &str) {
    let Err(error) = result else {
        panic!("{name}: it went well")
    };
    let text = error.to_string();
    assert!(
        text.contains(name) && text.contains(cause),
        "{name}: {text}"
    );
    assert!(!text.contains(char::is_control), "{text:?}");
    assert_eq!(Failure::from(error), Failure::Undecided, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapper_that_fails_lets_nobody_see_anything() {
    let mut answers = Answers::default();
    let cases = [
        ("trap", TRAP.to_owned(), "unreachable"),
        ("spin", SPIN.to_owned(), "CPU"),
        ("grow", GROW.to_owned(), "memory"),
        ("fail", answers.fails(), "away"),
        (
            "relative",
            answers.mounts(&[("x", "local:home", ALL, false)]),
            "begin with /",
        ),
        (
            "outside",
            answers.mounts(&[("/x", "local:", ALL, false)]),
            "it leads to local:",
        ),
        (
            "beside",
            answers.mounts(&[("/x", "local:home2", ALL, false)]),
            "local:home2",
        ),
        (
            "archive",
            answers.mounts(&[("/x", "archive:box", ALL, false)]),
            "archive:box",
        ),
        (
            "nowhere",
            answers.mounts(&[("/x", "nope\r\n:", ALL, false)]),
            "no sink",
        ),
        (
            "dots",
            answers.mounts(&[("/x", "local:home/../..", ALL, false)]),
            "no path below",
        ),
    ];
    let pass = answers.says(2);
    for (name, mounts, cause) in cases {
        let file = format!("{name}.wasm");
        let site = Site::new(&[(&file, &answers.mapper(&mounts, &pass))]).await;
        assert_fails(site.storage.map(drop), name, cause);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapper_shows_what_it_was_allowed_and_no_more() {
    let mut answers = Answers::default();
    let mounts = answers.mounts(&[
        ("/box", "archive:box", ALL, false),
        ("/way/off", "local:home/in", 1, false),
        ("/gone", "local:home/gone", ALL, false),
    ]);
    let pass = answers.says(2);
    let mapper = answers.mapper(&mounts, &pass);
    let site = Site::new(&[("m.wasm", &mapper), ("m.toml", ARCHIVE)]).await;
    assert_eq!(
        site.names("/").await.unwrap(),
        ["a", "box", "gone", "in", "way"]
    );
    assert_eq!(site.names("/way").await.unwrap(), ["off"]);
    assert!(site.names("/gone").await.unwrap().is_empty());
    assert_eq!(site.place("/box/x").await.unwrap(), "archive:box/x");
    // The operator allowed no `delete` in the archive, and the mount permits nothing but to look.
    std::fs::write(site.folder.path().join("archive/box/x"), "x").unwrap();
    for operation in [
        Operation::Delete(path("/box/x")),
        Operation::MakeDirectory(path("/way/off/x")),
        Operation::RemoveDirectory(path("/box")),
        Operation::RemoveDirectory(path("/way")),
        Operation::MakeDirectory(path("/way")),
        Operation::RenameFrom(path("/way/off")),
        Operation::Delete(path("/box")),
        Operation::Size(path("/way")),
    ] {
        assert!(
            site.perform(operation.clone()).await.is_err(),
            "{operation:?}"
        );
    }
    for directory in ["/", "/box", "/way", "/way/off", "/gone"] {
        let entered = site
            .perform(Operation::ChangeDirectory(path(directory)))
            .await;
        // The mount that permits nothing but to look is not even entered.
        assert_eq!(entered.is_ok(), directory != "/way/off", "{directory}");
    }
    assert!(site.place("/box").await.is_err());
    let stored_over = site.place("/way").await;
    assert!(
        matches!(stored_over, Err(StorageError::Sink(_))),
        "a directory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn below_a_dynamic_mount_the_first_mapper_that_knows_is_right() {
    let mut answers = Answers::default();
    let dynamic = answers.mounts(&[("/", "local:home", ALL, true)]);
    let none = answers.mounts(&[]);
    let pass = answers.says(2);
    let leads = |answers: &mut Answers, to: &str| answers.leads(0, to);
    let there = leads(&mut answers, "local:home/in/there");
    let archived = leads(&mut answers, "archive:box/there");
    let outside = leads(&mut answers, "local:home2/x");
    let denies = answers.denies(1, 9, "no\r\n226 Stored");
    let chains = [
        (vec![&pass, &pass], Ok("local:home/x")),
        (vec![&pass, &there], Ok("local:home/in/there")),
        (vec![&there, &outside], Ok("local:home/in/there")),
        (vec![&pass, &archived], Ok("archive:box/there")),
        (vec![&outside, &there], Err("local:home2/x, which neither")),
    ];
    for (locates, expected) in chains {
        let first = answers.mapper(&dynamic, locates[0]);
        let second = answers.mapper(&none, locates[1]);
        let files = [
            ("1.wasm", &first[..]),
            ("2.wasm", &second),
            ("2.toml", ARCHIVE),
        ];
        let site = Site::new(&files).await;
        match expected {
            Ok(place) => assert_eq!(site.place("/x").await.unwrap(), place),
            Err(cause) => assert_fails(site.place("/x").await, "1", cause),
        }
        // The mount itself is where it is.
        assert_eq!(site.names("/").await.unwrap(), ["a", "in"]);
    }
    let site = Site::new(&[("m.wasm", &answers.mapper(&dynamic, &denies))]).await;
    let denied = Failure::from(site.place("/x").await.unwrap_err());
    let text = Some("no  226 Stored".to_owned());
    assert_eq!(denied, Failure::NameRefused { text });
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_are_asked_in_turn_about_what_the_one_before_chose() {
    let mut answers = Answers::default();
    let allow = answers.says(0);
    let redirect = answers.leads(1, "local:home/in/elsewhere");
    let outside = answers.leads(1, "local:elsewhere");
    let deny = answers.denies(2, 10, "full\r\n226 Stored");
    let full = Failure::QuotaExceeded {
        text: Some("full  226 Stored".to_owned()),
    };
    let undecided = Failure::Undecided;
    let cases = [
        (vec![&allow, &allow], Ok("local:home/x")),
        (vec![&redirect, &allow], Ok("local:home/in/elsewhere")),
        (vec![&redirect, &deny], Err(full.clone())),
        (vec![&deny, &outside], Err(full)),
        (vec![&allow, &outside], Err(undecided)),
    ];
    for (befores, expected) in cases {
        let [first, second] = [answers.guard(befores[0]), answers.guard(befores[1])];
        let site = Site::new(&[("1.wasm", &first), ("2.wasm", &second)]).await;
        let place = site.place("/x").await.map_err(Failure::from);
        assert_eq!(place.as_deref(), expected.as_deref());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_fails_stops_everything_unless_the_operator_says_otherwise() {
    let mut answers = Answers::default();
    let cases = [
        ("trap", TRAP.to_owned(), "unreachable"),
        ("spin", SPIN.to_owned(), "CPU"),
        ("grow", GROW.to_owned(), "memory"),
        ("fail", answers.fails(), "away"),
        (
            "outside",
            answers.leads(1, "local:a"),
            "it leads to local:a",
        ),
        ("nowhere", answers.leads(1, "nope:a"), "no sink"),
    ];
    for (name, before, cause) in cases {
        let file = format!("{name}.wasm");
        let guard = answers.guard(&before);
        let strict = Site::new(&[(&file, &guard)]).await;
        assert_fails(strict.place("/x").await, name, cause);
        assert_fails(
            strict.perform(Operation::Size(path("/a"))).await,
            name,
            cause,
        );
        assert_fails(strict.names("/").await, name, cause);
        let sidecar = format!("{name}.toml");
        let policy = b"[policy]\non-failure = \"allow\"\n";
        let lenient = Site::new(&[(&file, &guard), (&sidecar, policy)]).await;
        assert_eq!(lenient.place("/x").await.unwrap(), "local:home/x", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shapes_page_by_page_or_ends_the_listing() {
    let mut answers = Answers::default();
    let bad = [
        ("trap", TRAP.to_owned(), "unreachable"),
        ("spin", SPIN.to_owned(), "CPU"),
        ("fail", answers.fails(), "away"),
        ("slash", answers.entries(&["fine", "a/b"]), "\"a/b\""),
        ("dots", answers.entries(&[".."]), "\"..\""),
        (
            "lines",
            answers.entries(&["a\r\nb"]),
            "no entry can be called",
        ),
        ("many", answers.entries(&["x"; 1025]), "more than 1024"),
    ];
    for (name, shape, cause) in bad {
        let file = format!("{name}.wasm");
        let site = Site::new(&[(&file, &answers.filter(&shape))]).await;
        assert_fails(site.names("/").await, name, cause);
        let status = blocking_status(&site).await;
        assert_fails(status, name, cause);
    }
    let added = answers.entries(&["added"]);
    let hide = answers.filter(HIDE_FIRST);
    let add = answers.filter(&added);
    let site = Site::new(&[("hide.wasm", &hide)]).await;
    for number in 0..600 {
        std::fs::write(
            site.folder.path().join(format!("data/home/in/{number}")),
            "",
        )
        .unwrap();
    }
    // Three pages, and one entry less of each.
    assert_eq!(site.names("/in").await.unwrap().len(), 597);
    let both = Site::new(&[("1.wasm", &hide), ("2.wasm", &add)]).await;
    assert_eq!(both.names("/in").await.unwrap(), ["added"]);
}

async fn blocking_status(site: &Site) -> Result<Outcome, StorageError> {
    let session = session();
    let resolved = site
        .storage()
        .resolve(Operation::Status(path("/")), &session);
    let resolved = resolved.await?;
    blocking(move || resolved.perform(&AtomicBool::new(false))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_moved_from_sink_to_sink_and_a_directory_is_not() {
    let mut answers = Answers::default();
    let mounts = answers.mounts(&[("/box", "archive:box", ALL, false)]);
    let pass = answers.says(2);
    let mapper = answers.mapper(&mounts, &pass);
    let sidecar = b"[allow]
sinks = [{ name = \"archive\", operations = [\"get\", \"put\", \"head\", \"list\", \"delete\"] }]
";
    let site = Site::new(&[("m.wasm", &mapper), ("m.toml", sidecar)]).await;
    let rename = |source: &str, target: &str| Operation::Rename {
        source: path(source),
        target: path(target),
    };
    let at = |name: &str| site.folder.path().join(name);
    let modified = |name: &str| std::fs::metadata(at(name)).unwrap().modified().unwrap();
    let before = modified("data/home/a");
    std::fs::write(at("archive/box/b"), "old").unwrap();
    site.perform(rename("/a", "/box/b")).await.unwrap();
    assert_eq!(std::fs::read(at("archive/box/b")).unwrap(), b"0123456789");
    assert_eq!(modified("archive/box/b"), before);
    assert!(!at("data/home/a").exists());
    let refused = Failure::from(site.perform(rename("/in", "/box/in")).await.unwrap_err());
    let text = "A directory cannot be moved to another storage".to_owned();
    assert_eq!(refused, Failure::Denied { text: Some(text) });
    // Where it cannot be stored, the source stays.
    assert!(site.perform(rename("/box/b", "/no/such/b")).await.is_err());
    assert!(at("archive/box/b").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_mappers_show_something_else_to_those_who_are_there() {
    let mut answers = Answers::default();
    let pass = answers.says(2);
    let mut shows = |directory: &str| {
        let mounts = answers.mounts(&[(directory, "local:home/in", ALL, false)]);
        answers.mapper(&mounts, &pass)
    };
    let (one, two) = (shows("/one"), shows("/two"));
    let failing = answers.mapper(TRAP, &pass);
    let site = Site::new(&[("m.wasm", &one)]).await;
    assert_eq!(site.names("/").await.unwrap(), ["a", "in", "one"]);
    let (_two, plugins) = loaded(2, &[("m.wasm", &two)]).await;
    site.plugins.replace(Arc::new(plugins));
    assert_eq!(site.names("/").await.unwrap(), ["a", "in", "two"]);
    // Nobody can tell what is to be seen, so nothing is.
    let (_failing, plugins) = loaded(3, &[("m.wasm", &failing)]).await;
    site.plugins.replace(Arc::new(plugins));
    assert_fails(site.names("/").await, "m", "unreachable");
    let (_none, plugins) = loaded(4, &[]).await;
    site.plugins.replace(Arc::new(plugins));
    assert_eq!(site.names("/").await.unwrap(), ["a", "in"]);
}
