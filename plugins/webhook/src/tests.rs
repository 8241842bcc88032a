//! The plugin against the SDK's host.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use wharf_plugin::http::{Error, Response};
use wharf_plugin::testing;
use wharf_plugin::{Checksum, Fault, Location};

const URL: &str = "https://example.com/events";

fn plugin(settings: &Value) -> Result<Webhook, Problems> {
    testing::set_config(&settings.to_string());
    Webhook::start()
}

fn upload(id: &str) -> Event {
    Event {
        id: id.into(),
        kind: "upload".into(),
        at: UNIX_EPOCH + Duration::from_millis(1_780_012_799_007),
        session: "s1".into(),
        sequence: 3,
        listener: "[::]:2121".into(),
        peer: "192.0.2.1:50000".into(),
        principal: Some("alice".into()),
        path: Some("/a.pdf".into()),
        place: Some(Location::new("local", "home/alice/a.pdf")),
        size: Some(7),
        checksums: vec![Checksum {
            algorithm: "sha256".into(),
            hex: "00ff".into(),
        }],
        elapsed: Duration::from_millis(20),
        attributes: vec![("site".into(), "north".into())],
        ..Event::default()
    }
}

#[test]
fn an_event_is_told_and_signed() {
    let webhook = plugin(&json!({
        "url": URL, "secret": "key", "timeout": "2s", "headers": { "authorization": "token" }
    }));
    let webhook = webhook.expect("the settings are right");
    testing::set_secret("key", "hush");
    testing::set_secret("token", "Bearer 1234");
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_780_000_000));
    testing::answer_http("POST", URL, Ok(Response::new(204)));
    assert_eq!(webhook.deliver(&[upload("e1")]), Ok(()));

    let request = &testing::http_requests()[0];
    assert_eq!(request.timeout, Duration::from_secs(2));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        json!({
            "id": "e1", "kind": "upload", "at": "2026-05-28T23:59:59.007Z", "session": "s1",
            "sequence": 3, "listener": "[::]:2121", "peer": "192.0.2.1:50000",
            "principal": "alice", "path": "/a.pdf",
            "place": { "sink": "local", "key": "home/alice/a.pdf" }, "size": 7,
            "checksums": { "sha256": "00ff" }, "elapsed_ms": 20,
            "attributes": { "site": "north" },
        })
    );
    let signed = [b"1780000000.".as_slice(), &request.body].concat();
    let signature = crypto::hmac(Algorithm::Sha256, b"hush", &signed).unwrap();
    let expected = [
        ("content-type", "application/json".to_owned()),
        ("idempotency-key", "e1".to_owned()),
        ("authorization", "Bearer 1234".to_owned()),
        (
            "wharf-signature",
            format!("t=1780000000,v1={}", hex(&signature)),
        ),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(request.headers, expected);
}

#[test]
fn a_batch_is_one_request_or_many() {
    let mut failed = upload("e2");
    failed.fault = Some(Fault {
        reply: 552,
        message: "the disk is full".into(),
    });
    let batch = [upload("e1"), failed];
    testing::answer_http("POST", URL, Ok(Response::new(200)));

    let single = plugin(&json!({ "url": URL })).expect("the settings are right");
    assert_eq!(single.deliver(&batch), Ok(()));
    let keys = |requests: &[Request]| -> Vec<String> {
        let key = |request: &Request| request.headers[1].1.clone();
        requests.iter().map(key).collect()
    };
    assert_eq!(keys(&testing::http_requests()), ["e1", "e2"]);

    let many = plugin(&json!({ "url": URL, "batch": true })).expect("the settings are right");
    assert_eq!(many.deliver(&batch), Ok(()));
    assert_eq!(many.deliver(&batch), Ok(()));
    assert_eq!(many.deliver(&batch[..1]), Ok(()));
    let requests = testing::http_requests();
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let fault = json!({ "reply": 552, "message": "the disk is full" });
    assert_eq!(body["events"][1]["fault"], fault);
    let keys = keys(&requests);
    assert!(keys[0] == keys[1] && keys[0] != keys[2], "{keys:?}");
}

#[test]
fn only_what_makes_sense_is_tried_again() {
    let webhook = plugin(&json!({ "url": URL })).expect("the settings are right");
    for (answer, expected) in [
        (Ok(Response::new(200)), "Ok(())"),
        (Ok(Response::new(503)), "Unavailable(\"it answered 503\")"),
        (Ok(Response::new(429)), "Unavailable(\"it answered 429\")"),
        (Ok(Response::new(401)), "Unavailable(\"it answered 401\")"),
        (Ok(Response::new(422)), "Ok(())"),
        (Err(Error::TimedOut), "TimedOut"),
        (Err(Error::NotGranted("x".into())), "Misconfigured"),
    ] {
        // The last answer is given again and again, so each has its turn as the second of two.
        testing::answer_http("POST", URL, answer.clone());
        if !matches!(&answer, Ok(response) if response.status == 200) {
            webhook.deliver(&[upload("e0")]).ok();
        }
        let outcome = format!("{:?}", webhook.deliver(&[upload("e1")]));
        assert!(outcome.contains(expected), "{answer:?}: {outcome}");
    }
    let refused = "Error refused for good, and not told again event=e1 status=422";
    assert!(testing::logged().iter().any(|line| line == refused));
    assert!(testing::metrics().contains(&"count told 1 status=503".to_owned()));
}

#[test]
fn without_its_secret_nothing_is_sent() {
    let webhook = plugin(&json!({ "url": URL, "secret": "key" })).expect("they are right");
    testing::answer_http("POST", URL, Ok(Response::new(200)));
    let outcome = webhook.deliver(&[upload("e1")]);
    assert!(
        matches!(outcome, Err(Failure::Misconfigured(_))),
        "{outcome:?}"
    );
    assert_eq!(testing::http_requests(), []);
}

#[test]
fn every_problem_is_named_with_its_key() {
    let problems = plugin(&json!({
        "url": "example.com", "events": [], "permanent": [200], "headers": { "a b": "x" }
    }));
    let problems = problems.err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    assert_eq!(keys, ["url", "events", "permanent", "headers.a b"]);
    let problems = plugin(&json!({ "url": URL, "timeout": 5 }))
        .err()
        .expect("it is wrong");
    let problem = problems.iter().next().expect("there is one");
    assert_eq!(problem.key.as_deref(), Some("timeout"));
}

#[test]
fn what_deserves_attention_is_shown() {
    let webhook = plugin(&json!({ "url": "http://example.com" })).expect("they are right");
    let warnings = webhook.warnings();
    let keys: Vec<_> = warnings
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    assert_eq!(keys, ["secret", "url"]);
}

#[test]
fn the_example_is_right() {
    let example: toml::Table = include_str!("../webhook.toml").parse().unwrap();
    let webhook = plugin(&serde_json::to_value(&example["config"]).unwrap());
    let webhook = webhook.expect("the example is right");
    assert_eq!(webhook.warnings(), Problems::new());
    assert_eq!(webhook.subscribe().len(), 3);
}
