//! Upload gates: what becomes of a file between its last byte and the reply, and what the client
//! and everybody else see of it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use wharf_tests::ftp::{Ftp, Reply};
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::{binaries, content, eventually, process};

/// A server whose gate does what the names of files say: see its source in
/// `plugins/tests/obliging`.
fn gated(sidecar: &str) -> Server {
    gated_twice(sidecar, None)
}

/// The same, with the plugin `upload-rules` as the second gate where there are rules for it.
fn gated_twice(sidecar: &str, rules: Option<&str>) -> Server {
    let directory = Directory::new(&Settings::default());
    let plugins = directory.path().join("plugins");
    let add = |name: &str, wasm: &str, sidecar: &str| {
        let wasm = binaries::plugins().join(wasm);
        fs::copy(wasm, plugins.join(format!("{name}.wasm"))).expect("it was built");
        fs::write(plugins.join(format!("{name}.toml")), sidecar).expect("there is room");
    };
    add("20-gate", "tests/obliging.wasm", sidecar);
    if let Some(rules) = rules {
        add("30-rules", "upload-rules.wasm", rules);
    }
    directory.serve()
}

/// What the user's directory holds, hidden files too.
fn held(server: &Server) -> Vec<String> {
    content::tree(&server.home())
}

fn store(server: &Server, name: &str) -> Reply {
    server
        .session()
        .store(&format!("STOR {name}"), b"what is stored")
}

#[test]
fn a_gate_lets_through_refuses_and_leads_elsewhere() {
    let server = gated(
        "[allow]\nsinks = [{ name = \"local\", prefix = \"quarantine\", operations = [\"put\"] }]",
    );
    let cases: &[(&str, &str, &[&str])] = &[
        ("a", "226 Transfer complete", &["a"]),
        ("gate-refuse-a", "550 refused by the plugin", &[]),
        // It is the text of one reply, whatever stands in it.
        ("gate-lines-a", "550 a  226 Transfer complete.", &[]),
        (
            "gate-elsewhere-a",
            "226 Transfer complete",
            &["published-gate-elsewhere-a"],
        ),
        ("gate-quarantine-a", "226 Transfer complete", &[]),
    ];
    for (name, reply, left) in cases {
        assert_eq!(store(&server, name).lines, [*reply], "{name}");
        assert_eq!(held(&server), *left, "{name}");
        for name in *left {
            let stored = fs::read_to_string(server.home().join(name)).expect("226 says so");
            assert_eq!(stored, "what is stored");
            fs::remove_file(server.home().join(name)).expect("it is there");
        }
    }
    let kept = server
        .directory()
        .path()
        .join("data/quarantine/gate-quarantine-a");
    let kept = fs::read_to_string(kept).expect("it is kept");
    assert_eq!(kept, "what is stored");
    let long = &store(&server, "gate-long-a").lines[0];
    assert!(long.starts_with("550 xxx") && long.len() < 1024, "{long}");
    server
        .log()
        .wait_for(&["upload is discarded", "20-gate: policy: as asked"]);
}

#[test]
fn stou_tells_the_name_that_a_gate_chose() {
    let server = gated(
        "[allow]\nsinks = [{ name = \"local\", prefix = \"quarantine\", operations = [\"put\"] }]",
    );
    let mut ftp = server.session();
    ftp.command("MKD d", 257);
    for (name, reply) in [
        ("a", "226 Stored (unique file name: a)"),
        ("d/a", "226 Stored (unique file name: a)"),
        (
            "gate-elsewhere-a",
            "226 Stored (unique file name: published-gate-elsewhere-a)",
        ),
        ("gate-quarantine-a", "226 Transfer complete"),
    ] {
        let replied = ftp.store(&format!("STOU {name}"), b"what is stored");
        assert_eq!(replied.lines, [reply], "{name}");
    }
}

#[test]
fn a_gate_that_takes_longer_than_clients_wait_is_warned_of() {
    for (deadline, warned) in [("60s", false), ("61s", true)] {
        let server = gated(&format!("[limits]\ndeadline = \"{deadline}\""));
        let log = server.log().text();
        assert_eq!(log.contains("curl gives up after 60 s"), warned, "{log}");
    }
}

