//! Views as they are written, and what they grant.

use super::*;

/// A view as it is written.
fn view(json: &str) -> View {
    serde_json::from_str(json).expect("it is a view")
}

#[test]
fn what_is_not_said_is_the_default() {
    let grant = View::default()
        .grant("alice")
        .expect("there is no directory");
    let all = format!("allow /** {:?}", Operations::ALL);
    assert_eq!(
        grant.settings(),
        ["principal alice", "set-root local ", "set-home /", &all]
    );
}

#[test]
fn everything_is_granted_as_it_is_written() {
    let view = view(
        r#"{ "principal": "17", "sink": "archive", "root": "/in/{user}/{principal}/",
             "home": "/a", "permissions": "read-only", "welcome": "Hi",
             "mounts": [{ "directory": "/shared", "root": "all" },
                        { "directory": "/own", "sink": "local", "root": "{user}" }],
             "rules": [{ "path": "/a/**", "allow": ["upload"] },
                       { "path": "/b/**", "forbid": ["browse"] }],
             "groups": ["staff"], "attributes": { "site": "north" },
             "limits": { "max-sessions": 2, "max-transfers": 1, "max-upload-size": "1MiB",
                         "upload-rate": "1KiB", "quota-size": "1GiB", "quota-files": 10,
                         "idle-timeout": "1m", "revalidate-every": "1h" } }"#,
    );
    let mut problems = Problems::new();
    view.check("grant", &mut problems);
    assert_eq!(problems, Problems::new());
    let settings = view.grant("alice").expect("the name is a name").settings();
    let read = format!("allow /** {:?}", Operations::READ);
    assert_eq!(
        settings,
        [
            "principal 17",
            "set-root archive in/alice/17",
            "set-home /a",
            &read,
            "add-mount /shared archive all",
            "add-mount /own local alice",
            "allow /a/** {\"upload\"}",
            "forbid /b/** {\"browse\"}",
            "add-group staff",
            "set-attribute site north",
            "set-welcome Hi",
            "set-max-sessions 2",
            "set-max-transfers 1",
            "set-max-upload-size 1048576",
            "set-bandwidth Some(1024) None",
            "set-quota Some(1073741824) Some(10)",
            "set-idle-timeout 60",
            "set-revalidate-every 3600",
        ]
    );
}

#[test]
fn no_name_leads_out() {
    for (root, user, expected) in [
        ("home/{user}", "alice", Some("home/alice")),
        ("home/{user}", "..", None),
        ("home/{user}", "", None),
        ("home/{user}", "a/b", None),
        ("{user}.", ".", None),
        ("home/{user}", "{principal}", Some("home/{principal}")),
        ("shared", "..", Some("shared")),
    ] {
        let view = View {
            root: Some(root.into()),
            principal: Some("17".into()),
            ..View::default()
        };
        let found = view
            .grant(user)
            .ok()
            .map(|grant| grant.settings()[1].clone());
        let expected = expected.map(|root| format!("set-root local {root}"));
        assert_eq!(found, expected, "{root} {user}");
    }
}

#[test]
fn what_one_does_not_say_another_may() {
    let own =
        view(r#"{ "root": "own", "attributes": { "a": "1" }, "limits": { "quota-files": 1 } }"#);
    let other = view(
        r#"{ "root": "other", "sink": "s", "attributes": { "a": "2", "b": "3" },
             "limits": { "quota-files": 2, "max-sessions": 3 } }"#,
    );
    let both = view(
        r#"{ "root": "own", "sink": "s", "attributes": { "a": "1", "b": "3" },
             "limits": { "quota-files": 1, "max-sessions": 3 } }"#,
    );
    assert_eq!(own.or(&other), both);
}

#[test]
fn every_problem_is_named_with_its_key() {
    let wrong = view(
        r#"{ "root": "../{user}", "home": "a", "mounts": [{ "directory": "b", "root": "{users}" }],
             "rules": [{ "path": "c" }],
             "limits": { "upload-rate": "0B", "idle-timeout": "1ms" } }"#,
    );
    let mut problems = Problems::new();
    wrong.check("grant", &mut problems);
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.clone())
        .collect();
    let expected = [
        "grant.root",
        "grant.home",
        "grant.mounts[0].directory",
        "grant.mounts[0].root",
        "grant.rules[0].path",
        "grant.rules[0]",
        "grant.limits.upload-rate",
        "grant.limits.idle-timeout",
    ];
    assert_eq!(keys, expected);
    assert!(!view(r#"{ "permissions": "read-only" }"#).changes());
    assert!(View::default().changes());
}
