//! What an operator types, and what it answers.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use wharf_tests::binaries;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::content;
use wharf_tests::eventually;
use wharf_tests::ftp::{Ftp, Stream};
use wharf_tests::ports;
use wharf_tests::process::{self, Output};
use wharf_tests::server::{self, Directory, Server};
use wharf_tests::settings::{Listener, Settings};

fn wharf(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(binaries::wharf());
    command
        .env("WHARF_PLUGINS", binaries::plugins())
        .env_remove("WHARF_CONFIG");
    process::run(command.args(arguments), input)
}

fn text(path: &Path) -> &str {
    path.to_str()
        .expect("temporary directories have plain names")
}

#[test]
fn two_commands_make_a_server_that_lets_its_user_in() {
    let parent = TempDir::new().expect("there is room for a test");
    let path = parent.path().join("new/harbour");
    let first = ports::free_block(10);
    let passive = format!("{first}-{}", first + 9);
    let init = ["init", text(&path), "--address", "127.0.0.1", "--port", "0"];
    let made = wharf(&[&init[..], &["--passive", &passive]].concat(), "").success();
    let shown = |name: &str| {
        let line = made
            .stdout
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.unwrap_or_else(|| panic!("no {name} in {made}"))
            .to_owned()
    };
    let (user, password) = (shown("user"), shown("password"));
    assert!(password.len() >= 16, "{password:?} is guessed too soon");
    wharf(&["check", "--config", text(&path)], "").success();

    let server = server::serve(&path);
    let address = server.addresses().next().expect("it listens");
    for security in [Security::Plain, Security::Explicit] {
        let (user, password) = (user.clone(), password.clone());
        let endpoint = Endpoint {
            address,
            security,
            user,
            password,
        };
        let source = parent.path().join("source");
        content::file(&source, 1000, 1);
        let steps = [
            Step::Upload(source, "file".into()),
            Step::List(String::new()),
        ];
        assert!(Client::Curl.perform(&endpoint, &steps).contains("file"));
    }
    assert!(path.join("data/file").is_file());
    assert!(!server.log().text().contains(&password));
    for entry in content::tree(&path) {
        let bytes = fs::read(path.join(&entry)).unwrap_or_default();
        let found = bytes
            .windows(password.len())
            .any(|part| part == password.as_bytes());
        assert!(!found, "the password stands in {entry}");
    }

    let refused = wharf(&["init", text(&path)], "").failure();
    assert!(refused.stderr.contains("wharf.toml"), "{refused}");
    assert!(refused.stderr.contains("there already"), "{refused}");
}

#[test]
fn a_mistake_is_named_with_its_place_and_its_remedy() {
    for (line, words) in [
        (
            "[limits]\nidle-timout = \"5m\"",
            &["wharf.toml:2:1", "did you mean `idle-timeout`"][..],
        ),
        (
            "[limits]\n\nidle-timeout = \"5\"",
            &["wharf.toml:3", "duration"],
        ),
        ("[limts]\n", &["wharf.toml:1:2", "`limits`"]),
        (
            "[[listener]]\naddress = \"somewhere\"",
            &["wharf.toml:2", "address"],
        ),
        ("[passive]\nports = \"9-1\"", &["wharf.toml:2", "ports"]),
        (
            "[tls]\nsession-reuse = \"maybe\"",
            &["wharf.toml:2", "allow"],
        ),
        ("[tls]\ncertificate = \"nowhere.pem\"", &["nowhere.pem"]),
        ("[server\n", &["wharf.toml:1"]),
        ("[sink.archive]\nkind = \"tape\"\n", &["wharf.toml:2"]),
        (
            "[server]\nname = \"${WHARF_TEST_UNSET}\"",
            &["wharf.toml:2", "WHARF_TEST_UNSET"],
        ),
    ] {
        let directory = Directory::new(&Settings::default());
        fs::write(directory.path().join("wharf.toml"), line).expect("there is room");
        for command in ["check", "serve"] {
            let output = directory.wharf(&[command], &[], "").failure();
            assert_eq!(output.code, Some(1), "{output}");
            for word in words {
                assert!(output.stderr.contains(word), "{word:?} is not in: {output}");
            }
        }
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    for command in ["check", "serve"] {
        let output = wharf(&[command, "--config", "/nowhere/at/all"], "").failure();
        assert!(output.stderr.contains("/nowhere/at/all"), "{output}");
    }
}

#[test]
fn check_finds_nothing_wrong_with_what_init_made() {
    let directory = Directory::new(&Settings::default());
    let output = directory.wharf(&["check"], &[], "").success();
    for word in ["127.0.0.1", "10-static-users", "local"] {
        assert!(output.text().contains(word), "{word:?} is not in: {output}");
    }
}

#[test]
fn a_hashed_password_lets_its_user_in() {
    let output = wharf(&["hash-password"], "correct horse\n").success();
    let encoded = output.stdout.trim();
    assert!(encoded.starts_with("$argon2id$"), "{output}");
    assert!(!output.text().contains("horse"), "{output}");
    let again = wharf(&["hash-password"], "correct horse\n").success();
    assert_ne!(again.stdout.trim(), encoded, "the salt is random");
    wharf(&["hash-password"], "\n").failure();
    let users = format!("[config.users.bob]\npassword = \"{encoded}\"\n");
    let server = Server::start(&Settings {
        users,
        ..Settings::default()
    });
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.log_in("bob", "correct horse");
}

#[test]
fn a_plugin_is_inspected_without_a_server() {
    let plugin = binaries::plugins().join("static-users.wasm");
    let output = wharf(&["plugin", "inspect", text(&plugin)], "").success();
    for word in ["authenticator", "crypto", "config"] {
        assert!(output.stdout.contains(word), "{word:?} is not in: {output}");
    }
    let folder = TempDir::new().expect("there is room for a test");
    let garbage = folder.path().join("garbage.wasm");
    fs::write(&garbage, "garbage").expect("there is room");
    let output = wharf(&["plugin", "inspect", text(&garbage)], "").failure();
    assert!(output.stderr.contains("garbage.wasm"), "{output}");
    let output = wharf(&["plugin", "inspect", "/nowhere.wasm"], "").failure();
    assert!(output.stderr.contains("/nowhere.wasm"), "{output}");
}

#[test]
fn a_stop_lets_transfers_end_and_sends_the_idle_away() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::ordinary();
        let address = server.address(Listener::EXPLICIT);
        let mut idle = Ftp::logged_in(address);
        let mut busy = Ftp::logged_in(address);
        let mut data = busy.data();
        busy.command("STOR last", 150);
        data.write_all(b"the first half, ")
            .expect("the data is taken");
        server.signal(signal);
        assert_eq!(idle.until_closed(), [421]);
        eventually("nobody is let in any more", || {
            std::net::TcpStream::connect(address).is_err()
        });
        data.write_all(b"and the second")
            .expect("the data is taken");
        data.finish();
        busy.expect(226);
        assert!(matches!(busy.until_closed()[..], [] | [421]));
        assert!(server.wait().success(), "SIG{signal}");
        let stored = fs::read(server.home().join("last")).expect("226 means it is there");
        assert_eq!(stored, b"the first half, and the second");
    }
}

