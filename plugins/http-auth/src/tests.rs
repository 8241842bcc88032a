//! The plugin against the SDK's host.

use std::time::Duration;

use serde_json::{Value, json};
use wharf_plugin::http::{Error, Response};
use wharf_plugin::testing::{self, Client};
use wharf_plugin::{Operations, Password};

use super::*;

const URL: &str = "https://auth.example.com/login";

/// The plugin with these settings.
fn plugin(settings: &Value) -> Result<HttpAuth, Problems> {
    testing::set_config(&settings.to_string());
    HttpAuth::start()
}

/// The plugin of a kind, with more settings.
fn kind(kind: &str, more: &Value) -> HttpAuth {
    let mut settings = json!({ "kind": kind, "url": URL });
    let table = settings.as_object_mut().expect("it is a table");
    table.extend(more.as_object().expect("it is a table").clone());
    plugin(&settings).expect("the settings are right")
}

/// What `USER` and `PASS` lead to.
fn log_in(plugin: &HttpAuth, session: &Session<'_>, user: &str, password: &str) -> String {
    assert!(matches!(plugin.begin(session, user), Ok(Step::Ask(_))));
    let credential = Credential::Password(Password::new(password));
    match plugin.answer(session, user, credential, &[]) {
        Ok(Step::Grant(grant)) => grant.settings().join("; "),
        Ok(Step::Deny(denial)) => format!("{:?}", denial.reason()),
        Ok(Step::Ask(_)) => "asked again".into(),
        Ok(Step::Pass) => "passed".into(),
        Err(failure) => failure.to_string(),
    }
}

fn client(user: &str) -> Client {
    Client {
        user: Some(user.into()),
        ..Client::secure()
    }
}

/// What the last request was: its line, its headers and its body.
fn last_request() -> (String, Vec<(String, String)>, String) {
    let request = testing::http_requests().pop().expect("there was one");
    let body = String::from_utf8(request.body).expect("it is text");
    (
        format!("{} {}", request.method, request.url),
        request.headers,
        body,
    )
}

/// What is granted where nothing else is said.
fn everything(user: &str) -> String {
    let all = Operations::ALL;
    format!("principal {user}; set-root local ; set-home /; allow /** {all:?}")
}

#[test]
fn each_kind_asks_in_its_way() {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    // RFC 6234 has the digest of "abc".
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let query = format!("{URL}?username=a%26b&password_hash=");
    for (name, more, line, headers, body) in [
        (
            "basic",
            json!({ "method": "post" }),
            format!("POST {URL}"),
            header("authorization", "Basic YSZiOmFiYw=="),
            "",
        ),
        (
            "bearer",
            json!({}),
            format!("GET {URL}"),
            header("authorization", "Bearer abc"),
            "",
        ),
        (
            "webhook",
            json!({}),
            format!("GET {query}{digest}"),
            vec![],
            "",
        ),
        (
            "webhook",
            json!({ "password-hash": "md5", "method": "POST" }),
            format!("POST {query}900150983cd24fb0d6963f7d28e17f72"),
            vec![],
            "",
        ),
        (
            "json-rpc",
            json!({}),
            format!("POST {URL}"),
            header("content-type", "application/json"),
            r#"{"params":{"password":"abc","username":"a&b"}}"#,
        ),
    ] {
        let plugin = kind(name, &more);
        let (method, url) = line.split_once(' ').expect("it is a line");
        testing::answer_http(
            method,
            url,
            Ok(Response::new(200).body(r#"{"result":"200 OK"}"#)),
        );
        let found = client("a&b").session(|session| log_in(&plugin, session, "a&b", "abc"));
        assert_eq!(found, everything("a&b"), "{name}");
        assert_eq!(last_request(), (line, headers, body.to_owned()));
    }
}

#[test]
fn a_no_is_a_no_and_a_failure_is_none() {
    let plugin = kind("basic", &json!({}));
    for (answer, expected) in [
        (Ok(Response::new(200)), everything("alice")),
        (Ok(Response::new(204)), everything("alice")),
        (Ok(Response::new(401)), "Credentials".into()),
        (Ok(Response::new(403)), "Credentials".into()),
        (
            Ok(Response::new(404)),
            "unavailable: it answered 404".into(),
        ),
        (
            Ok(Response::new(429)),
            "unavailable: it answered 429".into(),
        ),
        (
            Ok(Response::new(500)),
            "unavailable: it answered 500".into(),
        ),
        (
            Ok(Response::new(302)),
            "misconfigured: it redirects (status 302), which `redirects` does not let it".into(),
        ),
        (
            Err(Error::TimedOut),
            "timed out: there was no answer in time".into(),
        ),
        (
            Err(Error::Transport("refused".into())),
            "unavailable: the connection failed: refused".into(),
        ),
        (
            Err(Error::NotGranted("https://auth.example.com".into())),
            "misconfigured: `[allow] http` does not name it: https://auth.example.com".into(),
        ),
    ] {
        // The last answer is given again and again: each thread has a host of its own.
        let found = std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                testing::answer_http("GET", URL, answer.clone());
                client("alice").session(|session| log_in(&plugin, session, "alice", "secret"))
            });
            asked.join().expect("it answers")
        });
        assert_eq!(found, expected, "{answer:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_wrong() {
    for (name, user, password) in [
        ("basic", "a:b", "secret"),
        ("basic", "a\u{7f}", "secret"),
        ("digest", "a", "secret\u{1}"),
        ("bearer", "a", "not a token"),
        ("bearer", "a", ""),
        ("bearer", "a", "=="),
    ] {
        let plugin = kind(name, &json!({}));
        let found = client(user).session(|session| log_in(&plugin, session, user, password));
        assert_eq!(found, "Credentials", "{name} {user} {password}");
        assert_eq!(testing::http_requests(), []);
    }
}

