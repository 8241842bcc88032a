//! The plugin against the SDK's host, where an encoded password's last part is the password.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use wharf_plugin::Operations;
use wharf_plugin::testing::{self, Client};

mod more;

const CERTIFICATE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The settings of most tests.
const SETTINGS: &str = r#"{
    "root": "home/{user}",
    "users": {
        "alice": { "password": "$6$salt$secret", "home": "/inbox" },
        "bob": { "password": "$6$salt$bob", "require-tls": true, "permissions": "read-only",
                 "rules": [{ "path": "/in/**", "allow": "write-only" },
                           { "path": "/in/old/**", "forbid": ["upload"] }] },
        "gone": { "password": "$6$salt$gone", "disabled": true },
        "late": { "password": "$6$salt$late", "expires": "2026-06-30", "sink": "archive" },
        "robot": { "certificates": [
            "0011:2233:4455:6677:8899:AABB:CCDD:EEFF:0011:2233:4455:6677:8899:AABB:CCDD:EEFF"
        ] }
    },
    "anonymous": { "root": "pub" }
}"#;

/// The plugin with these settings.
fn users(settings: &str) -> Result<Users, Problems> {
    testing::set_config(settings);
    Users::start()
}

/// The plugin with the settings of most tests, in the middle of 2026.
fn usual() -> Users {
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_780_000_000));
    users(SETTINGS).expect("the settings are right")
}

/// What `USER` and, if a password is asked for, `PASS` lead to.
fn log_in(users: &Users, client: &Client, user: &str, password: &str) -> String {
    client.session(|session| {
        let step = match users.begin(session, user) {
            Ok(Step::Ask(prompt)) => {
                assert_eq!(prompt, Prompt::password());
                users.answer(
                    session,
                    user,
                    Credential::Password(Password::new(password)),
                    &[],
                )
            }
            step => step,
        };
        match step.expect("the plugin decides") {
            Step::Grant(grant) => grant.settings().join("; "),
            Step::Deny(denial) => format!("{:?}", denial.reason()),
            Step::Ask(_) => "asked again".into(),
            Step::Pass => "passed".into(),
        }
    })
}

/// The problems of settings, a line each.
fn problems(settings: &str) -> Vec<String> {
    let problems = users(settings).err().unwrap_or_default();
    let line = |problem: wharf_plugin::Problem| {
        format!("{}: {}", problem.key.unwrap_or_default(), problem.message)
    };
    problems.into_iter().map(line).collect()
}

#[test]
fn logins_come_out_as_the_settings_say() {
    let (plain, secure) = (Client::plain(), Client::secure());
    let shows = |fingerprint: &str| Client {
        fingerprint: Some(fingerprint.into()),
        ..Client::secure()
    };
    let all = format!("allow /** {:?}", Operations::ALL);
    let alice = format!("principal alice; set-root local home/alice; set-home /inbox; {all}");
    let robot = format!("principal robot; set-root local home/robot; set-home /; {all}");
    let late = format!(
        "principal late; set-root archive home/late; set-home /; {all}; set-expires-at 1782864000"
    );
    let bob = format!(
        "principal bob; set-root local home/bob; set-home /; allow /** {:?}; allow /in/** {:?}; \
         forbid /in/old/** {:?}",
        Operations::READ,
        Operations::WRITE,
        Operations::UPLOAD,
    );
    let stranger = format!(
        "principal anonymous; set-root local pub; set-home /; allow /** {:?}",
        Operations::READ
    );
    let users = usual();
    for (client, user, password, expected) in [
        (&plain, "alice", "secret", alice.as_str()),
        (&secure, "alice", "secret", &alice),
        (&plain, "alice", "Secret", "Credentials"),
        (&plain, "alice", "", "Credentials"),
        (&plain, "Alice", "secret", "Credentials"),
        (&plain, "", "secret", "Credentials"),
        (&plain, "bob", "bob", "NeedsTls"),
        (&secure, "bob", "bob", &bob),
        (&secure, "gone", "gone", "AccountDisabled"),
        (&secure, "gone", "wrong", "Credentials"),
        (&secure, "late", "late", &late),
        (&secure, "robot", "", "Credentials"),
        (&secure, "robot", "secret", "Credentials"),
        (&shows(CERTIFICATE), "robot", "", &robot),
        (&shows(CERTIFICATE), "alice", "wrong", "Credentials"),
        (
            &shows(&CERTIFICATE.replace('0', "1")),
            "robot",
            "",
            "Credentials",
        ),
        (&plain, "anonymous", "me@example.com", &stranger),
        (&plain, "ftp", "", &stranger),
    ] {
        assert_eq!(
            log_in(&users, client, user, password),
            expected,
            "{user} {client:?}"
        );
    }
}

