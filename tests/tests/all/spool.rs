//! Gates in front of sinks that cannot read back what is not published yet: a bucket once an upload
//! has more than one part, and a plugin that does not say that it can.

use std::fs;
use std::thread;

use wharf_tests::outside::{session, user_of};
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::Settings;
use wharf_tests::store::Store;
use wharf_tests::{binaries, content, eventually};

/// Small parts, so that little is enough for many.
const SMALL: &str = "part-size = \"5MiB\"\nupload-memory = \"15MiB\"\n";
/// More than two of them.
const LARGE: usize = 12 << 20;

/// What the plugin `obliging` may do and use as a gate that reads everything.
const READS_ALL: &str = "[config]\ncontent = \"all\"\nchecksums = [\"sha256\"]\n\
    [allow]\nsinks = [{ name = \"local\", prefix = \"\", operations = [\"put\"] }]\n\
    [limits]\ncpu = \"60s\"\ndeadline = \"5m\"\nmemory = \"64MiB\"";

/// A server with the plugin `wasm` as its gate.
fn gated(settings: &Settings, wasm: &str, sidecar: &str) -> Server {
    let directory = Directory::new(settings);
    add(&directory, "20-gate", wasm, sidecar);
    directory.serve()
}

fn add(directory: &Directory, name: &str, wasm: &str, sidecar: &str) {
    let plugins = directory.path().join("plugins");
    let wasm = binaries::plugins().join(wasm);
    fs::copy(wasm, plugins.join(format!("{name}.wasm"))).expect("it was built");
    fs::write(plugins.join(format!("{name}.toml")), sidecar).expect("there is room");
}

/// What stands in the store, without the markers of directories.
fn files(store: &Store) -> Vec<String> {
    let mut keys = store.keys();
    keys.retain(|key| !key.ends_with('/'));
    keys
}

/// Nothing is left in the spool, and nothing of uploads in the store.
fn assert_tidy(server: &Server, store: &Store) {
    eventually("no upload is left", || store.uploads().is_empty());
    let spool = server.directory().path().join("state/spool");
    assert_eq!(content::tree(&spool), [""; 0]);
}

#[test]
fn a_gate_reads_and_moves_what_is_in_parts() {
    let store = Store::default();
    let server = gated(&store.settings(SMALL), "tests/obliging.wasm", READS_ALL);
    let mut ftp = session(&server);
    for length in [0, 70_000, LARGE] {
        let bytes = content::bytes(length, length as u64);
        let digest = content::hash_pieces(&bytes);
        let cases: [(&str, &[&str]); 5] = [
            ("a", &["a"]),
            ("gate-digest-a", &[&digest]),
            ("gate-elsewhere-a", &["published-gate-elsewhere-a"]),
            ("gate-quarantine-a", &["quarantine/gate-quarantine-a"]),
            ("gate-away-a", &[]),
        ];
        for (name, keys) in cases {
            let reply = ftp.store(&format!("STOR {name}"), &bytes);
            assert_eq!(reply.code, 226, "{name} {length}: {reply:?}");
            assert_eq!(files(&store), keys, "{name} {length}");
            for key in keys {
                assert!(ftp.fetch(&format!("RETR {key}")) == bytes, "{key} {length}");
                ftp.command(&format!("DELE {key}"), 250);
            }
        }
        let away = server.directory().path().join("data/gate-away-a");
        assert!(fs::read(away).expect("it is kept there") == bytes);
        assert_eq!(ftp.store("STOR gate-refuse-a", &bytes).code, 550);
        assert_eq!(files(&store), [""; 0]);
    }
    assert_tidy(&server, &store);
}

#[test]
fn a_gate_reads_all_of_what_was_added_to() {
    let store = Store::default();
    let server = gated(&store.settings(SMALL), "tests/obliging.wasm", READS_ALL);
    let mut ftp = session(&server);
    let bytes = content::bytes(LARGE, 3);
    let (half, rest) = bytes.split_at(LARGE / 2 + 1);
    let digest = content::hash_pieces(&bytes);
    ftp.store("STOR half", half);
    ftp.command("RNFR half", 350);
    ftp.command("RNTO gate-digest-a", 250);
    for resume in ["APPE gate-digest-a", "STOR gate-digest-a"] {
        if resume.starts_with("STOR") {
            ftp.command(&format!("REST {}", half.len()), 350);
        }
        let reply = ftp.store(resume, rest);
        assert_eq!(reply.code, 226, "{resume}: {reply:?}");
        assert_eq!(store.keys(), [&*digest, "gate-digest-a"], "{resume}");
        assert!(ftp.fetch(&format!("RETR {digest}")) == bytes);
        assert!(ftp.fetch("RETR gate-digest-a") == half);
        ftp.command(&format!("DELE {digest}"), 250);
    }
    assert_tidy(&server, &store);
}