#[test]
fn a_gate_that_fails_lets_nothing_through() {
    let limits = "[limits]\ncpu = \"250ms\"\n[config]\ncontent = 4\n";
    let deeds: &[(&str, &str)] = &[
        ("fail", "the back end is away"),
        ("trap", "commit trapped"),
        ("loop", "CPU"),
        ("calls", "CPU"),
        ("allocate", "memory"),
        ("recurse", "stack"),
        ("outside", "it chose a place"),
        ("nowhere", "it chose a place"),
        ("quarantine", "it chose a place"),
        ("beyond", "beyond the content"),
    ];
    for (deed, cause) in deeds {
        // One that fails again and again is not asked any more, so each has its own.
        let server = gated(limits);
        let mut neighbour = server.session();
        let name = format!("gate-{deed}-a");
        assert_eq!(store(&server, &name).code, 451, "{deed}");
        assert_eq!(held(&server), [""; 0], "{deed}");
        server
            .log()
            .wait_for(&["upload discarded", "20-gate", cause]);
        neighbour.command("PWD", 257);
    }
}

#[test]
fn a_gate_reads_all_of_what_nobody_sees() {
    let server = gated(
        "[config]\ncontent = \"all\"\nchecksums = [\"sha256\"]\n\
         [limits]\ncpu = \"60s\"\ndeadline = \"60s\"\nmemory = \"64MiB\"",
    );
    let bytes = content::bytes(3_000_001, 1);
    let mut ftp = server.session();
    let reply = ftp.store("STOR gate-digest-a", &bytes);
    assert_eq!(reply.code, 226, "{reply:?}");
    assert_eq!(held(&server), [content::hash_pieces(&bytes)]);
}

#[test]
fn what_a_gate_takes_is_kept_nowhere() {
    let server = gated("[config]\ncontent = \"all\"");
    fs::write(server.home().join("gate-consume-b"), "before").expect("there is room");
    for verb in ["STOR gate-consume-a", "APPE gate-consume-b"] {
        let reply = server.session().store(verb, b"what is stored");
        assert_eq!(reply.code, 226, "{verb}: {reply:?}");
        assert_eq!(held(&server), ["gate-consume-b"], "{verb}");
    }
    let kept = fs::read_to_string(server.home().join("gate-consume-b"));
    assert_eq!(kept.expect("it is there"), "before");
    // One that did not ask for the content cannot have taken it.
    let server = gated("");
    assert_eq!(store(&server, "gate-consume-a").code, 451);
    assert_eq!(held(&server), [""; 0]);
}

#[test]
fn nobody_gets_past_a_gate_by_breaking_off() {
    let server = gated("");
    fs::write(server.home().join("a"), "what was there").expect("there is room");
    let mut ftp = server.session();
    let mut data = ftp.data();
    ftp.command("APPE a", 150);
    data.write_all(&content::bytes(100_000, 1))
        .expect("it is taken");
    data.reset();
    ftp.expect(426);
    assert_eq!(held(&server), ["a"]);
    let there = fs::read_to_string(server.home().join("a")).expect("it is there");
    assert_eq!(there, "what was there");
    // One that is whole is asked about, with all of it.
    assert_eq!(ftp.store("APPE a", b", and more").code, 226);
    let there = fs::read_to_string(server.home().join("a")).expect("it is there");
    assert_eq!(there, "what was there, and more");
}

/// A back end that a gate waits for: it answers when the test says so.
struct BackEnd {
    address: SocketAddr,
    asked: Receiver<()>,
    /// Whether it answers, or goes away without a word.
    answer: SyncSender<bool>,
}

