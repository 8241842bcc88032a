//! The host seen from outside: the admin endpoint and `wharf status`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::content;
use wharf_tests::eventually;
use wharf_tests::ftp::Ftp;
use wharf_tests::log;
use wharf_tests::process;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, Settings, USER};

/// A server whose admin endpoint has an address, with `more` keys of `[admin]`.
fn observed(address: &str, more: &str) -> (Server, SocketAddr) {
    let server = Server::start(&Settings {
        admin: format!("address = \"{address}\"\n{more}"),
        ..Settings::default()
    });
    let address = server.log().wait("the admin endpoint", |line| {
        let is_open = log::field(line, "message")? == "admin endpoint open";
        log::field(line, "address")
            .filter(|_| is_open)?
            .parse()
            .ok()
    });
    (server, address)
}

/// What curl gets from `path`: the code, and what came with it.
fn fetch(address: SocketAddr, path: &str, headers: &[&str]) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--write-out", "\n%{http_code}"]);
    for header in headers {
        command.args(["--header", header]);
    }
    let port = address.port();
    command.arg(format!("http://127.0.0.1:{port}{path}"));
    let output = process::run(&mut command, "").success();
    let (text, code) = output.stdout.rsplit_once('\n').expect("a code comes last");
    (code.parse().expect("a code is a number"), text.to_owned())
}

/// Every sample by its name and labels. Each has its kind, and what it is about, before it.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    let mut helps = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a text");
            helps.insert(name.to_owned(), help.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            kinds.insert(name.to_owned(), kind.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a sample and its value");
            let name = sample.split('{').next().expect("there is a first");
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| name.strip_suffix(part).filter(|it| kinds.contains_key(*it)))
                .unwrap_or(name);
            assert!(
                kinds.contains_key(family) && helps.contains_key(family),
                "{line}"
            );
            let value = value
                .parse()
                .unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(
                samples.insert(sample.to_owned(), value).is_none(),
                "twice: {line}"
            );
        }
    }
    samples
}

#[test]
fn counters_move_with_an_upload() {
    let (server, address) = observed("127.0.0.1:0", "");
    let scrape = || {
        let (code, text) = fetch(address, "/metrics", &[]);
        assert_eq!(code, 200, "{text}");
        samples(&text)
    };
    let before = scrape();
    assert_eq!(before["wharf_ready"], 1.0);
    assert!(before["process_resident_memory_bytes"] > 1e6);
    let counted = [
        ("wharf_logins_total{outcome=\"granted\"}", 1.0),
        (
            "wharf_transfers_total{kind=\"upload\",outcome=\"finished\"}",
            1.0,
        ),
        ("wharf_transfer_bytes_total{direction=\"received\"}", 5000.0),
    ];
    for (name, _) in counted {
        assert_eq!(before[name], 0.0, "{name}");
    }

    let source = server.directory().path().join("source");
    content::file(&source, 5000, 1);
    let steps = [Step::Upload(source, "file".into())];
    Client::Curl.perform(&server.endpoint(Security::Explicit), &steps);
    let after = scrape();
    for (name, count) in counted {
        assert_eq!(after[name], count, "{name}");
    }
    for name in [
        "wharf_sessions_total{listener=\"explicit\"}",
        "wharf_transfer_seconds_count{kind=\"upload\"}",
    ] {
        assert_eq!(after[name], 1.0, "{name}");
    }
    let handshakes = |connection: &str| -> f64 {
        let start = format!("wharf_tls_handshakes_total{{connection=\"{connection}\"");
        let found = after.iter().filter(|(name, _)| name.starts_with(&start));
        found.map(|(_, count)| count).sum()
    };
    assert_eq!((handshakes("control"), handshakes("data")), (1.0, 1.0));
    eventually("the session has ended", || {
        scrape()["wharf_sessions{listener=\"explicit\"}"] == 0.0
    });
    let text = fetch(address, "/metrics", &[]).1;
    assert!(!text.contains(USER), "no user is a label: {text}");
}