#[test]
fn json_rpc_says_yes_with_its_marker_alone() {
    let own = json!({ "success": { "field": "status", "contains": "yes" } });
    for (more, status, body, expected) in [
        (
            json!({}),
            200,
            r#"{"result":"Welcome. 200 OK"}"#,
            everything("alice"),
        ),
        (
            json!({}),
            200,
            r#"{"result":["200 OK"]}"#,
            everything("alice"),
        ),
        (
            json!({}),
            200,
            r#"{"result":"Unsuccessful"}"#,
            "Credentials".into(),
        ),
        (json!({}), 200, r#"{"result":null}"#, "Credentials".into()),
        (
            json!({}),
            400,
            r#"{"result":"200 OK"}"#,
            "Credentials".into(),
        ),
        (
            json!({}),
            200,
            r#"{"error":{"message":"Server Error"}}"#,
            "unavailable: its answer has no `result`".into(),
        ),
        (json!({}), 503, "", "unavailable: it answered 503".into()),
        (own, 200, r#"{"status":"yes"}"#, everything("alice")),
    ] {
        let found = std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let plugin = kind("json-rpc", &more);
                testing::answer_http("POST", URL, Ok(Response::new(status).body(body)));
                client("alice").session(|session| log_in(&plugin, session, "alice", "secret"))
            });
            asked.join().expect("it answers")
        });
        assert_eq!(found, expected, "{status} {body}");
    }
}

#[test]
fn redirects_are_followed_as_far_as_they_may() {
    let moved = |status, location: &str| {
        let mut response = Response::new(status);
        response.headers.push(("Location".into(), location.into()));
        Ok(response)
    };
    let plugin = kind("basic", &json!({ "redirects": 2, "method": "POST" }));
    testing::answer_http("POST", URL, moved(307, "/v2/login"));
    testing::answer_http("POST", URL, moved(303, "/yes"));
    testing::answer_http("POST", URL, moved(307, "http://auth.example.com/clear"));
    testing::answer_http("POST", URL, moved(308, URL));
    testing::answer_http(
        "POST",
        "https://auth.example.com/v2/login",
        Ok(Response::new(401)),
    );
    testing::answer_http(
        "GET",
        "https://auth.example.com/yes",
        Ok(Response::new(200)),
    );
    for expected in [
        "Credentials",
        &everything("alice"),
        "misconfigured: it redirects to where passwords would travel in clear",
        "unavailable: it redirects more than 2 times",
    ] {
        let found = client("alice").session(|session| log_in(&plugin, session, "alice", "secret"));
        assert_eq!(found, expected);
    }
    assert_eq!(testing::http_requests().len(), 2 + 2 + 1 + 3);
}

