//! The plugin against the SDK's host.

use super::*;
use wharf_plugin::testing::{self, Client};

fn plugin(settings: &str) -> Result<Flatten, Problems> {
    testing::set_config(settings);
    Flatten::start()
}

/// The key that an operation on `path` leads to for a user whose root is `home`, or the reason of
/// its denial.
fn key(plugin: &Flatten, what: Operation, path: &str) -> String {
    let place = Location::new("local", format!("home{path}"));
    let intent = match what {
        Operation::RenameTarget => Intent {
            new_path: Some(path.into()),
            new_place: Some(place),
            ..Intent::new(what, "/old", Location::new("local", "home/old"))
        },
        _ => Intent::new(what, path, place),
    };
    let decision = Client::logged_in("alice").session(|session| plugin.before(session, &intent));
    match decision.expect("the plugin decides") {
        Decision::Allow => format!("home{path}"),
        Decision::Redirect(place) => place.key,
        Decision::Deny(denial) => format!("{:?}", denial.reason()),
    }
}

#[test]
fn names_end_up_in_one_directory() {
    for (settings, path, expected) in [
        ("{}", "/a/b/scan.pdf", "home/scan.pdf"),
        ("{}", "/scan.pdf", "home/scan.pdf"),
        (
            r#"{ "mode": "join" }"#,
            "/a/b/scan.pdf",
            "home/a_b_scan.pdf",
        ),
        (r#"{ "mode": "join", "separator": "" }"#, "/a/b", "home/ab"),
        (r#"{ "below": "/in" }"#, "/in/a/b", "home/in/b"),
        (r#"{ "below": "/in" }"#, "/inn/a/b", "home/inn/a/b"),
        (r#"{ "below": "/in" }"#, "/in", "home/in"),
        (
            r#"{ "mode": "keep", "lower-case": true }"#,
            "/A/B.PDF",
            "home/A/b.pdf",
        ),
        (
            r#"{ "replace": { " ": "_", "ß": "ss", "?": "" } }"#,
            "/a/Gruß 1?",
            "home/Gruss_1",
        ),
        (r#"{ "replace": { "?": "" } }"#, "/a/?", "NameNotAllowed"),
        (r#"{ "replace": { ",": "." } }"#, "/a/,,", "NameNotAllowed"),
    ] {
        let plugin = plugin(settings).expect("the settings are right");
        for what in [
            Operation::Upload,
            Operation::Download,
            Operation::RenameTarget,
        ] {
            assert_eq!(
                key(&plugin, what, path),
                expected,
                "{settings} {what:?} {path}"
            );
        }
    }
}

#[test]
fn directories_keep_their_names() {
    let plugin = plugin(r#"{ "lower-case": true }"#).expect("the settings are right");
    for what in [
        Operation::Browse,
        Operation::ChangeDirectory,
        Operation::MakeDirectory,
        Operation::RemoveDirectory,
    ] {
        assert_eq!(key(&plugin, what, "/A/B"), "home/A/B");
    }
}

#[test]
fn an_upload_whose_name_is_taken_gets_a_number() {
    let plugin = plugin(r#"{ "collision": "number" }"#).expect("the settings are right");
    let upload = |path| key(&plugin, Operation::Upload, path);
    for (path, expected) in [
        ("/a/scan.pdf", "home/scan.pdf"),
        ("/b/scan.pdf", "home/scan-2.pdf"),
        ("/scan.pdf", "home/scan-3.pdf"),
        ("/a/.hidden", "home/.hidden"),
        ("/b/.hidden", "home/.hidden-2"),
        ("/b/.hidden", "home/.hidden-3"),
    ] {
        let key = upload(path);
        assert_eq!(key, expected, "{path}");
        testing::put_file(&Location::new("local", key), "");
    }
    // What is asked for is what was stored first.
    assert_eq!(
        key(&plugin, Operation::Download, "/b/scan.pdf"),
        "home/scan.pdf"
    );
}

#[test]
fn every_directory_is_there_where_that_is_wanted() {
    let any = plugin(r#"{ "mode": "join", "directories": "any" }"#).expect("they are right");
    let made = plugin(r#"{ "mode": "join" }"#).expect("they are right");
    for (operation, path, expected, otherwise) in [
        (Operation::ChangeDirectory, "/a/b", "home", "home/a/b"),
        (Operation::Browse, "/a", "home", "home/a"),
        (Operation::MakeDirectory, "/a/b", "home/a_b", "home/a/b"),
        (Operation::RemoveDirectory, "/a/b", "home/a_b", "home/a/b"),
        (Operation::Upload, "/a/b", "home/a_b", "home/a_b"),
    ] {
        assert_eq!(key(&any, operation, path), expected, "{operation:?} {path}");
        assert_eq!(
            key(&made, operation, path),
            otherwise,
            "{operation:?} {path}"
        );
    }
}

#[test]
fn there_is_an_end_to_trying() {
    let plugin = plugin(r#"{ "collision": "number" }"#).expect("the settings are right");
    let place = |name: &str| Location::new("local", format!("home/{name}"));
    testing::put_file(&place("a"), "");
    for number in 2..=MAX_TRIES {
        testing::put_file(&place(&numbered("a", number)), "");
    }
    let intent = Intent::new(Operation::Upload, "/a", place("a"));
    let outcome = Client::plain().session(|session| plugin.before(session, &intent));
    assert!(
        matches!(outcome, Err(Failure::Unavailable(_))),
        "{outcome:?}"
    );
}

#[test]
fn every_problem_is_named_with_its_key() {
    let settings = r#"{ "below": "in", "separator": "/", "replace": { "ab": "c", "d": "/" } }"#;
    let problems = plugin(settings).err().expect("they are wrong");
    let keys: Vec<_> = problems
        .iter()
        .filter_map(|found| found.key.as_deref())
        .collect();
    assert_eq!(keys, ["below", "separator", "replace.ab", "replace.d"]);
    let problems = plugin(r#"{ "mode": "flat" }"#).err().expect("it is wrong");
    let problem = problems.iter().next().expect("there is one");
    assert_eq!(problem.key.as_deref(), Some("mode"));
    assert!(
        problem.message.contains("expected one of `basename`"),
        "{}",
        problem.message
    );
}

#[test]
fn the_example_is_right() {
    let example: toml::Table = include_str!("../flatten-names.toml").parse().unwrap();
    let plugin = plugin(&serde_json::to_string(&example["config"]).unwrap());
    let plugin = plugin.expect("the example is right");
    assert_eq!(
        key(&plugin, Operation::Upload, "/scans/2026/A b.PDF"),
        "home/scans/2026_a_b.pdf"
    );
}
