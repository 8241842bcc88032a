//! What `wharf init` makes, and when it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use clap::Parser;

use super::*;
use crate::config::{Config, Sink};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    init: Init,
}

fn init(directory: &Path, arguments: &[&str]) -> Init {
    let mut all = vec!["init", directory.to_str().unwrap()];
    all.extend(arguments);
    Arguments::try_parse_from(all).unwrap().init
}

/// A directory with a plugin to copy.
fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let plugin = place.path().join(format!("{PLUGIN}.wasm"));
    fs::write(&plugin, b"\0asm").unwrap();
    (place, plugin)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn the_directory_is_complete_and_private() {
    let (place, plugin) = place();
    let directory = place.path().join("new/wharf");
    init(&directory, &[])
        .create(&plugin, &Secret::new("hunter2"))
        .unwrap();

    let (config, _) = Config::load(&directory).unwrap();
    assert_eq!(config, Config::defaults(&directory));
    assert!(directory.join("data").is_dir());
    assert_eq!(
        fs::read(directory.join("plugins/10-static-users.wasm")).unwrap(),
        b"\0asm"
    );
    let sidecar = directory.join("plugins/10-static-users.toml");
    for (path, expected) in [
        (directory.as_path(), 0o700),
        (&directory.join("plugins"), 0o700),
        (&directory.join("data"), 0o700),
        (&sidecar, 0o600),
        (&directory.join(FILE_NAME), 0o600),
    ] {
        assert_eq!(mode(path), expected, "{}", path.display());
    }
    let sidecar: toml::Table = fs::read_to_string(sidecar).unwrap().parse().unwrap();
    let user = &sidecar["config"]["users"]["wharf"];
    assert!(
        user["password"].as_str().unwrap().starts_with("$argon2id$"),
        "{user}"
    );
    assert_eq!(user["permissions"].as_str(), Some("full"));
}

#[test]
fn arguments_end_up_in_the_files() {
    let (place, plugin) = place();
    let (directory, root) = (place.path().join("c"), place.path().join("my files"));
    let arguments = [
        "--user",
        "o'neil \"x\" = [1]",
        "--address",
        "127.0.0.1",
        "--port",
        "2100",
        "--passive",
        "5000-5100",
        "--root",
        root.to_str().unwrap(),
    ];
    init(&directory, &arguments)
        .create(&plugin, &Secret::new("hunter2"))
        .unwrap();

    let (config, _) = Config::load(&directory).unwrap();
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:2100");
    assert_eq!(
        config.passive.ports,
        PortRange {
            first: 5000,
            last: 5100
        }
    );
    let Sink::Fs(sink) = &config.sinks["local"] else {
        panic!("a directory was asked for");
    };
    assert_eq!(sink.root, root);
    assert!(root.is_dir());
    let sidecar = fs::read_to_string(directory.join("plugins/10-static-users.toml")).unwrap();
    let sidecar: toml::Table = sidecar.parse().unwrap();
    assert!(
        sidecar["config"]["users"]
            .get("o'neil \"x\" = [1]")
            .is_some(),
        "{sidecar}"
    );
}

#[test]
fn a_port_among_the_passive_ones_is_refused() {
    let (place, plugin) = place();
    let directory = place.path().join("c");
    for (port, refused) in [("39999", false), ("40000", true), ("40999", true)] {
        let created = init(&directory, &["--port", port]).create(&plugin, &Secret::new("hunter2"));
        assert_eq!(created.is_err(), refused, "{port}");
        let _ = fs::remove_dir_all(&directory);
    }
}

#[test]
fn nothing_is_written_over() {
    let (place, plugin) = place();
    let directory = place.path().join("c");
    let again = init(&directory, &[]);
    again.create(&plugin, &Secret::new("hunter2")).unwrap();
    let before = fs::read(directory.join("plugins/10-static-users.toml")).unwrap();

    for gone in [None, Some(FILE_NAME)] {
        if let Some(file) = gone {
            fs::remove_file(directory.join(file)).unwrap();
        }
        let error = again
            .create(&plugin, &Secret::new("other"))
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("is there already; choose another directory"),
            "{error}"
        );
        let after = fs::read(directory.join("plugins/10-static-users.toml")).unwrap();
        assert_eq!(before, after);
    }
}

#[test]
fn what_failed_can_be_tried_again() {
    let (place, plugin) = place();
    let directory = place.path().join("c");
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let root = file.join("data");
    let failing = init(&directory, &["--root", root.to_str().unwrap()]);
    let error = failing.create(&plugin, &Secret::new("hunter2"));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("cannot make the directory")
    );
    let again = init(&directory, &[]);
    again.create(&plugin, &Secret::new("hunter2")).unwrap();
}

#[test]
fn bad_arguments_are_refused() {
    for arguments in [
        ["--user", ""],
        ["--user", "a\nb"],
        ["--port", "70000"],
        ["--passive", "5000-4000"],
        ["--address", "localhost"],
    ] {
        let all = ["init", "dir"].into_iter().chain(arguments);
        assert!(Arguments::try_parse_from(all).is_err(), "{arguments:?}");
    }
}

#[test]
fn the_next_steps_can_be_pasted() {
    let steps = init(Path::new("my dir"), &["--user", "ann", "--port", "2100"]);
    let shown = steps.next_steps(Some(&Secret::new("pass")));
    assert!(shown.contains("wharf serve --config 'my dir'\n"), "{shown}");
    assert!(
        shown.contains("--user ann:pass ftp://127.0.0.1:2100/\n"),
        "{shown}"
    );
    assert!(shown.contains("password  pass "), "{shown}");
    let shown = steps.next_steps(None);
    assert!(
        shown.contains("--user ann ftp://127.0.0.1:2100/\n"),
        "{shown}"
    );
    assert!(!shown.contains("password"), "{shown}");
}

#[test]
fn words_of_a_shell_are_quoted_where_needed() {
    for (text, word) in [
        ("a/b-c", "a/b-c"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
    ] {
        assert_eq!(shell_word(text), word);
    }
}

#[test]
fn a_missing_plugin_is_told_with_a_remedy() {
    let (place, plugin) = place();
    let nowhere = place.path().join("nowhere");
    let both = [nowhere.clone(), place.path().to_owned()];
    assert_eq!(find_plugin(PLUGIN, &both).unwrap(), plugin);
    let error = find_plugin(PLUGIN, &[nowhere]).unwrap_err().to_string();
    assert!(
        error.ends_with("set WHARF_PLUGINS to the directory that holds it"),
        "{error}"
    );
}
