//! The crate as the author of a plugin meets it.

use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::testing::{self, Client};
use wharf_plugin::{
    Authenticator, Credential, Denial, DenialReason, Failure, Grant, Lifecycle, Operations,
    Password, Problems, Prompt, Session, Step, config, crypto,
};

/// Asks for a password and then for a code, and counts on nothing between the two.
struct TwoQuestions {
    settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    password: String,
    code: u32,
    #[serde(default)]
    more: Option<config::Section>,
}

impl Lifecycle for TwoQuestions {
    fn start() -> Result<Self, Problems> {
        Ok(Self {
            settings: config::parse()?,
        })
    }
}

impl Authenticator for TwoQuestions {
    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        continuation: &[u8],
    ) -> Result<Step, Failure> {
        Ok(match credential {
            Credential::Password(password)
                if crypto::verify_password(&self.settings.password, &password)? =>
            {
                assert!(session.remember("asked", b"once"));
                Step::Ask(Prompt::account().text("And the code?").continuation("code"))
            }
            Credential::Account(code)
                if continuation == b"code" && code.matches(&self.settings.code.to_string()) =>
            {
                assert_eq!(session.recall("asked").as_deref(), Some(b"once".as_slice()));
                Step::Grant(Grant::new(user).idle_timeout(Duration::from_secs(60)))
            }
            _ => Step::Deny(Denial::credentials().detail("neither")),
        })
    }
}

wharf_plugin::export!(TwoQuestions: Authenticator);

fn plugin(settings: &str) -> Result<TwoQuestions, Problems> {
    testing::set_config(settings);
    TwoQuestions::start()
}

#[test]
fn a_login_of_two_questions() {
    let plugin = plugin(r#"{ "password": "$6$salt$open", "code": 42 }"#).unwrap();
    Client::secure().session(|session| {
        assert!(session.secure() && session.peer().address.to_string() == "192.0.2.1");
        let Ok(Step::Ask(prompt)) = plugin.begin(session, "alice") else {
            panic!("everybody is asked for a password");
        };
        assert_eq!(prompt, Prompt::password());
        let answer = |credential, continuation: &[u8]| {
            plugin
                .answer(session, "alice", credential, continuation)
                .unwrap()
        };
        let Step::Ask(prompt) = answer(Credential::Password(Password::new("open")), &[]) else {
            panic!("the password is right");
        };
        assert!(format!("{prompt:?}").contains("4 bytes"), "{prompt:?}");
        let Step::Grant(grant) = answer(Credential::Account(Password::new("42")), b"code") else {
            panic!("the code is right");
        };
        assert_eq!(grant.settings(), ["principal alice", "set-idle-timeout 60"]);
        let Step::Deny(denial) = answer(Credential::Account(Password::new("42")), &[]) else {
            panic!("the code alone is not enough");
        };
        assert_eq!(denial.reason(), DenialReason::Credentials);
    });
    assert_eq!(testing::verified(), ["$6$salt$open"]);
}

#[test]
fn a_back_end_that_cannot_tell_is_no_denial() {
    let plugin = plugin(r#"{ "password": "no encoding", "code": 42 }"#).unwrap();
    let given = Credential::Password(Password::new("open"));
    let outcome = Client::plain().session(|session| plugin.answer(session, "alice", given, &[]));
    assert!(
        matches!(outcome, Err(Failure::Misconfigured(_))),
        "{outcome:?}"
    );
}

#[test]
fn problems_name_the_setting() {
    for (settings, key, message) in [
        (
            r#"{ "password": "x", "code": "x" }"#,
            Some("code"),
            "invalid type",
        ),
        (
            r#"{ "password": "x", "cod": 1 }"#,
            Some("cod"),
            "unknown field `cod`",
        ),
        (r#"{ "password": "x" }"#, None, "missing field `code`"),
        ("[", None, "EOF"),
    ] {
        let problems = plugin(settings).err().unwrap();
        let found: Vec<_> = problems.iter().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].key.as_deref(), key, "{found:?}");
        assert!(found[0].message.starts_with(message), "{found:?}");
    }
}

#[test]
fn sections_are_read_on_their_own() {
    let plugin = plugin(r#"{ "password": "x", "code": 1, "more": { "list": ["full"] } }"#).unwrap();
    #[derive(Debug, Deserialize)]
    struct More {
        list: Vec<Operations>,
    }
    let section = plugin.settings.more.unwrap();
    assert_eq!(section.text(), None);
    let more: More = section.clone().read("more").unwrap();
    assert_eq!(more.list, [Operations::ALL]);
    let problem = section.read::<Vec<u8>>("more").unwrap_err();
    assert_eq!(problem.key.as_deref(), Some("more"));
    assert_eq!(config::get("more.list").as_deref(), Some(r#"["full"]"#));
}

#[test]
fn what_is_secret_stays_out_of_sight() {
    for shown in [
        format!("{:?}", Credential::Password(Password::new("hunter2"))),
        format!("{:?}", Credential::Account(Password::new("hunter2"))),
        format!(
            "{:?}",
            Credential::Other("token".into(), b"hunter2".to_vec())
        ),
        format!(
            "{:?}",
            Step::Ask(Prompt::password().continuation("hunter2"))
        ),
        format!(
            "{:?}",
            serde_json::from_str::<config::Section>(r#""hunter2""#).unwrap()
        ),
    ] {
        assert!(
            !shown.contains("hunter2") && !shown.contains("104"),
            "{shown}"
        );
    }
}
