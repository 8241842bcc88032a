//! What happened is told to plugins: all of it, in order, and whatever comes in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use wharf_tests::binaries;
use wharf_tests::content;
use wharf_tests::eventually;
use wharf_tests::ftp::Ftp;
use wharf_tests::log::{Log, field};
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};

/// A directory with a plugin that logs what it hears of; `sidecar` is its.
fn directory(settings: &Settings, sidecar: &str) -> Directory {
    let directory = Directory::new(settings);
    let obliging = binaries::plugins().join("tests/obliging.wasm");
    let plugins = directory.path().join("plugins");
    fs::copy(obliging, plugins.join("50-events.wasm")).expect("it was built");
    listen(&directory, sidecar);
    directory
}

fn listen(directory: &Directory, sidecar: &str) {
    let path = directory.path().join("plugins/50-events.toml");
    fs::write(path, sidecar).expect("there is room");
}

fn session(server: &Server) -> Ftp {
    Ftp::logged_in(server.address(Listener::EXPLICIT))
}

/// What the plugin heard of, in its order: kind, path, id and cause.
fn heard(log: &str) -> Vec<[String; 4]> {
    let told = |line: &str| {
        let message = field(line, "message")?;
        let rest = message.strip_prefix("delivered kind=\"")?;
        let (kind, rest) = rest.split_once("\" path=\"")?;
        let (path, rest) = rest.split_once("\" event=\"")?;
        let (id, rest) = rest.split_once("\" fault=\"")?;
        let cause = rest.strip_suffix('"')?;
        Some([kind, path, id, cause].map(str::to_owned))
    };
    log.lines().filter_map(told).collect()
}

/// Waits until the plugin has heard of `count` events.
fn wait_for(log: &Log, count: usize) -> Vec<[String; 4]> {
    eventually(&format!("{count} events"), || {
        heard(&log.text()).len() >= count
    });
    heard(&log.text())
}

#[test]
fn a_session_is_told_in_its_order() {
    let server = directory(&Settings::default(), "").serve();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command(&format!("USER {USER}"), 331);
    ftp.command("PASS wrong", 530);
    ftp.log_in(USER, PASSWORD);
    assert_eq!(ftp.store("STOR empty", b"").code, 226);
    assert_eq!(ftp.store("STOR report.part", b"bytes").code, 226);
    ftp.command("RNFR report.part", 350);
    ftp.command("RNTO report", 250);
    assert_eq!(ftp.fetch("RETR report"), b"bytes");
    let _data = ftp.data();
    ftp.command("RETR missing", 550);
    ftp.command("MKD directory", 257);
    ftp.command("RNFR directory", 350);
    ftp.command("RNTO .directory", 250);
    ftp.command("RMD .directory", 250);
    ftp.command("DELE report", 250);
    let data = ftp.data();
    ftp.command("STOR broken", 150);
    data.reset();
    ftp.expect(426);
    let _data = ftp.data();
    ftp.command("STOR nowhere/file", 550);
    let mut data = ftp.data();
    ftp.command("STOR lost", 150);
    data.write_all(b"some").expect("the data is taken");
    drop(ftp);
    let expected = [
        ("login-failed", ""),
        ("login", ""),
        ("upload", "/empty"),
        ("file-stable", "/empty"),
        ("upload", "/report.part"),
        ("rename", "/report.part"),
        ("file-stable", "/report"),
        ("download", "/report"),
        ("download-failed", "/missing"),
        ("make-directory", "/directory"),
        ("rename", "/directory"),
        ("remove-directory", "/.directory"),
        ("delete", "/report"),
        ("upload-aborted", "/broken"),
        ("upload-failed", "/nowhere/file"),
        ("upload-aborted", "/lost"),
        ("logout", ""),
    ];
    let heard = wait_for(server.log(), expected.len());
    let kinds: Vec<_> = heard
        .iter()
        .map(|[kind, path, ..]| (&**kind, &**path))
        .collect();
    assert_eq!(kinds, expected);
    for [kind, path, id, cause] in &heard {
        let is_fault = kind.ends_with("-failed") || kind.ends_with("-aborted");
        assert_eq!(!cause.is_empty(), is_fault, "{kind} {path}: {cause:?}");
        assert_eq!(
            heard.iter().filter(|other| other[2] == *id).count(),
            1,
            "{id}"
        );
    }
    assert!(!server.log().text().contains("\"wrong\""));
}

