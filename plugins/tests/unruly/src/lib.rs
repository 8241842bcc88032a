//! For the tests of the host: an authenticator that does what it must not.
//!
//! Who logs in says what to do by the user's name; `DEEDS` lists them. The setting `at-start`
//! names a deed for the start of an instance, which is where a plugin is checked when it is loaded.
//! `good` is let in, so that a test sees whether others notice.

use std::hint::black_box;

use serde::Deserialize;
use wharf_plugin::{
    Authenticator, Credential, Denial, Failure, Grant, Lifecycle, Operations, Problems, Prompt,
    Session, Step, config, log,
};

/// The settings.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    at_start: Option<String>,
}

/// The plugin.
struct Unruly;

/// A thing to do when asked who somebody is.
type Deed = fn() -> Result<Step, Failure>;

/// What can be done, by the user's name. Whoever has another name is not known here.
const DEEDS: &[(&str, Deed)] = &[
    ("good", || Ok(Step::Grant(grant("good")))),
    ("panic", || panic!("on purpose")),
    ("spin", || spin()),
    ("allocate", || allocate()),
    ("recurse", || {
        Ok(Step::Ask(Prompt::password().continuation(vec![recurse(1)])))
    }),
    ("unavailable", || {
        Err(Failure::Unavailable("the directory is away".into()))
    }),
    ("timed-out", || {
        Err(Failure::TimedOut("the directory is slow".into()))
    }),
    ("misconfigured", || {
        Err(Failure::Misconfigured("the directory has no name".into()))
    }),
    ("internal", || {
        Err(Failure::Internal("the directory is wrong".into()))
    }),
    ("deny", || {
        Ok(Step::Deny(Denial::credentials().detail("as asked")))
    }),
    ("pass", || Ok(Step::Pass)),
    ("ask-again", || Ok(Step::Ask(Prompt::password()))),
    ("long-continuation", || {
        Ok(Step::Ask(Prompt::password().continuation(vec![0; 1 << 20])))
    }),
    ("long-prompt", || {
        Ok(Step::Ask(Prompt::password().text("x".repeat(1 << 20))))
    }),
    ("prompt-of-lines", || {
        Ok(Step::Ask(Prompt::password().text("a\r\n230 Logged in.")))
    }),
    ("denial-of-lines", || {
        Ok(Step::Deny(
            Denial::credentials().text("a\r\n230 Logged in."),
        ))
    }),
    ("long-denial", || {
        Ok(Step::Deny(Denial::credentials().text("x".repeat(1 << 20))))
    }),
    ("welcome-of-lines", || {
        Ok(Step::Grant(grant("x").welcome("a\r\n530 Go away.")))
    }),
    ("no-principal", || Ok(Step::Grant(grant("")))),
    ("no-root", || {
        Ok(Step::Grant(Grant::new("x").allow("/**", Operations::ALL)))
    }),
    ("no-sink", || {
        Ok(Step::Grant(grant("x").root("nowhere", "")))
    }),
    ("escape", || {
        Ok(Step::Grant(grant("x").root("local", "../..")))
    }),
    ("absolute", || {
        Ok(Step::Grant(grant("x").root("local", "/etc")))
    }),
    ("home-outside", || {
        Ok(Step::Grant(grant("x").home("/../..")))
    }),
    ("many-rules", || {
        let rules = (0..10_000).fold(grant("x"), |grant, _| grant.allow("/**", Operations::ALL));
        Ok(Step::Grant(rules))
    }),
    ("flood", || {
        (0..10_000).for_each(|_| log::warn("flood", &[("field", "value")]));
        Ok(Step::Deny(Denial::credentials()))
    }),
];

wharf_plugin::export!(Unruly: Authenticator);

impl Lifecycle for Unruly {
    fn start() -> Result<Self, Problems> {
        if let Some(name) = config::parse::<Settings>()?.at_start {
            let mut problems = Problems::new();
            match deed(&name).map(|deed| deed()) {
                Some(Ok(_)) => return Ok(Self),
                Some(Err(failure)) => problems.add("at-start", failure.to_string()),
                None => problems.add("at-start", "is no deed"),
            }
            return Err(problems);
        }
        Ok(Self)
    }
}

impl Authenticator for Unruly {
    fn begin(&self, _session: &Session<'_>, user: &str) -> Result<Step, Failure> {
        // Some do it before anybody was asked for a password.
        Ok(match user.strip_prefix("begin-").and_then(deed) {
            Some(deed) => return deed(),
            None if deed(user).is_some() => Step::Ask(Prompt::password()),
            None => Step::Pass,
        })
    }

    fn answer(
        &self,
        _session: &Session<'_>,
        user: &str,
        _credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        deed(user).map_or(Ok(Step::Pass), |deed| deed())
    }
}

/// What the name stands for.
fn deed(name: &str) -> Option<Deed> {
    DEEDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, deed)| *deed)
}

/// A grant with which nothing is wrong.
fn grant(principal: &str) -> Grant {
    Grant::new(principal)
        .root("local", "")
        .allow("/**", Operations::ALL)
}

/// Never comes back.
fn spin() -> Result<Step, Failure> {
    loop {
        black_box(0);
    }
}

/// Wants ever more memory.
fn allocate() -> Result<Step, Failure> {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        black_box(&held);
    }
}

/// Goes ever deeper.
#[expect(unconditional_recursion, reason = "this is what it is for")]
fn recurse(depth: u8) -> u8 {
    recurse(black_box(depth)).wrapping_add(black_box(1))
}
