//! Names that are odd to a store, and keys that are odd to FTP.

use wharf_tests::faults::{Faults, Proxy};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;

/// What no part of the way may change: the line of the command, the URL, its signature, the header
/// that names the source of a copy, and XML.
const ODD: [&str; 14] = [
    "100 %",
    "a+b c",
    "%41%2F",
    "a#b?c=d&e;f",
    "🚢 é e\u{301}",
    "'\"<&>]]>",
    " both ends ",
    "bell\u{7}",
    "\u{1}\u{1f}\u{7f}",
    "tab\tand escape\u{1b}[0m",
    "no character \u{ffff}",
    "...",
    "~user$(x)`y`",
    "*[a]{b}",
];

fn names(ftp: &mut Ftp, directory: &str) -> Vec<String> {
    let listing = ftp.fetch(&format!("MLSD {directory}"));
    let listing = String::from_utf8(listing).expect("names are UTF-8");
    let lines = listing.lines().filter(|line| !line.contains("type=cdir"));
    let lines = lines.filter(|line| !line.contains("type=pdir"));
    let mut names: Vec<_> = lines
        .filter_map(|line| Some(line.split_once(' ')?.1.to_owned()))
        .collect();
    names.sort();
    names
}

#[test]
fn odd_names_stay_as_they_are() {
    let store = Store::default();
    let server = Server::start(&store.settings("remove = \"recursive\""));
    let mut ftp = session(&server);
    let mut sorted = ODD.map(str::to_owned);
    sorted.sort();
    ftp.command("MKD made", 257);
    for name in ODD {
        let reply = ftp.store(&format!("STOR made/{name}"), name.as_bytes());
        assert_eq!(reply.code, 226, "{name:?}");
    }
    assert_eq!(names(&mut ftp, "made"), sorted);
    // Their directory is copied, and what it was is removed at once.
    ftp.command("RNFR made", 350);
    ftp.command("RNTO moved", 250);
    assert_eq!(names(&mut ftp, "moved"), sorted);
    assert_eq!(names(&mut ftp, "/"), ["moved"]);
    for name in ODD {
        let content = ftp.fetch(&format!("RETR moved/{name}"));
        assert_eq!(content, name.as_bytes(), "{name:?}");
        ftp.command(&format!("SIZE moved/{name}"), 213);
        ftp.command(&format!("RNFR moved/{name}"), 350);
        ftp.command("RNTO moved/other", 250);
        ftp.command("DELE moved/other", 250);
        ftp.command(&format!("MKD moved/{name}"), 257);
        assert_eq!(
            ftp.store(&format!("STOR moved/{name}/{name}"), b"x").code,
            226
        );
        assert_eq!(names(&mut ftp, &format!("moved/{name}")), [name]);
    }
    ftp.command("RMD moved", 250);
    assert!(store.keys().is_empty(), "{:?}", store.keys());
}

#[test]
fn a_name_that_is_too_long_for_a_store_is_said_to_be() {
    let store = Store::default();
    let proxy = Proxy::to(store.address(), Faults::NONE);
    let endpoint = format!("http://{}", proxy.address());
    let server = Server::start(&store.settings_at(&endpoint, ""));
    let mut ftp = session(&server);
    // A key has 1024 bytes, with the prefix; names of this store have 255.
    let mut longest = format!("{}/", "d".repeat(200)).repeat(4);
    let left = 1024 - store.prefix().len() - 1 - longest.len();
    longest.push_str(&"f".repeat(left));
    assert_eq!(ftp.store(&format!("STOR {longest}"), b"x").code, 226);
    assert_eq!(ftp.fetch(&format!("RETR {longest}")), b"x");
    let before = proxy.requests();
    for (command, code) in [
        (format!("MKD {longest}x"), 553),
        (format!("SIZE {longest}x"), 550),
        (format!("DELE {longest}x"), 550),
    ] {
        ftp.command(&command, code);
    }
    for (command, code) in [("STOR", 553), ("APPE", 553), ("RETR", 550)] {
        ftp.passive();
        ftp.command(&format!("{command} {longest}x"), code);
    }
    assert_eq!(proxy.requests(), before);
}