#[test]
fn the_service_may_say_what_it_was_asked_for() {
    let plugin = kind(
        "basic",
        &json!({
            "answer": { "grant": ["principal", "root", "permissions"], "at": "data.user" },
            "grant": { "root": "home/{user}", "groups": ["web"] },
        }),
    );
    let said = |body: &Value| {
        testing::answer_http("GET", URL, Ok(Response::new(200).body(body.to_string())));
    };
    said(&json!({ "data": { "user": {
        "principal": "17", "root": "in/{principal}", "permissions": "read-only", "sink": "other",
    } } }));
    said(&json!({ "data": {} }));
    said(&json!({ "data": { "user": { "root": "../etc" } } }));
    said(&json!({ "data": { "user": { "permissions": "everything" } } }));
    let log_in = || client("alice").session(|session| log_in(&plugin, session, "alice", "x"));
    let read = Operations::READ;
    assert_eq!(
        log_in(),
        format!(
            "principal 17; set-root local in/17; set-home /; allow /** {read:?}; add-group web"
        )
    );
    assert!(log_in().contains("set-root local home/alice"));
    for part in ["`answer.root`", "full"] {
        let failure = log_in();
        let nonsense = failure.starts_with("unavailable: its answer grants nonsense");
        assert!(nonsense && failure.contains(part), "{failure}");
    }
}

