//! Uploads handed to a web application: the configuration of `docs/migrate/openspp`, with a
//! stand-in of OpenSPP on the other side.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use serde_json::json;
use tempfile::TempDir;
use wharf_tests::ftp::{Ftp, Reply};
use wharf_tests::openspp::{Mood, OpenSpp, USERS};
use wharf_tests::server::{self, Server};
use wharf_tests::settings::{ENCODED, PASSWORD};
use wharf_tests::{binaries, content, eventually, ports, process, tls};

use super::memory::growth;

/// What the resident memory may grow by, however large a document is: the plugin's own, and pieces
/// under way to the application.
const GROWTH_MAX: u64 = 48 << 20;

const SCANNER: (&str, &str) = USERS[0];

/// What nothing but a scan holds, in clear and in base64.
const MARK: &[u8] = b"a scan that nobody else has to see";
const MARK_IN_BASE64: &[u8] = b"YSBzY2FuIHRoYXQgbm9ib2R5IGVsc2UgaGFzIHRvIHNlZ";

/// A host as the page on OpenSPP has it.
struct Fixture {
    application: OpenSpp,
    server: Server,
    folder: TempDir,
}

/// Of the host.
#[derive(Clone, Copy, Default)]
struct Options {
    secured: bool,
    spool: bool,
    /// What else its reader has changed in the sidecar of http-forward.
    changes: &'static [(&'static str, &'static str)],
    /// The scanner as a user of the host.
    knows_scanner: bool,
}

impl Fixture {
    fn new(options: Options) -> Self {
        let application = OpenSpp::start();
        let folder = TempDir::with_prefix("wharf-").expect("there is room for a test");
        configure(folder.path(), &application.url(), options);
        let server = server::serve(&folder.path().join("host"));
        Self {
            application,
            server,
            folder,
        }
    }

    /// The configuration directory, with all that the host keeps.
    fn directory(&self) -> PathBuf {
        self.folder.path().join("host")
    }

    fn address(&self) -> SocketAddr {
        self.server.addresses().next().expect("it listens")
    }

    fn logged_in(&self) -> Ftp {
        let mut ftp = Ftp::greeted(self.address());
        ftp.log_in(SCANNER.0, SCANNER.1);
        ftp.command("TYPE I", 200);
        ftp
    }

    /// Asserts that nothing of a scan or of a password is left on the disk.
    fn assert_no_trace(&self) {
        let directory = self.directory();
        for part in ["incoming", "spool"] {
            assert_eq!(files(&directory.join(part)), [""; 0], "in {part}");
        }
        let needles = [MARK, MARK_IN_BASE64].into_iter();
        let needles = needles.chain(USERS.iter().map(|(_, password)| password.as_bytes()));
        for needle in needles {
            for file in files(&directory) {
                let bytes = fs::read(directory.join(&file)).expect("it can be read");
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{file} holds {}", String::from_utf8_lossy(needle));
            }
        }
        let log = self.server.log().text();
        for (_, password) in USERS {
            assert!(!log.contains(password), "{log}");
        }
    }
}

/// The files below a directory, staged ones too.
fn files(directory: &Path) -> Vec<String> {
    let mut files = content::tree(directory);
    files.retain(|name| directory.join(name).is_file());
    files
}

/// Writes the configuration directory of the page to `folder/host`, as its reader would.
fn configure(folder: &Path, application: &str, options: Options) {
    let directory = &folder.join("host");
    let password = folder.join("password");
    fs::write(&password, USERS[1].1).expect("there is room");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migrate/openspp");
    let change = |name: &str, changes: &[(&str, &str)]| {
        let text = fs::read_to_string(page.join(name)).expect("it is part of the page");
        let mut text = match options.spool {
            true => text.replace("#| ", ""),
            false => text,
        };
        for (from, to) in changes {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replace(from, to);
        }
        fs::write(directory.join(name), text).expect("there is room");
    };
    for part in ["incoming", "spool", "plugins"] {
        fs::create_dir_all(directory.join(part)).expect("there is room");
    }
    let passive = ports::free_block(6);
    let passive = format!("\"{passive}-{}\"", passive + 5);
    let mut host = vec![
        ("\"[::]:8002\"", "\"127.0.0.1:0\""),
        ("\"3000-3005\"", &passive),
    ];
    if !options.secured {
        host.push(("tls = \"required\"", "tls = \"off\""));
        host.push(("data = \"required\"", ""));
    }
    change("wharf.toml", &host);
    change("plugins/flatten-names.toml", &[]);
    let secret = format!("{{ file = {password:?} }}");
    let mut forwarding = options.changes.to_vec();
    forwarding.push(("https://openspp.example.org", application));
    if options.spool {
        // The environment is that of all tests.
        forwarding.push(("\"${OPENSPP_SPOOLER_PASSWORD}\"", &secret));
    }
    change("plugins/http-forward.toml", &forwarding);
    for plugin in ["flatten-names.wasm", "http-forward.wasm"] {
        let wasm = binaries::plugins().join(plugin);
        fs::copy(wasm, directory.join("plugins").join(plugin)).expect("it was built");
    }
    if options.knows_scanner {
        know_scanner(directory);
    }
}

