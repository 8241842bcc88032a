//! The plugin against the SDK's host.

use serde_json::{Value, json};
use wharf_plugin::Operations;
use wharf_plugin::http::Error;
use wharf_plugin::testing::{self, Client};

use super::*;

const URL: &str = "https://auth.example.com/ftp";

/// The plugin with these settings.
fn plugin(settings: &Value) -> Result<ExtAuth, Problems> {
    testing::set_config(&settings.to_string());
    ExtAuth::start()
}

/// What a login leads to, in a host of its own.
fn log_in(answer: Result<Response, Error>) -> String {
    let run = move || {
        let settings = json!({ "url": URL, "base": "/srv/ftp/", "grant": { "root": "none" } });
        let plugin = plugin(&settings).expect("the settings are right");
        testing::answer_http("POST", URL, answer);
        let given = Credential::Password(Password::new("se cret"));
        let step = Client::secure().session(|session| plugin.answer(session, "ali&ce", given, &[]));
        match step {
            Ok(Step::Grant(grant)) => grant.settings().join("; "),
            Ok(Step::Deny(denial)) => format!("{:?}", denial.reason()),
            Ok(Step::Ask(_)) => "asked again".into(),
            Ok(Step::Pass) => "passed".into(),
            Err(failure) => failure.to_string(),
        }
    };
    std::thread::spawn(run).join().expect("it answers")
}

/// What the lines of an answer lead to.
fn lines(text: &str) -> String {
    log_in(Ok(Response::new(200).body(text)))
}

