//! What mounts show, table by table.

use std::collections::BTreeSet;

use super::*;
use crate::identity::GrantMount;
use crate::plugin::allow::SinkAllowance;

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

/// A place written as `sink:key`.
fn place(text: &str) -> Location {
    let (sink, key) = text.split_once(':').unwrap();
    Location::new(sink, Key::parse(key).unwrap())
}

fn identity(root: Option<&str>, mounts: &[(&str, &str)]) -> Identity {
    let mounts = mounts.iter().map(|(directory, target)| GrantMount {
        directory: path(directory),
        target: place(target),
    });
    Identity {
        root: root.map(place),
        mounts: mounts.collect(),
        ..Identity::new("alice".to_owned())
    }
}

fn mapped(directory: &str, target: &str) -> Mount {
    Mount {
        directory: path(directory),
        target: place(target),
        allow: Operations::ALL,
        dynamic: false,
    }
}

fn table(root: Option<&str>, granted: &[(&str, &str)], mapped_to: &[(&str, &str)]) -> MountTable {
    let mapped_to = mapped_to.iter().map(|(at, to)| mapped(at, to)).collect();
    MountTable::new(&identity(root, granted), mapped_to, 1)
}

#[test]
fn the_longest_directory_shows_a_path_and_the_last_mount_at_it() {
    let table = table(
        Some("local:home"),
        &[("/in", "local:inbox"), ("/in/deep", "archive:")],
        &[
            ("/in", "archive:in"),
            ("/é/x", "local:é"),
            ("/a", "local:a"),
        ],
    );
    for (at, expected) in [
        ("/", "local:home"),
        ("/x/y", "local:home/x/y"),
        ("/in", "archive:in"),
        ("/in/a", "archive:in/a"),
        ("/in/deep", "archive:"),
        ("/in/deep/a/b", "archive:a/b"),
        ("/in/deeper", "archive:in/deeper"),
        ("/inn", "local:home/inn"),
        ("/é/x/y", "local:é/y"),
        ("/a-b", "local:home/a-b"),
    ] {
        let (_, found) = table.lead(&path(at)).unwrap();
        assert_eq!(found.to_string(), expected, "{at}");
    }
}

#[test]
fn without_a_root_only_the_mounts_are_there() {
    let table = table(None, &[("/a/b/c", "local:x")], &[("/a/d", "local:y")]);
    for (at, leads, fixed, names) in [
        ("/", false, true, &["a"][..]),
        ("/a", false, true, &["b", "d"]),
        ("/a/b", false, true, &["c"]),
        ("/a/b/c", true, true, &[]),
        ("/a/b/c/d", true, false, &[]),
        ("/a/d", true, true, &[]),
        ("/a/b-c", false, false, &[]),
        ("/x", false, false, &[]),
    ] {
        let at = path(at);
        assert_eq!(table.lead(&at).is_some(), leads, "{at}");
        assert_eq!(table.is_fixed(&at), fixed, "{at}");
        let expected: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(table.fixed_names(&at), expected, "{at}");
    }
}

#[test]
fn a_name_that_begins_alike_is_another_directory() {
    let table = table(
        Some("local:"),
        &[("/a-b", "local:x"), ("/a/b", "local:y")],
        &[],
    );
    assert_eq!(table.fixed_names(&path("/a")), BTreeSet::from(["b"]));
    assert_eq!(table.fixed_names(&path("/")), BTreeSet::from(["a", "a-b"]));
    assert!(table.leads_on(&path("/a")) && !table.leads_on(&path("/a-b")));
}

#[test]
fn a_plugin_leads_where_the_grant_or_the_operator_lets_it() {
    use Operation::{Browse, Delete, Download, Rename, Upload};
    use SinkOperation::{Get, List, Put};
    let mut narrow = mapped("/narrow", "archive:narrow");
    narrow.allow = [Browse, Download].into_iter().collect();
    let shown = MountTable::new(&identity(Some("local:home/alice"), &[]), vec![narrow], 1);
    let allow = Allowances {
        sinks: vec![SinkAllowance {
            sink: "archive".to_owned(),
            prefix: Key::parse("quarantine").unwrap(),
            operations: BTreeSet::from([Put, List, Get]),
        }],
        ..Allowances::default()
    };
    for (to, operation, expected) in [
        ("local:home/alice/x", Upload, true),
        ("local:home/alice", Browse, true),
        ("local:home/alice2", Browse, false),
        ("local:home", Browse, false),
        ("local:", Browse, false),
        ("nowhere:home/alice/x", Upload, false),
        ("archive:narrow/x", Download, true),
        ("archive:narrow/x", Upload, false),
        ("archive:quarantine/x", Upload, true),
        ("archive:quarantine/x", Delete, false),
        ("archive:quarantine/x", Rename, false),
        ("archive:x", Upload, false),
    ] {
        let found = may_lead(&shown, &allow, &place(to), operation);
        assert_eq!(found, expected, "{to} {operation:?}");
    }
}

#[test]
fn the_path_of_a_place_is_one_that_leads_there() {
    let mut dynamic = mapped("/dynamic", "archive:dynamic");
    dynamic.dynamic = true;
    let mounts = vec![
        mapped("/pub", "archive:shared"),
        mapped("/pub/inner", "archive:inner"),
        dynamic,
    ];
    let table = MountTable::new(&identity(Some("local:home"), &[]), mounts, 1);
    let cases = [
        ("local:home/a", Some("/a")),
        ("local:home", Some("/")),
        ("local:homeless", None),
        ("archive:shared/b/c", Some("/pub/b/c")),
        // A mount hides it.
        ("archive:shared/inner/x", None),
        ("local:home/pub/x", None),
        ("archive:inner/x", Some("/pub/inner/x")),
        ("archive:dynamic/x", None),
    ];
    for (at, expected) in cases {
        let path = table.path_of(&place(at));
        assert_eq!(path.as_ref().map(VirtualPath::as_str), expected, "{at}");
    }
}