/// How a delivery fails, and a word of its cause in the log.
const DEEDS: &[(&str, &str)] = &[
    ("fail", "the back end is away"),
    ("trap", "trapped"),
    ("loop", "CPU"),
    ("calls", "CPU"),
    ("allocate", "memory"),
    ("recurse", "stack"),
];

#[test]
fn a_plugin_that_fails_hears_of_everything_later() {
    let kinds = "kinds = [\"upload\", \"delete\"]";
    let mut directory = directory(&Settings::default(), "");
    for (deed, cause) in DEEDS {
        listen(
            &directory,
            &format!("[config]\ndeliver = {deed:?}\n{kinds}\n[limits]\ncpu = \"250ms\"\n"),
        );
        let server = directory.serve();
        let mut ftp = session(&server);
        for name in ["one", "two", "three"] {
            assert_eq!(ftp.store(&format!("STOR {name}"), b"x").code, 226, "{deed}");
        }
        server
            .log()
            .wait_for(&["events not delivered", cause, "50-events"]);
        ftp.command("DELE one", 250);
        // The sidecar of a plugin is read when the host starts, or takes it up again.
        directory = server.crash();
        listen(&directory, &format!("[config]\n{kinds}\n"));
        let server = directory.serve();
        let heard = wait_for(server.log(), 4);
        let heard: Vec<_> = heard
            .iter()
            .map(|[kind, path, ..]| (&**kind, &**path))
            .collect();
        let expected = [
            ("upload", "/one"),
            ("upload", "/two"),
            ("upload", "/three"),
            ("delete", "/one"),
        ];
        assert_eq!(heard, expected, "{deed}");
        directory = settled(server);
    }
}

/// The directory of a server that has nothing left to tell.
fn settled(server: Server) -> Directory {
    eventually("the outbox is empty", || listed(&server, &[]).is_empty());
    server.crash()
}

/// The lines of `wharf events list`.
fn listed(server: &Server, more: &[&str]) -> Vec<String> {
    let output = server.directory().wharf(&["events", "list"], more, "");
    output.success().text().lines().map(str::to_owned).collect()
}

#[test]
fn an_operator_sees_retries_and_drops() {
    let sidecar = "[config]\ndeliver = \"fail\"\nkinds = [\"upload\"]\n";
    let settings = Settings {
        limits: "[events]\nmax-attempts = 1\n".into(),
        ..Settings::default()
    };
    let server = directory(&settings, sidecar).serve();
    let mut ftp = session(&server);
    for name in ["one", "two"] {
        assert_eq!(ftp.store(&format!("STOR {name}"), b"x").code, 226);
    }
    // Tried in a batch, then alone.
    eventually("both are given up", || {
        listed(&server, &["--dead"]).len() == 2
    });
    let dead = listed(
        &server,
        &["--dead", "--plugin", "50-events", "--kind", "upload"],
    );
    for (line, name) in dead.iter().zip(["/one", "/two"]) {
        assert!(
            line.contains(name) && line.contains("the back end is away"),
            "{line}"
        );
    }
    assert!(listed(&server, &["--kind", "login"]).is_empty());
    let number = dead[0].split(' ').next().expect("it begins with a number");
    let wharf = |arguments: &[&str], more: &[&str]| server.directory().wharf(arguments, more, "");
    let shown = wharf(&["events", "show", number], &[]).success().text();
    assert!(
        shown.contains("\"path\": \"/one\"") && shown.contains("given up"),
        "{shown}"
    );
    wharf(&["events", "show", "4711"], &[]).failure();
    wharf(&["events", "drop"], &[]).failure();
    let dropped = wharf(&["events", "drop", number], &[]).success().text();
    assert_eq!(dropped, "1 dropped\n");
    let retried = wharf(&["events", "retry", "--all", "--dead"], &[])
        .success()
        .text();
    assert_eq!(retried, "1 retried\n");
    eventually("it is given up again", || {
        listed(&server, &["--dead"]).len() == 1
    });

    // Without a host, the file is read.
    let directory = server.crash();
    let json = directory.wharf(&["events", "list"], &["--dead", "--json"], "");
    let json: Vec<_> = json.success().text().lines().map(str::to_owned).collect();
    assert_eq!(json.len(), 1);
    assert_eq!(field(&json[0], "plugin").as_deref(), Some("50-events"));
    let retried = directory.wharf(&["events", "retry", "--all"], &[], "");
    assert_eq!(retried.success().text(), "1 retried\n");
    listen(&directory, "[config]\nkinds = [\"upload\"]\n");
    let server = directory.serve();
    assert_eq!(wait_for(server.log(), 1)[0][1], "/two");
}

