//! Clients that begin TLS on a data connection before they say what it is for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind, SupportedProtocolVersion};
use wharf_tests::eventually;
use wharf_tests::ftp::{Ftp, Stream, connect_from};
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::tls;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A session under explicit TLS, protecting data.
fn secured(server: &Server, version: &'static SupportedProtocolVersion) -> Ftp {
    Ftp::secured(server.address(Listener::EXPLICIT), &tls::client(version))
}

/// A data connection whose handshake is done, and no command was said.
fn early(ftp: &mut Ftp) -> Stream {
    let mut data = ftp.data();
    data.handshake().expect("the server waits for no command");
    data
}

/// How its handshake went, and how many tickets it gave.
fn given(data: &Stream) -> (Option<HandshakeKind>, u32) {
    let Stream::Secured(stream) = data else {
        panic!("the data connection is in clear")
    };
    let tickets = stream.conn.tls13_tickets_received();
    (stream.conn.handshake_kind(), tickets)
}

/// Reads until the server has closed, which may be a reset.
fn until_closed(mut stream: &TcpStream) {
    let end = io::copy(&mut stream, &mut io::sink());
    if let Err(error) = end {
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "it is still open");
    }
}

fn listed(ftp: &mut Ftp, mut data: Stream) -> String {
    ftp.command("NLST", 150);
    let mut names = String::new();
    data.read_to_string(&mut names).expect("the listing comes");
    drop(data);
    ftp.expect(226);
    names
}

fn stored(ftp: &mut Ftp, mut data: Stream, name: &str, bytes: &[u8]) {
    ftp.command(&format!("STOR {name}"), 150);
    data.write_all(bytes).expect("the data is taken");
    data.finish();
    ftp.expect(226);
}

#[test]
fn every_transfer_works_after_a_handshake() {
    let server = Server::ordinary();
    for version in VERSIONS {
        let config = tls::client(version);
        let mut implicit = Ftp::connect(server.address(Listener::IMPLICIT));
        implicit.secure(&config);
        implicit.expect(220);
        implicit.log_in(USER, PASSWORD);
        implicit.protect(&config);
        for mut ftp in [secured(&server, version), implicit] {
            for (name, bytes) in [("empty", vec![]), ("full", vec![7; 300_007])] {
                let data = early(&mut ftp);
                stored(&mut ftp, data, name, &bytes);
                let mut data = early(&mut ftp);
                ftp.command(&format!("RETR {name}"), 150);
                let mut fetched = Vec::new();
                data.read_to_end(&mut fetched).expect("the data comes");
                drop(data);
                ftp.expect(226);
                assert_eq!(fetched, bytes);
            }
            let data = early(&mut ftp);
            assert_eq!(listed(&mut ftp, data), "empty\r\nfull\r\n");
        }
    }
}

#[test]
fn what_is_sent_before_the_command_is_stored() {
    let server = Server::ordinary();
    for version in VERSIONS {
        let mut ftp = secured(&server, version);
        let mut data = early(&mut ftp);
        data.write_all(b"sent at once").expect("it is buffered");
        ftp.command("STOR hasty", 150);
        data.finish();
        ftp.expect(226);
        let bytes = std::fs::read(server.home().join("hasty")).expect("it was stored");
        assert_eq!(bytes, b"sent at once");
    }
}

#[test]
fn a_refused_command_leaves_it_to_the_next() {
    let server = Server::ordinary();
    let mut ftp = secured(&server, &TLS13);
    let data = early(&mut ftp);
    ftp.command("NOOP", 200);
    ftp.command("RETR missing", 550);
    ftp.command("RETR missing", 550);
    stored(&mut ftp, data, "found", b"content");
    ftp.command("NLST", 425);
}

#[test]
fn the_port_is_free_as_soon_as_the_client_has_come() {
    let settings = Settings {
        passive_ports: 1,
        ..Settings::default()
    };
    let server = Server::start(&settings);
    let [mut one, mut other, mut third] = [(); 3].map(|()| secured(&server, &TLS13));
    let [first, second] = [&mut one, &mut other].map(early);
    third.command("EPSV", 229);
    third.command("ABOR", 225);
    one.command("EPSV", 229);
    until_closed(first.tcp());
    third.command("EPSV", 425);
    stored(&mut other, second, "second", b"content");
}

#[test]
fn a_stranger_does_not_take_the_place_of_the_client() {
    let server = Server::ordinary();
    let config = tls::client(&TLS13);
    let mut ftp = Ftp::secured(server.address(Listener::EXPLICIT), &config);
    let port = ftp.passive();
    let stranger = connect_from(Ipv4Addr::new(127, 0, 0, 2), port).expect("the port listens");
    let mut stranger = Stream::new(stranger).secured(&config);
    assert!(stranger.handshake().is_err(), "no stranger is answered");
    let data = TcpStream::connect(port).expect("the port listens on");
    let mut data = ftp.protect_data(Stream::new(data));
    data.handshake().expect("the client is answered");
    assert!(TcpStream::connect(port).is_err(), "the port listens on");
    stored(&mut ftp, data, "mine", b"from the client");
}

