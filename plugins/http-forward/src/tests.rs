//! The plugin against the SDK's host.

use serde_json::{Value, json};
use wharf_plugin::http::{Error, Response};
use wharf_plugin::testing::{self, Client};
use wharf_plugin::{Authenticator, Credential, Event, Password, Step, StorageEvents};

use super::*;

const URL: &str = "https://dms.example.com/dms/upload/";
const LOGIN: &str = "https://dms.example.com/dms/auth";

fn plugin(settings: &Value) -> Result<Forward, Problems> {
    testing::set_config(&settings.to_string());
    Forward::start()
}

fn openspp(spool: bool) -> Forward {
    let account = json!({ "username": "{account}", "password": "{password}" });
    let mut settings = json!({
        "url": URL,
        "json": { "params": {
            "username": "{account}", "password": "{password}",
            "filename": "{name}", "file": "{content}",
        } },
        "base64-lines": true,
        "accept": {
            "status": [200], "member": "result", "contains": "200 OK", "reason": "result",
        },
        "login": { "url": LOGIN, "json": { "params": account }, "root": { "sink": "local" } },
    });
    if spool {
        testing::set_secret("pw", "later");
        settings["spool"] = json!({
            "sink": "local", "prefix": "spool", "account": { "user": "spool", "password": "pw" },
        });
    }
    plugin(&settings).expect("the settings are right")
}

fn says(url: &str, status: u16, result: &str) {
    let body = json!({ "jsonrpc": "2.0", "result": result }).to_string();
    testing::answer_http("POST", url, Ok(Response::new(status).body(body)));
}

fn log_in(forward: &Forward, session: &Session<'_>, password: &str) -> Result<Step, Failure> {
    let password = Credential::Password(Password::new(password));
    forward.answer(session, "ann", password, &[])
}

/// What becomes of an upload of `content` to `path` by ann, who has logged in.
fn commit(forward: &Forward, path: &str, content: &[u8]) -> Result<Disposition, Failure> {
    let upload = Upload {
        path: path.into(),
        size: content.len() as u64,
        ..Upload::default()
    };
    Client::logged_in("ann").session(|session| {
        if forward.login.is_some() {
            says(LOGIN, 200, "200 OK");
            let step = log_in(forward, session, "hunter2")?;
            assert!(matches!(step, Step::Grant(_)));
        }
        testing::http_requests();
        testing::staged(content, |content| forward.commit(session, &upload, content))
    })
}

#[test]
fn openspp_gets_a_scan_as_it_wants_it() {
    let forward = openspp(false);
    says(URL, 200, "200 OK");
    let content = vec![b'x'; 100];
    let disposition = commit(&forward, "/dir/scan.pdf", &content);
    assert_eq!(disposition, Ok(Disposition::Consume));
    let request = &testing::http_requests()[0];
    let body: Value = serde_json::from_slice(&request.body).expect("it is JSON");
    let params = &body["params"];
    assert_eq!(params["username"], "ann");
    assert_eq!(params["password"], "hunter2");
    assert_eq!(params["filename"], "_dir_scan.pdf");
    let lines = ["eHh4".repeat(19), "eHh4".repeat(14) + "eA==", String::new()];
    assert_eq!(params["file"], lines.join("\n"));
}

#[test]
fn large_files_go_in_pieces() {
    let forward = openspp(false);
    says(URL, 200, "200 OK");
    let content = vec![b'x'; 3 * PIECE + 1];
    assert_eq!(commit(&forward, "/a", &content), Ok(Disposition::Consume));
    let request = &testing::http_requests()[0];
    let body: Value = serde_json::from_slice(&request.body).expect("it is JSON");
    let file = body["params"]["file"].as_str().unwrap_or_default();
    assert!(file.lines().rev().skip(1).all(|line| line.len() == 76));
}

