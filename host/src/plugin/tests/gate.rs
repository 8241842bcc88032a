//! Upload gates: what they may decide, and what becomes of an upload where they misbehave. Whatever
//! they do, the upload comes back to its owner.

use std::time::Duration;

use wharf_protocol::command::HashAlgorithm;
use wharf_protocol::failure::Failure;
use wharf_protocol::path::VirtualPath;

use super::answers::Answers;
use super::guest::{GROW, RESULT_OUT_OF_BOUNDS, SPIN, TRAP};
use super::paths::identity;
use super::{Bench, session};
use crate::config::Durability;
use crate::plugin::paths::MountTable;
use crate::plugin::{FinishedUpload, GateRuling, Plugins};
use crate::sink::fs::FsSink;
use crate::sink::{Key, Location, Sink, StagedUpload, WriteMode};

/// The cases of `disposition`.
const PUBLISH: u8 = 0;
const PUBLISH_AT: u8 = 1;
const QUARANTINE: u8 = 2;
const DISCARD: u8 = 3;
const CONSUME: u8 = 4;

/// Of `denial-reason`.
const NAME_NOT_ALLOWED: u8 = 9;
const TOO_LARGE: u8 = 11;
const CONTENT_REJECTED: u8 = 12;

/// Gives the content back, as every guest has to.
const GIVE_BACK: &str = "(call $drop_staged (local.get 13))";

/// A gate that wants nothing and gives the answer that `answer` writes.
fn gate(answer: impl FnOnce(&mut Answers) -> String) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.needs(0, 0, &[]);
    let commit = format!("{GIVE_BACK} {}", answer(&mut answers));
    answers.gate(&needs, &commit)
}

fn publish() -> Vec<u8> {
    gate(|answers| answers.says(PUBLISH))
}

fn publish_at(place: &str) -> Vec<u8> {
    gate(|answers| answers.leads(PUBLISH_AT, place))
}

/// As [`publish_at`], by a gate that said it would never do so.
fn staying(place: &str) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.demands(0, 0, &[], false);
    let commit = format!("{GIVE_BACK} {}", answers.leads(PUBLISH_AT, place));
    answers.gate(&needs, &commit)
}

fn quarantine(place: &str) -> Vec<u8> {
    gate(|answers| answers.leads(QUARANTINE, place))
}

fn discard(reason: u8, text: &str) -> Vec<u8> {
    gate(|answers| answers.denies(DISCARD, reason, text))
}

/// A gate that says it has taken the upload, of which it wanted `content`.
fn consume(content: u8) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.needs(content, 64, &[]);
    let commit = format!("{GIVE_BACK} {}", answers.says(CONSUME));
    answers.gate(&needs, &commit)
}

/// A gate that publishes, and traps unless it is told so of a quarantine.
fn told_of_quarantine(quarantined: u8) -> Vec<u8> {
    gate(|answers| {
        let publish = answers.says(PUBLISH);
        format!(
            "(if (i32.ne (local.get 12) (i32.const {quarantined})) (then unreachable)) {publish}"
        )
    })
}

/// A gate that does this, with the content not given back yet.
fn misbehaving(commit: &str) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.needs(2, 0, &[]);
    answers.gate(&needs, commit)
}

/// A gate that wants `content` and discards what begins with an X.
fn no_x(content: u8, head: u32, length: u32) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.needs(content, head, &[]);
    let publish = answers.says(PUBLISH);
    let discard = answers.denies(DISCARD, CONTENT_REJECTED, "no X");
    // A failure of `read` is one of `commit` as it stands in memory.
    let commit = format!(
        "(call $read (local.get 13) (i64.const 0) (i32.const {length}) (i32.const 512))
        {GIVE_BACK}
        (if (result i32) (i32.load8_u (i32.const 512))
            (then (i32.const 512))
            (else (if (result i32)
                (i32.eq (i32.load8_u (i32.load (i32.const 516))) (i32.const 88))
                (then {discard}) (else {publish}))))"
    );
    answers.gate(&needs, &commit)
}

/// A gate that shows the client a text that it was told: where it stands, and its length.
fn telling(checksums: &[&str], at: &str, length: &str) -> Vec<u8> {
    let mut answers = Answers::default();
    let needs = answers.needs(0, 0, checksums);
    let commit = format!(
        "{GIVE_BACK}
        (i32.store (i32.const 512) (i32.const 0))
        (i32.store (i32.const 516) (i32.const {DISCARD}))
        (i32.store (i32.const 520) (i32.const {CONTENT_REJECTED}))
        (i32.store (i32.const 524) (i32.const 1))
        (i32.store (i32.const 528) {at})
        (i32.store (i32.const 532) {length})
        (i32.store (i32.const 536) (i32.const 0))
        (i32.const 512)"
    );
    answers.gate(&needs, &commit)
}