/// Adds the plugin that knows the scanner, as the page has it.
fn know_scanner(directory: &Path) {
    let users = directory.join("plugins/10-static-users.wasm");
    fs::copy(binaries::plugins().join("static-users.wasm"), &users).expect("it was built");
    let user = SCANNER.0;
    let sidecar = format!(
        "[config]\nsink = \"incoming\"\nroot = \"\"\n\
         [config.users.{user}]\npassword = \"{ENCODED}\"\n"
    );
    fs::write(users.with_extension("toml"), sidecar).expect("there is room");
}

/// Adds a plugin that tells the application of every event.
fn tell_events(directory: &Path, application: &str) {
    let webhook = directory.join("plugins/webhook.wasm");
    fs::copy(binaries::plugins().join("webhook.wasm"), &webhook).expect("it was built");
    let sidecar = format!(
        "[config]\nurl = \"{application}/events\"\nevents = [\"upload*\", \"file-stable\"]\n\
         [allow]\nhttp = [\"{application}\"]\nhttp-private = true\n"
    );
    fs::write(webhook.with_extension("toml"), sidecar).expect("there is room");
}

fn scan(length: usize) -> Vec<u8> {
    let mut scan = MARK.to_vec();
    scan.extend(content::bytes(length, 7));
    scan
}

#[test]
fn a_scanners_session_ends_with_the_document_in_the_application() {
    for secured in [false, true] {
        let options = Options {
            secured,
            ..Options::default()
        };
        let fixture = Fixture::new(options);
        let mut ftp = Ftp::connect(fixture.address());
        assert_eq!(ftp.expect(220).lines, ["220 OpenSPP DMS ready"]);
        if secured {
            let config = tls::client(&rustls::version::TLS13);
            ftp.command("USER scanner", 530);
            ftp.command("AUTH TLS", 234);
            ftp.secure(&config);
            ftp.log_in(SCANNER.0, SCANNER.1);
            ftp.command("PASV", 521);
            ftp.protect(&config);
        } else {
            ftp.log_in(SCANNER.0, SCANNER.1);
        }
        ftp.command("TYPE I", 200);
        let scan = scan(100_000);
        // In whatever directory it thinks it is, and with or without a file of that name before.
        for (change, path, filename) in [
            (None, "/dir/scan.pdf", "_dir_scan.pdf"),
            (None, "scan.pdf", "_scan.pdf"),
            (None, "scan.pdf", "_scan.pdf"),
            (Some("CWD /of/nobody"), "a b.pdf", "_of_nobody_a b.pdf"),
        ] {
            if let Some(change) = change {
                ftp.command(change, 250);
            }
            let reply = ftp.store(&format!("STOR {path}"), &scan);
            assert_eq!(reply.code, 226, "{path}: {reply:?}");
            let documents = fixture.application.documents();
            let document = documents.last().expect("226 says so");
            assert_eq!(document.filename, filename);
            assert_eq!(document.username, SCANNER.0);
            assert!(document.content == scan, "{path} has changed on its way");
        }
        assert_eq!(ftp.fetch("LIST"), b"");
        assert_eq!(ftp.fetch("LIST /wherever"), b"");
        ftp.command("SIZE /dir/scan.pdf", 550);
        ftp.command("MKD /of/somebody", 257);
        ftp.command("RMD /of/somebody", 250);
        ftp.command("QUIT", 221);
        fixture.assert_no_trace();
    }
}

#[test]
fn only_users_of_the_application_log_in() {
    let mut fixture = Fixture::new(Options::default());
    let login = |password: &str| {
        let mut ftp = Ftp::greeted(fixture.address());
        ftp.command("USER scanner", 331);
        ftp.say(&format!("PASS {password}"));
        ftp.reply().code
    };
    assert_eq!(login("wrong"), 530);
    assert_eq!(login(SCANNER.1), 230);
    fixture.application.stop();
    let mut ftp = Ftp::greeted(fixture.address());
    ftp.command("USER scanner", 331);
    ftp.command(&format!("PASS {}", SCANNER.1), 421);
    fixture.assert_no_trace();
}

