//! The plugin against the SDK's host.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use wharf_plugin::testing::{self, Client};

fn rules(settings: &str) -> Result<Rules, Problems> {
    testing::set_config(settings);
    Rules::start()
}

/// What becomes of an upload: `publish`, the place of its quarantine, or the text of its denial.
fn commit(rules: &Rules, path: &str, content: &[u8]) -> String {
    let upload = Upload {
        path: path.into(),
        place: Location::new("local", format!("home/alice{path}")),
        size: content.len() as u64,
        ..Upload::default()
    };
    let disposition = Client::logged_in("alice").session(|session| {
        testing::staged(content, |content| rules.commit(session, &upload, content))
    });
    match disposition.expect("the plugin decides") {
        Disposition::Publish => "publish".into(),
        Disposition::Quarantine(place) => place.to_string(),
        Disposition::Discard(denial) => format!("{:?}", denial.reason()),
        other => format!("{other:?}"),
    }
}

#[test]
fn uploads_come_out_as_the_rules_say() {
    let rules = rules(
        r#"{ "rules": [
            { "path": "/scans/**", "names": ["*.pdf", "*.TIF"], "match-extension": true,
              "empty": "refuse" },
            { "path": "/pictures/**", "kinds": ["png", "jpeg"], "empty": "accept" },
            { "path": "/small/*", "min-size": "2B", "max-size": "4B" },
            { "forbidden-names": ["*.exe", "~*"], "text": "No programs." }
        ] }"#,
    )
    .expect("the settings are right");
    for (path, content, expected) in [
        ("/scans/a.pdf", "%PDF-1.7", "publish"),
        ("/scans/A.PDF", "%PDF-1.7", "publish"),
        ("/scans/a.tif", "MM\0*", "publish"),
        ("/scans/a.tif", "%PDF-1.7", "ContentRejected"),
        ("/scans/a.pdf", "%PD", "ContentRejected"),
        ("/scans/a.pdf", "", "ContentRejected"),
        ("/scans/a.txt", "%PDF-1.7", "NameNotAllowed"),
        ("/pictures/a", "\u{89}PNG", "ContentRejected"),
        ("/pictures/a", "", "publish"),
        ("/small/a", "1", "ContentRejected"),
        ("/small/a", "12345", "TooLarge"),
        ("/small/a", "1234", "publish"),
        ("/small/below/a", "1", "publish"),
        ("/other/a.EXE", "MZ", "NameNotAllowed"),
        ("/scans/~a.pdf", "%PDF-1.7", "NameNotAllowed"),
        ("/other/a", "", "publish"),
    ] {
        assert_eq!(
            commit(&rules, path, content.as_bytes()),
            expected,
            "{path} {content}"
        );
    }
    assert_eq!(
        commit(&rules, "/pictures/a", b"\x89PNG\r\n\x1a\n"),
        "publish"
    );
    assert_eq!(rules.needs(), Demands::new().content(Content::Head(512)));
}

#[test]
fn what_is_set_aside_never_meets_another() {
    let rules = rules(
        r#"{ "rules": [{ "max-size": "1B",
                         "quarantine": { "sink": "local", "key": "set/aside" } }] }"#,
    )
    .expect("the settings are right");
    testing::set_now(UNIX_EPOCH + Duration::from_secs(1_780_000_000));
    let places = [(); 2].map(|()| commit(&rules, "/in/a.bin", b"12"));
    for place in &places {
        assert!(place.starts_with("local:set/aside/2026-05-28/"), "{place}");
        assert!(place.ends_with("-a.bin"), "{place}");
    }
    assert_ne!(places[0], places[1]);
    assert!(testing::logged()[0].contains("cause=it has more than 1 bytes"));
    assert_eq!(rules.needs(), Demands::new().relocates());
}

#[test]
fn the_client_hears_why() {
    let rules =
        rules(r#"{ "rules": [{ "empty": "refuse" }, { "names": ["a"], "text": "Only a." }] }"#)
            .expect("the settings are right");
    let texts = [("/b", ""), ("/b", "x")].map(|(path, content)| {
        let upload = Upload {
            path: path.into(),
            size: content.len() as u64,
            ..Upload::default()
        };
        let disposition = Client::plain().session(|session| {
            testing::staged(content, |content| rules.commit(session, &upload, content))
        });
        format!("{disposition:?}")
    });
    assert!(
        texts[0].contains("The file was not accepted: it is empty."),
        "{}",
        texts[0]
    );
    assert!(texts[1].contains("Only a."), "{}", texts[1]);
}

#[test]
fn kinds_are_told_by_their_bytes() {
    for (name, head, expected) in [
        ("pdf", b"%PDF-1.4\n".as_slice(), true),
        ("pdf", b"\n%PDF-1.4", false),
        ("zip", b"PK\x05\x06\0\0", true),
        ("webp", b"RIFF\x10\0\0\0WEBPVP8 ", true),
        ("wav", b"RIFF\x10\0\0\0WEBPVP8 ", false),
        ("mp4", b"\0\0\0\x18ftypisom", true),
        ("text", "Grüße\r\n\tan alle".as_bytes(), true),
        ("text", b"cut off in a character: \xc3", true),
        ("text", b"latin-1: \xfc and more", false),
        ("text", b"a\0b", false),
        ("text", b"", true),
        ("png", b"", false),
    ] {
        let kind = Kind::named(name).expect("it is known");
        assert_eq!(kind.fits(head), expected, "{name} {head:?}");
    }
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    assert!(Kind::named("tar").is_some_and(|kind| kind.fits(&tar)));
}

#[test]
fn every_problem_is_named_with_its_key() {
    let problems = rules(
        r#"{ "rules": [
            { "kinds": ["pdf", "word"], "min-size": "2B", "max-size": "1B" },
            { "path": "in" },
            { "max-size": "large" },
            { "emty": "refuse" },
            { "quarantine": { "sink": "local", "key": "../out" }, "text": "x" }
        ] }"#,
    )
    .err()
    .expect("they are wrong");
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
    for (found, expected) in found.iter().zip([
        "rules[0].kinds: holds no known kind `word`; there are 7z, avi",
        "rules[0].max-size: is less than `min-size`",
        "rules[1].path: a pattern is an absolute path",
        "rules[2].max-size: a size is a number and a unit",
        "rules[3].emty: unknown field `emty`",
        "rules[4].quarantine.key: is no directory",
        "rules[4].text: is never shown",
    ]) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn the_example_is_right() {
    let example: toml::Table = include_str!("../upload-rules.toml").parse().unwrap();
    let rules = rules(&serde_json::to_string(&example["config"]).unwrap());
    let rules = rules.expect("the example is right");
    assert_eq!(rules.rules.len(), 3);
    assert_eq!(rules.warnings(), Problems::new());
    assert_eq!(commit(&rules, "/scans/a.pdf", b"%PDF-1.7"), "publish");
}
