//! The plugin against the SDK's host.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use wharf_plugin::testing::{self, Client};

/// The last second of 2026-05-28.
const LATE: Duration = Duration::from_secs(1_780_012_799);

fn plugin(settings: &str) -> Result<Homes, Problems> {
    testing::set_config(settings);
    Homes::start()
}

fn with(mounts: &str) -> Homes {
    plugin(&format!(r#"{{ "mounts": [{mounts}] }}"#)).expect("the settings are right")
}

fn alice() -> Client {
    Client {
        principal: Some("a.smith".into()),
        groups: vec!["staff".into(), "night".into()],
        attributes: [("site".to_owned(), "north".to_owned())].into(),
        ..Client::logged_in("alice")
    }
}

/// What a client sees, a line for each mount.
fn seen(homes: &Homes, client: &Client) -> Result<Vec<String>, Failure> {
    let mounts = client.session(|session| homes.mounts(session))?;
    let line = |mount: &Mount| format!("{} {}", mount.directory(), mount.target());
    Ok(mounts.iter().map(line).collect())
}

#[test]
fn names_are_filled_in() {
    testing::set_now(UNIX_EPOCH + LATE);
    for (mount, expected) in [
        (r#"{ "key": "home/{user}" }"#, vec!["/ local:home/alice"]),
        (r#"{ "key": "" }"#, vec!["/ local:"]),
        (
            r#"{ "directory": "/me", "sink": "archive", "key": "{principal}-{user}/" }"#,
            vec!["/me archive:a.smith-alice"],
        ),
        (
            r#"{ "key": "{attribute.site}/{group}" }"#,
            vec!["/ local:north/staff"],
        ),
        (
            r#"{ "directory": "/groups/{group}", "key": "g/{group}" }"#,
            vec!["/groups/staff local:g/staff", "/groups/night local:g/night"],
        ),
        (
            r#"{ "directory": "/today", "key": "in/{year}{month}{day}" }"#,
            vec!["/today local:in/20260528"],
        ),
    ] {
        assert_eq!(seen(&with(mount), &alice()).unwrap(), expected, "{mount}");
    }
}

#[test]
fn no_name_leads_out() {
    let homes = with(r#"{ "key": "home/{user}" }"#);
    for user in ["..", ".", "", "a/b", "../x", "/", "a\0", "a\r\nb", "\u{7f}"] {
        let outcome = seen(&homes, &Client::logged_in(user));
        assert!(
            matches!(outcome, Err(Failure::Misconfigured(_))),
            "{user:?}: {outcome:?}"
        );
    }
    let homes = with(r#"{ "key": "home/.{attribute.dot}" }"#);
    let attributes = [("dot".to_owned(), ".".to_owned())].into();
    let client = Client {
        attributes,
        ..alice()
    };
    assert!(
        seen(&homes, &client).is_err(),
        "two dots make `..` together"
    );
}

#[test]
fn who_lacks_a_value_sees_nothing() {
    let stranger = Client::logged_in("bob");
    for (mount, missing) in [
        (r#"{ "key": "{attribute.site}" }"#, "attribute `site`"),
        (r#"{ "key": "{group}" }"#, "group"),
    ] {
        let failure = seen(&with(mount), &stranger).unwrap_err().to_string();
        assert!(failure.contains(missing), "{failure}");
    }
    let groups = with(r#"{ "directory": "/{group}", "key": "{group}" }"#);
    assert_eq!(seen(&groups, &stranger).unwrap(), [""; 0]);
}

#[test]
fn a_date_changes_at_midnight() {
    let homes = with(
        r#"{ "key": "home/{user}" },
           { "directory": "/today", "key": "in/{year}/{month}/{day}" },
           { "directory": "/today/fixed", "key": "fixed" }"#,
    );
    testing::set_now(UNIX_EPOCH + LATE);
    alice().session(|session| {
        let dynamic: Vec<_> = homes.mounts(session).unwrap();
        assert!(format!("{:?}", dynamic[1]).contains("dynamic: true"));
        assert!(format!("{:?}", dynamic[0]).contains("dynamic: false"));
        let locate = |path| homes.locate(session, Operation::Upload, path).unwrap();
        let at = |key| Resolution::At(Location::new("local", key));
        assert_eq!(locate("/today/a"), at("in/2026/05/28/a"));
        testing::advance(Duration::from_secs(1));
        assert_eq!(locate("/today/a/b"), at("in/2026/05/29/a/b"));
        assert_eq!(locate("/today/fixed/a"), Resolution::Pass);
        assert_eq!(locate("/todays"), Resolution::Pass);
    });
}

#[test]
fn every_problem_is_named_with_its_key() {
    let settings = r#"{ "mounts": [
        { "directory": "home", "key": "a" },
        { "directory": "/{day}", "key": "a/../b" },
        { "key": "{name}" },
        { "key": "{user" },
        { "key": "a//b" },
        { "sink": "local" },
        { "key": "a", "permissions": "all" }
    ] }"#;
    let problems = plugin(settings).err().expect("they are wrong");
    let found: Vec<_> = problems
        .iter()
        .map(|found| {
            format!(
                "{}: {}",
                found.key.as_deref().unwrap_or_default(),
                found.message
            )
        })
        .collect();
    let expected = [
        "mounts[0].directory: is not an absolute path",
        "mounts[1].key: may not hold `.`, `..`",
        "mounts[1].directory: cannot hold a date",
        "mounts[2].key: holds `{name}`, and there are only {user}",
        "mounts[3].key: has a `{` without",
        "mounts[4].key: may not hold",
        "mounts[5]: missing field `key`",
        "mounts[6].permissions: invalid value",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
}

#[test]
fn the_example_is_right() {
    testing::set_now(UNIX_EPOCH + LATE);
    let example: toml::Table = include_str!("../home-directories.toml").parse().unwrap();
    let homes = plugin(&serde_json::to_string(&example["config"]).unwrap());
    let homes = homes.expect("the example is right");
    assert_eq!(homes.warnings(), Problems::new());
    let expected = [
        "/ local:home/alice",
        "/groups/staff local:groups/staff",
        "/groups/night local:groups/night",
        "/today archive:in/2026/05/28/a.smith",
    ];
    assert_eq!(seen(&homes, &alice()).unwrap(), expected);
}