#[test]
fn an_account_ends_with_its_last_day() {
    let users = usual();
    let end = UNIX_EPOCH + Duration::from_secs(1_782_864_000);
    testing::set_now(end - Duration::from_secs(1));
    assert!(log_in(&users, &Client::plain(), "late", "late").starts_with("principal"));
    testing::set_now(end);
    assert_eq!(
        log_in(&users, &Client::plain(), "late", "late"),
        "AccountExpired"
    );
}

#[test]
fn an_unknown_user_costs_as_much_as_a_wrong_password() {
    let users = usual();
    for user in ["alice", "nobody", "robot"] {
        testing::verified();
        assert_eq!(
            log_in(&users, &Client::plain(), user, "wrong"),
            "Credentials"
        );
        assert_eq!(testing::verified(), ["$6$salt$secret"], "{user}");
    }
    // Not even a decoy's own password opens anything.
    assert_eq!(
        log_in(&users, &Client::plain(), "nobody", "secret"),
        "Credentials"
    );
}

#[test]
fn whatever_the_scheme_every_login_costs_the_same() {
    let users = users(
        r#"{ "users": {
            "cheap": { "password": "$5$salt$one" },
            "dear": { "password": "$argon2id$salt$two" },
            "other": { "password": "$5$salt$three" }
        } }"#,
    )
    .expect("the settings are right");
    for (user, password, checked) in [
        ("cheap", "one", ["$5$salt$one", "$argon2id$salt$two"]),
        ("cheap", "two", ["$5$salt$one", "$argon2id$salt$two"]),
        ("other", "three", ["$5$salt$three", "$argon2id$salt$two"]),
        ("dear", "two", ["$5$salt$one", "$argon2id$salt$two"]),
        ("dear", "one", ["$5$salt$one", "$argon2id$salt$two"]),
        ("nobody", "one", ["$5$salt$one", "$argon2id$salt$two"]),
    ] {
        testing::verified();
        let right = [("cheap", "one"), ("dear", "two"), ("other", "three")];
        let outcome = log_in(&users, &Client::plain(), user, password);
        let expected = right.contains(&(user, password));
        assert_eq!(outcome != "Credentials", expected, "{user} {password}");
        assert_eq!(testing::verified(), checked, "{user} {password}");
    }
    let warning = users
        .warnings()
        .into_iter()
        .next()
        .expect("it is warned of");
    assert!(warning.message.contains("in 2 ways"), "{}", warning.message);
}

