//! Notices in a Slack channel, from the real host.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use wharf_tests::binaries;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, Settings};
use wharf_tests::web::{Answer, Web};

/// A server that tells `slack` by an incoming webhook, and refuses what is no PDF.
fn telling(slack: &Web) -> Server {
    let directory = Directory::new(&Settings::default());
    let origin = slack.origin();
    let notices = format!(
        "[config]\nvia = \"webhook\"\nsecret = \"hook\"\n[allow]\nhttp = [\"{origin}\"]\n\
         http-private = true\nsecrets = {{ hook = \"{origin}/services/T0/B0/XXXX\" }}\n"
    );
    let rules = "[[config.rules]]\nnames = [\"*.pdf\"]\ntext = \"Only PDF.\"\n";
    for (name, sidecar) in [("slack-notify", &*notices), ("upload-rules", rules)] {
        let wasm = binaries::plugins().join(name).with_extension("wasm");
        let beside = directory.path().join("plugins").join(format!("50-{name}"));
        fs::copy(wasm, beside.with_extension("wasm")).expect("it was built");
        fs::write(beside.with_extension("toml"), sidecar).expect("there is room");
    }
    directory.serve()
}

fn texts(slack: &Web) -> Vec<String> {
    let requests = slack.requests();
    let notices = requests.iter().flat_map(|request| {
        let notices = request.json()["attachments"].as_array().cloned();
        notices.unwrap_or_default()
    });
    let text = |notice: &serde_json::Value| notice["text"].as_str().map(str::to_owned);
    notices.filter_map(|notice| text(&notice)).collect()
}

#[test]
fn what_was_stored_and_what_was_not_is_told() {
    let slack = Web::start(|_| Answer::new("200 OK", "ok"));
    let server = telling(&slack);
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    assert_eq!(ftp.store("STOR <!channel>.pdf", b"%PDF-1.7").code, 226);
    assert_eq!(ftp.store("STOR a.exe", b"MZ").code, 553);
    wharf_tests::eventually("both are told", || texts(&slack).len() == 2);
    let [stored, refused] = &texts(&slack)[..] else {
        panic!("there are two")
    };
    let expected = "Successful upload to local: /&lt;!channel&gt;.pdf (8 B) by alice";
    assert_eq!(stored, expected);
    assert!(
        refused.starts_with("alice could not store /a.exe: "),
        "{refused}"
    );
    assert_eq!(slack.requests()[0].path, "/services/T0/B0/XXXX");
    assert!(
        !server.log().text().contains("XXXX"),
        "the address is a secret"
    );
}

#[test]
fn slack_is_left_alone_when_it_asks_for_it() {
    let asked = AtomicU32::new(0);
    let slack = Web::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::new("429 Too Many Requests", "ratelimited").header("retry-after", "6"),
        _ => Answer::new("200 OK", "ok"),
    });
    let server = telling(&slack);
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    assert_eq!(ftp.store("STOR a.pdf", b"%PDF-1.7").code, 226);
    // The host tries again after one second and three, and is told to wait without asking Slack.
    server
        .log()
        .wait_for(&["events not delivered", "ratelimited"]);
    server
        .log()
        .wait_for(&["events not delivered", "asked to be left alone"]);
    let requests = slack.wait_for(2);
    assert_eq!(requests[0].body, requests[1].body);
}

#[test]
fn what_slack_never_takes_is_given_up_with_its_reason() {
    let slack = Web::start(|_| Answer::new("400 Bad Request", "invalid_blocks"));
    let server = telling(&slack);
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    assert_eq!(ftp.store("STOR a.pdf", b"%PDF-1.7").code, 226);
    server.log().wait_for(&[
        "refused for good",
        "it answered 400 invalid_blocks",
        "/a.pdf",
    ]);
    wharf_tests::eventually("nothing waits", || {
        let listed = server.directory().wharf(&["events", "list"], &[], "");
        listed.success().stdout.is_empty()
    });
    assert_eq!(slack.requests().len(), 1);
}
