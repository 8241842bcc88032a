//! What must hold for every row of the table.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_name_is_found_and_unique() {
    let mut seen = BTreeSet::new();
    for verb in table() {
        for name in std::iter::once(&verb.name).chain(verb.aliases) {
            assert!(seen.insert(name), "{name} twice");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            );
            for spelling in [(*name).to_owned(), name.to_ascii_lowercase()] {
                assert_eq!(find(spelling.as_bytes()), Some(verb));
            }
        }
    }
}

#[test]
fn when_verbs_are_allowed() {
    let names = |choose: fn(&Verb) -> bool| -> Vec<_> {
        table()
            .iter()
            .filter(|v| v.is_implemented() && choose(v))
            .map(|v| v.name)
            .collect()
    };
    assert_eq!(names(|verb| verb.at_once), ["QUIT", "STAT", "NOOP", "ABOR"]);
    assert_eq!(
        names(|verb| verb.in_clear),
        [
            "QUIT", "AUTH", "PBSZ", "PROT", "CCC", "HOST", "FEAT", "HELP", "SYST", "NOOP", "OPTS",
            "CLNT", "LANG"
        ],
    );
    assert_eq!(
        names(|verb| !verb.needs_login && !verb.in_clear),
        ["USER", "PASS", "ACCT", "REIN"],
    );
    assert!(
        table()
            .iter()
            .all(|verb| !(verb.in_clear && verb.needs_login))
    );
}

#[test]
fn every_row_can_be_shown() {
    for verb in table() {
        assert!(
            verb.summary.len() < 50 && !verb.summary.is_empty(),
            "{verb:?}"
        );
        assert!(verb.syntax().starts_with(verb.name));
        assert_eq!(verb.syntax(), verb.syntax().trim());
    }
    assert_eq!(
        find(b"retr").map(Verb::syntax).as_deref(),
        Some("RETR path")
    );
    assert_eq!(find(b"PWD").map(Verb::syntax).as_deref(), Some("PWD"));
}