/// What came of a ruling: where the upload is kept, or what its client hears.
type Outcome = Result<GateRuling, Failure>;

/// An upload of `content` to `local:home/a`.
struct Fixture {
    folder: tempfile::TempDir,
    staged: StagedUpload,
    finished: FinishedUpload,
}

impl Fixture {
    fn new(content: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        let sink = FsSink::open(folder.path(), Durability::Os).unwrap();
        let key = Key::parse("home/a").unwrap();
        let mut upload = sink.create(&key, WriteMode::Replace).unwrap();
        upload.write(content).unwrap();
        let finished = FinishedUpload {
            path: VirtualPath::parse("/a").unwrap(),
            place: Location::new("local", key),
            size: content.len() as u64,
            checksums: vec![(HashAlgorithm::Crc32, "352441c2".to_owned())],
            elapsed: Duration::from_millis(7),
            appended: false,
        };
        Self {
            folder,
            staged: StagedUpload::new(upload),
            finished,
        }
    }

    /// What the gates decide. The upload has come back then, and leaves nothing.
    async fn rule(self, plugins: &Plugins) -> GateRuling {
        let shown = MountTable::new(&identity(), Vec::new(), 1);
        let ruling = plugins
            .rule_on_upload(&session(), self.finished, &self.staged, &shown)
            .await;
        drop(self.staged.take().expect("the upload comes back"));
        let left = self.folder.path().join("home").read_dir().unwrap();
        assert_eq!(left.count(), 0);
        ruling
    }
}

/// What gates in these files make of an upload of `content`.
async fn ruling(files: &[(&str, &[u8])], content: &[u8]) -> GateRuling {
    let bench = Bench::new(files);
    let sinks = ["local", "archive"].map(str::to_owned).to_vec();
    let loaded = Plugins::load(&bench.runtime, &bench.plugins(), sinks).await;
    let (plugins, _) = loaded.unwrap_or_else(|errors| panic!("{}", errors[0]));
    Fixture::new(content).rule(&plugins).await
}

fn at(place: &str) -> Location {
    let (sink, key) = place.split_once(':').unwrap();
    Location::new(sink, Key::parse(key).unwrap())
}