#[test]
fn a_service_that_leaves_out_what_it_has_to_say_lets_nobody_in() {
    let names = json!({ "answer": { "grant": ["principal"] } });
    let roots = json!({ "answer": { "grant": ["root", "limits"] } });
    let both = json!({
        "answer": { "grant": ["principal", "root"], "at": "user" }, "grant": { "root": "a" },
    });
    let (no_name, no_root) = ("has no `principal`", "has no `root`");
    for (name, more, body, expected) in [
        ("bearer", &names, "", no_name),
        ("bearer", &names, "{}", no_name),
        ("bearer", &names, r#"{"principal":""}"#, no_name),
        (
            "bearer",
            &names,
            r#"{"principal":null}"#,
            "`answer.principal` holds null",
        ),
        ("bearer", &names, r#"{"principal":"7"}"#, "principal 7;"),
        ("bearer", &both, r#"{"user":null}"#, no_name),
        (
            "bearer",
            &both,
            r#"{"user":{"principal":"7"}}"#,
            "principal 7; set-root local a;",
        ),
        ("basic", &names, "{}", "principal alice;"),
        (
            "basic",
            &names,
            r#"{"principal":null}"#,
            "`answer.principal` holds null",
        ),
        ("basic", &roots, "", no_root),
        ("basic", &roots, r#"{"limits":{"max-sessions":1}}"#, no_root),
        (
            "basic",
            &roots,
            r#"{"root":null}"#,
            "`answer.root` holds null",
        ),
        (
            "basic",
            &roots,
            r#"{"root":"a","limits":{"max-sessions":null}}"#,
            "`answer.limits` holds null",
        ),
        ("basic", &roots, r#"{"root":"a"}"#, "set-root local a;"),
        (
            "basic",
            &both,
            r#"{"user":{"root":null}}"#,
            "`answer.root` holds null",
        ),
        ("basic", &both, r#"{"user":{}}"#, "set-root local a;"),
    ] {
        let found = std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let plugin = kind(name, more);
                testing::answer_http("GET", URL, Ok(Response::new(200).body(body)));
                client("alice").session(|session| log_in(&plugin, session, "alice", "secret"))
            });
            asked.join().expect("it answers")
        });
        assert!(found.contains(expected), "{name} {body}: {found}");
        let is_let_in = expected.ends_with(';');
        assert_eq!(found.starts_with("unavailable: "), !is_let_in, "{found}");
    }
}

#[test]
fn who_is_in_does_not_become_somebody_else_by_what_is_left_out() {
    let answer = json!({ "grant": ["principal", "permissions"] });
    let settings = json!({ "answer": answer, "recheck": { "every": "1m" } });
    let plugin = kind("bearer", &settings);
    for body in [r#"{"principal":"7"}"#, "", r#"{"permissions":"full"}"#] {
        testing::answer_http("GET", URL, Ok(Response::new(200).body(body)));
    }
    client("alice").session(|session| {
        assert!(log_in(&plugin, session, "alice", "token").starts_with("principal 7;"));
        assert_eq!(look_again(&plugin, session), "kept");
        let failure = look_again(&plugin, session);
        assert_eq!(failure, "unavailable: its answer has no `principal`");
    });
}

/// What becomes of a session that is looked at again.
fn look_again(plugin: &HttpAuth, session: &Session<'_>) -> String {
    match plugin.revalidate(session) {
        Ok(Ruling::Keep) => "kept".into(),
        Ok(Ruling::Replace(grant)) => grant.settings().join("; "),
        Ok(Ruling::End(denial)) => format!("{:?}", denial.reason()),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn a_session_is_asked_about_again() {
    let again = "https://auth.example.com/session";
    for (name, method, line, headers) in [
        ("basic", "GET", again.to_owned(), 1),
        ("webhook", "HEAD", format!("{again}?username=alice"), 0),
    ] {
        let recheck = json!({ "every": "1h", "url": again, "method": method });
        let plugin = kind(name, &json!({ "recheck": recheck }));
        let login = match name {
            "webhook" => {
                let digest = crypto_digest("secret");
                format!("{URL}?username=alice&password_hash={digest}")
            }
            _ => URL.to_owned(),
        };
        testing::answer_http("GET", &login, Ok(Response::new(200)));
        for status in [200, 503, 401] {
            testing::answer_http(method, &line, Ok(Response::new(status)));
        }
        client("alice").session(|session| {
            assert_eq!(look_again(&plugin, session), "kept", "nobody is known yet");
            let granted = log_in(&plugin, session, "alice", "secret");
            assert!(granted.ends_with("set-revalidate-every 3600"), "{granted}");
            for expected in ["kept", "unavailable: it answered 503", "Credentials"] {
                assert_eq!(look_again(&plugin, session), expected);
                let (found, sent, _) = last_request();
                assert_eq!((found, sent.len()), (format!("{method} {line}"), headers));
            }
        });
    }
}

fn crypto_digest(text: &str) -> String {
    use wharf_plugin::crypto::{Algorithm, digest, hex};
    hex(&digest(Algorithm::Sha256, text.as_bytes()).expect("the host does it"))
}

#[test]
fn while_nobody_can_decide_a_session_may_go_on() {
    let recheck = json!({ "every": "1h", "on-failure": "keep" });
    let plugin = kind("basic", &json!({ "recheck": recheck }));
    for status in [200, 503, 401] {
        testing::answer_http("GET", URL, Ok(Response::new(status)));
    }
    client("alice").session(|session| {
        log_in(&plugin, session, "alice", "secret");
        assert_eq!(look_again(&plugin, session), "kept");
        assert!(testing::logged()[0].contains("cause=unavailable: it answered 503"));
        assert_eq!(look_again(&plugin, session), "Credentials");
    });
}

#[test]
fn another_user_of_the_session_is_not_judged_by_what_was_before() {
    let plugin = kind("basic", &json!({ "recheck": { "every": "1m" } }));
    testing::answer_http("GET", URL, Ok(Response::new(200)));
    testing::answer_http("GET", URL, Ok(Response::new(401)));
    client("alice").session(|session| {
        log_in(&plugin, session, "alice", "secret");
        assert_eq!(look_again(&plugin, session), "Credentials");
        // She comes in again, by another authenticator that is asked behind this one.
        assert!(matches!(plugin.begin(session, "alice"), Ok(Step::Ask(_))));
        assert_eq!(look_again(&plugin, session), "kept");
    });
    let first = client("alice");
    first.session(|session| {
        session.remember(
            "proof",
            br#"{"proof":{"user":"bob","secret":"x"},"nonce":null}"#,
        );
        assert_eq!(look_again(&plugin, session), "kept");
    });
}

#[test]
fn a_new_answer_is_a_new_grant() {
    let parts = json!({ "grant": ["permissions"] });
    let plugin = kind(
        "basic",
        &json!({ "answer": parts, "recheck": { "every": "1m" } }),
    );
    testing::answer_http("GET", URL, Ok(Response::new(200)));
    let less = r#"{ "permissions": "read-only" }"#;
    testing::answer_http("GET", URL, Ok(Response::new(200).body(less)));
    client("alice").session(|session| {
        log_in(&plugin, session, "alice", "secret");
        let read = Operations::READ;
        let granted = look_again(&plugin, session);
        assert!(granted.contains(&format!("allow /** {read:?}; set-revalidate-every 60")));
    });
}

#[test]
fn without_tls_nobody_is_asked_for_a_password() {
    let plugin = kind("basic", &json!({ "require-tls": true }));
    let step = Client::plain().session(|session| plugin.begin(session, "alice"));
    assert!(matches!(step, Ok(Step::Deny(denial)) if denial.reason() == DenialReason::NeedsTls));
}

#[test]
fn headers_are_secrets() {
    testing::set_secret("key", "hush");
    let plugin = kind("bearer", &json!({ "headers": { "x-api-key": "key" } }));
    testing::answer_http("GET", URL, Ok(Response::new(200)));
    client("a").session(|session| log_in(&plugin, session, "a", "token"));
    let (_, headers, _) = last_request();
    assert_eq!(headers[1], ("x-api-key".into(), "hush".into()));
}

#[test]
fn every_problem_is_named_with_its_key() {
    let problems = plugin(&json!({
        "kind": "basic", "url": "https:///", "method": "G T", "denied": [500], "redirects": 99,
        "headers": { "a": "missing" }, "password-hash": "md5", "success": {},
        "recheck": { "every": "1ms", "method": "GET" }, "answer": { "grant": ["uid"] },
        "grant": { "home": "inbox" },
    }));
    let problems = problems.err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    let expected = [
        "password-hash",
        "success",
        "url",
        "method",
        "denied",
        "redirects",
        "headers.a",
        "recheck.every",
        "recheck.method",
        "answer.grant",
        "grant.home",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn what_deserves_attention_is_shown() {
    let clear = json!({ "kind": "basic", "url": "http://a/", "redirects": 1,
                        "recheck": { "every": "1h", "url": "http://b/" } });
    for (settings, expected) in [
        (clear, &["url", "recheck.url", "redirects"][..]),
        (json!({ "kind": "digest", "url": "http://a/" }), &[]),
        (
            json!({ "kind": "bearer", "url": "https://a/", "grant": { "root": "home/{user}" } }),
            &["grant.root"],
        ),
        (
            json!({ "kind": "bearer", "url": "https://a/", "answer": { "grant": ["principal"] },
                    "grant": { "mounts": [{ "directory": "/a", "root": "{principal}" }] } }),
            &[],
        ),
        (json!({ "kind": "basic", "url": "https://a/" }), &[]),
    ] {
        let plugin = plugin(&settings).expect("they are right");
        let warnings = plugin.warnings();
        let keys: Vec<_> = warnings
            .iter()
            .filter_map(|found| found.key.as_deref())
            .collect();
        assert_eq!(keys, expected);
    }
}

#[test]
fn the_example_is_right() {
    testing::set_secret("api-key", "hush");
    let example: toml::Table = include_str!("../http-auth.toml").parse().unwrap();
    let plugin = plugin(&serde_json::to_value(&example["config"]).unwrap());
    let plugin = plugin.expect("the example is right");
    assert_eq!(plugin.warnings(), Problems::new());
    assert_eq!(plugin.service.timeout, Duration::from_secs(3));
}