/// A session in the middle of an upload, and its data connection.
fn uploading(server: &Server) -> (Ftp, Stream) {
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let mut data = ftp.data();
    ftp.command("STOR never", 150);
    data.write_all(b"the first half")
        .expect("the data is taken");
    (ftp, data)
}

#[test]
fn a_stop_waits_no_longer_than_its_grace() {
    let settings = Settings {
        server: "shutdown-grace = \"1s\"".into(),
        ..Settings::default()
    };
    let mut server = Server::start(&settings);
    let (mut busy, mut data) = uploading(&server);
    server.signal("TERM");
    busy.until_closed();
    let _ = data.read_to_end(&mut Vec::new());
    assert!(server.wait().success());
    assert_eq!(content::tree(&server.home()), [""; 0]);
}

#[test]
fn a_second_signal_ends_the_transfers() {
    let settings = Settings {
        server: "shutdown-grace = \"1h\"".into(),
        ..Settings::default()
    };
    let mut server = Server::start(&settings);
    let (mut busy, mut data) = uploading(&server);
    server.signal("TERM");
    server.log().wait("the drain", |line| {
        (wharf_tests::log::field(line, "message").as_deref() == Some("shutting down")).then_some(())
    });
    server.signal("INT");
    busy.until_closed();
    let _ = data.read_to_end(&mut Vec::new());
    assert!(server.wait().success());
    assert_eq!(content::tree(&server.home()), [""; 0]);
}

#[test]
fn a_certificate_is_made_once_and_kept() {
    let server = Server::ordinary();
    let fingerprint = |server: &Server| {
        server.log().wait("the fingerprint", |line| {
            wharf_tests::log::field(line, "fingerprint")
        })
    };
    let first = fingerprint(&server);
    let directory = server.crash();
    let state = directory.path().join("state");
    let pem = content::tree(&state)
        .into_iter()
        .find(|name| name.ends_with(".pem"));
    let pem = state.join(pem.expect("the certificate is kept in the state directory"));
    let mode = fs::metadata(&pem)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "others may read {}", pem.display());
    assert_eq!(fingerprint(&directory.serve()), first);
}

#[test]
fn a_log_for_people_is_no_json() {
    let directory = Directory::new(&Settings::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    // A port that is taken ends the server by itself, and with a clear word.
    let file = directory.path().join("wharf.toml");
    let taken = format!("[[listener]]\naddress = \"{address}\"\n");
    fs::write(&file, taken).expect("there is room");
    let output = directory.wharf(&["serve"], &[], "").failure();
    assert!(output.text().contains(&address.to_string()), "{output}");
    assert!(!output.text().contains('{'), "{output}");
}