#[test]
fn a_token_is_required_where_other_machines_can_ask() {
    let token = "0123456789abcdef-secret";
    let more = "token = { file = \"admin-token\" }";
    let refused = Directory::new(&Settings {
        admin: "address = \"0.0.0.0:0\"".into(),
        ..Settings::default()
    });
    let output = refused.wharf(&["serve"], &[], "").failure();
    assert!(output.stderr.contains("there is no `token`"), "{output}");

    let directory = Directory::new(&Settings {
        admin: format!("address = \"0.0.0.0:0\"\n{more}"),
        ..Settings::default()
    });
    fs::write(directory.path().join("admin-token"), format!("{token}\n")).expect("there is room");
    let server = directory.serve();
    let address: SocketAddr = server.log().wait("the admin endpoint", |line| {
        let is_open = log::field(line, "message")? == "admin endpoint open";
        log::field(line, "address")
            .filter(|_| is_open)?
            .parse()
            .ok()
    });
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(fetch(address, "/healthz", &[]).0, 200);
    assert_eq!(fetch(address, "/readyz", &[]).0, 200);
    for path in ["/", "/metrics", "/api/v1/status"] {
        let (code, text) = fetch(address, path, &[]);
        assert_eq!(code, 401, "{path}: {text}");
        assert!(text.contains("a token is needed"), "{path}: {text}");
        let (code, text) = fetch(address, path, &[&bearer]);
        assert_eq!(code, 200, "{path}: {text}");
        assert!(!text.contains(token), "{path}: {text}");
    }
    assert!(!server.log().text().contains(token));
}

#[test]
fn a_web_page_whose_name_leads_here_is_refused() {
    let (_server, address) = observed("127.0.0.1:0", "");
    let (code, text) = fetch(address, "/api/v1/status", &["Host: attacker.example"]);
    assert_eq!(code, 421, "{text}");
    assert_eq!(fetch(address, "/api/v1/status", &[]).0, 200);
}

#[test]
fn the_endpoint_serves_while_the_host_drains() {
    let (mut server, address) = observed("127.0.0.1:0", "");
    assert_eq!(fetch(address, "/readyz", &[]).0, 200);
    let mut busy = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let mut data = busy.data();
    busy.command("STOR last", 150);
    data.write_all(b"the first half")
        .expect("the data is taken");
    server.signal("TERM");
    eventually("it is not ready", || {
        fetch(address, "/readyz", &[]).0 == 503
    });
    let (_, text) = fetch(address, "/readyz", &[]);
    assert!(text.contains("shutting down"), "{text}");
    assert_eq!(fetch(address, "/healthz", &[]).0, 200);
    data.finish();
    busy.expect(226);
    assert!(server.wait().success());
    let output = server.directory().wharf(&["status"], &[], "").failure();
    assert!(output.stderr.contains("no wharf runs"), "{output}");
}

/// The status as JSON, from the socket: without `[admin]` too.
fn status(directory: &Directory) -> Value {
    let output = directory.wharf(&["status", "--json"], &[], "").success();
    serde_json::from_str(&output.stdout).expect("it is JSON")
}

#[test]
fn the_status_shows_who_transfers_what() {
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let mut data = ftp.data();
    ftp.command("STOR here", 150);
    data.write_all(b"0123456789").expect("the data is taken");
    let directory = server.directory();
    eventually("ten bytes have come", || {
        status(directory)["sessions"]["listed"][0]["transfer"]["bytes"] == 10
    });
    let told = status(directory);
    assert_eq!(told["phase"], "running");
    assert_eq!(told["readiness"]["ready"], true);
    let session = &told["sessions"]["listed"][0];
    assert_eq!(session["principal"], USER);
    assert_eq!(session["listener"], "explicit");
    assert_eq!(session["transfer"]["path"], "/here");
    let plugin = &told["plugins"]["plugins"][0];
    assert_eq!(plugin["name"], "10-static-users");
    assert_eq!(plugin["roles"][0], "authenticator");
    assert!(plugin["calls"]["total"].as_u64() >= Some(1), "{plugin}");

    let printed = directory.wharf(&["status"], &[], "").success().stdout;
    for word in [USER, "upload /here, 10 B", "10-static-users: authenticator"] {
        assert!(printed.contains(word), "{word:?} is not in: {printed}");
    }
    data.finish();
    ftp.expect(226);
    ftp.command("QUIT", 221);
    eventually("the session is gone", || {
        status(directory)["sessions"]["count"] == 0
    });
}

#[test]
fn a_state_directory_has_one_host() {
    let server = Server::ordinary();
    let output = server.directory().wharf(&["serve"], &[], "").failure();
    assert!(
        output
            .stderr
            .contains("another wharf runs on this state directory"),
        "{output}"
    );
    // The first one is none the worse for it.
    Ftp::logged_in(server.address(Listener::EXPLICIT)).command("NOOP", 200);
    status(server.directory());
    // A crash leaves its socket, which the next host replaces.
    let server = server.crash().serve();
    assert_eq!(status(server.directory())["pid"], server.pid());
}
