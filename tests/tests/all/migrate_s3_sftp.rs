//! What users of s3-sftp rely on, served by the configuration in `docs/migrate/s3-sftp`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustls::version::TLS13;
use serde_json::{Value, json};
use tempfile::TempDir;
use wharf_tests::client::{Client, Endpoint, Security, Step};
use wharf_tests::ftp::Ftp;
use wharf_tests::relay::Relay;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, PASSWORD, USER};
use wharf_tests::store::Store;
use wharf_tests::web::{Answer, Web};
use wharf_tests::{example, tls};

/// The documented directory, with its buckets in `stores`, which are reached at `endpoint`.
fn directory(stores: &[Store; 2], endpoint: &str, notices: &[(&str, &str)]) -> Directory {
    let [invoices, scans] = stores.each_ref().map(|store| store.keys_of_sink(endpoint));
    let fixed = "region = \"eu-central-1\"";
    let keys = "access-key = \"${S3_ACCESS}\"";
    let secret = "secret-key = \"${S3_SECRET}\"";
    let remark = "              # \"Region\" of key_secret.json";
    let changes = [
        ("[::]:21", "127.0.0.1:0"),
        ("certificate = \"tls/server.pem\"", ""),
        (example::NO_PASSWORD, ENCODED),
        ("bucket = \"acme-invoices\"", &invoices),
        ("bucket = \"acme-scans\"", &scans),
        (remark, ""),
        (fixed, "region = \"us-east-1\""),
        (keys, ""),
        (secret, ""),
    ];
    let directory = example::directory("s3-sftp", &[&changes, notices].concat());
    fs::create_dir(directory.path().join("lobby")).expect("there is room for a test");
    directory
}

