//! What the storage shows, when, and to whom.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use wharf_tests::client::{Client, Security, Step};
use wharf_tests::content;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings, USER};
use wharf_tests::{eventually, process};

/// What any listing shows of the user's directory.
fn shown(ftp: &mut Ftp) -> String {
    ["LIST -a", "NLST", "MLSD"]
        .map(|line| String::from_utf8_lossy(&ftp.fetch(line)).into_owned())
        .concat()
}

/// Names on the disk that stand for uploads that run.
fn staged(server: &Server) -> usize {
    let tree = content::tree(&server.home());
    tree.iter().filter(|name| name.contains(".part")).count()
}

#[test]
fn an_upload_is_invisible_until_226() {
    let server = Server::ordinary();
    let mut observer = server.session();
    let mut ftp = server.session();
    fs::write(server.home().join("old"), "the old content").expect("there is room");
    for (name, before) in [("new", ""), ("old", "old")] {
        let mut data = ftp.data();
        ftp.command(&format!("STOR {name}"), 150);
        data.write_all(b"the first half")
            .expect("the data is taken");
        let listing = shown(&mut observer);
        assert!(!listing.contains("part"), "{listing}");
        assert_eq!(listing.contains(name), !before.is_empty(), "{listing}");
        data.write_all(b", the second half")
            .expect("the data is taken");
        data.finish();
        ftp.expect(226);
        let stored = fs::read(server.home().join(name)).expect("226 means it is there");
        assert_eq!(stored, b"the first half, the second half");
        assert_eq!(staged(&server), 0);
    }
}

#[test]
fn a_broken_upload_leaves_what_was_there() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    fs::write(server.home().join("old"), "the old content").expect("there is room");
    for name in ["new", "old"] {
        let mut data = ftp.data();
        ftp.command(&format!("STOR {name}"), 150);
        data.write_all(&content::bytes(100_000, 1))
            .expect("the data is taken");
        data.reset();
        ftp.expect(426);
        assert_eq!(content::tree(&server.home()), ["old"]);
    }
    let old = fs::read_to_string(server.home().join("old")).expect("it is there");
    assert_eq!(old, "the old content");
    server.log().wait_for(&["new"]);
}

#[test]
fn a_client_that_vanishes_leaves_nothing() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    let mut data = ftp.data();
    ftp.command("STOR half", 150);
    data.write_all(&content::bytes(100_000, 1))
        .expect("the data is taken");
    eventually("the upload has begun", || staged(&server) == 1);
    drop(ftp);
    server.log().wait_for(&["disconnected"]);
    drop(data);
    eventually("nothing is left", || {
        content::tree(&server.home()).is_empty()
    });
}

#[test]
fn a_client_that_is_killed_leaves_nothing_half_done() {
    let server = Server::ordinary();
    let url = format!("ftp://{}/endless", server.address(Listener::EXPLICIT));
    let login = format!("{USER}:{PASSWORD}");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--user", &login, "--upload-file", "-", &url]);
    let mut client = process::spawn(curl.stdout(Stdio::null()));
    let mut input = client.stdin.take().expect("standard input is piped");
    input
        .write_all(&content::bytes(100_000, 1))
        .expect("curl reads");
    eventually("the upload has begun", || staged(&server) == 1);
    client.kill().expect("it can be killed");
    client.wait().expect("it can be waited for");
    // In clear, the end of the data connection is the end of the file: where the system closes it
    // before the control connection, nobody can tell that there should have been more.
    eventually("no upload runs", || staged(&server) == 0);
    server.log().wait_for(&["disconnected"]);
    server.session().fetch("LIST");
}

#[test]
fn a_server_that_is_killed_leaves_nothing_that_shows() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    let mut data = ftp.data();
    ftp.command("STOR lost", 150);
    data.write_all(&content::bytes(100_000, 1))
        .expect("the data is taken");
    eventually("the upload has begun", || staged(&server) == 1);
    let server = server.crash().serve();
    let mut ftp = server.session();
    assert_eq!(shown(&mut ftp).matches("lost").count(), 0);
    ftp.command("SIZE lost", 550);
    eventually("what was left is removed", || {
        content::tree(&server.home()).is_empty()
    });
}

#[test]
fn interrupted_transfers_are_resumed() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    let bytes = content::bytes(300_000, 1);
    // An upload that was interrupted after a part was committed goes on behind that part.
    assert_eq!(ftp.store("STOR file", &bytes[..100_000]).code, 226);
    assert_eq!(ftp.store("APPE file", &bytes[100_000..200_000]).code, 226);
    ftp.command("REST 200000", 350);
    assert_eq!(ftp.store("STOR file", &bytes[200_000..]).code, 226);
    assert!(fs::read(server.home().join("file")).expect("it is there") == bytes);
    ftp.command("REST 123456", 350);
    assert!(ftp.fetch("RETR file") == bytes[123_456..]);
    // The offset holds for one transfer.
    assert!(ftp.fetch("RETR file") == bytes);
    ftp.command("REST 300001", 350);
    ftp.passive();
    ftp.say("RETR file");
    assert!(ftp.reply().code >= 500, "an offset behind the end");
}

#[test]
fn a_rename_takes_the_place_of_its_target() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    assert_eq!(ftp.store("STOR upload.filepart", b"new").code, 226);
    assert_eq!(ftp.store("STOR upload", b"old").code, 226);
    ftp.command("RNFR upload.filepart", 350);
    ftp.command("RNTO upload", 250);
    assert_eq!(ftp.fetch("RETR upload"), b"new");
    assert_eq!(content::tree(&server.home()), ["upload"]);
    ftp.command("RNFR nothing", 550);
}