#[test]
fn a_yes_before_the_end_of_a_file_is_none() {
    // In the midst of it, and with no more than the end of the JSON to come.
    for wanted in [PIECE, 3 * PIECE] {
        for (status, result) in [(200, "200 OK"), (400, "Unsuccessful")] {
            let run = move || {
                let forward = openspp(false);
                says(URL, status, result);
                testing::answer_http_early(wanted);
                commit(&forward, "/a", &vec![b'x'; 2 * PIECE + PIECE / 4])
            };
            match std::thread::spawn(run).join().expect("it answers") {
                Err(Failure::Unavailable(why)) if status == 200 => {
                    assert_eq!(why, "it answered before it had all of the file");
                }
                Ok(Disposition::Discard(_)) if status == 400 => {}
                other => panic!("{wanted} {status}: {other:?}"),
            }
        }
    }
    let forward = openspp(true);
    says(URL, 200, "200 OK");
    testing::answer_http_early(1);
    let disposition = commit(&forward, "/a", b"x");
    assert!(matches!(disposition, Ok(Disposition::Quarantine(_))));
}

#[test]
fn the_login_is_the_applications() {
    let forward = openspp(false);
    says(LOGIN, 200, "200 OK");
    says(LOGIN, 400, "Bad");
    says(LOGIN, 401, "");
    testing::answer_http("POST", LOGIN, Err(Error::TimedOut));
    Client::secure().session(|session| {
        assert!(matches!(forward.begin(session, "ann"), Ok(Step::Ask(_))));
        let mut outcomes = Vec::new();
        for _ in 0..4 {
            outcomes.push(log_in(&forward, session, "hunter2"));
        }
        let [yes, no, unauthorized, undecided] = &outcomes[..] else {
            unreachable!();
        };
        let Ok(Step::Grant(grant)) = yes else {
            panic!("it accepts");
        };
        assert!(grant.settings().contains(&"set-root local ".to_owned()));
        assert!(matches!(no, Ok(Step::Deny(_))));
        assert!(matches!(unauthorized, Ok(Step::Deny(_))));
        assert!(matches!(undecided, Err(Failure::TimedOut(_))));
    });
    let asked: Value = serde_json::from_slice(&testing::http_requests()[0].body).expect("JSON");
    let expected = json!({ "params": { "username": "ann", "password": "hunter2" } });
    assert_eq!(asked, expected);
}

#[test]
fn a_refusal_is_told_and_an_absence_is_none() {
    let cases = [
        (200, "Unsuccessful", "Quota"),
        (400, "not hunter2", "Quota"),
        (413, "", "TooLarge"),
        (500, "", "Unavailable(\"it answered 500\")"),
    ];
    let forward = openspp(false);
    for (status, result, _) in cases {
        says(URL, status, result);
    }
    for (_, result, expected) in cases {
        let shown = match commit(&forward, "/a", b"x") {
            Ok(Disposition::Discard(denial)) => {
                let told = format!("{denial:?}");
                assert!(!told.contains("hunter2"), "{told}");
                assert_eq!(told.contains("Unsuccessful"), result == "Unsuccessful");
                format!("{:?}", denial.reason())
            }
            Err(failure) => format!("{failure:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected);
    }
}

#[test]
fn what_cannot_be_handed_over_is_spooled_and_handed_over_later() {
    let forward = openspp(true);
    testing::answer_http("POST", URL, Err(Error::Transport("refused".into())));
    let Ok(Disposition::Quarantine(place)) = commit(&forward, "/dir/scan.pdf", b"scan") else {
        panic!("it is spooled");
    };
    assert!(place.key.starts_with("spool/"));
    testing::put_file(&place, b"scan");
    let event = Event {
        kind: "upload".into(),
        principal: Some("ann".into()),
        path: Some("/dir/scan.pdf".into()),
        place: Some(place.clone()),
        ..Event::default()
    };
    says(URL, 200, "Unsuccessful");
    says(URL, 200, "200 OK");
    assert_eq!(forward.subscribe(), ["upload"]);
    let demands = Demands::new().content(Content::All);
    assert_eq!(forward.needs(), demands.relocates());
    let batch = [event];
    assert!(forward.deliver(&batch).is_err(), "away");
    assert!(forward.deliver(&batch).is_err(), "refused");
    assert!(testing::file(&place).is_some());
    assert_eq!(forward.deliver(&batch), Ok(()));
    assert_eq!(testing::file(&place), None);
    assert_eq!(forward.deliver(&batch), Ok(()), "told again");
    let requests = testing::http_requests();
    let key = |request: &Request| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(name, _)| name == "idempotency-key");
        found.map(|(_, value)| value.clone())
    };
    assert!(
        requests
            .iter()
            .all(|request| key(request).as_deref() == Some(place.name()))
    );
    let sent: Value = serde_json::from_slice(&requests[2].body).expect("it is JSON");
    assert_eq!(sent["params"]["username"], "spool");
    assert_eq!(sent["params"]["password"], "later");
    assert_eq!(sent["params"]["filename"], "_dir_scan.pdf");
    // What others store is none of its business.
    let elsewhere = Event {
        place: Some(Location::new("local", "incoming/a")),
        ..Event::default()
    };
    assert_eq!(forward.deliver(&[elsewhere]), Ok(()));
}

