//! The plugin against the SDK's host.

use serde_json::{Value, json};
use wharf_plugin::Password;
use wharf_plugin::testing::{self, Client};

use super::*;

fn plugin(settings: &Value) -> AnyUser {
    testing::set_config(&settings.to_string());
    AnyUser::start().expect("the settings are right")
}

/// What `USER` and, if a password is asked for, `PASS` lead to.
fn log_in(settings: &Value, client: &Client, user: &str) -> String {
    let plugin = plugin(settings);
    client.session(|session| {
        let step = match plugin.begin(session, user) {
            Ok(Step::Ask(_)) => {
                let given = Credential::Password(Password::new("whatever"));
                plugin.answer(session, user, given, &[])
            }
            step => step,
        };
        match step.expect("it decides") {
            Step::Grant(grant) => grant.settings().join("; "),
            Step::Deny(denial) => format!("{:?}", denial.reason()),
            Step::Ask(_) | Step::Pass => "no decision".into(),
        }
    })
}

#[test]
fn who_comes_along_is_let_in_as_the_settings_say() {
    let (clear, secure) = (Client::plain(), Client::secure());
    let everybody = json!({ "who": "everybody" });
    let but_root = json!({ "who": "all-but-root", "in-clear": true,
                           "grant": { "root": "{user}", "permissions": "full" } });
    let read = |user: &str| {
        let read = Operations::READ;
        format!("principal {user}; set-root local ; set-home /; allow /** {read:?}")
    };
    let full = |user: &str| {
        let all = Operations::ALL;
        format!("principal {user}; set-root local {user}; set-home /; allow /** {all:?}")
    };
    for (settings, client, user, expected) in [
        (&everybody, &secure, "root", read("root")),
        (&everybody, &clear, "alice", "NeedsTls".into()),
        (&but_root, &clear, "alice", full("alice")),
        (&but_root, &secure, "rooty", full("rooty")),
        (&but_root, &secure, "root", "Credentials".into()),
        (&but_root, &secure, " ROOT\t", "Credentials".into()),
        (&but_root, &secure, "..", "NameNotAllowed".into()),
    ] {
        assert_eq!(log_in(settings, client, user), expected, "{user:?}");
    }
    let lines = testing::logged();
    assert_eq!(
        lines[0],
        "Warn let in without a look at who it is user=root tls=true"
    );
    assert_eq!(
        lines[1],
        "Warn let in without a look at who it is user=alice tls=false"
    );
}

#[test]
fn nobody_can_say_that_it_was_not_told() {
    for (settings, expected) in [
        (json!({ "who": "everybody" }), &["who"][..]),
        (
            json!({ "who": "all-but-root", "grant": { "permissions": "full" } }),
            &["who", "grant"],
        ),
        (
            json!({ "who": "everybody", "in-clear": true,
                    "grant": { "rules": [{ "path": "/in/**", "allow": "write-only" }] } }),
            &["who", "grant", "in-clear"],
        ),
    ] {
        let warnings = plugin(&settings).warnings();
        let keys: Vec<_> = warnings
            .iter()
            .filter_map(|found| found.key.as_deref())
            .collect();
        assert_eq!(keys, expected);
    }
    testing::set_config("{}");
    let missing = AnyUser::start().err().expect("who must be said");
    assert_eq!(missing.iter().count(), 1);
}

#[test]
fn the_example_is_right() {
    let example: toml::Table = include_str!("../any-user.toml").parse().unwrap();
    let plugin = plugin(&serde_json::to_value(&example["config"]).unwrap());
    assert!(!plugin.in_clear);
}