#[test]
fn a_full_outbox_refuses_changes_before_they_begin() {
    let settings = Settings {
        limits: "[events]\nmax-events = 3\n".into(),
        ..Settings::default()
    };
    let sidecar = "[config]\ndeliver = \"fail\"\nkinds = [\"upload\", \"delete\"]\n";
    let server = directory(&settings, sidecar).serve();
    let mut ftp = session(&server);
    for name in ["one", "two", "three"] {
        assert_eq!(ftp.store(&format!("STOR {name}"), b"x").code, 226);
    }
    let _data = ftp.data();
    ftp.command("STOR four", 452);
    ftp.command("DELE one", 452);
    ftp.command("MKD directory", 257);
    assert_eq!(ftp.fetch("RETR one"), b"x");
    assert_eq!(content::tree(&server.home()).len(), 4);
}

/// How often the server is killed. More is a matter of patience.
fn crashes() -> u64 {
    let wanted = std::env::var("WHARF_CRASHES").ok();
    wanted.map_or(10, |wanted| {
        wanted.parse().expect("WHARF_CRASHES is a number")
    })
}

/// Uploads files until the server is gone; tells the name of each that was answered 226.
fn upload_until_gone(mut ftp: Ftp, server: SocketAddr, prefix: &str, stored: &SyncSender<String>) {
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        match upload(&mut ftp, server, &name) {
            Ok(226) => {}
            Ok(code) => panic!("{name} was answered {code}"),
            Err(_) => return,
        }
        if stored.send(name).is_err() {
            return;
        }
    }
}

fn upload(ftp: &mut Ftp, server: SocketAddr, name: &str) -> io::Result<u16> {
    ftp.try_send(b"EPSV\r\n")?;
    let reply = ftp.try_reply()?;
    let port = reply.lines[0].split("|||").nth(1);
    let port = port.and_then(|rest| rest.split('|').next()?.parse().ok());
    let port = port.ok_or(io::ErrorKind::InvalidData)?;
    let mut data = TcpStream::connect(SocketAddr::new(server.ip(), port))?;
    ftp.try_send(format!("STOR {name}\r\n").as_bytes())?;
    ftp.try_reply()?;
    data.write_all(name.as_bytes())?;
    data.shutdown(Shutdown::Write)?;
    Ok(ftp.try_reply()?.code)
}

#[test]
fn a_crash_loses_no_event_of_an_upload_that_was_answered() {
    const CLIENTS: u64 = 4;
    let kinds = "[config]\nkinds = [\"upload\"]\n";
    let mut directory = directory(&Settings::default(), kinds);
    let (mut stored, mut logs) = (Vec::new(), Vec::new());
    for round in 0..crashes() {
        // Every other time nothing is delivered, so that all of it is left to the next.
        let deliver = if round % 2 == 0 {
            ""
        } else {
            "deliver = \"fail\"\n"
        };
        listen(&directory, &format!("{kinds}{deliver}"));
        let server = directory.serve();
        let address = server.address(Listener::EXPLICIT);
        let (sender, receiver) = sync_channel(1);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (sender, ftp) = (sender.clone(), Ftp::logged_in(address));
                let prefix = format!("{round}-{client}");
                thread::spawn(move || upload_until_gone(ftp, address, &prefix, &sender))
            })
            .collect();
        drop(sender);
        let answers = RandomState::new().hash_one(round) % 20;
        stored.extend(receiver.iter().take(answers as usize));
        let log = server.log().clone();
        directory = server.crash();
        stored.extend(receiver);
        for client in clients {
            client.join().expect("every answer was 226");
        }
        logs.push(log.to_its_end());
    }
    listen(&directory, kinds);
    let server = directory.serve();
    let last = server.log().clone();
    let mut heard_of = BTreeMap::new();
    eventually("all events are delivered", || {
        let now = last.text();
        let all = logs.iter().chain([&now]).flat_map(|log| heard(log));
        heard_of = all.map(|[_, path, id, _]| (id, path)).collect();
        let paths: BTreeSet<_> = heard_of.values().map(|path| &path[1..]).collect();
        stored.iter().all(|name| paths.contains(&**name))
    });
    for name in &stored {
        let content = fs::read_to_string(server.home().join(name)).expect("it is stored");
        assert_eq!(content, **name);
    }
    // None is invented, and no file has two ids.
    let paths: BTreeSet<_> = heard_of.values().collect();
    assert_eq!(paths.len(), heard_of.len());
    for path in paths {
        assert!(server.home().join(&path[1..]).exists(), "{path}");
    }
}
