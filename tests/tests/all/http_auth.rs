//! Authenticators that ask a web service, against a real one.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use rustls::version::TLS13;
use wharf_tests::auth_service::{ALICE, AuthService, JASON, QUOTED, TOKEN};
use wharf_tests::binaries;
use wharf_tests::ftp::{Ftp, Reply};
use wharf_tests::ports::Refusing;
use wharf_tests::process;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::{PATIENCE, tls};

/// A directory in which this plugin decides, with its sidecar, and may ask `origin`.
fn directory(plugin: &str, origin: &str, sidecar: &str) -> Directory {
    let directory = Directory::new(&Settings::default());
    let plugins = directory.path().join("plugins");
    for ending in ["wasm", "toml"] {
        let others = plugins.join("10-static-users").with_extension(ending);
        fs::rename(others, plugins.join(format!("90-static-users.{ending}"))).expect("it is there");
    }
    let wasm = binaries::plugins().join(plugin).with_extension("wasm");
    fs::copy(wasm, plugins.join("20-asked.wasm")).expect("it was built");
    let allow = format!("\n[allow]\nhttp = [\"{origin}\"]\nhttp-private = true\n");
    fs::write(plugins.join("20-asked.toml"), format!("{sidecar}{allow}")).expect("there is room");
    directory
}

/// A host that asks the service in a way, with more settings; `path` is where.
fn asking(service: &AuthService, kind: &str, path: &str, more: &str) -> Server {
    let origin = service.origin();
    // A service on a slow machine takes its time, too.
    let timeout = match more.contains("timeout = ") {
        true => "",
        false => "timeout = \"60s\"",
    };
    let sidecar = format!(
        "[limits]\ndeadline = \"2m\"\n\
         [config]\nkind = \"{kind}\"\nurl = \"{origin}{path}\"\n{timeout}\n{more}"
    );
    directory("http-auth", &origin, &sidecar).serve()
}

/// What `PASS` is answered with.
fn attempt(server: &Server, (user, password): (&str, &str)) -> (Ftp, Reply) {
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command(&format!("USER {user}"), 331);
    ftp.say(&format!("PASS {password}"));
    let reply = ftp.reply();
    (ftp, reply)
}

fn logged_in(server: &Server, who: (&str, &str)) -> Ftp {
    let (ftp, reply) = attempt(server, who);
    assert_eq!(reply.code, 230, "{reply:?}");
    ftp
}

/// A way to ask, the endpoint for it, more settings, and who is known there.
type Way = (
    &'static str,
    &'static str,
    &'static str,
    (&'static str, &'static str),
);

const WAYS: &[Way] = &[
    ("basic", "/basic", "", ALICE),
    ("basic", "/basic", "method = \"POST\"", JASON),
    ("bearer", "/bearer", "", ("whoever", TOKEN)),
    ("webhook", "/webhook", "", ALICE),
    (
        "webhook",
        "/webhook/md5?tenant=7",
        "password-hash = \"md5\"",
        JASON,
    ),
    ("json-rpc", "/dms/auth", "", JASON),
    ("digest", "/digest/MD5/auth", "", ALICE),
    ("digest", "/digest/MD5/auth", "", JASON),
    ("digest", "/digest/none/none", "", ALICE),
    (
        "digest",
        "/digest/MD5-sess/auth,auth-int?a=b",
        "method = \"POST\"",
        QUOTED,
    ),
    ("digest", "/digest/SHA-256/auth-int", "", JASON),
    ("digest", "/digest/SHA-256-sess/auth", "", QUOTED),
    ("digest", "/digest/SHA-512-256/auth", "", ALICE),
    (
        "digest",
        "/digest/SHA-512-256-sess-userhash/auth-int",
        "",
        JASON,
    ),
    ("digest", "/digest/MD5-userhash/auth", "", QUOTED),
];

#[test]
fn each_way_of_asking_tells_right_from_wrong() {
    let service = AuthService::start();
    for &(kind, path, more, (user, password)) in WAYS {
        let server = asking(&service, kind, path, more);
        let mut ftp = logged_in(&server, (user, password));
        assert_eq!(ftp.store("STOR a", b"bytes").code, 226, "{path}");
        let (mut ftp, reply) = attempt(&server, (user, "wrong"));
        assert_eq!(reply.code, 530, "{path}: {reply:?}");
        ftp.command("PWD", 530);
        // What nobody could decide is no wrong password.
        service.say(503);
        let (mut ftp, reply) = attempt(&server, (user, password));
        assert_eq!(reply.code, 421, "{path}: {reply:?}");
        assert!(ftp.until_closed().is_empty(), "{path}");
        server.log().wait_for(&["it answered 503", "20-asked"]);
        service.say(0);
        assert_hidden(&server, password);
    }
}