#[test]
fn answers_mean_what_pure_ftpd_takes_them_for() {
    let all = format!("allow /** {:?}", Operations::ALL);
    let granted = |root: &str, rest: &str| {
        format!("principal ali&ce; set-root local {root}; set-home /; {all}{rest}")
    };
    for (text, expected) in [
        ("auth_ok:0\nend\n", "passed".into()),
        ("auth_ok:-1\nend\n", "Credentials".into()),
        (
            "auth_ok:1\nuid:42\ngid:21\ndir:/srv/ftp/alice\nend\n",
            granted("alice", "; set-attribute gid 21; set-attribute uid 42"),
        ),
        ("auth_ok:1\r\ndir: /srv/ftp\r\nend\r\n", granted("", "")),
        ("auth_ok:1\nend", granted("none", "")),
        // What stands behind the end counts for nothing.
        ("auth_ok:0\nend\nauth_ok:1\nend\n", "passed".into()),
        (
            "auth_ok:1\ndir:/srv/ftp/a/./b/c\nslow_tilde_expansion:1\nend\n",
            format!("principal ali&ce; set-root local a; set-home /b/c; {all}"),
        ),
        (
            "throttling_bandwidth_ul:1024\nuser_quota_size:1048576\nuser_quota_files:10\n\
             per_user_max:3\nthrottling_bandwidth_dl:2048\nauth_ok:1\nend\n",
            granted(
                "none",
                "; set-max-sessions 3; set-bandwidth Some(1024) Some(2048); \
                 set-quota Some(1048576) Some(10)",
            ),
        ),
        (
            "auth_ok:1\nthrottling_bandwidth_ul:0\nuser_quota_files:0\nper_user_max:0\nend\n",
            granted("none", ""),
        ),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_answer_lets_nobody_in_and_refuses_nobody() {
    for (answer, expected) in [
        ("", "breaks off"),
        ("auth_ok:1\ndir:/srv/ftp/alice\n", "breaks off"),
        ("end\n", "no `auth_ok`"),
        ("auth_ok:2\nend\n", "`auth_ok` is 2"),
        ("auth_ok:yes\nend\n", "`auth_ok` is \"yes\""),
        (
            "auth_ok:1\nuser_quota_size:much\nend\n",
            "`user_quota_size` is \"much\"",
        ),
        ("auth_ok:1\ndir:/home/alice\nend\n", "is not below"),
        ("auth_ok:1\ndir:/srv/ftpd\nend\n", "is not below"),
        ("auth_ok:1\ndir:/srv/ftp/../etc\nend\n", "is not below"),
        ("auth_ok:1\ndir:/srv/ftp/{user}\nend\n", "is not below"),
        ("auth_ok:1\ndir:alice\nend\n", "is not below"),
        ("auth_ok:1\ndir:\nend\n", "`dir` is empty"),
        ("auth_ok:1\ndir\nend\n", "`dir` is empty"),
        ("auth_ok:1\ndir:/srv/ftp/./../x\nend\n", "begins nowhere"),
        (&"x:y\n".repeat(5000), "too long"),
    ] {
        let failure = lines(answer);
        let fits = failure.starts_with("unavailable: ") && failure.contains(expected);
        assert!(fits, "{answer}: {failure}");
    }
    let refused = Ok(Response::new(401).body("auth_ok:-1\nend\n"));
    assert_eq!(log_in(refused), "unavailable: it answered 401");
    assert_eq!(
        log_in(Ok(Response::new(500))),
        "unavailable: it answered 500"
    );
    let slow = log_in(Err(Error::TimedOut));
    assert!(slow.starts_with("timed out"), "{slow}");
}

#[test]
fn the_service_is_told_what_pure_ftpd_tells() {
    testing::set_secret("key", "hush");
    let settings = json!({ "url": URL, "timeout": "2s", "headers": { "x-key": "key" } });
    let plugin = plugin(&settings).expect("the settings are right");
    testing::answer_http("POST", URL, Ok(Response::new(200).body("auth_ok:0\nend\n")));
    let client = Client {
        server_name: Some("ftp.example.com".into()),
        ..Client::secure()
    };
    let given = || Credential::Password(Password::new("se cret"));
    let ask = |session: &Session<'_>| plugin.answer(session, "ali&ce", given(), &[]);
    assert!(matches!(client.session(ask), Ok(Step::Pass)));
    assert!(matches!(Client::plain().session(ask), Ok(Step::Pass)));
    let requests = testing::http_requests();
    let body = |secure: &str, name: &str| {
        format!(
            "AUTHD_ACCOUNT=ali%26ce&AUTHD_PASSWORD=se%20cret&AUTHD_LOCAL_IP=192.0.2.2&\
             AUTHD_LOCAL_PORT=2121&AUTHD_REMOTE_IP=192.0.2.1&AUTHD_ENCRYPTED={secure}&\
             AUTHD_CLIENT_SNI_NAME={name}"
        )
    };
    assert_eq!(requests[0].body, body("1", "ftp.example.com").as_bytes());
    assert_eq!(requests[1].body, body("0", "").as_bytes());
    assert_eq!(requests[0].timeout, Duration::from_secs(2));
    assert_eq!(requests[0].headers[1], ("x-key".into(), "hush".into()));
}

#[test]
fn who_has_no_directory_is_not_shown_all_of_them() {
    let plugin = plugin(&json!({ "url": URL })).expect("the settings are right");
    let cases = [
        ("auth_ok:1\nend\n", Some("has no `dir`")),
        ("auth_ok:1\ndir:\nend\n", Some("`dir` is empty")),
        ("auth_ok:1\ndir:/alice\nend\n", None),
        // Somebody says that it is all.
        ("auth_ok:1\ndir:/\nend\n", None),
    ];
    for (lines, _) in cases {
        testing::answer_http("POST", URL, Ok(Response::new(200).body(lines)));
    }
    for (lines, expected) in cases {
        let given = Credential::Password(Password::new("x"));
        let step = Client::secure().session(|session| plugin.answer(session, "alice", given, &[]));
        match (step, expected) {
            (Ok(Step::Grant(_)), None) => {}
            (Err(Failure::Unavailable(why)), Some(expected)) if why.contains(expected) => {}
            (step, _) => panic!("{lines}: {step:?}"),
        }
    }
}

#[test]
fn what_cannot_be_kept_to_is_told() {
    let account = "auth_ok:1\nratio_upload:1\nratio_download:5\nfuture:x\nend\n";
    let settings = json!({ "url": URL, "grant": { "root": "all" } });
    let plugin = plugin(&settings).expect("the settings are right");
    testing::answer_http("POST", URL, Ok(Response::new(200).body(account)));
    let given = Credential::Password(Password::new("x"));
    let step = Client::secure().session(|session| plugin.answer(session, "alice", given, &[]));
    assert!(matches!(step, Ok(Step::Grant(_))), "{step:?}");
    let told = |line: &str| {
        format!("Warn the service grants what nobody here keeps to user=alice line={line}")
    };
    let expected = ["ratio_upload:1", "ratio_download:5", "future:x"].map(told);
    assert_eq!(testing::logged(), expected);
}

#[test]
fn every_problem_is_named_with_its_key() {
    let problems = plugin(&json!({
        "url": "ftp://x", "base": "srv", "headers": { "a": "b" }, "grant": { "root": ".." },
    }));
    let problems = problems.err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    assert_eq!(keys, ["url", "headers.a", "base", "grant.root"]);
    let clear = plugin(&json!({ "url": "http://example.com" })).expect("they are right");
    assert_eq!(clear.warnings().iter().count(), 1);
}

#[test]
fn the_example_is_right() {
    testing::set_secret("api-key", "hush");
    let example: toml::Table = include_str!("../ext-auth.toml").parse().unwrap();
    let plugin = plugin(&serde_json::to_value(&example["config"]).unwrap());
    assert_eq!(
        plugin.expect("the example is right").warnings(),
        Problems::new()
    );
}