#[test]
fn other_forms_and_places() {
    let raw = json!({
        "url": "https://dms.example.com/in/{user}/{name}", "method": "PUT", "below": "/scans",
        "name": "base", "content-type": "application/pdf", "headers": { "authorization": "token" },
    });
    testing::set_secret("token", "Bearer 1234");
    let url = "https://dms.example.com/in/ann/a%20b.pdf";
    testing::answer_http("PUT", url, Ok(Response::new(201)));
    let forward = plugin(&raw).expect("they are right");
    assert_eq!(commit(&forward, "/a.pdf", b"x"), Ok(Disposition::Publish));
    assert_eq!(
        commit(&forward, "/scansx/a", b"x"),
        Ok(Disposition::Publish)
    );
    let disposition = commit(&forward, "/scans/a b.pdf", b"raw");
    assert_eq!(disposition, Ok(Disposition::Consume));
    let request = &testing::http_requests()[0];
    assert_eq!(request.body, b"raw");
    let header = ("authorization".to_owned(), "Bearer 1234".to_owned());
    assert!(request.headers.contains(&header));

    let form = json!({
        "url": URL, "multipart": { "fields": { "title": "{name}" } },
    });
    testing::answer_http("POST", URL, Ok(Response::new(200)));
    let forward = plugin(&form).expect("they are right");
    let disposition = commit(&forward, "/a\"b", b"raw");
    assert_eq!(disposition, Ok(Disposition::Consume));
    let body = testing::http_requests()[0].body.clone();
    let body = String::from_utf8(body).expect("it is text");
    let parts = "\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n_a\"b\r\n--";
    assert!(body.contains(parts), "{body}");
    let file = "name=\"file\"; filename=\"_a%22b\"\r\n\
                content-type: application/octet-stream\r\n\r\nraw\r\n--";
    assert!(body.contains(file) && body.ends_with("--\r\n"), "{body}");
}

#[test]
fn quarantine_stays_quarantine() {
    let forward = openspp(false);
    let upload = Upload {
        path: "/a".into(),
        quarantined: true,
        ..Upload::default()
    };
    let disposition = Client::logged_in("ann").session(|session| {
        testing::staged(b"x", |content| forward.commit(session, &upload, content))
    });
    assert_eq!(disposition, Ok(Disposition::Publish));
    assert_eq!(testing::http_requests(), []);
}

#[test]
fn every_problem_is_named_with_its_key() {
    let problems = plugin(&json!({
        "url": "dms.example.com", "below": "scans", "json": {}, "multipart": {},
        "login": { "url": "https://a/{password}", "json": "{content}", "root": { "sink": "a" } },
        "spool": { "sink": "local", "prefix": "" },
    }));
    let problems = problems.err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    let expected = [
        "url",
        "login.url",
        "below",
        "multipart",
        "json",
        "login.json",
        "spool.prefix",
        "spool.account",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn secrets_that_are_not_granted_are_named() {
    let account = json!({ "user": "u", "password": "pw" });
    let settings = json!({
        "url": URL, "headers": { "x-key": "key" }, "account": account,
        "spool": { "sink": "local", "prefix": "spool", "account": account },
    });
    let problems = plugin(&settings).err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    let expected = [
        "headers.x-key",
        "account.password",
        "spool.account.password",
    ];
    assert_eq!(keys, expected);
    testing::set_secret("key", "hush");
    testing::set_secret("pw", "hush");
    assert!(plugin(&settings).is_ok());
}

#[test]
fn the_example_is_right() {
    testing::set_secret("token", "hush");
    testing::set_secret("spool-password", "hush");
    let example: toml::Table = include_str!("../http-forward.toml").parse().unwrap();
    let forward = plugin(&serde_json::to_value(&example["config"]).unwrap());
    let forward = forward.expect("the example is right");
    assert_eq!(forward.warnings(), Problems::new());
}