/// The log holds nothing of a password: neither itself, nor what was sent of it.
fn assert_hidden(server: &Server, password: &str) {
    let log = server.log().text();
    for shown in [password, "Basic ", "password_hash=", "response="] {
        assert!(!log.contains(shown), "{shown} is in the log:\n{log}");
    }
}

#[test]
fn curl_agrees_with_the_service_on_digests() {
    let service = AuthService::start();
    let (user, password) = ALICE;
    for algorithm in ["none", "MD5", "MD5-sess", "SHA-256", "SHA-256-sess"] {
        for (qop, password, code) in [
            ("auth", password, "200"),
            ("none", password, "200"),
            ("auth", "wrong", "401"),
        ] {
            if algorithm.ends_with("-sess") && qop == "none" {
                continue;
            }
            let url = format!("{}/digest/{algorithm}/{qop}", service.origin());
            let mut curl = Command::new("curl");
            curl.args([
                "--silent",
                "--digest",
                "--write-out",
                "%{http_code}",
                "--user",
            ]);
            let output = process::run(curl.arg(format!("{user}:{password}")).arg(&url), "");
            assert_eq!(output.success().stdout, code, "{url}");
        }
    }
}

#[test]
fn what_is_no_decision_is_told_as_none() {
    let service = AuthService::start();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let elsewhere = format!("http://{}", nobody.local_addr().expect("it is bound"));
    let redirect = |code: u16, to: &str| format!("/redirect/{code}?to={to}");
    for (kind, path, more, words) in [
        ("basic", "/status/500".to_owned(), "", "it answered 500"),
        ("basic", "/status/404".to_owned(), "", "it answered 404"),
        (
            "basic",
            "/slow".to_owned(),
            "timeout = \"100ms\"",
            "there was no answer in time",
        ),
        // An application that shows a page to whom it does not know lets nobody in.
        (
            "basic",
            "/portal".to_owned(),
            "",
            "it redirects (status 302)",
        ),
        (
            "basic",
            redirect(307, "/status/500"),
            "redirects = 1",
            "it answered 500",
        ),
        (
            "basic",
            "/loop".to_owned(),
            "redirects = 3",
            "it redirects more than 3 times",
        ),
        // To where no requests may go, none goes.
        (
            "basic",
            redirect(307, &elsewhere),
            "redirects = 3",
            "`[allow] http` does not name it",
        ),
        ("digest", "/basic".to_owned(), "", "it asks for no digest"),
        (
            "digest",
            "/status/200".to_owned(),
            "",
            "it answers 200 to whoever asks",
        ),
        (
            "digest",
            "/digest/MD5/auth/0".to_owned(),
            "",
            "it takes none of its own nonces",
        ),
        (
            "json-rpc",
            "/status/200".to_owned(),
            "",
            "the answer cannot be read",
        ),
    ] {
        let server = asking(&service, kind, &path, more);
        let (mut ftp, reply) = attempt(&server, ALICE);
        assert_eq!(reply.code, 421, "{path}: {reply:?}");
        assert!(ftp.until_closed().is_empty(), "{path}");
        server.log().wait_for(&[words, "20-asked"]);
        assert_hidden(&server, ALICE.1);
    }
    nobody.set_nonblocking(true).expect("it can be");
    assert!(nobody.accept().is_err(), "somebody came");
    let refusing = Refusing::default();
    let away = format!("http://{}", refusing.address);
    let sidecar = format!("[config]\nkind = \"basic\"\nurl = \"{away}\"\n");
    let server = directory("http-auth", &away, &sidecar).serve();
    assert_eq!(attempt(&server, ALICE).1.code, 421);
    server
        .log()
        .wait_for(&["the connection failed", "20-asked"]);
}

