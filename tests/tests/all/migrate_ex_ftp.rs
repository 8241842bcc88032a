//! What users of ex_ftp rely on, served by the configurations in `docs/migrate/ex_ftp`.

use std::fs;

use wharf_tests::auth_service::{ALICE, AuthService, TOKEN};
use wharf_tests::example;
use wharf_tests::ftp::{Ftp, Reply};
use wharf_tests::server::{Directory, Server};
use wharf_tests::store::Store;
use wharf_tests::web::{Answer, Web};

/// A documented directory with its files in `files`.
fn directory(name: &str, changes: &[(&str, &str)]) -> Directory {
    let mut all = vec![("[::]:4041", "127.0.0.1:0")];
    if name != "webhook" {
        all.push(("\"/srv/ftp\"", "\"files\""));
    }
    all.extend(changes);
    let directory = example::directory(&format!("ex_ftp/{name}"), &all);
    fs::create_dir_all(directory.path().join("files")).expect("there is room for a test");
    directory
}

/// What leads a documented directory to the service of the test, in these ways.
fn asking(service: &AuthService, login: &str, again: &str) -> [(&'static str, String); 3] {
    let origin = service.origin();
    [
        ("https://auth.example.com/login", format!("{origin}{login}")),
        (
            "https://auth.example.com/session",
            format!("{origin}{again}"),
        ),
        (
            "http = [\"https://auth.example.com\"]",
            format!("http = [\"{origin}\"]\nhttp-private = true"),
        ),
    ]
}

fn borrowed<'c>(changes: &'c [(&'static str, String)]) -> Vec<(&'c str, &'c str)> {
    changes.iter().map(|(from, to)| (*from, &**to)).collect()
}

/// What `PASS` is answered with.
fn attempt(server: &Server, (user, password): (&str, &str)) -> (Ftp, Reply) {
    let mut ftp = Ftp::greeted(server.addresses().next().expect("it has one listener"));
    ftp.command(&format!("USER {user}"), 331);
    ftp.say(&format!("PASS {password}"));
    let reply = ftp.reply();
    (ftp, reply)
}

/// Puts a file there and fetches it again.
fn transfer(ftp: &mut Ftp, name: &str) {
    assert_eq!(ftp.store(&format!("STOR {name}"), b"bytes").code, 226);
    assert_eq!(ftp.fetch(&format!("RETR {name}")), b"bytes");
}

#[test]
fn users_come_in_by_http() {
    let service = AuthService::start();
    for (name, login, again, who) in [
        (
            "digest",
            "/digest/SHA-256-sess/auth-int",
            "/digest/MD5/auth",
            ALICE,
        ),
        ("bearer", "/bearer", "/bearer", ("whoever", TOKEN)),
    ] {
        let server = directory(name, &borrowed(&asking(&service, login, again))).serve();
        let (mut ftp, reply) = attempt(&server, who);
        assert_eq!(reply.code, 230, "{name}: {reply:?}");
        transfer(&mut ftp, "a");
        assert!(server.directory().path().join("files/a").exists(), "{name}");
        let (_, reply) = attempt(&server, (who.0, "wrong"));
        assert_eq!(reply.code, 530, "{name}: {reply:?}");
    }
}

#[test]
fn a_transfer_is_told_when_it_is_complete() {
    let service = AuthService::start();
    let hooks = Web::start(|_| Answer::new("204 No Content", ""));
    let origin = hooks.origin();
    let mut changes = asking(&service, "/basic", "/basic").to_vec();
    changes.push((
        "\"https://hooks.example.com/transfers\"",
        format!("\"{origin}/transfers\""),
    ));
    let allow = format!("http = [\"{origin}\"]\nhttp-private = true");
    changes.push(("http = [\"https://hooks.example.com\"]", allow));
    let server = directory("basic", &borrowed(&changes)).serve();
    let (mut ftp, _) = attempt(&server, ALICE);
    let _data = ftp.data();
    ftp.command("RETR missing", 550);
    transfer(&mut ftp, "a");
    let told = hooks.wait_for(2);
    let kinds: Vec<_> = told
        .iter()
        .map(|request| {
            let event = request.json();
            (
                event["kind"].to_string(),
                event["path"].to_string(),
                event["principal"].to_string(),
            )
        })
        .collect();
    let expected = ["\"upload\"", "\"download\""];
    let expected = expected.map(|kind| (kind.into(), "\"/a\"".into(), "\"alice\"".into()));
    assert_eq!(kinds, expected);
}

#[test]
fn a_bucket_is_the_root() {
    let (service, store) = (AuthService::start(), Store::default());
    let keys = store.keys_of_sink(store.endpoint());
    let mut changes = asking(&service, "/webhook", "/session").to_vec();
    changes.push(("bucket = \"my-storage-bucket\"", keys));
    let server = directory("webhook", &borrowed(&changes)).serve();
    let (mut ftp, reply) = attempt(&server, ALICE);
    assert_eq!(reply.code, 230, "{reply:?}");
    ftp.command("MKD d", 257);
    ftp.command("CWD d", 250);
    transfer(&mut ftp, "a");
    assert_eq!(store.keys(), ["d/", "d/a"]);
    let listing = ftp.fetch("LIST -a /");
    assert!(String::from_utf8_lossy(&listing).contains("d\r\n"));
    ftp.command("RMD /", 550);
    ftp.command("RMD /d", 250);
    assert!(store.keys().is_empty(), "{:?}", store.keys());
    let (_, reply) = attempt(&server, (ALICE.0, "wrong"));
    assert_eq!(reply.code, 530, "{reply:?}");
}

#[test]
fn strangers_come_in_as_before() {
    let server = directory("passthrough", &[]).serve();
    let (mut ftp, reply) = attempt(&server, ("whoever", "whatever"));
    assert_eq!(reply.code, 230, "{reply:?}");
    transfer(&mut ftp, "a");
    for user in ["root", " rOOt "] {
        assert_eq!(attempt(&server, (user, "whatever")).1.code, 530, "{user:?}");
    }
    let server = directory("no-auth", &[]).serve();
    let mut ftp = Ftp::greeted(server.addresses().next().expect("it has one listener"));
    ftp.command("USER root", 230);
    transfer(&mut ftp, "a");
}

#[test]
fn the_greeting_and_the_address_are_what_they_were() {
    let directory = directory("no-auth", &[]);
    let checked = directory.wharf(&["check"], &[], "").success();
    assert!(checked.stderr.contains("EVERYBODY IS LET IN"), "{checked}");
    let server = directory.serve();
    let mut ftp = Ftp::connect(server.addresses().next().expect("it has one listener"));
    assert_eq!(ftp.expect(220).lines, ["220 My Server ready"]);
    ftp.command("USER whoever", 230);
    let told = ftp.command("PASV", 227);
    assert!(told.lines[0].contains("(127,0,0,1,"), "{told:?}");
}
