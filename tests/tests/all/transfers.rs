//! What may happen while bytes move.

use std::fs;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use wharf_tests::ftp::{Ftp, Stream};
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, Settings};
use wharf_tests::{content, eventually, tls};

/// Far more than sockets buffer, so that a transfer that nobody reads stands still.
const LENGTH: u64 = 64 << 20;

/// In clear, and under both versions of TLS.
fn securities() -> [Option<Arc<ClientConfig>>; 3] {
    [None, Some(tls::client(&TLS12)), Some(tls::client(&TLS13))]
}

fn session(server: &Server, security: Option<&Arc<ClientConfig>>) -> Ftp {
    let address = server.address(Listener::EXPLICIT);
    match security {
        Some(config) => Ftp::secured(address, config),
        None => Ftp::logged_in(address),
    }
}

/// A server with a file to fetch.
fn serving(limits: &str) -> Server {
    let server = Server::start(&Settings {
        limits: limits.into(),
        ..Settings::default()
    });
    content::file(&server.home().join("big"), LENGTH, 1);
    server
}

/// A download that has begun and of which a little was read.
fn download(ftp: &mut Ftp) -> Stream {
    ftp.command("TYPE I", 200);
    let mut data = ftp.data();
    ftp.command("RETR big", 150);
    data.read_exact(&mut [0; 1024]).expect("the data comes");
    data
}

#[test]
fn abor_in_band_ends_a_download_at_once() {
    for security in &securities() {
        let server = serving("");
        let mut ftp = session(&server, security.as_ref());
        let data = download(&mut ftp);
        // As lftp says it under TLS: interrupt process, data mark, ABOR.
        ftp.send(b"\xff\xf4\xff\xf2ABOR\r\n");
        ftp.expect(426);
        ftp.expect(226);
        drop(data);
        ftp.command("NOOP", 200);
        fs::write(server.home().join("small"), "small").expect("there is room");
        assert_eq!(ftp.fetch("RETR small"), b"small");
    }
}

#[test]
fn abor_with_an_urgent_byte_ends_a_download_at_once() {
    let server = serving("");
    let mut ftp = session(&server, None);
    let data = download(&mut ftp);
    ftp.send(b"\xff\xf4\xff");
    ftp.send_urgent(0xf2);
    ftp.say("ABOR");
    ftp.expect(426);
    ftp.expect(226);
    drop(data);
    ftp.command("NOOP", 200);
}

#[test]
fn abor_ends_an_upload_and_leaves_nothing() {
    for security in &securities() {
        let server = Server::ordinary();
        let mut ftp = session(&server, security.as_ref());
        let mut data = ftp.data();
        ftp.command("STOR half", 150);
        data.write_all(&content::bytes(100_000, 1))
            .expect("the data is taken");
        ftp.command("ABOR", 426);
        ftp.expect(226);
        drop(data);
        ftp.command("SIZE half", 550);
        assert_eq!(content::tree(&server.home()), [""; 0]);
    }
}

#[test]
fn noop_and_stat_are_answered_during_a_transfer_and_the_rest_waits() {
    for security in &securities() {
        let server = serving("");
        let mut ftp = session(&server, security.as_ref());
        let mut data = download(&mut ftp);
        ftp.command("NOOP", 200);
        ftp.command("STAT", 211);
        // Replies come in order, so that what follows one that waits waits too.
        ftp.say("PWD");
        ftp.say("SIZE big");
        ftp.say("NOOP");
        let mut rest = Vec::new();
        data.read_to_end(&mut rest)
            .expect("the data comes to its end");
        assert_eq!(rest.len() as u64, LENGTH - 1024);
        drop(data);
        ftp.expect(226);
        ftp.expect(257);
        ftp.expect(213);
        ftp.expect(200);
    }
}

#[test]
fn quit_waits_for_the_transfer() {
    for security in &securities() {
        let server = Server::ordinary();
        let mut ftp = session(&server, security.as_ref());
        let mut data = ftp.data();
        ftp.command("STOR last", 150);
        data.write_all(b"the first half, ")
            .expect("the data is taken");
        ftp.say("QUIT");
        data.write_all(b"and the second")
            .expect("the data is taken");
        data.finish();
        ftp.expect(226);
        ftp.expect(221);
        assert!(ftp.until_closed().is_empty());
        let stored = fs::read(server.home().join("last")).expect("226 means it is there");
        assert_eq!(stored, b"the first half, and the second");
    }
}

