//! Passive ports: who may come to them, and that none is lost.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};

use wharf_tests::PATIENCE;
use wharf_tests::ftp::{Ftp, Stream, connect_from};
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, Settings};

/// Another address of this machine.
const STRANGER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(127, 0, 0, 2);

#[test]
fn a_stranger_does_not_take_the_place_of_the_client() {
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let port = ftp.passive();
    let strangers: Vec<TcpStream> = (0..3)
        .filter_map(|_| connect_from(STRANGER, port).ok())
        .collect();
    assert!(!strangers.is_empty(), "no stranger came as far as the port");
    let mut data = TcpStream::connect(port).expect("the port listens on");
    ftp.command("STOR mine", 150);
    data.write_all(b"from the client")
        .expect("the data is taken");
    drop(data);
    ftp.expect(226);
    for mut stranger in strangers {
        stranger
            .set_read_timeout(Some(PATIENCE))
            .expect("it can be set");
        let mut heard = Vec::new();
        // Closed or reset, but told nothing.
        let _ = stranger.read_to_end(&mut heard);
        assert!(heard.is_empty());
    }
    let stored = std::fs::read(server.home().join("mine")).expect("226 means it is there");
    assert_eq!(stored, b"from the client");
}

#[test]
fn a_stranger_alone_gets_nothing() {
    let limits = "data-connect-timeout = \"1s\"".into();
    let server = Server::start(&Settings {
        limits,
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    std::fs::write(server.home().join("secret"), "secret").expect("there is room");
    let port = ftp.passive();
    let mut stranger = connect_from(STRANGER, port).expect("the port listens");
    ftp.command("RETR secret", 425);
    stranger
        .set_read_timeout(Some(PATIENCE))
        .expect("it can be set");
    let mut heard = Vec::new();
    let _ = stranger.read_to_end(&mut heard);
    assert!(heard.is_empty());
}

#[test]
fn a_port_is_handed_out_once() {
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let port = ftp.passive();
    let mut data = TcpStream::connect(port).expect("the port listens");
    ftp.command("NLST", 150);
    data.read_to_end(&mut Vec::new()).expect("the listing ends");
    ftp.expect(226);
    assert!(TcpStream::connect(port).is_err(), "the port listens on");
    ftp.command("NLST", 425);
}

#[test]
fn thousands_of_passive_ports_leak_nothing() {
    const CYCLES: usize = 2000;
    let server = Server::ordinary();
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    ftp.passive();
    let before = server.descriptors();
    for cycle in 0..CYCLES {
        let port = ftp.passive();
        if cycle % 3 == 0 {
            drop(TcpStream::connect(port).expect("the port listens"));
        }
        if cycle % 5 == 0 {
            ftp.command("PASV", 227);
        }
    }
    ftp.passive();
    assert_eq!(server.descriptors(), before);
    ftp.command("QUIT", 221);
}

#[test]
fn ports_that_have_run_out_come_back() {
    let settings = Settings {
        passive_ports: 2,
        ..Settings::default()
    };
    let server = Server::start(&settings);
    let address = server.address(Listener::EXPLICIT);
    let [mut first, mut second, mut third] = [(); 3].map(|()| Ftp::logged_in(address));
    first.passive();
    second.passive();
    third.command("EPSV", 425);
    third.command("PASV", 425);
    // Their own port may be exchanged, and one that is given back is there for others.
    first.passive();
    first.command("ABOR", 225);
    third.passive();
    first.command("EPSV", 425);
    drop(second);
    wharf_tests::eventually("the port of a closed session comes back", || {
        first.say("EPSV");
        first.reply().code == 229
    });
}

#[test]
fn everything_works_over_ipv6() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("this machine has no ::1, so there is nothing to test");
        return;
    }
    let listener = Listener {
        name: "six",
        tls: "explicit",
        host: "[::1]",
    };
    let server = Server::start(&Settings {
        listeners: vec![listener],
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(listener));
    assert_eq!(ftp.store("STOR file", b"over six").code, 226);
    assert_eq!(ftp.fetch("RETR file"), b"over six");
    ftp.say("PASV");
    assert!(ftp.reply().code >= 400, "PASV cannot tell an IPv6 address");
    ftp.command("EPSV 1", 522);
    let active = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("there is a port");
    let port = active.local_addr().expect("it has an address").port();
    ftp.command(&format!("EPRT |2|::1|{port}|"), 200);
    ftp.say("RETR file");
    let (data, _) = active.accept().expect("the server connects");
    ftp.expect(150);
    let mut bytes = Vec::new();
    Stream::new(data)
        .read_to_end(&mut bytes)
        .expect("the data comes");
    assert_eq!(bytes, b"over six");
    ftp.expect(226);
}

#[test]
fn the_address_told_is_the_one_configured() {
    let server = Server::start(&Settings {
        passive: "[[passive.advertise]]\nclients = \"127.0.0.0/8\"\naddress = \"192.0.2.7\"\n"
            .into(),
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let reply = ftp.command("PASV", 227);
    assert!(reply.lines[0].contains("(192,0,2,7,"), "{reply:?}");
}