#[test]
fn many_go_on_with_small_files_in_little_memory() {
    let store = Store::default();
    // One part, and less than a range beside it.
    let little = format!("{SMALL}memory = \"6MiB\"\nrange-size = \"1MiB\"\n");
    let server = gated(&store.settings(&little), "tests/obliging.wasm", READS_ALL);
    let (first, rest) = (content::bytes(70_000, 1), content::bytes(70_000, 2));
    let whole = [&first[..], &rest].concat();
    thread::scope(|scope| {
        for worker in 0..6 {
            let (server, first, rest, whole) = (&server, &first, &rest, &whole);
            scope.spawn(move || {
                let mut ftp = session(server);
                assert_eq!(ftp.store(&format!("STOR {worker}"), first).code, 226);
                let reply = ftp.store(&format!("APPE {worker}"), rest);
                assert_eq!(reply.code, 226, "{reply:?}");
                // What the new bytes do not reach stays.
                ftp.command("REST 1000", 350);
                let reply = ftp.store(&format!("STOR {worker}"), &first[1000..2000]);
                assert_eq!(reply.code, 226, "{reply:?}");
                assert!(ftp.fetch(&format!("RETR {worker}")) == *whole);
            });
        }
    });
    assert_tidy(&server, &store);
}

#[test]
fn a_gate_reads_the_head_of_what_is_in_parts() {
    let store = Store::default();
    let rules = "[[config.rules]]\nkinds = [\"pdf\"]\n";
    let server = gated(&store.settings(SMALL), "upload-rules.wasm", rules);
    let mut ftp = session(&server);
    let mut bytes = content::bytes(LARGE, 5);
    assert_eq!(ftp.store("STOR a.pdf", &bytes).code, 550);
    assert_eq!(store.keys(), [""; 0]);
    bytes[..5].copy_from_slice(b"%PDF-");
    assert_eq!(ftp.store("STOR a.pdf", &bytes).code, 226);
    assert_eq!(ftp.store("APPE a.pdf", b"what an editor adds").code, 226);
    bytes.extend(b"what an editor adds");
    assert!(ftp.fetch("RETR a.pdf") == bytes);
    assert_tidy(&server, &store);
}

#[test]
fn a_full_spool_takes_nothing_more() {
    let store = Store::default();
    let settings = Settings {
        limits: "spool = \"8MiB\"".to_owned(),
        ..store.settings(SMALL)
    };
    let server = gated(&settings, "tests/obliging.wasm", READS_ALL);
    let mut ftp = session(&server);
    // The host may close the data connection before all is sent.
    let mut data = ftp.data();
    ftp.command("STOR a", 150);
    let _ = std::io::Write::write_all(&mut data, &content::bytes(LARGE, 1));
    data.finish();
    ftp.expect(452);
    server
        .log()
        .wait_for(&["the spool is full: see [limits] spool"]);
    assert_eq!(store.keys(), [""; 0]);
    let bytes = content::bytes(7 << 20, 1);
    assert_eq!(ftp.store("STOR a", &bytes).code, 226);
    assert_tidy(&server, &store);
}

#[test]
fn a_gate_reads_what_a_plugin_does_not_read_back() {
    let settings = Settings {
        sinks: "[sink.shelf]\nkind = \"plugin\"\nplugin = \"50-shelf\"\n".to_owned(),
        users: user_of("shelf"),
        ..Settings::default()
    };
    let directory = Directory::new(&settings);
    add(&directory, "20-gate", "tests/obliging.wasm", READS_ALL);
    let shelf = "[config]\nblind = true\n[allow]\nstate = { max-bytes = \"64MiB\" }\n";
    add(&directory, "50-shelf", "tests/shelf.wasm", shelf);
    let server = directory.serve();
    let mut ftp = session(&server);
    let bytes = content::bytes(1_000_003, 7);
    let digest = content::hash_pieces(&bytes);
    for (name, stored) in [("a", "a"), ("gate-digest-a", &*digest)] {
        assert_eq!(ftp.store(&format!("STOR {name}"), &bytes).code, 226);
        assert!(ftp.fetch(&format!("RETR {stored}")) == bytes, "{name}");
    }
    assert_eq!(ftp.store("STOR gate-away-a", &bytes).code, 226);
    let away = server.directory().path().join("data/gate-away-a");
    assert!(fs::read(away).expect("it is kept there") == bytes);
    let listed = ftp.fetch("NLST");
    assert_eq!(listed.split(|byte| *byte == b'\n').count(), 3, "{listed:?}");
}
