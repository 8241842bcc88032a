//! LIST, NLST and MLSD as clients ask for them: patterns, options of `ls`, a refusal before.

use std::fs::{self, File};
use std::io::Read;
use std::time::{Duration, SystemTime};

use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::Listener;

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

/// What stands at the end of each line.
fn names(listing: &[u8]) -> Vec<String> {
    let listing = String::from_utf8_lossy(listing);
    let last = |line: &str| line.rsplit(' ').next().unwrap_or_default().to_owned();
    listing.lines().map(last).collect()
}