#[test]
fn who_has_said_quit_may_close_before_the_transfer_ends() {
    let hear: fn(Ftp) = |mut ftp| {
        ftp.half_close();
        ftp.expect(226);
        ftp.expect(221);
    };
    for security in &securities() {
        let server = serving("");
        for leave in [hear, drop, Ftp::reset] {
            let mut ftp = session(&server, security.as_ref());
            let mut data = ftp.data();
            ftp.command("STOR last", 150);
            data.write_all(b"the first half, ")
                .expect("the data is taken");
            ftp.say("QUIT");
            let left = thread::spawn(move || leave(ftp));
            data.write_all(b"and the second")
                .expect("the data is taken");
            data.finish();
            left.join().expect("it hears what it waits for");
            let stored = server.home().join("last");
            eventually("it is stored", || {
                fs::read(&stored).is_ok_and(|bytes| bytes == b"the first half, and the second")
            });
            fs::remove_file(stored).expect("it is there");
        }
        let mut ftp = session(&server, security.as_ref());
        let mut data = download(&mut ftp);
        ftp.say("QUIT");
        ftp.half_close();
        let rest = io::copy(&mut data, &mut io::sink());
        assert_eq!(rest.expect("the data comes to its end"), LENGTH - 1024);
        drop(data);
        ftp.expect(226);
        ftp.expect(221);
    }
}

#[test]
fn who_closes_without_quit_leaves_nothing() {
    for security in &securities() {
        for leave in [|mut ftp: Ftp| ftp.half_close(), drop, Ftp::reset] {
            let server = Server::ordinary();
            let mut ftp = session(&server, security.as_ref());
            let mut data = ftp.data();
            ftp.command("STOR half", 150);
            data.write_all(b"the first half, ")
                .expect("the data is taken");
            leave(ftp);
            // The server ends the data connection, too.
            let _ = io::copy(&mut data, &mut io::sink());
            eventually("nothing is left", || {
                content::tree(&server.home()).is_empty()
            });
        }
    }
}

#[test]
fn the_idle_timer_rests_during_a_transfer() {
    // Time enough to begin a transfer, on a slow machine too.
    let server = serving("idle-timeout = \"5s\"\nstall-timeout = \"5m\"");
    let address = server.address(Listener::EXPLICIT);
    let mut busy = Ftp::logged_in(address);
    let data = download(&mut busy);
    // Another session is idle and sent away; meanwhile the transfer stands still.
    assert_eq!(Ftp::logged_in(address).until_closed(), [421]);
    busy.command("NOOP", 200);
    busy.command("ABOR", 426);
    busy.expect(226);
    drop(data);
}

#[test]
fn a_transfer_that_stands_still_is_ended() {
    let server = serving("stall-timeout = \"1s\"");
    let mut ftp = session(&server, None);
    let data = ftp.data();
    ftp.command("RETR big", 150);
    ftp.expect(426);
    drop(data);
    let data = ftp.data();
    ftp.command("STOR never", 150);
    ftp.expect(426);
    drop(data);
    assert_eq!(content::tree(&server.home()), ["big"]);
}

#[test]
fn a_data_connection_that_never_comes_is_given_up() {
    let limits = "data-connect-timeout = \"1s\"".into();
    let server = Server::start(&Settings {
        limits,
        ..Settings::default()
    });
    let mut ftp = session(&server, None);
    ftp.passive();
    ftp.command("STOR never", 425);
    ftp.passive();
    ftp.command("LIST", 425);
    eventually("nothing is left", || {
        content::tree(&server.home()).is_empty()
    });
}

#[test]
fn a_client_that_goes_away_takes_its_transfer_with_it() {
    let server = serving("");
    let mut ftp = session(&server, None);
    let idle = server.descriptors();
    let data = download(&mut ftp);
    assert!(server.descriptors() > idle);
    drop(ftp);
    // The server closes its end.
    let mut data = data;
    let _ = io::copy(&mut data, &mut io::sink());
    server.log().wait_for(&["closed"]);
}

#[test]
fn active_transfers_work_both_ways() {
    let server = Server::ordinary();
    let mut ftp = session(&server, None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has an address").port();
    let bytes = content::bytes(100_000, 3);
    ftp.command("TYPE I", 200);
    ftp.command(&format!("EPRT |1|127.0.0.1|{port}|"), 200);
    ftp.say("STOR active");
    let (mut data, _) = listener.accept().expect("the server connects");
    ftp.expect(150);
    data.write_all(&bytes).expect("the data is taken");
    drop(data);
    ftp.expect(226);
    ftp.command(
        &format!("PORT 127,0,0,1,{},{}", port / 256, port % 256),
        200,
    );
    ftp.say("RETR active");
    let (mut data, _) = listener.accept().expect("the server connects");
    ftp.expect(150);
    let mut fetched = Vec::new();
    data.read_to_end(&mut fetched).expect("the data comes");
    ftp.expect(226);
    assert!(fetched == bytes, "the bytes differ");
}
