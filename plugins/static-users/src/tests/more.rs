//! The second factor, and what else a user may be given.

use std::time::{Duration, UNIX_EPOCH};

use wharf_plugin::testing::{self, Client};
use wharf_plugin::{
    Authenticator, Credential, Failure, Operations, Password, Prompt, Session, Step, secrets, state,
};

use super::{CERTIFICATE, log_in, problems, users};
use crate::Users;

const SEED: &str = "GEZDGNBVGY3TQOJQ";

const SETTINGS: &str = r#"{
    "users": {
        "alice": { "password": "$6$salt$secret", "totp": "GEZDGNBVGY3TQOJQ" },
        "bob": { "password": "$6$salt$bob", "totp": { "secret": "bob" } },
        "carol": { "password": "$6$salt$123456" },
        "robot": { "totp": "GEZDGNBVGY3TQOJQ", "certificates": ["%"] }
    }
}"#;

fn with_codes(more: &str) -> Users {
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_780_000_000));
    testing::set_secret("bob", SEED);
    let settings = SETTINGS.replace('%', CERTIFICATE);
    users(&settings.replacen('{', &format!("{{ {more}"), 1)).expect("the settings are right")
}

/// Whether a step is a question for a code.
fn asks(step: &Step) -> bool {
    matches!(step, Step::Ask(prompt) if *prompt != Prompt::password())
}

fn password(users: &Users, session: &Session<'_>, user: &str, text: &str) -> Step {
    let given = Credential::Password(Password::new(text));
    users.answer(session, user, given, &[]).expect("it decides")
}

fn code(users: &Users, session: &Session<'_>, user: &str, text: &str) -> bool {
    let given = Credential::Account(Password::new(text));
    let step = users.answer(session, user, given, b"code");
    matches!(step, Ok(Step::Grant(_)))
}

#[test]
fn a_code_is_asked_for_behind_a_right_password() {
    let users = with_codes("");
    Client::plain().session(|session| {
        assert!(!asks(&password(&users, session, "alice", "wrong")));
        for user in [("alice", "secret"), ("bob", "bob")] {
            assert!(asks(&password(&users, session, user.0, user.1)), "{user:?}");
            assert!(!code(&users, session, user.0, "000000"), "{user:?}");
            assert!(
                code(&users, session, user.0, &testing::totp(SEED)),
                "{user:?}"
            );
        }
        // A code alone opens nothing, and who has none cannot send one.
        let given = || Credential::Account(Password::new(testing::totp(SEED)));
        testing::advance(Duration::from_secs(60));
        let step = users.answer(session, "alice", given(), &[]);
        assert!(matches!(step, Ok(Step::Deny(_))), "{step:?}");
        assert!(!code(&users, session, "carol", &testing::totp(SEED)));
    });
}

#[test]
fn no_code_is_taken_twice() {
    let users = with_codes("");
    Client::plain().session(|session| {
        let first = testing::totp(SEED);
        assert!(code(&users, session, "alice", &first));
        assert!(!code(&users, session, "alice", &first));
        testing::advance(Duration::from_secs(30));
        let second = testing::totp(SEED);
        assert!(code(&users, session, "alice", &second));
        assert!(
            !code(&users, session, "alice", &first),
            "the one before it, neither"
        );
        assert!(
            code(&users, session, "bob", &first),
            "another user has not used it"
        );
        testing::fail_state(Some(state::Error::Unavailable("gone".into())));
        testing::advance(Duration::from_secs(30));
        let given = Credential::Account(Password::new(testing::totp(SEED)));
        let outcome = users.answer(session, "alice", given, b"code");
        assert!(
            matches!(outcome, Err(Failure::Unavailable(_))),
            "{outcome:?}"
        );
    });
}

