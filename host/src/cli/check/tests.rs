//! What `wharf check` finds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// What is found with `source` as `wharf.toml`, beside a directory `data` and the files given.
fn found(source: &str, files: &[(&str, &str)]) -> Findings {
    found_with(0o600, source, files)
}

/// The same where the files have this mode.
fn found_with(mode: u32, source: &str, files: &[(&str, &str)]) -> Findings {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    fs::write(directory.path().join("wharf.toml"), source).unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (config, origin) = Config::load(directory.path()).unwrap();
    examine(&config, &origin)
}

fn messages(problems: &[Problem]) -> Vec<(Option<usize>, &str)> {
    problems
        .iter()
        .map(|problem| {
            (
                problem.place.as_ref().map(|at| at.line),
                problem.message.as_str(),
            )
        })
        .collect()
}

const QUIET: &str = "[[listener]]\naddress = \"127.0.0.1:2121\"\n";

/// A self-signed certificate with its key, valid for a span of days from now.
fn certificate(days: std::ops::Range<i64>, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    let now = time::OffsetDateTime::now_utc();
    parameters.not_before = now + time::Duration::days(days.start);
    parameters.not_after = now + time::Duration::days(days.end);
    let key = rcgen::KeyPair::generate().unwrap();
    parameters.self_signed(&key).unwrap().pem() + &key.serialize_pem()
}

#[test]
fn a_good_configuration_is_summed_up() {
    let found = found(QUIET, &[]);
    assert_eq!(messages(&found.problems), []);
    assert_eq!(messages(&found.warnings), []);
    let starts: Vec<_> = found
        .summary
        .iter()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(starts, ["listener", "tls", "passive", "state", "sink"]);
    assert_eq!(found.summary[2], "passive   1000 ports, 40000-40999");
}

#[test]
fn an_admin_endpoint_for_other_machines_is_warned_of() {
    for (address, token, warnings) in [
        ("127.0.0.1:0", "", 0),
        ("[::ffff:127.0.0.1]:0", "", 0),
        ("[::]:0", "token = \"0123456789abcdef\"\n", 1),
    ] {
        let source = format!("{QUIET}[admin]\naddress = \"{address}\"\n{token}");
        let found = found(&source, &[]);
        assert_eq!(found.warnings.len(), warnings, "{address}");
        let last = found.summary.last().unwrap();
        assert!(last.starts_with("admin     "), "{last}");
        assert!(!last.contains("0123"), "{last}");
    }
}

#[test]
fn open_listeners_are_warned_of() {
    for (tls, warnings) in [
        ("off", 1),
        ("explicit", 1),
        ("required", 0),
        ("implicit", 0),
    ] {
        let source = format!("[[listener]]\naddress = \"0.0.0.0:2121\"\ntls = \"{tls}\"\n");
        let found = found(&source, &[]);
        assert_eq!(found.warnings.len(), warnings, "{tls}");
        assert!(
            found
                .warnings
                .iter()
                .all(|w| w.place.as_ref().unwrap().line == 3)
        );
    }
}

#[test]
fn passive_ports_must_suffice_and_be_free() {
    let source = format!("{QUIET}[passive]\nports = \"2100-2130\"\n");
    let found = found(&source, &[]);
    let problem = "the passive ports hold the port 2121 of [listener]";
    assert_eq!(messages(&found.problems), [(Some(4), problem)]);
    let warning = "31 ports serve as many transfers at a time; more get 425";
    assert_eq!(messages(&found.warnings), [(Some(4), warning)]);
}