#[test]
fn what_the_application_refuses_is_refused_and_what_it_cannot_say_is_put_off() {
    let mut fixture = Fixture::new(Options::default());
    let says = |status, body: serde_json::Value| Mood::Says(status, body.to_string());
    let secret = format!("not {}", SCANNER.1);
    let cases = [
        (
            says(200, json!({ "result": "Unsuccessful" })),
            "552 The application refused the file: Unsuccessful",
        ),
        (
            says(400, json!({ "result": "a\r\n226 b" })),
            "552 The application refused the file: a  226 b",
        ),
        (
            says(200, json!({ "result": secret })),
            "552 The application refused the file.",
        ),
        (Mood::Full, "552 The application refused the file."),
        (says(200, json!({ "error": {} })), "451 "),
        (Mood::Says(200, "<html>200 OK</html>".into()), "451 "),
        (says(500, json!({ "result": "200 OK" })), "451 "),
        (Mood::HangsUp, "451 "),
    ];
    let mut ftp = fixture.logged_in();
    let scan = scan(3_000_000);
    for (mood, expected) in cases {
        let told = format!("{mood:?}");
        fixture.application.is(mood);
        let reply = ftp.store("STOR scan.pdf", &scan);
        assert_eq!(reply.lines.len(), 1, "{told}: {reply:?}");
        assert!(reply.lines[0].starts_with(expected), "{told}: {reply:?}");
        fixture.assert_no_trace();
    }
    fixture.application.stop();
    assert_eq!(ftp.store("STOR scan.pdf", &scan).code, 451, "away");
    fixture.application.resume();
    fixture.application.is(Mood::Good);
    assert_eq!(ftp.store("STOR scan.pdf", &scan).code, 226);
    assert_eq!(fixture.application.documents().len(), 1);
    fixture.assert_no_trace();
}

#[test]
fn no_226_comes_before_the_application_has_accepted() {
    let fixture = Fixture::new(Options::default());
    fixture.application.is(Mood::Silent);
    let mut ftp = fixture.logged_in();
    let mut data = ftp.data();
    ftp.command("STOR scan.pdf", 150);
    std::io::Write::write_all(&mut data, &scan(1000)).expect("the server reads");
    data.finish();
    let (heard, replies) = channel::<Reply>();
    let waiting = thread::spawn(move || {
        // Whatever it is, once the connection ends.
        if let Ok(reply) = ftp.try_reply() {
            let _ = heard.send(reply);
        }
    });
    eventually("the application has it", || fixture.application.asked() > 1);
    assert!(replies.try_recv().is_err(), "it was told before");
    let Fixture {
        application,
        server,
        folder,
    } = fixture;
    assert_eq!(application.documents(), []);
    drop(server);
    waiting.join().expect("it waits to the end");
    assert!(replies.try_recv().is_err(), "it was told without an answer");
    drop(folder);
}

#[test]
fn what_comes_while_the_application_is_away_is_handed_over_later() {
    let options = Options {
        spool: true,
        ..Options::default()
    };
    let mut fixture = Fixture::new(options);
    let mut ftp = fixture.logged_in();
    let scan = scan(2_000_000);
    fixture.application.stop();
    let reply = ftp.store("STOR /dir/scan.pdf", &scan);
    assert_eq!(reply.code, 226, "{reply:?}");
    assert_eq!(ftp.fetch("LIST"), b"", "nobody sees it");
    let spool = fixture.directory().join("spool");
    let waiting = files(&spool);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    // Neither a crash nor a refusal loses it.
    let Fixture {
        mut application,
        server,
        folder,
    } = fixture;
    drop(server);
    let server = server::serve(&folder.path().join("host"));
    application.is(Mood::Says(503, String::new()));
    application.resume();
    eventually("it is tried", || application.asked() > 1);
    application.is(Mood::Good);
    eventually("it is handed over", || !application.documents().is_empty());
    let document = application.documents().swap_remove(0);
    assert_eq!(document.filename, "_dir_scan.pdf");
    assert_eq!(document.username, USERS[1].0);
    assert!(waiting[0].ends_with(&document.key), "{document:?}");
    assert!(document.content == scan, "it has changed on its way");
    let fixture = Fixture {
        application,
        server,
        folder,
    };
    eventually("nothing waits", || files(&spool).is_empty());
    fixture.assert_no_trace();
    assert_eq!(fixture.application.documents().len(), 1, "once");
}

/// What the page says where scanners have to come in while the application is away.
const BY_ITSELF: &[(&str, &str)] = &[
    (
        "\n[config.login]\nurl = \"https://openspp.example.org/dms/auth\"\n\
         json.params = { username = \"{account}\", password = \"{password}\" }\n\
         root = { sink = \"incoming\" }\n",
        "",
    ),
    (
        "[config]\n",
        "[config]\naccount = { user = \"spooler\", password = \"spooler-password\" }\n",
    ),
];

