//! Passive ports: who may come to them, and that none is lost.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};

use wharf_tests::ftp::{Ftp, Stream, connect_from};
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};
use wharf_tests::{PATIENCE, eventually};

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
    // The host looks at some files now and then.
    eventually("no descriptor is left", || server.descriptors() == before);
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
    eventually("the port of a closed session comes back", || {
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

/// What PASV tells clients of 127.0.0.0/8 where there are these rules.
fn told(rules: &[(&str, &str)]) -> Result<String, u16> {
    let rules = rules.iter().map(|(clients, address)| {
        format!("[[passive.advertise]]\nclients = \"{clients}\"\naddress = \"{address}\"\n")
    });
    let server = Server::start(&Settings {
        passive: rules.collect(),
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    // What EPSV tells is a port and no address, whatever is configured.
    ftp.passive();
    ftp.say("PASV");
    let reply = ftp.reply();
    let address = reply.lines[0].split_once('(').map(|(_, address)| address);
    let octets = address.map(|address| address.split(',').take(4).collect::<Vec<_>>().join("."));
    octets.ok_or(reply.code)
}

#[test]
fn the_first_network_of_the_client_tells_its_address() {
    let private = ("10.0.0.0/8", "192.0.2.1");
    for (rules, expected) in [
        (&[private, ("127.0.0.0/8", "0.0.0.0")][..], Ok("0.0.0.0")),
        (&[private, ("127.0.0.1/32", "localhost")], Ok("127.0.0.1")),
        (
            &[("0.0.0.0/0", "192.0.2.2"), ("127.0.0.0/8", "192.0.2.3")],
            Ok("192.0.2.2"),
        ),
        (&[private], Ok("127.0.0.1")),
        // A name that leads nowhere fails this PASV, and not the session.
        (&[("0.0.0.0/0", "no-such-host.invalid")], Err(425)),
    ] {
        assert_eq!(told(rules), expected.map(str::to_owned), "{rules:?}");
    }
}

#[test]
fn behind_balancers_a_data_connection_may_come_from_their_networks() {
    let rule = |clients| {
        format!("[[passive.advertise]]\nclients = \"{clients}\"\naddress = \"127.0.0.1\"\n")
    };
    let server = Server::start(&Settings {
        passive: format!(
            "data-peer = \"same-networks\"\n{}{}",
            rule("127.0.0.0/24"),
            rule("127.0.1.0/24")
        ),
        limits: "data-connect-timeout = \"1s\"".into(),
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let port = ftp.passive();
    let mut data = connect_from(STRANGER, port).expect("the port listens");
    ftp.command("STOR through", 150);
    data.write_all(b"the other balancer").expect("it is taken");
    drop(data);
    ftp.expect(226);
    let port = ftp.passive();
    let elsewhere = connect_from(std::net::Ipv4Addr::new(127, 0, 1, 1), port);
    ftp.command("STOR stolen", 425);
    drop(elsewhere);
}

/// The header that a balancer sends for a client.
fn header(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.100 5000 21\r\n").into_bytes()
}

#[test]
fn a_balancer_tells_for_whom_it_connects() {
    let server = Server::start(&Settings {
        listeners: vec![Listener::EXPLICIT],
        proxies: "\"127.0.0.2\"",
        passive: "[[passive.advertise]]\nclients = \"192.0.2.0/24\"\naddress = \"192.0.2.9\"\n"
            .into(),
        limits: "data-connect-timeout = \"2s\"".into(),
        ..Settings::default()
    });
    let address = server.address(Listener::EXPLICIT);
    let through = |client: &str, target| {
        let mut stream = connect_from(STRANGER, target).expect("it listens");
        stream.write_all(&header(client)).expect("it is read");
        stream
    };
    let mut ftp = Ftp::over(through("192.0.2.7", address), address);
    ftp.expect(220);
    server.log().wait_for(&["connected", "192.0.2.7:5000"]);
    ftp.log_in(USER, PASSWORD);
    let told = ftp.command("PASV", 227);
    assert!(told.lines[0].contains("(192,0,2,9,"), "{told:?}");
    // A data connection brings the client's header, too, and no other's.
    for (client, code) in [("192.0.2.7", 226), ("192.0.2.8", 425)] {
        let port = ftp.passive();
        let mut data = through(client, port);
        ftp.say("STOR file");
        let first = ftp.reply().code;
        let end = match first {
            150 => {
                data.write_all(b"content").expect("it is taken");
                drop(data);
                ftp.reply().code
            }
            refused => refused,
        };
        assert_eq!(end, code, "{client}");
    }
    // Nobody else is served, whatever he says.
    let mut direct = TcpStream::connect(address).expect("it listens");
    // It may be closed already.
    let _ = direct.write_all(&header("192.0.2.7"));
    assert!(Ftp::over(direct, address).until_closed().is_empty());
    let mut silent = connect_from(STRANGER, address).expect("it listens");
    silent
        .write_all(b"USER alice\r\nPASS wharf\r\n")
        .expect("it is read");
    assert!(Ftp::over(silent, address).until_closed().is_empty());
}

#[test]
fn ports_may_listen_all_the_time() {
    let server = Server::start(&Settings {
        passive: "listen = \"always\"\n".into(),
        passive_ports: 1,
        ..Settings::default()
    });
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let port = ftp.passive();
    let mut data = TcpStream::connect(port).expect("the port listens");
    ftp.command("STOR first", 150);
    data.write_all(b"from the client")
        .expect("the data is taken");
    drop(data);
    ftp.expect(226);
    for _ in 0..3 {
        // Nobody was told the port now, and whoever comes to it hears nothing.
        let mut early = TcpStream::connect(port).expect("the port listens");
        early
            .set_read_timeout(Some(PATIENCE))
            .expect("it can be set");
        let mut heard = Vec::new();
        let _ = early.read_to_end(&mut heard);
        assert!(heard.is_empty());
        assert_eq!(ftp.fetch("RETR first"), b"from the client");
    }
}
