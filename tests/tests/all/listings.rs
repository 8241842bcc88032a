//! Names as clients write and read them: patterns, options of `ls`, other charsets than UTF-8.

use std::fs::{self, File};
use std::io::Read;
use std::process::Command;
use std::time::{Duration, SystemTime};

use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::{content, process};

/// Three files, the largest in the middle and the latest first.
fn filled() -> Server {
    let server = Server::ordinary();
    let home = server.home();
    fs::create_dir_all(home.join("sub")).expect("a test can make directories");
    for (name, size, age) in [("a.txt", 2, 0), ("b.pdf", 3, 60), ("c.txt", 1, 120)] {
        let path = home.join("sub").join(name);
        fs::write(&path, vec![b'x'; size]).expect("there is room for a test");
        let modified = SystemTime::now() - Duration::from_secs(age);
        let file = File::options().write(true).open(&path);
        let set = file.and_then(|file| file.set_modified(modified));
        set.expect("a test can set times");
    }
    server
}

#[test]
fn what_a_pattern_finds_can_be_fetched_by_the_name_shown() {
    let server = filled();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    for (pattern, expected) in [
        ("sub/*.txt", "sub/a.txt sub/c.txt"),
        ("./sub/?.pdf", "./sub/b.pdf"),
        ("/sub/*", "/sub/a.txt /sub/b.pdf /sub/c.txt"),
        ("sub/*.doc", ""),
    ] {
        let listing = String::from_utf8(ftp.fetch(&format!("NLST {pattern}"))).expect("UTF-8");
        let names: Vec<&str> = listing.lines().collect();
        assert_eq!(names.join(" "), expected, "{pattern}");
        for name in names {
            assert!(!ftp.fetch(&format!("RETR {name}")).is_empty(), "{name}");
        }
    }
    ftp.command("CWD sub", 250);
    for (line, expected) in [("NLST *.txt", "a.txt c.txt"), ("MLSD *.txt", "a.txt c.txt")] {
        let mut names = names(&ftp.fetch(line));
        names.sort();
        assert_eq!(names.join(" "), expected, "{line}");
    }
}

#[test]
fn listings_have_the_order_that_ls_would_give_them() {
    let server = filled();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    for (line, expected) in [
        ("LIST sub", "a.txt b.pdf c.txt"),
        ("LIST -r sub", "c.txt b.pdf a.txt"),
        ("LIST -t sub", "a.txt b.pdf c.txt"),
        ("LIST -ltr sub", "c.txt b.pdf a.txt"),
        ("NLST -S sub", "b.pdf a.txt c.txt"),
        ("NLST -S -r sub", "c.txt a.txt b.pdf"),
    ] {
        assert_eq!(names(&ftp.fetch(line)).join(" "), expected, "{line}");
    }
}

#[test]
fn a_command_that_is_refused_leaves_the_data_connection_to_the_next() {
    let server = filled();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let mut data = ftp.data();
    ftp.command("RETR sub", 550);
    ftp.command("RETR missing", 550);
    ftp.command("CWD sub", 250);
    ftp.command("NLST", 150);
    let mut listing = String::new();
    data.read_to_string(&mut listing)
        .expect("the listing comes");
    ftp.expect(226);
    assert_eq!(listing, "a.txt\r\nb.pdf\r\nc.txt\r\n");
    ftp.command("NLST", 425);
}

/// Stores a file under a name in Latin-1, and fetches it by the name that is listed.
const IN_LATIN_1: &str = "\
import ftplib, io, sys
ftp = ftplib.FTP(encoding='latin-1')
ftp.connect(sys.argv[1], int(sys.argv[2]))
ftp.login(*sys.argv[3:5])
ftp.storbinary('STOR Pr\u{fc}fbericht.pdf', io.BytesIO(b'what is stored'))
fetched = []
ftp.retrbinary('RETR Pr\u{fc}fbericht.pdf', fetched.append)
ftp.retrbinary('RETR ' + ftp.nlst()[0], fetched.append)
assert fetched == [b'what is stored'] * 2, fetched
ftp.quit()";

#[test]
fn a_client_that_knows_no_utf_8_has_its_names_read_in_its_charset() {
    let server = Server::start(&Settings {
        protocol: "charset = \"latin1\"".to_owned(),
        ..Settings::default()
    });
    let address = server.address(Listener::EXPLICIT);
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut python = Command::new("python3");
    python.args(["-c", IN_LATIN_1, &host, &port, USER, PASSWORD]);
    process::run(&mut python, "").success();
    assert_eq!(content::tree(&server.home()), ["Prüfbericht.pdf"]);

    // Who knows it is understood as ever.
    let mut ftp = server.session();
    assert_eq!(ftp.store("STOR Übersicht.pdf", b"more").code, 226);
    ftp.command("SIZE Prüfbericht.pdf", 213);
    ftp.command("SIZE Übersicht.pdf", 213);
}

#[test]
fn what_is_no_utf_8_is_refused_where_no_charset_is_set() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    ftp.send(b"SIZE Pr\xfcfbericht.pdf\r\n");
    let reply = ftp.expect(501);
    assert!(format!("{reply:?}").contains("not UTF-8"), "{reply:?}");
}

/// What stands at the end of each line.
fn names(listing: &[u8]) -> Vec<String> {
    let listing = String::from_utf8_lossy(listing);
    let last = |line: &str| line.rsplit(' ').next().unwrap_or_default().to_owned();
    listing.lines().map(last).collect()
}
