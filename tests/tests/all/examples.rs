//! Plugins in other languages, and those that `wharf plugin new` makes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wharf_tests::binaries;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::process::{self, Output};
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};

fn example(name: &str) -> PathBuf {
    let directory = binaries::plugins().join("examples");
    directory.join(name).with_extension("wasm")
}

/// The directory of plugins, without any. What was compiled once in a test is found again.
fn emptied(directory: &Directory) -> PathBuf {
    let state = directory.path().join("state");
    fs::create_dir_all(&state).expect("there is room");
    symlink(binaries::compiled(), state.join("plugins")).expect("there is no such directory yet");
    let plugins = directory.path().join("plugins");
    fs::remove_file(plugins.join("10-static-users.wasm")).expect("it was there");
    fs::remove_file(plugins.join("10-static-users.toml")).expect("it was there");
    plugins
}

/// A server that asks nobody but the example who logs in.
fn served_by(name: &str) -> Server {
    let directory = Directory::new(&Settings::default());
    let plugins = emptied(&directory);
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

/// All that a plugin can be.
const ROLES: [&str; 8] = [
    "authenticator",
    "session-guard",
    "path-mapper",
    "listing-filter",
    "storage-guard",
    "upload-gate",
    "storage-events",
    "storage-sink",
];

/// What `wharf plugin new` makes in a language with every role, its sidecar and its cases.
struct Made {
    wasm: PathBuf,
    sidecar: PathBuf,
    cases: PathBuf,
    /// The directory that it was made in, where the cases are.
    _scratch: TempDir,
}

impl Made {
    fn new(lang: &str) -> Self {
        let scratch = tempfile::tempdir().expect("there is room for a test");
        let name = format!("every-{lang}");
        let directory = scratch.path().join(&name);
        new(&directory, lang, &ROLES.join(",")).success();
        Self {
            wasm: example(&name),
            sidecar: directory.join(format!("{name}.toml")),
            cases: directory.join("cases"),
            _scratch: scratch,
        }
    }

    /// Runs `wharf plugin COMMAND` on it.
    fn plugin(&self, command: &str, more: &[&str]) -> Output {
        let mut plugin = Command::new(binaries::wharf());
        plugin.env("XDG_CACHE_HOME", binaries::code_cache());
        plugin.args(["plugin", command]).arg(&self.wasm);
        plugin.arg("--config").arg(&self.sidecar).args(more);
        process::run(&mut plugin, "")
    }

    /// A server with nothing but this plugin, whose back end is the only thing to see.
    fn serve(&self) -> Server {
        let directory = Directory::new(&Settings {
            sinks: "[sink.notes]\nkind = \"plugin\"\nplugin = \"10-every\"\n".into(),
            ..Settings::default()
        });
        let plugins = emptied(&directory);
        fs::copy(&self.wasm, plugins.join("10-every.wasm")).expect("it was built");
        let sidecar = fs::read_to_string(&self.sidecar).expect("it was made");
        let sidecar = sidecar
            .replace("sink = \"local\"\n", "sink = \"notes\"\n")
            .replace("root = \"home/alice\"", "root = \"\"")
            // Of a machine that does much else.
            .replace("cpu = \"250ms\"", "cpu = \"2s\"");
        fs::write(plugins.join("10-every.toml"), sidecar).expect("there is room");
        directory.serve()
    }
}

/// Runs `wharf plugin new`.
fn new(directory: &Path, lang: &str, roles: &str) -> Output {
    let mut new = Command::new(binaries::wharf());
    new.args(["plugin", "new"]).arg(directory);
    process::run(new.args(["--lang", lang, "--role", roles]), "")
}

/// What is made in a language builds, is taken by the host, passes its own cases, and serves in
/// every role at once.
fn every_role_works(lang: &str) {
    let made = Made::new(lang);
    let text = made.plugin("check", &["--json"]).success().text();
    for role in ROLES {
        assert!(text.contains(&format!("\"{role}\"")), "{lang}: {text}");
    }
    let cases = made.cases.to_string_lossy();
    let text = made.plugin("test", &[&cases]).success().text();
    assert!(text.contains(" passed, 0 failed"), "{lang}: {text}");
    let server = made.serve();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.log_in("alice", "secret");
    ftp.command("TYPE I", 200);
    a_back_end_works(&mut ftp);
    server.log().wait_for(&["stored", "/a file"]);
    assert_eq!(ftp.store("STOR a.keep", b"some").code, 226);
    ftp.command("DELE a.keep", 550);
    assert_eq!(ftp.store("STOR empty", b"").code, 550);
    assert_eq!(ftp.store("STOR .hidden", b"some").code, 226);
    let names = String::from_utf8_lossy(&ftp.fetch("NLST")).into_owned();
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["a.keep", "shared"], "{lang}");
}

