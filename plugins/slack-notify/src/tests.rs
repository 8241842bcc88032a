//! The plugin against the SDK's host.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::template::Template;
use wharf_plugin::http::{Error, Response};
use wharf_plugin::{Fault, Location, testing};

const HOOK: &str = "https://hooks.slack.com/services/T0/B0/XXXX";
const METHOD: &str = "https://slack.com/api/chat.postMessage";
const LOG_SERVER: &str = "https://logs.example.com/";

fn plugin(settings: &Value) -> Result<SlackNotify, Problems> {
    testing::set_config(&settings.to_string());
    SlackNotify::start()
}

/// One that is right, with its secret.
fn ready(settings: &Value, secret: &str) -> SlackNotify {
    testing::set_secret("slack", secret);
    plugin(settings).expect("the settings are right")
}

fn upload(id: &str, path: &str) -> Event {
    Event {
        id: id.into(),
        kind: "upload".into(),
        principal: Some("alice".into()),
        path: Some(path.into()),
        place: Some(Location::new("invoices", "scan.pdf")),
        size: Some(1_300_000),
        ..Event::default()
    }
}

fn failed(id: &str, path: &str, cause: &str) -> Event {
    Event {
        kind: "upload-failed".into(),
        fault: Some(Fault {
            reply: 451,
            message: cause.into(),
        }),
        size: None,
        ..upload(id, path)
    }
}