#[test]
fn no_symbolic_link_leads_out() {
    let server = Server::ordinary();
    let home = server.home();
    let outside = server.directory().path().join("outside");
    fs::create_dir(&outside).expect("there is room");
    fs::write(outside.join("secret"), "secret").expect("there is room");
    fs::create_dir(home.join("inside")).expect("there is room");
    fs::write(home.join("inside/file"), "inside").expect("there is room");
    for (target, name) in [
        (outside.as_path(), "absolute"),
        ("../../../outside".as_ref(), "relative"),
        ("inside".as_ref(), "fine"),
    ] {
        symlink(target, home.join(name)).expect("a link can be made");
    }
    symlink(outside.join("secret"), home.join("file")).expect("a link can be made");
    let mut ftp = server.session();
    for link in ["absolute", "relative"] {
        ftp.command(&format!("CWD {link}"), 550);
        ftp.passive();
        ftp.command(&format!("RETR {link}/secret"), 550);
        ftp.passive();
        ftp.say(&format!("STOR {link}/new"));
        assert!((500..600).contains(&ftp.reply().code));
        ftp.command(&format!("DELE {link}/secret"), 550);
        ftp.command(&format!("MKD {link}/made"), 550);
    }
    ftp.passive();
    ftp.command("RETR file", 550);
    assert_eq!(ftp.fetch("RETR fine/file"), b"inside");
    assert_eq!(content::tree(&outside), ["secret"]);
}

#[test]
fn users_do_what_they_may() {
    let user = |name: &str, permissions: &str| {
        format!(
            "[config.users.{name}]\npassword = \"{ENCODED}\"\nroot = \"shared\"\n\
             permissions = \"{permissions}\"\n\n"
        )
    };
    let users = user("reader", "read-only")
        + &user("writer", "write-only")
        + "[config.anonymous]\nroot = \"shared\"\n";
    let server = Server::start(&Settings {
        users,
        ..Settings::default()
    });
    let shared = server.directory().path().join("data/shared");
    fs::create_dir_all(&shared).expect("there is room");
    fs::write(shared.join("file"), "content").expect("there is room");
    let address = server.address(Listener::EXPLICIT);

    for (user, password) in [
        ("reader", PASSWORD),
        ("anonymous", "me@example.com"),
        ("ftp", "x"),
    ] {
        let mut ftp = Ftp::greeted(address);
        ftp.log_in(user, password);
        ftp.command("TYPE I", 200);
        assert_eq!(ftp.fetch("RETR file"), b"content", "{user}");
        assert!(!ftp.fetch("LIST").is_empty());
        refused(&mut ftp, &["STOR new", "APPE file", "STOU"]);
        for line in ["DELE file", "MKD new", "RNFR file", "SITE CHMOD 777 file"] {
            ftp.command(line, 550);
        }
    }
    let mut ftp = Ftp::greeted(address);
    ftp.log_in("writer", PASSWORD);
    assert_eq!(ftp.store("STOR new", b"given").code, 226);
    refused(&mut ftp, &["RETR file", "RETR new"]);
    ftp.command("DELE file", 550);
    let mut expected = ["file", "new"];
    expected.sort_unstable();
    assert_eq!(content::tree(&shared), expected);
}

/// Transfers that the user may not do.
fn refused(ftp: &mut Ftp, lines: &[&str]) {
    for line in lines {
        ftp.passive();
        ftp.command(line, 550);
    }
}

#[test]
fn a_stranger_is_no_user_unless_configured() {
    let server = Server::ordinary();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("USER anonymous", 331);
    ftp.command("PASS me@example.com", 530);
}

#[test]
fn what_226_says_is_there() {
    let server = Server::start(&Settings {
        server: "durability = \"fsync\"".into(),
        ..Settings::default()
    });
    let mut ftp = server.session();
    for round in 0..50 {
        let bytes = content::bytes(round * 1000, round as u64);
        assert_eq!(ftp.store(&format!("STOR file-{round}"), &bytes).code, 226);
        let stored = fs::read(server.home().join(format!("file-{round}")));
        assert!(stored.expect("226 means it is there") == bytes);
    }
}

#[test]
fn unique_names_are_told_and_taken_once() {
    let server = Server::ordinary();
    let mut ftp = server.session();
    for text in ["one", "two", "three"] {
        assert_eq!(ftp.store("STOU", text.as_bytes()).code, 226);
    }
    assert_eq!(content::tree(&server.home()).len(), 3);
}

#[test]
fn two_sessions_at_once_see_whole_files() {
    let server = Server::ordinary();
    let home = server.home();
    content::file(&home.join("source"), 3_000_000, 1);
    let steps: Vec<Step> = (0..5)
        .map(|_| Step::Upload(home.join("source"), "target".into()))
        .collect();
    std::thread::scope(|scope| {
        for client in [Client::Curl, Client::Ftplib] {
            let endpoint = server.endpoint(Security::Explicit);
            let steps = &steps;
            scope.spawn(move || client.perform(&endpoint, steps));
        }
        let mut ftp = server.session();
        eventually("there is a file", || home.join("target").exists());
        for _ in 0..10 {
            assert_eq!(ftp.fetch("RETR target").len(), 3_000_000);
        }
    });
    content::assert_same(&home.join("source"), &home.join("target"));
}