/// What leads the bot of the documented directory to a Slack of the test.
fn bot(slack: &Web) -> [(&'static str, String); 3] {
    let origin = slack.origin();
    [
        (
            "channel = ",
            format!("url = \"{origin}/api/chat.postMessage\"\nchannel = "),
        ),
        (
            "http = [\"https://slack.com\"]",
            format!("http = [\"{origin}\"]\nhttp-private = true"),
        ),
        ("${SLACK_BOT_TOKEN}", "xoxb-1".to_owned()),
    ]
}

/// A Slack that takes what it is sent.
fn slack() -> Web {
    Web::start(|_| Answer::new("200 OK", r#"{"ok":true}"#))
}

fn borrowed<'c>(changes: &'c [(&'static str, String); 3]) -> [(&'c str, &'c str); 3] {
    changes.each_ref().map(|(from, to)| (*from, &**to))
}

fn address(server: &Server) -> SocketAddr {
    server.addresses().next().expect("it has one listener")
}

fn session(server: &Server) -> Ftp {
    Ftp::secured(address(server), &tls::client(&TLS13))
}

/// An upload that the store does not take, whenever the host learns of it.
fn refused(server: &Server, path: &str) {
    let mut ftp = session(server);
    let data = ftp.data();
    ftp.say(&format!("STOR {path}"));
    let mut reply = ftp.reply();
    if reply.code == 150 {
        data.finish();
        reply = ftp.reply();
    }
    assert_eq!(reply.code, 451, "{reply:?}");
}

/// A notice as Slack shows it.
fn notice(color: &str, title: &str, text: &str) -> Value {
    json!({
        "color": color, "fallback": text, "text": text, "mrkdwn_in": [],
        "fields": [{ "title": title, "value": "", "short": false }],
    })
}

/// All notices that a Slack was sent.
fn notices(slack: &Web) -> Vec<Value> {
    let requests = slack.requests();
    let attachments = requests
        .iter()
        .map(|request| request.json()["attachments"].clone());
    attachments
        .flat_map(|all| all.as_array().cloned().unwrap_or_default())
        .collect()
}

/// The first notice of a failure that tells `word`.
fn told(slack: &Web, word: &str) -> Value {
    let mut found = None;
    wharf_tests::eventually(&format!("a notice of {word}"), || {
        found = notices(slack).into_iter().find(|notice| {
            notice["text"]
                .as_str()
                .is_some_and(|text| text.contains(word))
        });
        found.is_some()
    });
    found.unwrap_or_default()
}

#[test]
fn a_file_is_stored_at_the_root_of_its_bucket_and_slack_hears_of_it() {
    let (stores, slack) = ([Store::default(), Store::default()], slack());
    let changes = bot(&slack);
    let server = directory(&stores, stores[0].endpoint(), &borrowed(&changes)).serve();
    let local = TempDir::new().expect("there is room for a test");
    let file = local.path().join("scan.pdf");
    fs::write(&file, "%PDF-1.7").expect("there is room for a test");
    let endpoint = Endpoint {
        address: address(&server),
        security: Security::Explicit,
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let upload = |path: &str| Step::Upload(file.clone(), path.to_owned());
    Client::Curl.perform(&endpoint, &[upload("acme-invoices/by curl.pdf")]);
    Client::Lftp.perform(&endpoint, &[upload("acme-scans/by-lftp.pdf")]);
    let mut ftp = session(&server);
    assert_eq!(
        ftp.store("STOR /acme-scans/2026/march/scan.pdf", b"%PDF")
            .code,
        226
    );
    assert_eq!(stores[0].keys(), ["by curl.pdf"]);
    assert_eq!(stores[1].keys(), ["by-lftp.pdf", "scan.pdf"]);

    wharf_tests::eventually("three notices", || notices(&slack).len() == 3);
    let success = |bucket| {
        notice(
            "good",
            "SFTP Success",
            &format!("Successful upload to {bucket}"),
        )
    };
    let expected = [
        success("acme-invoices"),
        success("acme-scans"),
        success("acme-scans"),
    ];
    assert_eq!(notices(&slack), expected);
    let request = &slack.requests()[0];
    assert_eq!(request.path, "/api/chat.postMessage");
    assert_eq!(request.header("authorization"), Some("Bearer xoxb-1"));
    assert_eq!(request.json()["channel"], "#sftp-alerts");
    assert!(!server.log().text().contains("xoxb-1"));

    // Files come, and that is all.
    ftp.command("DELE /acme-scans/scan.pdf", 550);
    for refused in ["RETR /acme-scans/scan.pdf", "STOR /beside-the-buckets"] {
        ftp.passive();
        ftp.command(refused, 550);
    }
    assert_eq!(stores[1].keys().len(), 2);
}

#[test]
fn a_failure_is_told_with_its_whole_cause() {
    let (stores, slack) = ([Store::default(), Store::default()], slack());
    let relay = Relay::to(stores[0].address());
    let endpoint = format!("http://{}", relay.address());
    let changes = bot(&slack);
    let server = directory(&stores, &endpoint, &borrowed(&changes)).serve();
    relay.close();
    refused(&server, "/acme-invoices/a.pdf");
    let told = told(&slack, "dispatch failure");
    assert_eq!(
        (&told["color"], &told["fields"][0]["title"]),
        (&json!("danger"), &json!("SFTP Error"))
    );
}

/// What s3-sftp called "Invalid Access Key", "Invalid Secret Key" and left unknown.
#[test]
fn what_the_store_refuses_is_told_in_its_own_words() {
    for (from, to, word) in [
        ("access-key = \"", "access-key = \"NO", "InvalidAccessKeyId"),
        (
            "secret-key = \"",
            "secret-key = \"no",
            "SignatureDoesNotMatch",
        ),
        ("bucket = \"", "bucket = \"no-such-", "NoSuchBucket"),
    ] {
        let (stores, slack) = ([Store::default(), Store::default()], slack());
        let changes = bot(&slack);
        let directory = directory(&stores, stores[0].endpoint(), &borrowed(&changes));
        let file = directory.path().join("wharf.toml");
        let text = fs::read_to_string(&file).expect("it is there");
        fs::write(&file, text.replace(from, to)).expect("there is room for a test");
        let checked = directory.wharf(&["check"], &[], "").failure().text();
        assert!(checked.contains(word), "{checked}");
        let server = directory.serve();
        refused(&server, "/acme-invoices/a.pdf");
        told(&slack, word);
    }
}

/// The log server of s3-sftp as its code has it: `/` takes notices whose token is a line of a file
/// that is read each time, and tells Slack; what comes of that, nobody hears.
fn log_server(tokens: &Path, slack: &Web) -> Web {
    let (tokens, slack) = (tokens.to_owned(), slack.origin());
    Web::start(move |request| {
        if request.path == "/health-check" {
            return Answer::new("200 OK", "pong");
        }
        let said = request.json();
        let known = fs::read_to_string(&tokens).expect("the tokens are there");
        if known.lines().any(|token| said["Auth"] == token) {
            let (color, title) = match said["Action"].as_str() {
                Some("Success") => ("good", "SFTP Success"),
                _ => ("danger", "SFTP Error"),
            };
            let text = said["LogMessage"].as_str().expect("it says something");
            post(
                &slack,
                &json!({
                    "channel": "#sftp-alerts", "attachments": [notice(color, title, text)],
                }),
            );
        }
        Answer::new("200 OK", "")
    })
}

fn post(origin: &str, body: &Value) {
    let host = origin
        .strip_prefix("http://")
        .expect("it speaks HTTP in clear");
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it listens");
    // Whoever asks next is heard after this one.
    stream.read_to_end(&mut Vec::new()).expect("it answers");
}

#[test]
fn the_log_server_goes_on_with_its_own_tokens() {
    let (stores, slack) = ([Store::default(), Store::default()], slack());
    let local = TempDir::new().expect("there is room for a test");
    let tokens = local.path().join("tokens");
    fs::write(&tokens, "another\nt0ken\n").expect("there is room for a test");
    let log_server = log_server(&tokens, &slack);
    let origin = log_server.origin();
    let url = format!("via = \"s3-sftp\"\nurl = \"{origin}/\"");
    let http = format!("http = [\"{origin}\"]\nhttp-private = true");
    let changes = [
        ("via = \"bot\"", &*url),
        ("channel = \"#sftp-alerts\"", ""),
        ("http = [\"https://slack.com\"]", &http),
        ("${SLACK_BOT_TOKEN}", "t0ken"),
    ];
    let server = directory(&stores, stores[0].endpoint(), &changes).serve();
    let mut ftp = session(&server);
    assert_eq!(ftp.store("STOR /acme-scans/a.pdf", b"%PDF").code, 226);
    ftp.passive();
    ftp.command("STOR /nowhere", 550);
    let sent = log_server.wait_for(2);
    let sent: Vec<_> = sent
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body))
        .collect();
    let success =
        r#"{"Auth":"t0ken","Action":"Success","LogMessage":"Successful upload to acme-scans"}"#;
    assert_eq!(sent[0], success);
    assert!(
        sent[1].starts_with(r#"{"Auth":"t0ken","Action":"Fail","LogMessage":""#),
        "{}",
        sent[1]
    );
    wharf_tests::eventually("two notices", || notices(&slack).len() == 2);
    assert_eq!(notices(&slack)[1]["color"], "danger");

    // A token that it does not know is answered as any other, and nobody is told.
    fs::write(&tokens, "another\n").expect("there is room for a test");
    assert_eq!(ftp.store("STOR /acme-scans/b.pdf", b"%PDF").code, 226);
    log_server.wait_for(3);
    wharf_tests::eventually("all is delivered", || {
        let listed = server.directory().wharf(&["events", "list"], &[], "");
        listed.success().stdout.is_empty()
    });
    assert_eq!(notices(&slack).len(), 2);
}
