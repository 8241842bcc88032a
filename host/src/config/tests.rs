//! What settings may be, and what is said when they are not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use super::error::{Origin, Problems};
use super::expand::Environment;
use super::*;

struct Variables(BTreeMap<&'static str, &'static str>);

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }
}

fn parse_in(directory: &Path, source: &str) -> Result<(Config, Origin), Problems> {
    let variables = [
        ("NAME", "Pier"),
        ("COUNT", "7"),
        ("IDLE", "90s"),
        ("BAD", "hunter2"),
    ];
    let environment = Variables(BTreeMap::from(variables));
    Config::parse(Path::new("wharf.toml"), source, directory, &environment)
}

fn parse(source: &str) -> Config {
    parse_in(Path::new("/etc/wharf"), source).unwrap().0
}

fn refused(source: &str) -> String {
    parse_in(Path::new("/etc/wharf"), source)
        .unwrap_err()
        .to_string()
}

#[test]
fn the_complete_file_holds_the_defaults_and_an_empty_one_means_them() {
    let defaults = Config::defaults(Path::new("/etc/wharf"));
    let listener = &defaults.listeners[0];
    let text = template::render(listener.address, defaults.passive.ports, "data");
    assert_eq!(parse(&text), defaults);
    assert_eq!(parse(""), defaults);
}

#[test]
fn the_complete_file_names_every_key() {
    let text = template::render(
        SocketAddr::from(([127, 0, 0, 1], 21)),
        PortRange::default(),
        "d",
    );
    // What an unknown key is answered with is the list of all keys, section by section.
    for section in [
        "server", "tls", "passive", "protocol", "limits", "events", "admin",
    ] {
        let answer = refused(&format!("[{section}]\nqqqqqqqqqqqqqqqqqqqqqqqq = 1\n"));
        let (_, keys) = answer.split_once("the keys here are ").unwrap();
        let heads = [format!("\n[{section}]"), format!("\n# [{section}]")];
        let head = heads.iter().find(|head| text.contains(*head)).unwrap();
        let body = text.split_once(head).unwrap().1;
        let body = body.split("\n\n").next().unwrap();
        for key in keys.split(", ") {
            let starts = [
                format!("{key} ="),
                format!("# {key} ="),
                format!("# [[{section}.{key}]]"),
            ];
            let is_there = |line: &str| starts.iter().any(|start| line.starts_with(start));
            assert!(body.lines().any(is_there), "[{section}] {key}");
        }
    }
}

/// The blocks of TOML in the README: a `wharf.toml` and a sidecar.
pub fn blocks_of_the_readme() -> Vec<&'static str> {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```toml\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .collect()
}

#[test]
fn the_configuration_in_the_readme_is_right() {
    let config = parse(blocks_of_the_readme()[0]);
    assert_eq!(config.listeners[0].tls, ListenerTls::Required);
    assert_eq!(config.passive.advertise.len(), 1);
}

#[test]
fn values_come_from_the_file_the_environment_and_other_files() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("name"), "Quay\n").unwrap();
    std::fs::write(directory.path().join("ports"), "5000-5009").unwrap();
    let read = |source: &str| parse_in(directory.path(), source).unwrap().0;

    assert_eq!(read("server.name = \"${NAME}\"").server.name, "Pier");
    assert_eq!(
        read("server.name = \"the ${NAME}, ${COUNT}\"").server.name,
        "the Pier, 7"
    );
    assert_eq!(
        read("server.name = \"$${NAME} $x\"").server.name,
        "${NAME} $x"
    );
    assert_eq!(
        read("limits.connections = \"${COUNT}\"").limits.connections,
        7
    );
    assert_eq!(
        read("limits.idle-timeout = \"${IDLE}\"")
            .limits
            .idle_timeout
            .as_secs(),
        90
    );
    assert_eq!(
        read("server.name = { file = \"name\" }").server.name,
        "Quay"
    );
    let ports = read("passive.ports = { file = \"ports\" }").passive.ports;
    assert_eq!(
        ports,
        PortRange {
            first: 5000,
            last: 5009
        }
    );
}

#[test]
fn relative_paths_start_at_the_configuration_directory() {
    let config = parse(
        "[server]\nstate-dir = \"s\"\n[tls]\ncertificate = \"a.pem\"\nkey = \"/k.pem\"\n\
         [sink.here]\nkind = \"fs\"\nroot = \"files\"\n",
    );
    assert_eq!(config.server.state_dir, Path::new("/etc/wharf/s"));
    assert_eq!(
        config.tls.certificate.as_deref(),
        Some(Path::new("/etc/wharf/a.pem"))
    );
    assert_eq!(config.tls.key.as_deref(), Some(Path::new("/k.pem")));
    assert_eq!(config.sinks.keys().collect::<Vec<_>>(), ["here"]);
    assert_eq!(
        config.sinks["here"],
        Sink::Fs(FsSink {
            root: "/etc/wharf/files".into()
        })
    );
}

#[test]
fn lists_are_read_in_order() {
    let config = parse(
        "[[listener]]\naddress = \"[::]:21\"\n[[listener]]\naddress = \"0.0.0.0:990\"\n\
         name = \"old\"\ntls = \"implicit\"\nproxy-protocol = false\n\
         [[passive.advertise]]\nclients = \"10.1.0.0/8\"\naddress = \"10.1.2.3\"\n\
         [[passive.advertise]]\nclients = \"::/0\"\naddress = \"ftp.example.com\"\n",
    );
    let listeners: Vec<_> = config
        .listeners
        .iter()
        .map(|l| (l.name.as_str(), l.address.port(), l.tls))
        .collect();
    let expected = [
        ("[::]:21", 21, ListenerTls::Explicit),
        ("old", 990, ListenerTls::Implicit),
    ];
    assert_eq!(listeners, expected);
    let advertise = &config.passive.advertise;
    assert_eq!(advertise[0].clients.to_string(), "10.0.0.0/8");
    assert_eq!(
        advertise[1].address,
        AdvertisedAddress::Name("ftp.example.com".to_owned())
    );
}

/// Each fault, and the whole of what is said about it.
#[test]
fn faults_are_told_with_place_and_remedy() {
    let expected = include_str!("faults.txt");
    let mut told = String::new();
    for case in expected.split("=== ").skip(1) {
        let (source, _) = case.split_once("\n---\n").unwrap();
        let (title, source) = source.split_once('\n').unwrap();
        told += &format!("=== {title}\n{source}\n---\n{}\n\n", refused(source));
    }
    assert_eq!(told.trim_end(), expected.trim_end(), "\n{told}");
}

#[test]
fn a_value_from_the_environment_is_not_shown() {
    let told = refused("limits.idle-timeout = \"${BAD}\"");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_later_fault_still_has_its_place() {
    let (_, origin) = parse_in(
        Path::new("/"),
        "[tls]\ncertificate = \"a.pem\"\n[passive]\n",
    )
    .unwrap();
    for (key, place) in [
        ("tls.certificate", "wharf.toml:2:15: wrong"),
        ("tls.certificate[1]", "wharf.toml:2:15: wrong"),
        ("tls.key", "wharf.toml:1:1: wrong"),
        ("limits.connections", "wharf.toml: wrong"),
    ] {
        let told = origin.problem(key, "wrong", "mend it").to_string();
        assert!(told.starts_with(place), "{told}");
    }
}
