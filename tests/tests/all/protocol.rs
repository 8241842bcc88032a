//! Commands on the control connection, right and wrong ones.

use std::io::Read;
use std::net::TcpStream;

use rustls::version::TLS13;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, Settings};
use wharf_tests::{eventually, tls, transcript};

fn play(listener: Listener, text: &str) {
    let server = Server::start(&Settings {
        listeners: vec![listener],
        // The transcripts fail on purpose, and no ban or delay is what they are about.
        limits: "failed-logins = { count = 1000, window = \"10m\", ban = \"1s\" }".into(),
        ..Settings::default()
    });
    transcript::play(text, server.address(listener));
}

#[test]
fn conversations_in_clear() {
    play(
        Listener::EXPLICIT,
        include_str!("../../transcripts/clear.txt"),
    );
}

#[test]
fn conversations_where_tls_is_required() {
    play(
        Listener::REQUIRED,
        include_str!("../../transcripts/required.txt"),
    );
}

#[test]
fn conversations_where_there_is_no_tls() {
    play(Listener::OFF, include_str!("../../transcripts/off.txt"));
}

#[test]
fn a_line_without_an_end_costs_the_server_nothing() {
    const LENGTH: usize = 64 << 20;
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let before = server.resident();
    for command in ["", "STOR "] {
        ftp.send(command.as_bytes());
        ftp.send(&vec![b'x'; LENGTH]);
        ftp.say("");
        ftp.expect(500);
        ftp.command("NOOP", 200);
    }
    // What else the server does meanwhile takes a small part of such a line.
    let grown = server.resident().saturating_sub(before);
    assert!(
        grown < LENGTH as u64 / 4,
        "memory has grown by {grown} bytes"
    );
}

#[test]
fn commands_up_to_the_bound_are_understood() {
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    // A path of many parts: no part is too long for a file system.
    let path = "directory/".repeat(400);
    ftp.command(&format!("CWD {path}"), 550);
    ftp.command("NOOP", 200);
}

#[test]
fn endless_gibberish_is_cut_off() {
    let server = Server::ordinary();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    // Replies are not read in between: the server may close at any time.
    for _ in 0..200 {
        if ftp.try_send(b"\x80\x81\x82\r\n").is_err() {
            break;
        }
    }
    let codes = ftp.until_closed();
    assert!(codes.len() < 200, "{} answers", codes.len());
}

#[test]
fn who_connects_and_hangs_is_sent_away() {
    let settings = Settings {
        limits: "login-timeout = \"1s\"".into(),
        ..Settings::default()
    };
    let server = Server::start(&settings);
    let address = server.address(Listener::EXPLICIT);
    for (said, expected) in [
        ("", &[220, 421][..]),
        ("USER al", &[220, 421]),
        ("USER alice\r\n", &[220, 331, 421]),
        ("AUTH TLS\r\n", &[220, 234]),
    ] {
        // On a slow machine the time may be over before it was said.
        eventually(&format!("{expected:?} behind {said:?}"), || {
            let mut ftp = Ftp::connect(address);
            ftp.try_send(said.as_bytes()).is_ok() && ftp.until_closed() == expected
        });
    }
    let mut stream = TcpStream::connect(server.address(Listener::IMPLICIT)).expect("it listens");
    stream
        .set_read_timeout(Some(wharf_tests::PATIENCE))
        .expect("it can be set");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server closes");
    assert!(
        !answer.starts_with(b"220"),
        "a greeting in clear: {answer:?}"
    );
}

#[test]
fn who_is_idle_is_sent_away() {
    let settings = Settings {
        limits: "idle-timeout = \"1s\"".into(),
        ..Settings::default()
    };
    let server = Server::start(&settings);
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    assert_eq!(ftp.until_closed(), [421]);
}

#[test]
fn clear_text_on_the_tls_port_is_no_conversation() {
    let server = Server::ordinary();
    for line in [
        &b"USER alice\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\r\n",
        &[0; 64],
    ] {
        let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
        // The server may be quicker to close than this is to send.
        let _ = ftp.try_send(line);
        let _ = ftp.try_send(b"\r\n\r\n");
        assert!(ftp.until_closed().is_empty(), "{line:?}");
    }
    server.log().wait_for(&["handshake"]);
    let mut ftp = Ftp::connect(server.address(Listener::IMPLICIT));
    ftp.secure(&tls::client(&TLS13));
    ftp.expect(220);
}

#[test]
fn what_comes_in_clear_behind_auth_is_thrown_away() {
    let server = Server::ordinary();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.send(b"AUTH TLS\r\nUSER alice\r\nPASS wharf\r\nMKD injected\r\n");
    ftp.expect(234);
    ftp.secure(&tls::client(&TLS13));
    // Had one of them been heard, its reply would come before this one.
    ftp.command("PWD", 530);
    assert!(!server.home().join("injected").exists());
}

#[test]
fn the_log_tells_who_was_there_and_never_the_password() {
    let server = Server::ordinary();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("USER alice", 331);
    ftp.command("PASS correct horse battery", 530);
    ftp.command("USER alice", 331);
    ftp.command("PASS wharf", 230);
    ftp.command("QUIT", 221);
    server.log().wait_for(&["alice", "127.0.0.1"]);
    let log = server.log().text();
    assert!(!log.contains("correct horse"), "{log}");
}
