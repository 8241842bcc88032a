//! The real host with a bucket of a real store behind it.

use std::io::Write;

use tempfile::TempDir;
use wharf_tests::client::{Client, Security, Step};
use wharf_tests::faults::{Faults, Proxy};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::{USER, endpoint, session};
use wharf_tests::relay::Relay;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD};
use wharf_tests::store::Store;
use wharf_tests::{content, eventually};

/// Small parts and ranges, so that little is enough for many.
pub(crate) const SMALL: &str =
    "part-size = \"5MiB\"\nupload-memory = \"15MiB\"\nrange-size = \"1MiB\"\n";

#[test]
fn a_file_of_many_parts_goes_up_and_down() {
    let store = Store::default();
    let server = Server::start(&store.settings(SMALL));
    let local = TempDir::new().expect("there is room for a test");
    let [source, fetched] = ["source", "fetched"].map(|name| local.path().join(name));
    content::file(&source, (64 << 20) + 7, 1);
    let steps = [
        Step::Upload(source.clone(), "deep/down/big".into()),
        Step::Download("deep/down/big".into(), fetched.clone()),
    ];
    Client::Ftplib.perform(
        &endpoint(&server, Security::Plain),
        &[Step::MakeDirectory("deep".into())],
    );
    Client::Ftplib.perform(&endpoint(&server, Security::Plain), &steps);
    content::assert_same(&source, &fetched);
    assert!(store.uploads().is_empty());
}

#[test]
fn interrupted_transfers_are_resumed() {
    let store = Store::default();
    let server = Server::start(&store.settings(SMALL));
    let mut ftp = session(&server);
    let bytes = content::bytes(13 << 20, 1);
    // Behind less than a part, then behind more.
    assert_eq!(ftp.store("STOR file", &bytes[..1_000_000]).code, 226);
    assert_eq!(
        ftp.store("APPE file", &bytes[1_000_000..7_000_000]).code,
        226
    );
    ftp.command("REST 7000000", 350);
    assert_eq!(ftp.store("STOR file", &bytes[7_000_000..]).code, 226);
    assert!(ftp.fetch("RETR file") == bytes);
    ftp.command("REST 8123456", 350);
    assert!(ftp.fetch("RETR file") == bytes[8_123_456..]);
    // Where the client offers to begin earlier, the rest of the file is what it sends.
    ftp.command("REST 6000000", 350);
    assert_eq!(ftp.store("STOR file", &bytes[6_000_000..]).code, 226);
    assert!(ftp.fetch("RETR file") == bytes);
    ftp.command(&format!("REST {}", bytes.len() + 1), 350);
    ftp.passive();
    ftp.say("RETR file");
    assert!(ftp.reply().code >= 500, "an offset behind the end");
    assert_eq!(store.keys(), ["file"]);
    assert!(store.uploads().is_empty());
}

#[test]
fn a_broken_upload_leaves_what_was_there() {
    let store = Store::default();
    let server = Server::start(&store.settings(SMALL));
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR old", b"the old content").code, 226);
    for name in ["new", "old"] {
        let mut data = ftp.data();
        ftp.command(&format!("STOR {name}"), 150);
        data.write_all(&content::bytes(12 << 20, 1))
            .expect("the data is taken");
        eventually("parts are sent", || store.uploads() == [name]);
        data.reset();
        ftp.expect(426);
        eventually("it is aborted", || store.uploads().is_empty());
        assert_eq!(store.keys(), ["old"]);
    }
    assert_eq!(ftp.fetch("RETR old"), b"the old content");
}

#[test]
fn a_server_that_is_killed_leaves_nothing_that_shows() {
    let store = Store::default();
    let server = Server::start(&store.settings(SMALL));
    let mut ftp = session(&server);
    let mut data = ftp.data();
    ftp.command("STOR lost", 150);
    data.write_all(&content::bytes(12 << 20, 1))
        .expect("the data is taken");
    eventually("parts are sent", || store.uploads() == ["lost"]);
    let server = server.crash().serve();
    eventually("the upload is aborted", || store.uploads().is_empty());
    let mut ftp = session(&server);
    ftp.command("SIZE lost", 550);
    assert!(ftp.fetch("NLST").is_empty());
    server.log().wait_for(&["orphaned uploads aborted"]);
}