impl BackEnd {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let ((asking, asked), (answer, answers)) = (sync_channel(8), sync_channel(8));
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.expect("a connection");
                let read = client.read(&mut [0; 4096]).expect("a request");
                if read == 0 || asking.send(()).is_err() {
                    return;
                }
                if answers.recv().unwrap_or(false) {
                    let reply =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    // The plugin may have been given up meanwhile.
                    let _ = client.write_all(reply);
                }
            }
        });
        Self {
            address,
            asked,
            answer,
        }
    }

    /// A server whose gate asks it.
    fn server(&self) -> Server {
        self.server_with(None)
    }

    /// The same, with rules that are looked at behind it.
    fn server_with(&self, rules: Option<&str>) -> Server {
        let origin = format!("http://{}", self.address);
        let sidecar = format!(
            "[config]\nurl = \"{origin}/\"\nwait-ms = 110000\n\
             [allow]\nhttp = [\"{origin}\"]\nhttp-private = true\n\
             [limits]\ndeadline = \"2m\""
        );
        gated_twice(&sidecar, rules)
    }

    fn wait_until_asked(&self) {
        let asked = self.asked.recv_timeout(wharf_tests::PATIENCE);
        asked.expect("the gate asks");
    }

    fn answers(&self, well: bool) {
        self.answer.send(well).expect("it waits");
    }
}

/// An upload that the gate ponders on.
fn pondered(back_end: &BackEnd, server: &Server) -> Ftp {
    let mut ftp = server.session();
    let mut data = ftp.data();
    ftp.command("STOR gate-http-a", 150);
    data.write_all(b"what is stored").expect("it is taken");
    data.finish();
    back_end.wait_until_asked();
    ftp
}

#[test]
fn a_session_lives_on_while_its_gate_ponders() {
    let back_end = BackEnd::new();
    let server = back_end.server();
    let mut ftp = pondered(&back_end, &server);
    ftp.command("NOOP", 200);
    ftp.command("STAT", 211);
    let mut observer = server.session();
    assert!(observer.fetch("LIST").is_empty(), "nobody sees it yet");
    back_end.answers(true);
    ftp.expect(226);
    assert_eq!(held(&server), ["gate-http-a"]);
    ftp.command("QUIT", 221);
}

#[test]
fn who_gives_up_a_pondered_upload_leaves_nothing() {
    let back_end = BackEnd::new();
    let server = back_end.server();
    let mut ftp = pondered(&back_end, &server);
    ftp.command("ABOR", 426);
    ftp.expect(226);
    assert_eq!(held(&server), [""; 0]);
    ftp.command("NOOP", 200);
    back_end.answers(false);

    drop(pondered(&back_end, &server));
    eventually("nothing is left", || held(&server).is_empty());
    back_end.answers(true);
    server.session().fetch("LIST");
    assert_eq!(held(&server), [""; 0]);
}

#[test]
fn who_has_said_quit_need_not_wait_for_the_gate() {
    let back_end = BackEnd::new();
    let server = back_end.server();
    let mut ftp = pondered(&back_end, &server);
    ftp.say("QUIT");
    drop(ftp);
    assert!(server.session().fetch("LIST").is_empty());
    back_end.answers(true);
    eventually("it is stored", || held(&server) == ["gate-http-a"]);
}

#[test]
fn a_slow_commit_is_heard_of() {
    for (well, last) in [
        (true, "226 Transfer complete"),
        (false, "451 This cannot be decided now, try again later"),
    ] {
        let back_end = BackEnd::new();
        let server = back_end.server();
        let mut ftp = pondered(&back_end, &server);
        assert_eq!(ftp.line().expect("a line"), "226-Received, not stored yet");
        back_end.answers(well);
        assert_eq!(ftp.line().expect("a line"), last);
        assert_eq!(held(&server).is_empty(), !well);
        match well {
            true => drop(ftp.command("QUIT", 221)),
            // Nobody may take what it began with for the answer.
            false => assert!(ftp.until_closed().is_empty()),
        }
    }
}

/// How a client stores a file and shows the replies, each as it comes, on standard error.
type Storing = fn(SocketAddr, &str) -> Command;

fn curl(server: SocketAddr, file: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--verbose",
        "--upload-file",
        file,
    ]);
    curl.args(["--user", &format!("{USER}:{PASSWORD}")]);
    curl.arg(format!("ftp://{server}/gate-http-a"));
    curl
}

fn lftp(server: SocketAddr, file: &str) -> Command {
    let mut lftp = Command::new("lftp");
    lftp.arg("-c").arg(format!(
        "debug 5; set ftp:ssl-allow no; set cmd:fail-exit yes; \
         open -u {USER},{PASSWORD} ftp://{server}; put {file} -o gate-http-a"
    ));
    lftp
}

