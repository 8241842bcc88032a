//! How many may come, and who is sent away.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use wharf_tests::eventually;
use wharf_tests::ftp::{Ftp, connect_from};
use wharf_tests::log;
use wharf_tests::process;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn limited(limits: &str) -> (Server, SocketAddr) {
    let server = Server::start(&Settings {
        limits: limits.into(),
        admin: "address = \"127.0.0.1:0\"".into(),
        ..Settings::default()
    });
    let address = server.address(Listener::EXPLICIT);
    (server, address)
}

/// A connection from another address.
fn from_elsewhere(address: SocketAddr) -> Ftp {
    let stream = connect_from(ELSEWHERE, address).expect("the server listens");
    Ftp::over(stream, address)
}

/// What a new connection is told first; `None` if it is closed without a word.
fn greeting(address: SocketAddr) -> Option<u16> {
    Ftp::connect(address)
        .try_reply()
        .ok()
        .map(|reply| reply.code)
}

#[test]
fn connections_of_one_address_are_counted() {
    let (_server, address) = limited("connections-per-address = 2");
    let first = Ftp::logged_in(address);
    let _second = Ftp::greeted(address);
    assert_eq!(Ftp::connect(address).until_closed(), [421]);
    from_elsewhere(address).expect(220);
    drop(first);
    eventually("there is room again", || greeting(address) == Some(220));
}

#[test]
fn connections_are_counted() {
    let (_server, address) = limited("connections = 2");
    let first = Ftp::greeted(address);
    let mut second = from_elsewhere(address);
    second.expect(220);
    assert_eq!(Ftp::connect(address).until_closed(), [421]);
    drop(first);
    eventually("there is room again", || greeting(address) == Some(220));
    second.command("NOOP", 200);
}

#[test]
fn sessions_of_one_user_are_counted() {
    let (_server, address) = limited("sessions-per-user = 1");
    let mut first = Ftp::logged_in(address);
    let mut second = Ftp::greeted(address);
    second.command(&format!("USER {USER}"), 331);
    second.command(&format!("PASS {PASSWORD}"), 421);
    first.command("NOOP", 200);
    first.command("QUIT", 221);
    eventually("the user may come again", || {
        let mut ftp = Ftp::greeted(address);
        ftp.command(&format!("USER {USER}"), 331);
        ftp.say(&format!("PASS {PASSWORD}"));
        ftp.reply().code == 230
    });
}

#[test]
fn failed_logins_are_answered_later_and_later_and_then_no_more() {
    let (server, address) =
        limited("failed-logins = { count = 3, window = \"10m\", ban = \"10m\" }");
    let mut ftp = Ftp::greeted(address);
    let mut answers = Vec::new();
    for _ in 0..3 {
        if ftp.try_send(b"USER alice\r\nPASS wrong\r\n").is_err() {
            break;
        }
        // The last failure may be answered with the ban.
        let (Ok(_), Ok(reply)) = (ftp.try_reply(), ftp.try_reply()) else {
            break;
        };
        answers.push(reply.code);
    }
    assert_eq!(answers[..2], [530, 530]);
    assert!(
        matches!(greeting(address), None | Some(421)),
        "the address is banned"
    );
    server.log().wait_for(&["ban", "127.0.0.1"]);
    let mut other = from_elsewhere(address);
    other.expect(220);
    other.log_in(USER, PASSWORD);
}

#[test]
fn a_ban_comes_to_its_end() {
    let (_server, address) =
        limited("failed-logins = { count = 1, window = \"10m\", ban = \"1s\" }");
    let mut ftp = Ftp::greeted(address);
    ftp.command("USER alice", 331);
    ftp.say("PASS wrong");
    assert!(matches!(ftp.until_closed().first(), Some(530 | 421)));
    eventually("the ban is over", || greeting(address) == Some(220));
    Ftp::logged_in(address);
}

const LOCKOUT: &str = "lockout = { count = 3, window = \"10m\", duration = \"2s\" }\n\
     failed-logins = { exempt = [\"127.0.0.1\"] }";

/// What a login is answered in the end: the code and the text.
fn log_in(address: SocketAddr, user: &str, password: &str) -> (u16, Vec<String>) {
    let mut ftp = Ftp::greeted(address);
    ftp.command(&format!("USER {user}"), 331);
    ftp.say(&format!("PASS {password}"));
    let reply = ftp.reply();
    (reply.code, reply.lines)
}

#[test]
fn a_locked_user_is_answered_the_same_whatever_the_password() {
    let limits = LOCKOUT.replace("2s", "10m");
    let (server, address) = limited(&limits);
    let wrong = log_in(address, USER, "wrong");
    assert_eq!(wrong.0, 530);
    for _ in 1..3 {
        assert_eq!(log_in(address, USER, "wrong"), wrong);
    }
    server.log().wait_for(&["the user is locked", USER]);
    // Whoever comes from elsewhere finds it locked, too.
    assert_eq!(log_in(address, USER, PASSWORD), wrong);
    assert_eq!(log_in(address, USER, "wrong"), wrong);
    let mut other = from_elsewhere(address);
    other.expect(220);
    other.command(&format!("USER {USER}"), 331);
    other.command(&format!("PASS {PASSWORD}"), 530);
    // A name that nobody has is locked as well: that tells nothing.
    for _ in 0..5 {
        assert_eq!(log_in(address, "nobody", "wrong"), wrong);
    }
    server.log().wait_for(&["the user is locked", "nobody"]);
    // Three logins of the user were refused, and two of nobody.
    let counted = metric(&server, "wharf_logins_total{outcome=\"locked\"}");
    assert_eq!(counted.as_deref(), Some("5"));
}

/// What the host tells of itself.
fn metric(server: &Server, name: &str) -> Option<String> {
    let address: SocketAddr = server.log().wait("the admin endpoint", |line| {
        let opened = log::field(line, "message")? == "admin endpoint open";
        log::field(line, "address").filter(|_| opened)?.parse().ok()
    });
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail"])
        .arg(format!("http://{address}/metrics"));
    let told = process::run(&mut curl, "").success().stdout;
    let mut lines = told.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
}

#[test]
fn a_lock_comes_to_its_end() {
    let (_server, address) = limited(LOCKOUT);
    for _ in 0..3 {
        assert_eq!(log_in(address, USER, "wrong").0, 530);
    }
    eventually("the lock is over", || {
        log_in(address, USER, PASSWORD).0 == 230
    });
}

#[test]
fn guesses_at_once_do_not_get_around_the_lock() {
    let limits = LOCKOUT.replace("2s", "10m");
    let (_server, address) = limited(&limits);
    let mut guessing: Vec<Ftp> = (0..12).map(|_| Ftp::greeted(address)).collect();
    for ftp in &mut guessing {
        ftp.command(&format!("USER {USER}"), 331);
    }
    for ftp in &mut guessing {
        ftp.say("PASS wrong");
    }
    for ftp in &mut guessing {
        ftp.expect(530);
    }
    assert_eq!(log_in(address, USER, PASSWORD).0, 530);
}
