//! Plugins that ask web services: through `wasi:http` like through the host's own client, and with
//! the answers of a case instead of the network.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use wharf_tests::ftp::{Ftp, Reply};
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, Settings};
use wharf_tests::{binaries, content, process};

/// A server whose gate asks `authority`, with what `[allow]` says.
fn asking(authority: &str, allow: &str) -> Server {
    let directory = Directory::new(&Settings::default());
    let gate = directory.path().join("plugins/20-gate.wasm");
    let wasm = binaries::plugins().join("tests/outbound.wasm");
    fs::copy(wasm, &gate).expect("it was built");
    let sidecar = format!("[config]\nauthority = \"{authority}\"\n[allow]\n{allow}\n");
    fs::write(gate.with_extension("toml"), sidecar).expect("there is room");
    directory.serve()
}

fn store(server: &Server, name: &str) -> Reply {
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    ftp.command("TYPE I", 200);
    ftp.store(&format!("STOR {name}"), b"bytes")
}

#[test]
fn a_component_with_wasi_http_is_served_by_the_same_client() {
    let service = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let authority = service.local_addr().expect("it is bound").to_string();
    let asked = thread::spawn(move || {
        let answers = ["200 OK\r\n\r\n", "403 No\r\n\r\nnot today\r\n226 Stored"];
        answers.map(|answer| answer_one(&service, answer))
    });
    let allow = format!("http = [\"http://{authority}\"]\nhttp-private = true");
    let server = asking(&authority, &allow);
    assert_eq!(store(&server, "a.txt").code, 226);
    // The text of the service is one line of one reply.
    assert_eq!(store(&server, "b.txt").lines, ["550 not today  226 Stored"]);
    assert_eq!(content::tree(&server.home()), ["a.txt"]);
    let asked = asked.join().expect("it was asked twice");
    assert_eq!(asked, ["GET /a.txt HTTP/1.1", "GET /b.txt HTTP/1.1"]);
}

#[test]
fn wasi_http_reaches_nothing_that_is_not_allowed() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let authority = silent.local_addr().expect("it is bound").to_string();
    let private = format!("http = [\"http://{authority}\"]");
    let elsewhere = "http = [\"http://127.0.0.1:1\"]\nhttp-private = true";
    for (allow, cause) in [
        ("", "is not allowed"),
        (elsewhere, "is not allowed"),
        (&private, "not public"),
    ] {
        let server = asking(&authority, allow);
        assert_eq!(store(&server, "a.txt").code, 451, "{allow}");
        server.log().wait_for(&["20-gate", cause]);
        assert_eq!(content::tree(&server.home()), [""; 0]);
    }
    silent.set_nonblocking(true).expect("a socket has modes");
    assert!(silent.accept().is_err(), "nobody was to be reached");
}

/// Answers one request, and returns its first line.
fn answer_one(service: &TcpListener, answer: &str) -> String {
    let (stream, _) = service.accept().expect("somebody asks");
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request has a head");
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let answer = format!(
        "HTTP/1.1 {}",
        answer.replacen("\r\n", "\r\nconnection: close\r\n", 1)
    );
    let answered = reader.get_mut().write_all(answer.as_bytes());
    answered.expect("the host listens");
    lines.swap_remove(0)
}

/// A case for each import of the host: what it finds there, and what it finds missing.
const CASES: &str = r#"
[[case]]
name = "a service that the case answers for"
function = "upload-gate.commit"
input.what = { path = "/gate-http-a", $UPLOAD }
[[case.http]]
method = "GET"
url = "https://service.example/"
status = 200
[case.expect]
result.ok = "publish"

[[case]]
name = "a service that is away"
function = "upload-gate.commit"
input.what = { path = "/gate-http-a", $UPLOAD }
[case.expect]
result.error.unavailable = """the connection failed: \
there is no canned answer to GET https://service.example/"""

[[case]]
name = "a count that was there before"
function = "upload-gate.commit"
input.what = { path = "/gate-state-a", $UPLOAD }
state = { count = "41" }
[case.expect]
result.ok = "publish"
log = ["42"]

[[case]]
name = "a secret of the case"
function = "upload-gate.commit"
input.what = { path = "/gate-secret-a", $UPLOAD }
secrets = { token = "hush" }
[case.expect]
result.ok = "publish"
log = ["got the secret"]
"#;

#[test]
fn cases_answer_for_the_network_the_state_and_the_secrets() {
    let scratch = tempfile::tempdir().expect("there is room for a test");
    let sidecar = scratch.path().join("obliging.toml");
    let allow = "[config]\nurl = \"https://service.example/\"\n\
        [allow]\nhttp = [\"https://service.example\"]\nstate = { max-bytes = \"1MiB\" }\n";
    fs::write(&sidecar, allow).expect("there is room");
    let cases = scratch.path().join("cases");
    fs::create_dir(&cases).expect("there is room");
    let upload = r#"place = { sink = "local", key = "a" }, size = 1, elapsed-ms = 1, "#.to_owned()
        + "appended = false, quarantined = false";
    let written = CASES.replace("$UPLOAD", &upload);
    fs::write(cases.join("imports.case.toml"), written).expect("there is room");
    let mut test = Command::new(binaries::wharf());
    test.env("XDG_CACHE_HOME", scratch.path())
        .args(["plugin", "test"])
        .arg(binaries::plugins().join("tests/obliging.wasm"))
        .arg(cases)
        .arg("--config")
        .arg(sidecar);
    let text = process::run(&mut test, "").success().text();
    assert!(text.contains("4 passed, 0 failed"), "{text}");
    assert!(!text.contains("hush"), "{text}");
}