#[test]
fn redirects_are_followed_where_they_may_lead() {
    let service = AuthService::start();
    let path = format!("/redirect/307?to={}/basic", service.origin());
    let server = asking(&service, "basic", &path, "redirects = 1\nmethod = \"POST\"");
    logged_in(&server, ALICE);
    assert_eq!(attempt(&server, (ALICE.0, "wrong")).1.code, 530);
    let server = asking(
        &service,
        "digest",
        "/redirect/308?to=/digest/MD5/auth",
        "redirects = 1",
    );
    logged_in(&server, ALICE);
    assert_eq!(attempt(&server, (ALICE.0, "wrong")).1.code, 530);
}

#[test]
fn the_service_says_where_a_user_goes() {
    let service = AuthService::start();
    let more = r#"
        [config.answer]
        grant = ["principal", "root", "permissions"]
        at = "user"
        [config.grant]
        root = "home/{user}"
    "#;
    let server = asking(&service, "basic", "/basic", more);
    let seven = server.directory().path().join("data/seven");
    fs::create_dir_all(&seven).expect("there is room");
    fs::write(seven.join("a"), "bytes").expect("there is room");
    let mut ftp = logged_in(&server, ALICE);
    assert_eq!(ftp.fetch("RETR a"), b"bytes");
    let _data = ftp.data();
    ftp.command("STOR b", 550);
    server.log().wait_for(&["logged in", "\"principal\":\"7\""]);
}

/// Says NOOP until the answer is another one than 200.
fn until_asked_again(ftp: &mut Ftp) -> Reply {
    let deadline = Instant::now() + PATIENCE;
    loop {
        ftp.say("NOOP");
        let reply = ftp.reply();
        if reply.code != 200 {
            return reply;
        }
        assert!(Instant::now() < deadline, "it is never asked again");
    }
}

#[test]
fn who_is_in_is_asked_about_again() {
    let service = AuthService::start();
    for &(kind, path, more, who) in WAYS {
        let recheck = "[config.recheck]\nevery = \"1s\"\n";
        let recheck = match kind {
            "webhook" => format!("{recheck}url = \"{}/session\"\n", service.origin()),
            _ => recheck.to_owned(),
        };
        let server = asking(&service, kind, path, &format!("{more}\n{recheck}"));
        let mut ftp = logged_in(&server, who);
        let before = service.asked().len();
        let deadline = Instant::now() + PATIENCE;
        while service.asked().len() == before {
            ftp.command("NOOP", 200);
            assert!(Instant::now() < deadline, "{path}: it is never asked again");
        }
        let user = if kind == "bearer" { ALICE.0 } else { who.0 };
        service.refuse(user);
        let reply = until_asked_again(&mut ftp);
        assert_eq!(reply.code, 530, "{path}: {reply:?}");
        assert!(ftp.until_closed().is_empty(), "{path}");
        service.accept(user);
        assert_hidden(&server, who.1);
    }
}

#[test]
fn nonces_are_used_again_until_they_are_stale() {
    let service = AuthService::start();
    let recheck = "[config.recheck]\nevery = \"1s\"\n";
    let server = asking(&service, "digest", "/digest/SHA-256-sess/auth/2", recheck);
    let mut ftp = logged_in(&server, ALICE);
    // A question and its answer; a second answer; a third that comes too late, and one more.
    let deadline = Instant::now() + PATIENCE;
    while service.asked().len() < 5 {
        ftp.command("NOOP", 200);
        assert!(Instant::now() < deadline, "it is never asked again");
    }
    let asked = service.asked();
    let counts = asked.iter().map(|request| {
        let header = request["headers"]["authorization"]
            .as_str()
            .unwrap_or_default();
        let at = header
            .find("nc=")
            .map(|at| header[at + 3..at + 11].to_owned());
        at.unwrap_or_default()
    });
    let counts: Vec<_> = counts.take(5).collect();
    assert_eq!(counts, ["", "00000001", "00000002", "00000003", "00000001"]);
}

#[test]
fn one_session_is_not_renewed_by_another() {
    let service = AuthService::start();
    let server = asking(
        &service,
        "basic",
        "/basic",
        "[config.recheck]\nevery = \"1s\"\n",
    );
    let mut early = logged_in(&server, ALICE);
    let mut late = logged_in(&server, ALICE);
    let deadline = Instant::now() + PATIENCE;
    while service.asked().len() == 2 {
        late.command("NOOP", 200);
        assert!(Instant::now() < deadline, "it is never asked again");
    }
    // The time of the other is over, too: it began before.
    service.refuse(ALICE.0);
    early.command("NOOP", 530);
}

