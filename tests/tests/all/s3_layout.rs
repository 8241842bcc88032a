//! The keys of a bucket that aioftps3 has written, and goes on writing.

use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;

/// As that server has it: a directory is what has a marker, and goes with all that it holds.
const LAYOUT: &str = "directories = \"markers\"\nremove = \"recursive\"\n";

fn served(suffix: &str) -> (Store, Server) {
    let store = Store::default();
    let more = format!("{LAYOUT}directory-suffix = \"{suffix}\"");
    let server = Server::start(&store.settings(&more));
    (store, server)
}

#[test]
fn files_and_markers_have_exactly_those_keys() {
    for suffix in ["/", "/.s3keep"] {
        let (store, server) = served(suffix);
        let mut ftp = session(&server);
        let keys = |expected: &[&str]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|key| key.replace('!', suffix))
                .collect();
            assert_eq!(store.keys(), expected);
        };
        // A directory is made in one that is there, and not twice.
        ftp.command("MKD a/b", 550);
        keys(&[]);
        ftp.command("MKD a", 257);
        ftp.command("MKD a", 550);
        ftp.command("MKD a/b", 257);
        keys(&["a!", "a/b!"]);
        // So is a file; an empty one is an object as well.
        assert_eq!(refused(&mut ftp, "STOR c/file"), 550);
        assert_eq!(ftp.store("STOR a/b/empty", b"").code, 226);
        assert_eq!(ftp.store("STOR a/b/wide üñï 🚢 name", b"1").code, 226);
        assert_eq!(ftp.store("STOR top", b"1").code, 226);
        ftp.command("MKD top", 550);
        assert_eq!(refused(&mut ftp, "STOR a/b"), 550);
        let mut all = vec!["a!", "a/b!", "a/b/empty", "a/b/wide üñï 🚢 name", "top"];
        all.sort_by_key(|key| key.replace('!', suffix));
        keys(&all);
        ftp.command("SIZE a/b/empty", 213);
        assert_eq!(names(&mut ftp, "a"), ["b"]);
        assert_eq!(names(&mut ftp, "a/b"), ["empty", "wide üñï 🚢 name"]);
        ftp.command("RNFR a", 350);
        ftp.command("RNTO z", 250);
        let mut all = vec!["top", "z!", "z/b!", "z/b/empty", "z/b/wide üñï 🚢 name"];
        all.sort_by_key(|key| key.replace('!', suffix));
        keys(&all);
        ftp.command("DELE missing", 550);
        ftp.command("DELE z", 550);
        ftp.command("DELE z/b/empty", 250);
        ftp.command("RMD z", 250);
        keys(&["top"]);
    }
}

#[test]
fn nothing_goes_that_was_not_named() {
    let (store, server) = served("/.s3keep");
    let mut ftp = session(&server);
    ftp.command("MKD a", 257);
    assert_eq!(ftp.store("STOR a/file", b"1").code, 226);
    for command in [
        "DELE",
        "DELE ",
        "RMD",
        "RMD ",
        "DELE /",
        "RMD /",
        "RMD .",
        "DELE .",
        "RMD ..",
        "DELE a/.s3keep",
        "RMD a/.s3keep",
    ] {
        ftp.say(command);
        let reply = ftp.reply();
        assert!(reply.code >= 500, "{command}: {reply:?}");
    }
    for command in ["STOR a/.s3keep", "RETR a/.s3keep", "STOR .s3keep"] {
        assert!(refused(&mut ftp, command) >= 550, "{command}");
    }
    assert_eq!(store.keys(), ["a/.s3keep", "a/file"]);
}

#[test]
fn a_directory_is_there_with_its_marker_and_not_without() {
    let (store, server) = served("/.s3keep");
    let mut ftp = session(&server);
    store.put("bare/file", &[], "1");
    store.put("made/.s3keep", &[], "");
    ftp.command("CWD bare", 550);
    assert_eq!(refused(&mut ftp, "STOR bare/other"), 550);
    ftp.command("CWD made", 250);
    ftp.command("CWD /", 250);
    // What others have left without one can be seen, and its files be had.
    assert_eq!(names(&mut ftp, ""), ["bare", "made"]);
    assert_eq!(ftp.fetch("RETR bare/file"), b"1");
}

fn refused(ftp: &mut Ftp, command: &str) -> u16 {
    ftp.passive();
    ftp.say(command);
    ftp.reply().code
}

fn names(ftp: &mut Ftp, directory: &str) -> Vec<String> {
    let listed = ftp.fetch(format!("MLSD {directory}").trim_end());
    let listed = String::from_utf8(listed).expect("UTF-8");
    let names = listed.lines().filter_map(|line| line.split_once(' '));
    let mut names: Vec<_> = names
        .map(|(_, name)| name.to_owned())
        .filter(|name| ![".", ".."].contains(&name.as_str()))
        .collect();
    names.retain(|name| !name.starts_with('/'));
    names.sort();
    names
}
