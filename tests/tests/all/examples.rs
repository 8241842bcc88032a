//! Plugins in other languages, and those that `wharf plugin new` makes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use wharf_tests::binaries;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::ftp::Ftp;
use wharf_tests::process;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};

fn example(name: &str) -> PathBuf {
    let directory = binaries::plugins().join("examples");
    directory.join(name).with_extension("wasm")
}

/// A server that asks nobody but the example who logs in.
fn served_by(name: &str) -> Server {
    let directory = Directory::new(&Settings::default());
    let plugins = directory.path().join("plugins");
    fs::remove_file(plugins.join("10-static-users.wasm")).expect("it was there");
    fs::remove_file(plugins.join("10-static-users.toml")).expect("it was there");
    fs::copy(example(name), plugins.join("10-example.wasm")).expect("it was built");
    let sidecar = format!(
        "[config]\nsink = \"local\"\n\
         [config.users.{USER}]\npassword = '{ENCODED}'\nroot = \"home/{USER}\"\n\
         [limits]\nmemory = \"64MiB\"\ncpu = \"1s\"\n"
    );
    fs::write(plugins.join("10-example.toml"), sidecar).expect("there is room");
    directory.serve()
}

fn an_authenticator_works(name: &str) {
    let server = served_by(name);
    let file = server.directory().path().join("local.txt");
    fs::write(&file, name).expect("there is room");
    let upload = [Step::Upload(file, "remote.txt".into())];
    let endpoint = server.endpoint(Security::Explicit);
    Client::Curl.perform(&endpoint, &upload);
    let stored = fs::read_to_string(server.home().join("remote.txt"));
    assert_eq!(stored.expect("it was stored"), name);
    for (user, password) in [
        (USER, "wrong"),
        ("nobody", PASSWORD),
        ("__proto__", PASSWORD),
    ] {
        let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
        ftp.command(&format!("USER {user}"), 331);
        ftp.command(&format!("PASS {password}"), 530);
    }
    let stranger = Endpoint {
        password: "wrong".into(),
        ..endpoint
    };
    Client::Curl.attempt(&stranger, &upload).failure();
}

#[test]
fn an_authenticator_in_javascript_works() {
    an_authenticator_works("javascript");
}

#[test]
fn an_authenticator_in_python_works() {
    an_authenticator_works("python");
}

#[test]
fn an_authenticator_in_c_works() {
    an_authenticator_works("c");
}

/// The languages, as `wharf plugin new` names them.
const LANGUAGES: [&str; 4] = ["rust", "c", "js", "python"];

/// What `wharf plugin new` makes in a language with every role.
fn every(lang: &str) -> PathBuf {
    example(&format!("every-{lang}"))
}

/// Roles that there are templates for in every language.
const ROLES: [&str; 7] = [
    "authenticator",
    "session-guard",
    "path-mapper",
    "listing-filter",
    "storage-guard",
    "upload-gate",
    "storage-events",
];

#[test]
fn what_is_made_anew_is_taken_by_the_host_in_every_role() {
    for lang in LANGUAGES {
        let mut check = Command::new(binaries::wharf());
        check.args(["plugin", "check", "--json"]).arg(every(lang));
        let text = process::run(&mut check, "").success().text();
        for role in ROLES {
            assert!(text.contains(&format!("\"{role}\"")), "{lang}: {text}");
        }
    }
}

/// Functions with what they are asked, and a word of what every language answers.
const CALLS: &[(&str, &str, &str)] = &[
    (
        "storage-guard.before",
        r#"{"what": {"what": "delete", "path": "/a.keep", "place": {"sink": "s", "key": "a.keep"},
            "offset": 0}}"#,
        "\"policy\"",
    ),
    (
        "upload-gate.commit",
        r#"{"what": {"path": "/a", "place": {"sink": "s", "key": "a"}, "size": 0,
            "elapsed-ms": 1, "appended": false,
            "quarantined": false}, "content": ""}"#,
        "\"content-rejected\"",
    ),
    (
        "listing-filter.shape",
        r#"{"directory": "/", "last": true, "page": [
            {"name": ".hidden", "kind": "file", "size": 1},
            {"name": "shown", "kind": "file", "size": 1}]}"#,
        "\"shown\"",
    ),
    ("path-mapper.mounts", "{}", "\"/shared\""),
    (
        "path-mapper.locate",
        r#"{"what": "stat", "path": "/a"}"#,
        "\"pass\"",
    ),
    ("session-guard.connect", "{}", "null"),
    ("session-guard.revalidate", "{}", "\"keep\""),
    ("storage-events.subscribe", "{}", "\"upload\""),
    (
        "storage-events.deliver",
        r#"{"batch": [{"id": "event-7", "kind": "upload", "at-ms": 1, "session": "s",
            "sequence": 1, "listener": "l", "peer": "p", "elapsed-ms": 1}]}"#,
        "event-7",
    ),
    (
        "authenticator.answer",
        r#"{"user": "alice", "given": {"password": "wrong"}}"#,
        "\"credentials\"",
    ),
    (
        "authenticator.answer",
        r#"{"user": "alice", "given": {"password": "secret"}}"#,
        "\"principal\": \"alice\"",
    ),
];

#[test]
fn every_language_answers_alike() {
    // Components are compiled once for all calls.
    let cache = tempfile::tempdir().expect("there is room for a test");
    for lang in LANGUAGES {
        for (function, input, expected) in CALLS {
            let mut call = Command::new(binaries::wharf());
            call.env("XDG_CACHE_HOME", cache.path());
            call.args(["plugin", "call"]).arg(every(lang));
            call.args([function, "--input", input]);
            let text = process::run(&mut call, "").success().text();
            assert!(text.contains(expected), "{lang}, {function}: {text}");
            assert!(!text.contains("hidden"), "{lang}, {function}: {text}");
        }
    }
}

#[test]
fn the_cases_of_a_new_plugin_come_out_as_expected() {
    let scratch = tempfile::tempdir().expect("there is room for a test");
    let roles = format!("{},storage-sink", ROLES.join(","));
    let made = scratch.path().join("every-rust");
    let mut new = Command::new(binaries::wharf());
    new.args(["plugin", "new"]).arg(&made);
    process::run(new.args(["--lang", "rust", "--role", &roles]), "").success();
    let test = |wasm: PathBuf| {
        let mut test = Command::new(binaries::wharf());
        test.env("XDG_CACHE_HOME", scratch.path());
        test.args(["plugin", "test"])
            .arg(wasm)
            .arg(made.join("cases"));
        test.arg("--config").arg(made.join("every-rust.toml"));
        process::run(&mut test, "")
    };
    let text = test(every("rust")).success().text();
    assert!(text.contains("13 passed, 0 failed"), "{text}");
    // What nobody has changed fails where something else is expected.
    let cases = made.join("cases/path-mapper.case.toml");
    let wrong = fs::read_to_string(&cases)
        .expect("it was made")
        .replace("/shared", "/other");
    fs::write(&cases, wrong).expect("there is room");
    let text = test(every("rust")).failure().text();
    let differs = "result.ok[0].directory: expected \"/other\", found \"/shared\"";
    assert!(text.contains(differs), "{text}");
    // It is made once.
    let mut again = Command::new(binaries::wharf());
    again.args(["plugin", "new"]).arg(&made);
    let text = process::run(again.args(["--lang", "c", "--role", "upload-gate"]), "");
    assert!(text.failure().text().contains("is there already"));
}