#[test]
fn a_balancer_may_tell_in_pieces_for_whom_it_connects() {
    const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.100 5000 21\r\n";
    let server = Server::start(&Settings {
        listeners: vec![Listener::EXPLICIT],
        proxies: "\"127.0.0.1\"",
        ..Settings::default()
    });
    let address = server.address(Listener::EXPLICIT);
    let mut control = TcpStream::connect(address).expect("it listens");
    control.write_all(HEADER).expect("it fits the socket");
    let config = tls::client(&TLS13);
    let mut ftp = Ftp::over(control, address);
    ftp.expect(220);
    ftp.command("AUTH TLS", 234);
    ftp.secure(&config);
    ftp.log_in(USER, PASSWORD);
    ftp.protect(&config);
    let port = ftp.passive();
    let mut data = TcpStream::connect(port).expect("the port listens");
    for piece in HEADER.chunks(HEADER.len() / 2) {
        data.write_all(piece).expect("it fits the socket");
        ftp.command("NOOP", 200);
    }
    let mut data = ftp.protect_data(Stream::new(data));
    data.handshake().expect("the client is answered");
    stored(&mut ftp, data, "through", b"a balancer");
}

#[test]
fn it_goes_with_what_it_was_agreed_for() {
    let server = Server::ordinary();
    for (command, code) in [
        ("PASV", 227),
        ("EPSV", 229),
        ("PORT 127,0,0,1,255,255", 200),
        ("ABOR", 225),
        ("REIN", 220),
        ("QUIT", 221),
    ] {
        let mut ftp = secured(&server, &TLS13);
        let data = early(&mut ftp);
        ftp.command(command, code);
        until_closed(data.tcp());
    }
}

/// The first flight of the client, or the half of it.
fn hello(ftp: &mut Ftp, half: bool) -> (TcpStream, ClientConnection, Vec<u8>) {
    let Stream::Secured(stream) = ftp.data() else {
        panic!("the data connection is in clear")
    };
    let (mut connection, mut socket) = (stream.conn, stream.sock);
    let mut flight = Vec::new();
    connection.write_tls(&mut flight).expect("it fits a vector");
    let rest = flight.split_off(if half { flight.len() / 2 } else { flight.len() });
    socket.write_all(&flight).expect("it fits the socket");
    (socket, connection, rest)
}

#[test]
fn a_handshake_that_hangs_is_given_up() {
    let limits = "data-connect-timeout = \"1s\"".into();
    let server = Server::start(&Settings {
        limits,
        ..Settings::default()
    });
    for half in [true, false] {
        let mut ftp = secured(&server, &TLS13);
        let (socket, ..) = hello(&mut ftp, half);
        ftp.command("NOOP", 200);
        until_closed(&socket);
        ftp.command("NLST", 522);
        ftp.command("NLST", 425);
        ftp.command("EPSV", 229);
    }
}

#[test]
fn a_command_may_overtake_the_handshake() {
    let server = Server::ordinary();
    for version in VERSIONS {
        for half in [true, false] {
            let mut ftp = secured(&server, version);
            let (mut socket, connection, rest) = hello(&mut ftp, half);
            ftp.command("STOR overtaken", 150);
            socket.write_all(&rest).expect("it fits the socket");
            let stream = rustls::StreamOwned::new(connection, socket);
            let mut data = Stream::Secured(Box::new(stream));
            data.write_all(b"content").expect("the data is taken");
            data.finish();
            ftp.expect(226);
        }
    }
}

#[test]
fn what_is_no_handshake_is_hung_up_on() {
    let server = Server::ordinary();
    let mut ftp = secured(&server, &TLS13);
    let port = ftp.passive();
    let mut data = TcpStream::connect(port).expect("the port listens");
    data.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it fits");
    until_closed(Stream::new(data).tcp());
    ftp.command("NLST", 522);
    ftp.fetch("NLST");
}

#[test]
fn in_clear_nothing_is_begun() {
    let server = Server::ordinary();
    let mut ftp = secured(&server, &TLS13);
    ftp.command("PROT C", 200);
    let port = ftp.passive();
    let mut data = TcpStream::connect(port).expect("the port listens");
    data.write_all(b"in clear").expect("it fits the socket");
    ftp.command("NOOP", 200);
    ftp.command("STOR clear", 150);
    drop(data);
    ftp.expect(226);
    let bytes = std::fs::read(server.home().join("clear")).expect("it was stored");
    assert_eq!(bytes, b"in clear");
}

#[test]
fn it_resumes_where_that_is_required_and_gives_no_tickets() {
    for (reuse, kind) in [
        ("require", HandshakeKind::Resumed),
        ("allow", HandshakeKind::Resumed),
        ("off", HandshakeKind::Full),
    ] {
        let server = Server::start(&Settings {
            tls: format!("session-reuse = \"{reuse}\""),
            ..Settings::default()
        });
        for version in VERSIONS {
            let mut ftp = secured(&server, version);
            let data = early(&mut ftp);
            assert_eq!(given(&data), (Some(kind), 0), "{reuse} {version:?}");
            listed(&mut ftp, data);
        }
        let mut ftp = Ftp::secured(
            server.address(Listener::EXPLICIT),
            &tls::forgetful_client(&TLS13),
        );
        let data = early(&mut ftp);
        assert_eq!(given(&data).0, Some(HandshakeKind::Full));
        ftp.command("NLST", 150);
        ftp.expect(if reuse == "require" { 522 } else { 226 });
    }
}

#[test]
fn many_that_come_to_nothing_leave_nothing() {
    let server = Server::ordinary();
    let mut ftp = secured(&server, &TLS13);
    ftp.passive();
    let before = server.descriptors();
    for cycle in 0..60 {
        match cycle % 3 {
            0 => drop(early(&mut ftp)),
            1 => drop(hello(&mut ftp, true)),
            _ => drop(ftp.data()),
        }
    }
    ftp.passive();
    eventually("they are all closed", || server.descriptors() == before);
}