#[test]
fn a_service_that_is_away_ends_sessions_unless_it_may_not() {
    let service = AuthService::start();
    for (policy, code) in [("end", 421), ("keep", 200)] {
        let more = format!("[config.recheck]\nevery = \"1s\"\non-failure = \"{policy}\"\n");
        let server = asking(&service, "basic", "/basic", &more);
        let mut ftp = logged_in(&server, ALICE);
        let before = service.asked().len();
        service.say(503);
        let deadline = Instant::now() + PATIENCE;
        let reply = loop {
            ftp.say("NOOP");
            let reply = ftp.reply();
            if service.asked().len() > before {
                break reply;
            }
            assert!(Instant::now() < deadline, "it is never asked again");
        };
        assert_eq!(reply.code, code, "{policy}: {reply:?}");
        service.say(0);
    }
}

#[test]
fn pure_ftpds_protocol_is_spoken() {
    let service = AuthService::start();
    let origin = service.origin();
    let sidecar = format!("[config]\nurl = \"{origin}/ftp\"\nbase = \"/srv/ftp\"\n");
    let server = directory("ext-auth", &origin, &sidecar).serve();
    let mut ftp = logged_in(&server, ALICE);
    assert_eq!(ftp.store("STOR a", b"bytes").code, 226);
    let stored = server.directory().path().join("data/alice/a");
    assert_eq!(fs::read(stored).expect("it is stored"), b"bytes");
    server
        .log()
        .wait_for(&["nobody here keeps to", "ratio_upload:1"]);
    assert_eq!(attempt(&server, (ALICE.0, "wrong")).1.code, 530);
    // Another authenticator knows whom the service does not; nobody else is asked.
    let asked = service.asked();
    let body = asked[0]["body"].as_str().expect("it has one");
    for field in [
        "AUTHD_ACCOUNT=alice&",
        "AUTHD_REMOTE_IP=127.0.0.1&",
        "AUTHD_ENCRYPTED=0&",
    ] {
        assert!(body.contains(field), "{body}");
    }
    service.say(500);
    assert_eq!(attempt(&server, ALICE).1.code, 421);
    assert_hidden(&server, ALICE.1);
}

#[test]
fn whom_the_service_does_not_know_another_authenticator_may() {
    let service = AuthService::start();
    let origin = service.origin();
    let sidecar = format!("[config]\nurl = \"{origin}/ftp\"\n");
    let directory = directory("ext-auth", &origin, &sidecar);
    let listed = directory.path().join("plugins/90-static-users.toml");
    let text = fs::read_to_string(&listed).expect("it is there");
    fs::write(&listed, text.replace(USER, "carol")).expect("there is room");
    let server = directory.serve();
    logged_in(&server, ("carol", PASSWORD));
    assert_eq!(attempt(&server, ("carol", "wrong")).1.code, 530);
    // One whom both know is refused for good by the first.
    assert_eq!(attempt(&server, (ALICE.0, PASSWORD)).1.code, 530);
}

#[test]
fn everybody_comes_in_and_everybody_hears_of_it() {
    let sidecar = "[config]\nwho = \"all-but-root\"\nin-clear = true\n\
                   [config.grant]\npermissions = \"full\"\n";
    let directory = directory("any-user", "https://nowhere.example.com", sidecar);
    let loud = ["EVERYBODY IS LET IN", "MAY CHANGE FILES", "IN CLEAR TOO"];
    let checked = directory.wharf(&["check"], &[], "").success();
    let server = directory.serve();
    for words in loud {
        assert!(checked.stderr.contains(words), "{checked}");
        server.log().wait_for(&[words, "WARN"]);
    }
    let mut ftp = logged_in(&server, ("whoever", "whatever"));
    assert_eq!(ftp.store("STOR a", b"bytes").code, 226);
    for user in ["root", " Root "] {
        assert_eq!(attempt(&server, (user, "whatever")).1.code, 530, "{user:?}");
    }
}

#[test]
fn without_tls_not_even_everybody_comes_in() {
    let sidecar = "[config]\nwho = \"everybody\"\n";
    let server = directory("any-user", "https://nowhere.example.com", sidecar).serve();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("USER whoever", 534);
    ftp.command("AUTH TLS", 234);
    ftp.secure(&tls::client(&TLS13));
    ftp.command("USER root", 230);
    ftp.command("MKD directory", 550);
}