#[test]
fn a_port_serves_once() {
    let problem = |one: &str, two: &str| {
        let source = format!(
            "[[listener]]\naddress = \"{one}\"\ntls = \"required\"\n[health]\naddress = \"{two}\"\n"
        );
        let found = found(&source, &[]);
        messages(&found.problems) == [(Some(5), format!("{two} and {one} are one port").as_str())]
    };
    for (one, two, expected) in [
        ("127.0.0.1:2121", "127.0.0.1:2121", true),
        ("0.0.0.0:2121", "127.0.0.1:2121", true),
        ("127.0.0.1:2121", "[::]:2121", true),
        ("0.0.0.0:2121", "[::1]:2121", false),
        ("127.0.0.1:2121", "127.0.0.2:2121", false),
        ("127.0.0.1:2121", "127.0.0.1:2122", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        assert_eq!(problem(one, two), expected, "{one} {two}");
    }
}

#[test]
fn sinks_must_be_directories() {
    let source = format!(
        "{QUIET}[sink.a]\nkind = \"fs\"\nroot = \"gone\"\n\
         [sink.b]\nkind = \"fs\"\nroot = \"file\"\n"
    );
    let found = found(&source, &[("file", "")]);
    let told = messages(&found.problems);
    assert_eq!(
        told.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [Some(5), Some(8)]
    );
    assert!(told[0].1.ends_with("gone is not there"), "{told:?}");
    assert!(told[1].1.ends_with("file is not a directory"), "{told:?}");
}

#[test]
fn certificates_are_examined() {
    let source = format!("{QUIET}[tls]\ncertificate = \"a.pem\"\n");
    for (pem, problem, warning) in [
        (
            certificate(-1..90, &["ftp.example.com", "10.0.0.1"]),
            "",
            "",
        ),
        (
            certificate(-9..-1, &["a.example"]),
            "the certificate ended on ",
            "",
        ),
        (
            certificate(-9..7, &["a.example"]),
            "",
            "the certificate ends on ",
        ),
        (
            certificate(1..90, &["a.example"]),
            "the certificate is not valid before ",
            "",
        ),
        (
            certificate(-1..90, &[]),
            "",
            "the certificate names no host",
        ),
    ] {
        let found = found(&source, &[("a.pem", &pem)]);
        for (list, expected) in [(&found.problems, problem), (&found.warnings, warning)] {
            let told = messages(list);
            match expected {
                "" => assert_eq!(told, []),
                _ => {
                    assert_eq!(told[0].0, Some(4));
                    assert!(told[0].1.starts_with(expected), "{told:?}");
                }
            }
        }
    }
}

#[test]
fn a_key_that_everybody_may_read_is_warned_of() {
    let pem = certificate(-1..90, &["a.example"]);
    let together = format!("{QUIET}[tls]\ncertificate = \"a.pem\"\n");
    let apart = format!("{together}key = \"a.pem\"\n");
    for (source, mode, line) in [
        (&together, 0o600, None),
        (&together, 0o640, None),
        (&together, 0o644, Some(4)),
        (&apart, 0o644, Some(5)),
    ] {
        let found = found_with(mode, source, &[("a.pem", &pem)]);
        let warning = "every user of this machine may read the key";
        let expected: Vec<_> = line.map(|line| (Some(line), warning)).into_iter().collect();
        assert_eq!(messages(&found.warnings), expected, "{mode:o}");
    }
}

#[test]
fn the_setting_that_names_the_fault_is_shown() {
    let good = certificate(-1..90, &["a.example"]);
    let other = certificate(-1..90, &["a.example"]);
    let source =
        format!("{QUIET}[tls]\ncertificate = \"a.pem\"\nkey = \"k.pem\"\nclient-ca = \"ca.pem\"\n");
    let (alone, _) = good.split_once("-----BEGIN PRIVATE").unwrap();
    let (k, ca) = (("k.pem", good.as_str()), ("ca.pem", good.as_str()));
    for (files, line) in [
        (vec![k, ca], 4),
        (vec![("a.pem", "garbage"), k, ca], 4),
        (vec![("a.pem", alone), ca], 5),
        (vec![("a.pem", alone), ("k.pem", other.as_str()), ca], 5),
        (vec![("a.pem", alone), k], 6),
        (vec![("a.pem", alone), k, ("ca.pem", "")], 6),
    ] {
        let found = found(&source, &files);
        assert_eq!(found.problems.len(), 1, "{files:?}");
        assert_eq!(
            found.problems[0].place.as_ref().unwrap().line,
            line,
            "{}",
            found.problems[0]
        );
    }
}

#[test]
fn plugins_are_tried_and_their_settings_have_lines() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    fs::write(directory.path().join("wharf.toml"), "").unwrap();
    let (config, origin) = Config::load(directory.path()).unwrap();

    let mut found = Findings::default();
    plugins::check(&config, &origin, &mut found).unwrap();
    let warning = "no plugin here is an authenticator, so nobody can log in";
    assert_eq!(messages(&found.warnings), [(None, warning)]);
    assert_eq!(messages(&found.problems), []);

    fs::write(plugins.join("a.wasm"), "garbage").unwrap();
    fs::write(plugins.join("b.wasm"), "garbage").unwrap();
    fs::write(plugins.join("b.toml"), "[limits]\nmemry = \"1MiB\"\n").unwrap();
    let mut found = Findings::default();
    plugins::check(&config, &origin, &mut found).unwrap();
    let mut told: Vec<_> = found
        .problems
        .iter()
        .map(|problem| {
            (
                problem.path.file_name().unwrap().to_str().unwrap(),
                &problem.place,
            )
        })
        .map(|(file, place)| (file, place.as_ref().map(|at| at.line)))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("a.wasm", None), ("b.toml", Some(2))]);

    let dangling = "[sink.dav]\nkind = \"plugin\"\nplugin = \"50-dav\"\n";
    fs::write(directory.path().join("wharf.toml"), dangling).unwrap();
    for file in ["a.wasm", "b.wasm", "b.toml"] {
        fs::remove_file(plugins.join(file)).unwrap();
    }
    let (config, origin) = Config::load(directory.path()).unwrap();
    let mut found = Findings::default();
    plugins::check(&config, &origin, &mut found).unwrap();
    let problem = "there is no plugin \"50-dav\" with the role storage-sink";
    assert_eq!(messages(&found.problems), [(Some(3), problem)]);
}