/// Stores, fetches, lists, renames and deletes, and leaves nothing.
fn a_back_end_works(ftp: &mut Ftp) {
    // As large as a file can be there, and a byte more.
    let content = content::bytes(64 * 1024 + 1, 7);
    let (fits, _) = content.split_at(64 * 1024);
    assert_eq!(ftp.store("STOR a file", fits).code, 226);
    assert_eq!(ftp.fetch("RETR a file"), fits);
    assert_eq!(ftp.store("STOR a file", &content).code, 552);
    ftp.command("SIZE a file", 213);
    ftp.command("REST 65530", 350);
    assert_eq!(ftp.fetch("RETR a file"), &fits[65530..]);
    assert_eq!(ftp.store("STOR other", b"some").code, 226);
    ftp.command("RNFR other", 350);
    ftp.command("RNTO a file", 250);
    assert_eq!(ftp.fetch("RETR a file"), b"some");
    ftp.passive();
    ftp.command("RETR other", 550);
    ftp.passive();
    ftp.command("STOR none/other", 550);
    let listed = String::from_utf8_lossy(&ftp.fetch("MLSD")).into_owned();
    assert!(
        listed.contains("size=4;") && listed.contains(" a file"),
        "{listed}"
    );
    ftp.command("DELE a file", 250);
    ftp.command("SIZE a file", 550);
}

#[test]
fn every_role_works_in_rust() {
    every_role_works("rust");
}

#[test]
fn every_role_works_in_c() {
    every_role_works("c");
}

#[test]
fn every_role_works_in_javascript() {
    every_role_works("js");
}

#[test]
fn every_role_works_in_python() {
    every_role_works("python");
}

#[test]
fn a_case_that_does_not_come_out_as_expected_is_told() {
    let made = Made::new("rust");
    let cases = made.cases.join("path-mapper.case.toml");
    let wrong = fs::read_to_string(&cases)
        .expect("it was made")
        .replace("/shared", "/other");
    fs::write(&cases, wrong).expect("there is room");
    let cases = cases.to_string_lossy();
    let text = made.plugin("test", &[&cases]).failure().text();
    let differs = "result.ok[0].directory: expected \"/other\", found \"/shared\"";
    assert!(text.contains(differs), "{text}");
}

/// A user without a password is nothing that these authenticators expect.
const UNEXPECTED: &str = "[[case]]\nname = \"it stops\"\nfunction = \"authenticator.answer\"\n\
    input = { user = \"bob\", given = { password = \"secret\" } }\n\
    config = { users = { bob = { root = \"home/bob\" } } }\n\
    expect = { error = \"trapped\", log = [\"WORD\", \"authenticator.\"] }\n";

#[test]
fn why_a_plugin_stopped_is_in_the_log() {
    for (lang, word) in [("js", "threw"), ("python", "KeyError: 'password'")] {
        let made = Made::new(lang);
        let case = made.cases.join("stops.case.toml");
        fs::write(&case, UNEXPECTED.replace("WORD", word)).expect("there is room");
        made.plugin("test", &[&case.to_string_lossy()]).success();
    }
}

#[test]
fn what_cannot_be_begun_is_told() {
    let scratch = tempfile::tempdir().expect("there is room for a test");
    let there = scratch.path().join("there");
    new(&there, "c", "upload-gate").success();
    let refusals = [
        (there, "upload-gate", "is there already"),
        (scratch.path().join("a"), "gate", "authenticator"),
        (scratch.path().join("A_b"), "upload-gate", "lower-case"),
        (PathBuf::from("/proc/plugin"), "upload-gate", "cannot"),
    ];
    for (directory, role, words) in refusals {
        let text = new(&directory, "c", role).failure().text();
        assert!(text.contains(words), "{words}: {text}");
    }
}