#[test]
fn a_store_that_is_gone_is_told_and_comes_back() {
    let store = Store::default();
    let relay = Relay::to(store.address());
    let endpoint = format!("http://{}", relay.address());
    let server = Server::start(&store.settings_at(&endpoint, SMALL));
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR kept", b"kept").code, 226);
    relay.close();
    assert_eq!(ftp.store("STOR new", b"new").code, 451);
    ftp.passive();
    ftp.command("RETR kept", 451);
    ftp.command("DELE kept", 451);
    server
        .log()
        .wait_for(&["storage failed", "dispatch failure"]);
    // Who comes while it is gone is not told that the password is wrong.
    let mut late = Ftp::greeted(server.address(Listener::EXPLICIT));
    late.command(&format!("USER {USER}"), 331);
    late.say(&format!("PASS {PASSWORD}"));
    assert!([230, 421].contains(&late.reply().code));
    relay.open();
    assert_eq!(ftp.fetch("RETR kept"), b"kept");
    assert_eq!(ftp.store("STOR new", b"new").code, 226);
    assert_eq!(store.keys(), ["kept", "new"]);
}

#[test]
fn a_bucket_is_checked_before_it_is_served() {
    let store = Store::default();
    let checked = |settings: &_| Directory::new(settings).wharf(&["check"], &[], "");
    let told = checked(&store.settings("")).success().stdout;
    assert!(!told.contains("files up to"), "{told}");
    let told = checked(&store.settings("memory = \"64MiB\""))
        .success()
        .stdout;
    assert!(told.contains(", files up to 516 GiB"), "{told}");
    let secret = store.secret();
    for (from, to, reason) in [
        ("bucket = \"", "bucket = \"no-such-", "NoSuchBucket"),
        (secret, "another-secret", "SignatureDoesNotMatch"),
        (store.address(), "127.0.0.1:1", "Connection refused"),
    ] {
        let mut settings = store.settings("");
        settings.sinks = settings.sinks.replace(from, to);
        let told = checked(&settings).failure().text();
        assert!(told.contains(reason), "{reason}: {told}");
        assert!(told.contains("bucket = "), "{reason}: {told}");
        assert!(
            !told.contains(secret) && !told.contains("another-secret"),
            "{told}"
        );
    }
}

#[test]
fn a_small_upload_costs_one_request() {
    let store = Store::default();
    let proxy = Proxy::to(store.address(), Faults::NONE);
    let endpoint = format!("http://{}", proxy.address());
    let server = Server::start(&store.settings_at(&endpoint, SMALL));
    let mut ftp = session(&server);
    // The host has asked for what a crash has left.
    eventually("it is the first request", || proxy.requests() == 1);
    for count in 1..5 {
        assert_eq!(
            ftp.store(&format!("STOR box/{count}"), &[7; 4096]).code,
            226
        );
        assert_eq!(proxy.requests(), 1 + count);
    }
}

#[test]
fn a_store_of_yesterday_gets_the_checksums_that_it_knows() {
    let store = Store::default();
    let proxy = Proxy::to(store.address(), Faults::NONE);
    let endpoint = format!("http://{}", proxy.address());
    let more = format!("{SMALL}checksums = \"when-required\"\nremove = \"recursive\"\n");
    let server = Server::start(&store.settings_at(&endpoint, &more));
    let mut ftp = session(&server);
    for (name, length) in [("d/small", 3), ("d/large", 6 << 20)] {
        let reply = ftp.store(&format!("STOR {name}"), &content::bytes(length, 1));
        assert_eq!(reply.code, 226, "{name}");
    }
    ftp.command("RMD d", 250);
    assert!(store.keys().is_empty());
    let heads = proxy.asked();
    let (removed, stored): (Vec<_>, Vec<_>) = heads.iter().partition(|it| it.contains("?delete"));
    assert!(
        removed.iter().all(|head| head.contains("content-md5: ")),
        "{removed:?}"
    );
    assert!(
        !stored.iter().any(|head| head.contains("x-amz-checksum")),
        "{stored:?}"
    );
    assert!(!removed.is_empty(), "they are removed at once");
}