#[test]
fn a_code_may_stand_behind_the_password() {
    let users = with_codes(r#""code": "behind-password","#);
    Client::plain().session(|session| {
        let enters =
            |user, text: &str| matches!(password(&users, session, user, text), Step::Grant(_));
        let right = testing::totp(SEED);
        assert!(!enters("alice", "secret"));
        assert!(!enters("alice", "secret000000"));
        assert!(!enters("alice", &format!("wrong{right}")));
        assert!(enters("alice", &format!("secret{right}")));
        assert!(enters("carol", "123456"), "a password may look like a code");
    });
}

#[test]
fn a_certificate_does_not_stand_for_the_code() {
    let users = with_codes("");
    let client = Client {
        fingerprint: Some(CERTIFICATE.into()),
        ..Client::secure()
    };
    client.session(|session| {
        assert!(asks(&users.begin(session, "robot").expect("it decides")));
        assert!(code(&users, session, "robot", &testing::totp(SEED)));
    });
}

#[test]
fn what_codes_need_is_looked_for_at_load() {
    let settings = r#"{ "users": {
        "a": { "password": "$6$s$h", "totp": "not base32!" },
        "b": { "password": "$6$s$h", "totp": { "secret": "b" } },
        "c": { "password": "$6$s$h", "totp": 4711 }
    } }"#;
    testing::fail_state(Some(state::Error::NotGranted));
    assert_eq!(secrets::get("b"), Err(secrets::Error::NotGranted));
    let found = problems(settings);
    for (found, expected) in found.iter().zip([
        "users.a.totp: is not base32",
        "users.b.totp.secret: is not named under `[allow] secrets`",
        "users.c.totp: is neither base32",
        "users.a.totp: needs `[allow] state`",
    ]) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(!found.join("").contains("4711"), "{found:?}");
}

#[test]
fn users_are_given_more_than_a_root() {
    let users = users(
        r#"{
            "root": "home/{user}", "welcome": "Hello.",
            "limits": { "max-sessions": 2, "max-transfers": 3, "upload-rate": "1MiB" },
            "users": {
                "alice": {
                    "password": "$6$s$a", "groups": ["staff"], "attributes": { "site": "north" },
                    "mounts": [{ "directory": "/all", "root": "all" },
                               { "directory": "/old", "sink": "archive", "root": "{user}" }],
                    "limits": { "max-sessions": 9, "max-upload-size": "1kB", "quota": "10GiB",
                                "idle-timeout": "90s", "revalidate-every": "1h" }
                },
                "bob": { "password": "$6$s$b", "addresses": ["10.0.0.0/8"] }
            }
        }"#,
    )
    .expect("the settings are right");
    let expected = format!(
        "principal alice; set-root local home/alice; set-home /; allow /** {:?}; \
         add-mount /all local all; add-mount /old archive alice; add-group staff; \
         set-attribute site north; set-welcome Hello.; set-max-sessions 9; set-max-transfers 3; \
         set-max-upload-size 1000; set-bandwidth Some(1048576) None; \
         set-quota Some(10737418240) None; set-idle-timeout 90; set-revalidate-every 3600",
        Operations::ALL
    );
    assert_eq!(log_in(&users, &Client::plain(), "alice", "a"), expected);
    assert_eq!(log_in(&users, &Client::plain(), "bob", "b"), "Address");
    assert_eq!(log_in(&users, &Client::plain(), "bob", "x"), "Credentials");
    let client = Client {
        address: "10.1.2.3".parse().ok(),
        ..Client::plain()
    };
    assert!(log_in(&users, &client, "bob", "b").contains("set-max-sessions 2"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let found = problems(
        r#"{ "limits": { "upload-rate": "0B" }, "users": { "a": {
            "password": "$6$s$h", "addresses": ["home"],
            "mounts": [{ "directory": "all", "root": "../x" }], "limits": { "idle-timeout": "0s" }
        } } }"#,
    );
    for (found, expected) in found.iter().zip([
        "limits.upload-rate: is too little",
        "users.a.addresses: wants networks",
        "users.a.mounts[0].directory: is not an absolute path",
        "users.a.mounts[0].root: is not a directory",
        "users.a.limits.idle-timeout: is too little",
    ]) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
}