/// The bodies of the requests since the last look.
fn bodies() -> Vec<Value> {
    let requests = testing::http_requests();
    requests.iter().map(body).collect()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_webhook_is_sent_attachments() {
    let settings = json!({ "via": "webhook", "secret": "slack", "timeout": "2s" });
    let plugin = ready(&settings, &format!("{HOOK}\n"));
    testing::answer_http("POST", HOOK, Ok(Response::new(200).body("ok")));
    let batch = [
        upload("1", "/a.pdf"),
        failed("2", "/b.pdf", "AccessDenied: no"),
    ];
    assert_eq!(plugin.deliver(&batch), Ok(()));
    let requests = testing::http_requests();
    assert_eq!(requests[0].timeout, Duration::from_secs(2));
    let notice = |color, title, text| {
        json!({
            "color": color, "fallback": text, "text": text, "mrkdwn_in": [],
            "fields": [{ "title": title, "value": "", "short": false }],
        })
    };
    let stored = "Successful upload to invoices: /a.pdf (1.2 MiB) by alice";
    let expected = json!({
        "parse": "none", "link_names": false, "unfurl_links": false, "unfurl_media": false,
        "attachments": [
            notice("good", "SFTP Success", stored),
            notice("danger", "SFTP Error", "alice could not store /b.pdf: AccessDenied: no"),
        ],
    });
    assert_eq!(requests.iter().map(body).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_bot_posts_to_a_channel() {
    let settings = json!({ "via": "bot", "secret": "slack", "channel": "#sftp-alerts" });
    let plugin = ready(&settings, "xoxb-1");
    testing::answer_http(
        "POST",
        METHOD,
        Ok(Response::new(200).body(r#"{"ok":true}"#)),
    );
    assert_eq!(plugin.deliver(&[upload("1", "/a.pdf")]), Ok(()));
    let request = &testing::http_requests()[0];
    let authorization = ("authorization".to_owned(), "Bearer xoxb-1".to_owned());
    assert!(request.headers.contains(&authorization));
    assert_eq!(body(request)["channel"], "#sftp-alerts");
}

#[test]
fn the_log_server_of_s3_sftp_is_sent_its_own_form() {
    let settings = json!({
        "via": "s3-sftp", "secret": "slack", "url": LOG_SERVER,
        "success": { "text": "Successful upload to {sink}" }, "failure": { "text": "{error}" },
    });
    let plugin = ready(&settings, "t0ken");
    testing::answer_http("POST", LOG_SERVER, Ok(Response::new(200)));
    let batch = [
        upload("1", "/a.pdf"),
        failed("2", "/b.pdf", "NoSuchBucket: gone"),
    ];
    assert_eq!(plugin.deliver(&batch), Ok(()));
    let requests = testing::http_requests();
    let texts = requests
        .iter()
        .map(|request| str::from_utf8(&request.body).unwrap());
    let expected = [
        r#"{"Auth":"t0ken","Action":"Success","LogMessage":"Successful upload to invoices"}"#,
        r#"{"Auth":"t0ken","Action":"Fail","LogMessage":"NoSuchBucket: gone"}"#,
    ];
    assert_eq!(texts.collect::<Vec<_>>(), expected);
}

#[test]
fn names_mean_nothing_to_slack() {
    let settings = json!({
        "via": "webhook", "secret": "slack", "success": { "text": "<!here> {{{name}}} {user}" },
    });
    let plugin = ready(&settings, HOOK);
    testing::answer_http("POST", HOOK, Ok(Response::new(200)));
    let treacherous = "/in/<!channel> & <@U1>\n*b*\u{202e}fdp.exe";
    assert_eq!(plugin.deliver(&[upload("1", treacherous)]), Ok(()));
    // What the operator wrote is meant.
    let expected = "<!here> {&lt;!channel&gt; &amp; &lt;@U1&gt;\u{fffd}*b*\u{fffd}fdp.exe} alice";
    assert_eq!(bodies()[0]["attachments"][0]["text"], expected);
}

#[test]
fn a_message_is_bounded() {
    let settings = json!({ "via": "webhook", "secret": "slack" });
    let plugin = ready(&settings, HOOK);
    testing::answer_http("POST", HOOK, Ok(Response::new(200)));
    let batch: Vec<_> = (0..50)
        .map(|id| failed(&id.to_string(), "/é", &"<ü>".repeat(5000)))
        .collect();
    assert_eq!(plugin.deliver(&batch), Ok(()));
    let bodies = bodies();
    let counts: Vec<_> = bodies
        .iter()
        .map(|body| body["attachments"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [20, 20, 10]);
    let text = bodies[0]["attachments"][0]["text"].clone();
    let text = text.as_str().unwrap();
    assert!(text.len() <= limits::TEXT_BYTES + '…'.len_utf8());
    let whole = ["&gt;…", "ü…", "&lt;…"];
    assert!(whole.iter().any(|end| text.ends_with(end)), "{text}");
}

#[test]
fn only_what_is_wrong_with_the_message_is_given_up() {
    let bot = json!({ "via": "bot", "secret": "slack", "channel": "C1" });
    let hook = json!({ "via": "webhook", "secret": "slack" });
    let said = |status, body: &str| Ok(Response::new(status).body(body));
    for (settings, url, answer, expected) in [
        (&hook, HOOK, said(200, "ok"), "Ok(())"),
        (
            &hook,
            HOOK,
            said(500, "rollup_error"),
            "answered 500 rollup_error",
        ),
        (&hook, HOOK, said(408, ""), "answered 408"),
        (&hook, HOOK, said(400, "invalid_payload"), "Ok(())"),
        (&hook, HOOK, said(413, ""), "Ok(())"),
        (&hook, HOOK, said(400, "invalid_token"), "invalid_token"),
        (&hook, HOOK, said(401, ""), "answered 401"),
        (
            &hook,
            HOOK,
            said(403, "action_prohibited"),
            "action_prohibited",
        ),
        (&hook, HOOK, said(404, "no_service"), "no_service"),
        (
            &hook,
            HOOK,
            said(410, "channel_is_archived"),
            "channel_is_archived",
        ),
        (&hook, HOOK, said(302, ""), "answered 302"),
        (&hook, HOOK, Err(Error::TimedOut), "TimedOut"),
        (
            &hook,
            HOOK,
            Err(Error::NotGranted("x".into())),
            "Misconfigured",
        ),
        (&bot, METHOD, said(200, r#"{"ok":true}"#), "Ok(())"),
        (
            &bot,
            METHOD,
            said(200, r#"{"ok":false,"error":"ratelimited"}"#),
            "ratelimited",
        ),
        (
            &bot,
            METHOD,
            said(200, r#"{"ok":false,"error":"msg_too_long"}"#),
            "Ok(())",
        ),
        (
            &bot,
            METHOD,
            said(200, r#"{"ok":false,"error":"token_revoked"}"#),
            "token_revoked",
        ),
        (
            &bot,
            METHOD,
            said(200, r#"{"ok":false,"error":"not_in_channel"}"#),
            "not_in_channel",
        ),
        (&bot, METHOD, said(200, "<html>"), "<html>"),
    ] {
        let outcome = std::thread::spawn({
            let (settings, answer) = (settings.clone(), answer.clone());
            move || {
                let plugin = ready(&settings, HOOK);
                testing::answer_http("POST", url, answer);
                let outcome = plugin.deliver(&[upload("1", "/a")]);
                (format!("{outcome:?}"), testing::logged())
            }
        });
        let (outcome, logged) = outcome.join().unwrap();
        assert!(outcome.contains(expected), "{answer:?}: {outcome}");
        let is_told = matches!(&answer, Ok(answer) if answer.status == 200
            && !answer.body.windows(5).any(|part| part == b"false"));
        let is_given_up = expected == "Ok(())" && !is_told;
        assert_eq!(
            logged.len(),
            usize::from(is_given_up),
            "{answer:?}: {logged:?}"
        );
        assert!(!logged.concat().contains("XXXX"), "{logged:?}");
    }
}

#[test]
fn a_service_that_asks_for_rest_has_it() {
    let settings = json!({ "via": "webhook", "secret": "slack" });
    let plugin = ready(&settings, HOOK);
    testing::set_now(std::time::UNIX_EPOCH + Duration::from_secs(1_780_000_000));
    let mut busy = Response::new(429).body("ratelimited");
    busy.headers.push(("Retry-After".into(), "30".into()));
    testing::answer_http("POST", HOOK, Ok(busy));
    testing::answer_http("POST", HOOK, Ok(Response::new(200)));
    let batch = [upload("1", "/a")];
    for (seconds, requests, is_told) in [(0, 1, false), (29, 0, false), (1, 1, true)] {
        testing::advance(Duration::from_secs(seconds));
        assert_eq!(plugin.deliver(&batch).is_ok(), is_told, "{seconds}");
        assert_eq!(testing::http_requests().len(), requests, "{seconds}");
    }
}

#[test]
fn what_was_told_before_a_failure_is_not_told_again() {
    let settings = json!({ "via": "s3-sftp", "secret": "slack", "url": LOG_SERVER });
    let plugin = ready(&settings, "t0ken");
    for status in [200, 503, 200] {
        testing::answer_http("POST", LOG_SERVER, Ok(Response::new(status)));
    }
    let batch = [upload("1", "/a"), upload("2", "/b"), upload("3", "/c")];
    assert!(plugin.deliver(&batch).is_err());
    // The host gives them again one by one.
    for event in batch.chunks(1) {
        assert_eq!(plugin.deliver(event), Ok(()));
    }
    let paths: Vec<_> = bodies()
        .iter()
        .map(|body| body["LogMessage"].as_str().unwrap()[31..33].to_owned())
        .collect();
    assert_eq!(paths, ["/a", "/b", "/b", "/c"]);
}

#[test]
fn without_its_secret_nothing_is_sent() {
    let settings = json!({ "via": "webhook", "secret": "slack" });
    let problems = plugin(&settings).err().expect("it is not granted");
    let keys: Vec<_> = problems.iter().map(|found| found.key.as_deref()).collect();
    assert_eq!(keys, [Some("secret")]);
    let outcome = ready(&settings, "not an address").deliver(&[upload("1", "/a")]);
    let is_told = matches!(outcome, Err(Failure::Misconfigured(_)));
    assert!(is_told, "{outcome:?}");
    assert_eq!(testing::http_requests(), []);
}

#[test]
fn every_problem_is_named_with_its_key() {
    testing::set_secret("s", "hush");
    for (settings, expected) in [
        (
            json!({ "via": "webhook", "secret": "", "url": "x", "channel": "c", "events": [] }),
            vec!["events", "secret", "url", "channel", "url"],
        ),
        (
            json!({ "via": "bot", "secret": "s", "success": { "text": "{who}", "color": "red" } }),
            vec!["channel", "success.text", "success.color"],
        ),
        (
            json!({ "via": "s3-sftp", "secret": "s", "failure": { "text": "a } b" } }),
            vec!["url", "failure.text"],
        ),
        (json!({ "via": "mail", "secret": "s" }), vec!["via"]),
        (
            json!({ "via": "bot", "secret": "s", "failure": { "tone": "" } }),
            vec!["failure.tone"],
        ),
    ] {
        let problems = plugin(&settings).err().expect("they are wrong");
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|found| found.key.as_deref())
            .collect();
        assert_eq!(keys, expected, "{settings}");
    }
    let settings = json!({ "via": "s3-sftp", "secret": "s", "url": "http://a/" });
    assert_ne!(plugin(&settings).unwrap().warnings(), Problems::new());
}

#[test]
fn the_example_is_right() {
    testing::set_secret("slack", HOOK);
    let example: toml::Table = include_str!("../slack-notify.toml").parse().unwrap();
    let plugin = plugin(&serde_json::to_value(&example["config"]).unwrap());
    let plugin = plugin.expect("the example is right");
    assert_eq!(plugin.warnings(), Problems::new());
    assert_eq!(plugin.subscribe().len(), 3);
}

#[test]
fn the_readme_names_what_there_is() {
    let readme = include_str!("../README.md");
    let parsed = Template::parse("{nothing}").unwrap_err();
    let (_, names) = parsed.split_once("none of ").unwrap();
    for name in names.split(", ") {
        assert!(readme.contains(&format!("`{{{name}}}`")), "{name}");
    }
}
