//! Where paths lead once plugins have a say: mounts, places elsewhere, and what listings show.

use std::fs;
use std::io::Write;

use wharf_tests::binaries;
use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings};

/// A second sink.
const ARCHIVE: &str = "[sink.archive]\nkind = \"fs\"\nroot = \"archive\"\n";

/// Shows a part of a second sink and one of the user's own, below a directory that is nowhere.
const MOUNTS: &str = "[config]
mounts = [
    { directory = \"/box\", sink = \"archive\", key = \"box\" },
    { directory = \"/way/down\", sink = \"local\", key = \"home/alice/deep\" },
    { directory = \"/dyn\", sink = \"local\", key = \"home/alice/dyn\", dynamic = true },
]
[allow]
[[allow.sinks]]
name = \"archive\"
prefix = \"box\"
operations = [\"get\", \"put\", \"head\", \"list\", \"delete\"]
";

/// A server with two sinks, and a plugin that does in every role what names say; see its source in
/// `plugins/tests/obliging`.
fn obliging(sidecar: &str) -> Server {
    let directory = Directory::new(&Settings {
        limits: ARCHIVE.into(),
        ..Settings::default()
    });
    fs::create_dir(directory.path().join("archive")).expect("there is room");
    let plugin = directory.path().join("plugins/50-obliging");
    let wasm = binaries::plugins().join("tests/obliging.wasm");
    fs::copy(wasm, plugin.with_extension("wasm")).expect("it was built");
    fs::write(plugin.with_extension("toml"), sidecar).expect("there is room");
    directory.serve()
}

fn logged_in(server: &Server) -> Ftp {
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    ftp.command("TYPE I", 200);
    ftp
}

/// The names that every kind of listing of `directory` shows, if they agree.
fn shown(ftp: &mut Ftp, directory: &str) -> Vec<String> {
    let lines = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("listings are UTF-8");
        let mut names: Vec<String> = text
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    };
    let names = lines(ftp.fetch(&format!("NLST {directory}")));
    for command in ["LIST", "MLSD"] {
        let listed = lines(ftp.fetch(&format!("{command} {directory}")));
        assert_eq!(listed, names, "{command} {directory}");
    }
    let status = ftp.command(&format!("STAT {directory}"), 212);
    for name in &names {
        let line = |line: &String| line.ends_with(&format!(" {name}"));
        assert!(status.lines.iter().any(line), "{name} in {status:?}");
    }
    names
}

#[test]
fn a_mount_is_a_directory_like_any_other_but_stays() {
    let server = obliging(MOUNTS);
    fs::write(server.home().join("box"), "hidden by the mount").expect("there is room");
    fs::write(server.home().join("own"), "own").expect("there is room");
    let mut ftp = logged_in(&server);
    assert_eq!(shown(&mut ftp, "/"), ["box", "dyn", "own", "way"]);
    assert_eq!(shown(&mut ftp, "/way"), ["down"]);
    assert!(shown(&mut ftp, "/box").is_empty());
    let facts = ftp.command("MLST /way", 250);
    assert!(facts.lines[1].contains("type=dir"), "{facts:?}");
    for directory in ["/box", "/way", "/way/down", "/"] {
        ftp.command(&format!("CWD {directory}"), 250);
        for refused in ["SIZE", "DELE", "RMD", "RNFR", "MKD", "HASH"] {
            ftp.command(&format!("{refused} {directory}"), 550);
        }
        ftp.passive();
        ftp.command(&format!("STOR {directory}"), 550);
    }
    ftp.command("CDUP", 250);
    // What a mount leads to is made with what is stored there first.
    assert_eq!(ftp.store("STOR /box/new", b"content").code, 226);
    assert_eq!(ftp.store("STOR /way/down/new", b"content").code, 226);
    ftp.command("CWD /way/down", 250);
    assert_eq!(ftp.fetch("RETR new"), b"content");
    ftp.command("CWD ../../box", 250);
    ftp.command("MKD sub", 257);
    assert_eq!(shown(&mut ftp, "/box"), ["new", "sub"]);
    let archive = server.directory().path().join("archive");
    assert_eq!(content::tree(&archive), ["box/", "box/new", "box/sub/"]);
    let hidden = fs::read(server.home().join("box")).expect("nobody could touch it");
    assert_eq!(hidden, b"hidden by the mount");
}

#[test]
fn a_rename_between_sinks_moves_files_whole_and_no_directories() {
    let server = obliging(MOUNTS);
    let bytes = content::bytes(3_000_000, 1);
    let mut ftp = logged_in(&server);
    assert_eq!(ftp.store("STOR own", &bytes).code, 226);
    let modified = ftp.command("MDTM own", 213).lines;
    let archive = server.directory().path().join("archive/box");
    for (from, to) in [("/own", "/box/there"), ("/box/there", "/back")] {
        ftp.command(&format!("RNFR {from}"), 350);
        ftp.command(&format!("RNTO {to}"), 250);
        ftp.command(&format!("SIZE {from}"), 550);
        assert_eq!(ftp.command(&format!("MDTM {to}"), 213).lines, modified);
        assert_eq!(ftp.fetch(&format!("RETR {to}")), bytes);
    }
    assert!(content::tree(&archive).is_empty());
    ftp.command("MKD folder", 257);
    ftp.command("RNFR folder", 350);
    let refused = ftp.command("RNTO /box/folder", 550);
    assert!(refused.lines[0].contains("directory"), "{refused:?}");
    ftp.command("CWD folder", 250);
}

#[test]
fn a_mapper_and_a_guard_lead_elsewhere() {
    let server = obliging(MOUNTS);
    let mut ftp = logged_in(&server);
    assert_eq!(ftp.store("STOR /dyn/map-at-x", b"mapped").code, 226);
    assert_eq!(ftp.fetch("RETR /dyn/map-at-x"), b"mapped");
    let archive = server.directory().path().join("archive/box");
    assert_eq!(content::tree(&archive), ["mapped-map-at-x"]);
    assert_eq!(ftp.store("STOR /dyn/plain", b"as it is").code, 226);
    assert_eq!(ftp.store("STOR guard-redirect-x", b"redirected").code, 226);
    assert_eq!(ftp.command("SIZE guard-redirect-x", 213).lines, ["213 10"]);
    assert_eq!(
        content::tree(&server.home()),
        ["dyn/", "dyn/plain", "redirected-guard-redirect-x"]
    );
    ftp.command("RNFR guard-redirect-x", 350);
    ftp.command("RNTO plain", 250);
    assert_eq!(ftp.fetch("RETR plain"), b"redirected");
}

#[test]
fn a_filter_shapes_every_listing_and_nothing_else() {
    let server = obliging("");
    for name in ["filter-hide-me", "filter-show-other", "plain"] {
        fs::write(server.home().join(name), "content").expect("there is room");
    }
    fs::create_dir(server.home().join("filter-add-d")).expect("there is room");
    for number in 0..600 {
        let name = format!("filter-add-d/{number}");
        fs::write(server.home().join(name), "").expect("there is room");
    }
    let mut ftp = logged_in(&server);
    assert_eq!(shown(&mut ftp, "/"), ["filter-add-d", "other", "plain"]);
    assert_eq!(ftp.fetch("RETR filter-hide-me"), b"content");
    ftp.command("MLST filter-hide-me", 250);
    let many = shown(&mut ftp, "/filter-add-d");
    assert_eq!(many.len(), 601);
    assert!(many.iter().any(|name| name == "added"));
}

/// A user with a mount in his grant, who may run one transfer at a time.
#[test]
fn a_grant_has_mounts_and_bounds_transfers() {
    let directory = Directory::new(&Settings {
        limits: ARCHIVE.into(),
        users: format!(
            "[config.users.bob]\npassword = \"{ENCODED}\"\n\
             mounts = [{{ directory = \"/pub/in\", sink = \"archive\", root = \"in\" }}]\n\
             limits = {{ max-transfers = 1 }}\n"
        ),
        ..Settings::default()
    });
    fs::create_dir(directory.path().join("archive")).expect("there is room");
    let server = directory.serve();
    let bob = || {
        let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
        ftp.log_in("bob", PASSWORD);
        ftp.command("TYPE I", 200);
        ftp
    };
    let (mut first, mut second) = (bob(), bob());
    assert_eq!(shown(&mut first, "/"), ["pub"]);
    let mut data = first.data();
    first.command("STOR /pub/in/x", 150);
    data.write_all(b"half").expect("the data is taken");
    second.passive();
    second.command("NLST", 421);
    assert!(second.until_closed().is_empty());
    data.finish();
    first.expect(226);
    let archive = server.directory().path().join("archive");
    assert_eq!(content::tree(&archive), ["in/", "in/x"]);
    // What is over no longer counts, neither the transfer nor the refusal.
    assert_eq!(bob().fetch("RETR /pub/in/x"), b"half");
    assert_eq!(first.fetch("RETR /pub/in/x"), b"half");
}