#[test]
fn scanners_that_the_host_knows_come_in_while_the_application_is_away() {
    let mut fixture = Fixture::new(Options {
        spool: true,
        changes: BY_ITSELF,
        knows_scanner: true,
        ..Options::default()
    });
    fixture.application.stop();
    let mut ftp = Ftp::greeted(fixture.address());
    ftp.log_in(SCANNER.0, PASSWORD);
    ftp.command("TYPE I", 200);
    assert_eq!(ftp.store("STOR /dir/scan.pdf", MARK).code, 226);
    fixture.application.resume();
    eventually("it is handed over", || {
        !fixture.application.documents().is_empty()
    });
    let document = fixture.application.documents().swap_remove(0);
    assert_eq!(document.filename, "_dir_scan.pdf");
    assert_eq!(document.username, USERS[1].0);
    let spool = fixture.directory().join("spool");
    eventually("nothing waits", || files(&spool).is_empty());
    fixture.assert_no_trace();
}

#[test]
fn an_answer_that_never_ends_is_none() {
    let fixture = Fixture::new(Options {
        // Time enough for a login, on a slow machine too.
        changes: &[("[config]\n", "[config]\ntimeout = \"5s\"\n")],
        ..Options::default()
    });
    let mut ftp = fixture.logged_in();
    fixture.application.is(Mood::Drips);
    let reply = ftp.store("STOR scan.pdf", MARK);
    assert_eq!((reply.code, reply.lines.len()), (451, 1), "{reply:?}");
    fixture.assert_no_trace();
}

#[test]
fn events_say_that_nothing_was_kept() {
    let application = OpenSpp::start();
    let folder = TempDir::with_prefix("wharf-").expect("there is room for a test");
    configure(folder.path(), &application.url(), Options::default());
    let directory = folder.path().join("host");
    tell_events(&directory, &application.url());
    let server = server::serve(&directory);
    let fixture = Fixture {
        application,
        server,
        folder,
    };
    let mut ftp = fixture.logged_in();
    assert_eq!(ftp.store("STOR /dir/scan.pdf", MARK).code, 226);
    fixture.application.is(Mood::Says(400, String::new()));
    assert_eq!(ftp.store("STOR /dir/no.pdf", MARK).code, 552);
    eventually("both are told", || fixture.application.events().len() == 2);
    let events = fixture.application.events();
    assert_eq!(events[0]["kind"], "upload");
    assert_eq!(events[0]["path"], "/dir/scan.pdf");
    assert_eq!(events[0]["size"], MARK.len());
    assert!(events[0].get("place").is_none(), "{events:?}");
    let attributes = &events[0]["attributes"];
    assert_eq!(attributes["wharf.disposition"], "consumed", "{events:?}");
    assert_eq!(events[1]["kind"], "upload-failed");
    assert_eq!(events[1]["fault"]["reply"], 552);
    fixture.assert_no_trace();
}

#[test]
fn a_large_document_takes_little_memory() {
    let fixture = Fixture::new(Options::default());
    let mut ftp = fixture.logged_in();
    assert_eq!(ftp.store("STOR warm.pdf", MARK).code, 226);
    let large = scan(100 << 20);
    let grown = growth(&fixture.server, || {
        let reply = ftp.store("STOR large.pdf", &large);
        assert_eq!(reply.code, 226, "{reply:?}");
    });
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
    let documents = fixture.application.documents();
    assert!(documents[1].content == large, "it has changed on its way");
    fixture.assert_no_trace();
}

#[test]
fn real_clients_hand_over() {
    let fixture = Fixture::new(Options {
        secured: true,
        ..Options::default()
    });
    let local = TempDir::new().expect("there is room for a test");
    let file: PathBuf = local.path().join("scan.pdf");
    fs::write(&file, scan(70_000)).expect("there is room");
    let address = fixture.address();
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--ssl-reqd",
        "--insecure",
        "--ftp-create-dirs",
    ])
    .args([
        "--user",
        &format!("{}:{}", SCANNER.0, SCANNER.1),
        "--upload-file",
    ])
    .arg(&file)
    .arg(format!("ftp://{address}/in/deep/"));
    process::run(&mut curl, "").success();
    let mut lftp = Command::new("lftp");
    let script = format!(
        "set ssl:verify-certificate no; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; \
         set net:max-retries 1; open -u {},{} ftp://{address}; \
         put {} -o by/lftp.pdf; bye",
        SCANNER.0,
        SCANNER.1,
        file.display()
    );
    process::run(lftp.args(["-c", &script]), "").success();
    let documents = fixture.application.documents();
    let names: Vec<_> = documents
        .iter()
        .map(|document| document.filename.as_str())
        .collect();
    assert_eq!(names, ["_in_deep_scan.pdf", "_by_lftp.pdf"]);
    fixture.assert_no_trace();
}