#[test]
fn without_a_password_there_is_still_a_decoy() {
    let users = users(r#"{ "users": {} }"#).expect("nobody is a valid list");
    testing::verified();
    assert_eq!(
        log_in(&users, &Client::plain(), "nobody", "x"),
        "Credentials"
    );
    assert!(testing::verified()[0].starts_with("$argon2id$"));
}

#[test]
fn unknown_users_can_be_left_to_others() {
    let settings = SETTINGS.replacen('{', r#"{ "unknown-users": "pass","#, 1);
    let users = users(&settings).expect("the settings are right");
    assert_eq!(log_in(&users, &Client::plain(), "nobody", "x"), "passed");
    assert_eq!(
        log_in(&users, &Client::plain(), "alice", "x"),
        "Credentials"
    );
}

#[test]
fn tls_can_be_required_of_everybody_alike() {
    let settings = SETTINGS.replacen('{', r#"{ "require-tls": true,"#, 1);
    let users = users(&settings).expect("the settings are right");
    for user in ["alice", "nobody", "anonymous"] {
        assert_eq!(
            log_in(&users, &Client::plain(), user, "x"),
            "NeedsTls",
            "{user}"
        );
    }
}

#[test]
fn every_problem_is_named_with_its_key() {
    let settings = r#"{
        "users": {
            "anonymous": { "password": "$6$s$h" },
            "a": {},
            "b": { "password": "hunter2" },
            "c": { "password": 12345 },
            "d": { "pasword": "$6$s$h" },
            "e": { "certificates": ["12"] },
            "f": { "password": "$6$s$h", "expires": "soon", "root": "../x", "home": "x",
                   "permissions": "everything" },
            "g": { "password": "$6$s$h", "expires": "soon", "root": "../x", "home": "x",
                   "rules": [{ "path": "in" }, { "path": "/../x", "allow": "full" }] },
            "h/i": { "password": "$6$s$h", "root": "{user}" },
            "..": { "password": "$6$s$h", "root": "{user}" }
        },
        "anonymous": { "password": "$6$s$h", "certificates": ["%s"] }
    }"#
    .replace("%s", CERTIFICATE);
    let expected = [
        "users....root: cannot hold `{user}`",
        "users.a.password: is missing",
        "users.b.password: is not an encoded password",
        "users.c.password: is not an encoded password",
        "users.d.pasword: unknown field `pasword`, expected one of `password`",
        "users.e.certificates: wants SHA-256 fingerprints",
        "users.f.permissions: invalid value: string \"everything\", expected \"full\"",
        "users.g.expires: is not a day",
        "users.g.root: is not a directory",
        "users.g.home: is not an absolute path",
        "users.g.rules[0].path: is not an absolute path",
        "users.g.rules[0]: wants `allow` or `forbid`",
        "users.g.rules[1].path: is not an absolute path",
        "users.h/i.root: cannot hold `{user}`",
        "anonymous.password: cannot be asked of a stranger",
        "anonymous.certificates: cannot be asked of a stranger",
        "users.anonymous: this name is that of `anonymous`",
    ];
    let found = problems(&settings);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    let found = problems(r#"{ "user": {} }"#);
    assert!(found[0].starts_with("user: unknown field `user`, expected one of `users`"));
}

#[test]
fn no_message_repeats_a_password() {
    for password in [r#""hunter2""#, "1234567", "true", r#"["hunter2"]"#] {
        let settings = format!(r#"{{ "users": {{ "a": {{ "password": {password} }} }} }}"#);
        let found = problems(&settings).join("\n");
        assert!(
            found.starts_with("users.a.password: is not an encoded"),
            "{found}"
        );
        assert!(
            !found.contains("hunter2") && !found.contains("1234567"),
            "{found}"
        );
    }
}

#[test]
fn what_deserves_attention_is_shown() {
    for (settings, expected) in [
        ("{}", vec!["users"]),
        (
            r#"{ "anonymous": { "permissions": ["upload"] } }"#,
            vec!["anonymous"],
        ),
        (SETTINGS, vec![]),
    ] {
        let users = users(settings).expect("the settings are right");
        let keys: Vec<_> = users
            .warnings()
            .into_iter()
            .filter_map(|found| found.key)
            .collect();
        assert_eq!(keys, expected, "{settings}");
    }
}

#[test]
fn the_example_is_right() {
    let example: toml::Table = include_str!("../static-users.toml").parse().unwrap();
    let settings = serde_json::to_string(&example["config"]).unwrap();
    testing::set_secret("carol-totp", "GEZDGNBVGY3TQOJQ");
    let users = users(&settings).expect("the example is right");
    assert_eq!(users.accounts.len(), 5);
    assert_eq!(users.warnings(), Problems::new());
}