/// Asserts that nobody could decide, and that the log is told who failed and this.
fn assert_undecided(ruling: &GateRuling, cause: &str) {
    let GateRuling::Discard { failure, detail } = ruling else {
        panic!("{ruling:?}, for {cause}");
    };
    assert_eq!(*failure, Failure::Undecided, "{cause}");
    assert!(detail.contains(cause), "{detail} has no {cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_publishes_and_quarantines_where_it_may() {
    let allowed =
        b"[allow]\nsinks = [{ name = \"archive\", prefix = \"q\", operations = [\"put\"] }]";
    let looking =
        b"[allow]\nsinks = [{ name = \"archive\", prefix = \"q\", operations = [\"head\"] }]";
    let cases: &[(&str, &[u8], bool)] = &[
        ("local:home/b", b"", true),
        ("local:home/deep/b", b"", true),
        ("local:elsewhere/b", b"", false),
        ("local:homeless/b", b"", false),
        ("local:home/../b", b"", false),
        ("local:", b"", false),
        ("archive:q/b", b"", false),
        ("archive:q/b", looking, false),
        ("archive:q/b", allowed, true),
        ("archive:b", allowed, false),
        ("nowhere:b", allowed, false),
    ];
    for &(place, sidecar, may) in cases {
        for (wasm, keeps) in [(publish_at(place), false), (quarantine(place), true)] {
            let files: [(&str, &[u8]); 2] = [("a.wasm", &wasm), ("a.toml", sidecar)];
            let ruling = ruling(&files, b"x").await;
            match (may, keeps) {
                (true, false) => assert_eq!(ruling, GateRuling::PublishAt(at(place))),
                (true, true) => assert_eq!(ruling, GateRuling::Quarantine(at(place))),
                (false, _) => assert_undecided(&ruling, "it chose"),
            }
        }
    }
    // Whoever did not say so at load leads nowhere but where it is meant for.
    for (place, ruled) in [("local:home/a", true), ("local:home/b", false)] {
        let ruling = ruling(&[("a.wasm", &staying(place))], b"x").await;
        match ruled {
            true => assert_eq!(ruling, GateRuling::Publish),
            false => assert_undecided(&ruling, "did not say at load that it relocates"),
        }
    }
    // A quarantine is not where the upload would be seen.
    let (here, there) = (quarantine("local:home/a"), quarantine("local:home/b"));
    let shown = "is where the upload would be published";
    assert_undecided(&ruling(&[("a.wasm", &here)], b"x").await, shown);
    let moved: [(&str, &[u8]); 2] = [("a.wasm", &publish_at("local:home/b")), ("b.wasm", &there)];
    assert_undecided(&ruling(&moved, b"x").await, shown);
    let agreed: [(&str, &[u8]); 2] = [("a.wasm", &there), ("b.wasm", &there)];
    let kept = GateRuling::Quarantine(at("local:home/b"));
    assert_eq!(ruling(&agreed, b"x").await, kept);
    // Where it is meant for anyway, or no gate has anything against it.
    assert_eq!(ruling(&[], b"x").await, GateRuling::Publish);
    for wasm in [publish(), publish_at("local:home/a")] {
        assert_eq!(
            ruling(&[("a.wasm", &wasm)], b"x").await,
            GateRuling::Publish
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_denial_decides_what_the_client_hears() {
    let text = || Some("no  226 Stored".to_owned());
    for (reason, expected) in [
        (NAME_NOT_ALLOWED, Failure::NameRefused { text: text() }),
        (TOO_LARGE, Failure::QuotaExceeded { text: text() }),
        (CONTENT_REJECTED, Failure::Denied { text: text() }),
    ] {
        let wasm = discard(reason, "no\r\n226 Stored");
        match ruling(&[("a.wasm", &wasm)], b"x").await {
            GateRuling::Discard { failure, detail } => {
                assert_eq!(failure, expected);
                assert!(detail.starts_with("a: "), "{detail}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_gate_has_its_say_until_one_discards() {
    let (b, c) = ("local:home/b", "local:home/c");
    let refused = |text: &str| Failure::Denied {
        text: Some(text.to_owned()),
    };
    let told = telling(&[], "(local.get 5)", "(local.get 6)");
    let cases: &[(&[&[u8]], Outcome)] = &[
        (&[&publish(), &publish()], Ok(GateRuling::Publish)),
        (
            &[&publish_at(b), &publish()],
            Ok(GateRuling::PublishAt(at(b))),
        ),
        (
            &[&publish_at(b), &publish_at(c)],
            Ok(GateRuling::PublishAt(at(c))),
        ),
        (
            &[&publish_at(b), &quarantine(c)],
            Ok(GateRuling::Quarantine(at(c))),
        ),
        // The second is told what the first chose.
        (&[&publish_at(b), &told], Err(refused("home/b"))),
        (&[&quarantine(b), &told], Err(refused("home/b"))),
        // What is infected must not be let out by who only cares for names.
        (
            &[&quarantine(b), &publish()],
            Ok(GateRuling::Quarantine(at(b))),
        ),
        (
            &[&quarantine(b), &publish_at(c)],
            Ok(GateRuling::Quarantine(at(b))),
        ),
        (
            &[&quarantine(b), &quarantine(c)],
            Ok(GateRuling::Quarantine(at(c))),
        ),
        (
            &[&quarantine(b), &discard(CONTENT_REJECTED, "no")],
            Err(refused("no")),
        ),
        // Nor taken elsewhere, as gates are told.
        (
            &[&quarantine(b), &consume(2)],
            Ok(GateRuling::Quarantine(at(b))),
        ),
        (
            &[&quarantine(b), &told_of_quarantine(1)],
            Ok(GateRuling::Quarantine(at(b))),
        ),
        (
            &[&publish_at(b), &told_of_quarantine(0)],
            Ok(GateRuling::PublishAt(at(b))),
        ),
        // Nobody is asked behind a discard, nor about what is gone.
        (&[&consume(2), &misbehaving(TRAP)], Ok(GateRuling::Consume)),
        (&[&publish_at(b), &consume(2)], Ok(GateRuling::Consume)),
        (
            &[&discard(CONTENT_REJECTED, "no"), &misbehaving(TRAP)],
            Err(refused("no")),
        ),
        (&[&publish(), &misbehaving(TRAP)], Err(Failure::Undecided)),
    ];
    for (index, (gates, expected)) in cases.iter().enumerate() {
        let names = ["10-first.wasm", "20-second.wasm"];
        let files: Vec<_> = names.into_iter().zip(gates.iter().copied()).collect();
        let ruling = match ruling(&files, b"x").await {
            GateRuling::Discard { failure, .. } => Err(failure),
            ruling => Ok(ruling),
        };
        assert_eq!(ruling, *expected, "case {index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_fails_discards_unless_the_operator_says_otherwise() {
    let failing = gate(Answers::fails);
    let keeping = misbehaving(&format!("(i32.const {})", 0));
    let kept = misbehaving(&format!("{GIVE_BACK} {GIVE_BACK} (i32.const 0)"));
    let forged = misbehaving("(drop (call $size (i32.const 77))) (i32.const 0)");
    let nonsense = gate(|answers| answers.says(77));
    let quick = b"[limits]\ncpu = \"10ms\"";
    let late = b"[limits]\ncpu = \"60s\"\ndeadline = \"1s\"";
    let small = b"[limits]\nmemory = \"2MiB\"";
    let cases: &[(&[u8], &[u8], &str)] = &[
        (&failing, b"", "unavailable: away"),
        (&misbehaving(TRAP), b"", "commit trapped"),
        (&misbehaving(SPIN), quick, "CPU"),
        (&misbehaving(SPIN), late, "deadline"),
        (&misbehaving(GROW), small, "memory"),
        (&misbehaving(RESULT_OUT_OF_BOUNDS), b"", "commit trapped"),
        (&keeping, b"", "commit trapped"),
        (&kept, b"", "commit trapped"),
        (&forged, b"", "commit trapped"),
        (&nonsense, b"", "commit trapped"),
        (&consume(0), b"", "it consumes what it did not ask for"),
        (&consume(1), b"", "it consumes what it did not ask for"),
    ];
    for &(wasm, sidecar, cause) in cases {
        let files: [(&str, &[u8]); 2] = [("a.wasm", wasm), ("a.toml", sidecar)];
        assert_undecided(&ruling(&files, b"x").await, cause);
        let policy = [sidecar, b"\n[policy]\non-failure = \"allow\""].concat();
        let files: [(&str, &[u8]); 2] = [("a.wasm", wasm), ("a.toml", &policy)];
        assert_eq!(ruling(&files, b"x").await, GateRuling::Publish, "{cause}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_reads_what_it_asked_for() {
    let bad = Failure::Denied {
        text: Some("no X".to_owned()),
    };
    for (content, head) in [(1, 1), (1, 4096), (2, 0)] {
        let files: [(&str, &[u8]); 1] = [("a.wasm", &no_x(content, head, 16))];
        assert_eq!(ruling(&files, b"YX").await, GateRuling::Publish);
        let GateRuling::Discard { failure, .. } = ruling(&files, b"XY").await else {
            panic!("an X is let through with {content}, {head}");
        };
        assert_eq!(failure, bad);
    }
    let none = ruling(&[("a.wasm", &no_x(0, 0, 16))], b"Y").await;
    assert_undecided(&none, "beyond the content");
    // It says that it has room for more than its memory holds.
    let lying = ruling(&[("a.wasm", &no_x(2, 0, u32::MAX))], &[b'Y'; 2 << 20]).await;
    assert_undecided(&lying, "commit trapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_told_of_the_upload() {
    let hex = "(i32.load (i32.add (local.get 8) (i32.const 8)))";
    let hex_length = "(i32.load (i32.add (local.get 8) (i32.const 12)))";
    for (at, length, expected) in [
        ("(local.get 1)", "(local.get 2)", "/a"),
        ("(local.get 3)", "(local.get 4)", "local"),
        ("(local.get 5)", "(local.get 6)", "home/a"),
        (hex, hex_length, "352441c2"),
    ] {
        let wasm = telling(&["crc32"], at, length);
        let bench = Bench::new(&[("a.wasm", &wasm)]);
        let plugins = bench.load().await;
        assert_eq!(plugins.gate_checksums(), [HashAlgorithm::Crc32]);
        let GateRuling::Discard { failure, .. } = Fixture::new(b"x").rule(&plugins).await else {
            panic!("it discards");
        };
        let text = Some(expected.to_owned());
        assert_eq!(failure, Failure::Denied { text });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_wants_what_there_is_not_is_not_loaded() {
    let wanting = |content, head, checksums: &[&str]| {
        let mut answers = Answers::default();
        let needs = answers.needs(content, head, checksums);
        answers.gate(&needs, TRAP)
    };
    let cases = [
        (wanting(0, 0, &["md4"]), "\"md4\""),
        (wanting(0, 0, &["sha256", "SHA-1"]), "\"SHA-1\""),
        (wanting(1, (1 << 20) + 1, &[]), "1048577"),
        (wanting(7, 0, &[]), "needs trapped"),
        (Answers::default().gate(TRAP, TRAP), "needs trapped"),
    ];
    for (wasm, cause) in cases {
        let error = Bench::new(&[("a.wasm", &wasm)]).error().await;
        assert!(error.contains(cause), "{error}");
    }
    let fits = wanting(1, 1 << 20, &["crc32", "md5", "sha1", "sha256", "sha512"]);
    let plugins = Bench::new(&[("a.wasm", &fits)]).load().await;
    assert_eq!(plugins.gate_checksums().len(), 5);
}