fn ftplib(server: SocketAddr, file: &str) -> Command {
    let mut python = Command::new("python3");
    python.args(["-u", "-c"]).arg(format!(
        "import ftplib\n\
         ftp = ftplib.FTP()\n\
         ftp.set_debuglevel(2)\n\
         ftp.connect({:?}, {})\n\
         ftp.login({USER:?}, {PASSWORD:?})\n\
         ftp.storbinary('STOR gate-http-a', open({file:?}, 'rb'))\n\
         ftp.quit()",
        server.ip().to_string(),
        server.port()
    ));
    python
}

fn tnftp(server: SocketAddr, file: &str) -> Command {
    let mut tnftp = Command::new("tnftp");
    let url = format!("ftp://{USER}:{PASSWORD}@{server}/gate-http-a");
    tnftp.args(["-v", "-u", &url, file]);
    tnftp
}

/// Lines that say that an upload is not stored yet, one each 15 s, until 90 s are over.
const LINES_OF_90_S: usize = 6;

/// What curl ends with when it has waited long enough for a reply.
const CURL_TIMED_OUT: i32 = 28;

#[test]
fn a_commit_of_90_s_keeps_every_client_but_curl() {
    let clients: [Storing; 4] = [lftp, ftplib, tnftp, curl];
    thread::scope(|scope| {
        for storing in clients {
            scope.spawn(move || {
                let back_end = BackEnd::new();
                let server = back_end.server();
                let file = server.directory().path().join("wharf.toml");
                let file = file.to_str().expect("a path of the tests");
                let client = storing(server.address(Listener::EXPLICIT), file);
                // Some say what they hear on the one stream, some on the other.
                let mut both = Command::new("sh");
                both.args(["-c", "exec \"$@\" 2>&1", "sh"]);
                both.arg(client.get_program()).args(client.get_args());
                let mut running = process::spawn(both.stdout(Stdio::piped()));
                let output = running.stdout.take().expect("it is piped");
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                let mut waits = lines.filter(|line| line.contains("226-"));
                let heard = waits.by_ref().take(LINES_OF_90_S).count();
                if client.get_program() == "curl" {
                    // No server can change that; `docs/plugins/upload-gate.md` says why.
                    let ended = running.wait().expect("it ends");
                    assert_eq!(ended.code(), Some(CURL_TIMED_OUT));
                    eventually("nothing is left", || held(&server).is_empty());
                    back_end.answers(true);
                } else {
                    assert_eq!(heard, LINES_OF_90_S, "{client:?} left early");
                    back_end.answers(true);
                    waits.for_each(drop);
                    let ended = running.wait().expect("it ends");
                    assert!(ended.success(), "{client:?}");
                    assert_eq!(held(&server), ["gate-http-a"], "{client:?}");
                }
            });
        }
    });
}

#[test]
fn clients_stay_for_a_slow_commit_and_hear_its_end() {
    let clients: [(Storing, bool); 4] = [(curl, true), (curl, false), (lftp, true), (lftp, false)];
    thread::scope(|scope| {
        for (storing, well) in clients {
            scope.spawn(move || {
                let back_end = BackEnd::new();
                let rules = "[[config.rules]]\nforbidden-names = [\"gate-*\"]\ntext = \"no gates\"";
                let server = back_end.server_with((!well).then_some(rules));
                let file = server.directory().path().join("wharf.toml");
                let file = file.to_str().expect("a path of the tests");
                let mut command = storing(server.address(Listener::EXPLICIT), file);
                let mut client = process::spawn(command.stderr(Stdio::piped()));
                let mut said = BufReader::new(client.stderr.take().expect("it is piped")).lines();
                let mut hears = |word: &str| said.any(|line| line.is_ok_and(|l| l.contains(word)));
                assert!(hears("226-Received"), "{command:?} left early");
                back_end.answers(true);
                let end = if well { "226 Transfer" } else { "553 no gates" };
                assert!(hears(end), "{command:?} does not hear {end}");
                let _ = said.count();
                let ended = client.wait().expect("it ends");
                assert_eq!(ended.success(), well, "{command:?}");
                assert_eq!(held(&server).is_empty(), !well, "{command:?}");
            });
        }
    });
}
