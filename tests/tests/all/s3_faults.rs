//! A store that refuses, throttles, breaks off, and takes its time.

use std::thread;

use wharf_tests::content;
use wharf_tests::eventually;
use wharf_tests::faults::{Faults, Proxy, Trap};
use wharf_tests::ftp::Ftp;
use wharf_tests::outside::session;
use wharf_tests::server::Server;
use wharf_tests::store::Store;

use super::memory::{GROWTH_MAX, growth};

/// How often the sink asks for the same.
const ATTEMPTS: usize = 5;

fn through_proxy(store: &Store, faults: Faults, more: &str) -> (Proxy, Server) {
    let proxy = Proxy::to(store.address(), faults);
    let endpoint = format!("http://{}", proxy.address());
    let server = Server::start(&store.settings_at(&endpoint, more));
    (proxy, server)
}

#[test]
fn a_store_that_fails_now_and_then_loses_nothing_and_costs_no_memory() {
    const MEMORY: u64 = 30 << 20;
    let faults = Faults {
        refused: 5,
        cut: 2,
        delayed: 5,
        slow: 3,
    };
    let store = Store::default();
    let more = "part-size = \"5MiB\"\nupload-memory = \"15MiB\"\nrange-size = \"1MiB\"\n\
        memory = \"30MiB\"\n";
    let (proxy, server) = through_proxy(&store, faults, more);
    there_and_back(&mut session(&server), "first", 70_000);
    let before = server.resident();
    let grown = growth(&server, || {
        thread::scope(|scope| {
            for worker in 0..4 {
                let server = &server;
                scope.spawn(move || {
                    let mut ftp = session(server);
                    for number in 0..50 {
                        let length = if number % 2 == 0 { 11 << 20 } else { 70_000 };
                        there_and_back(&mut ftp, &format!("{worker}-{number}"), length);
                    }
                });
            }
        });
    });
    eventually("no upload is left", || store.uploads().is_empty());
    let (requests, spoiled) = (proxy.requests(), proxy.spoiled());
    println!(
        "grown by {} MiB, {} MiB spoiled",
        grown >> 20,
        spoiled >> 20
    );
    assert!(requests > 1500, "{requests} requests");
    // While it works it has the parts and ranges, and as much again for connections.
    assert!(grown < 2 * MEMORY, "memory has grown by {grown} bytes");
    eventually("memory is given back", || {
        server.resident() < before + GROWTH_MAX
    });
    // More than twice what may be left: had each fault left its part or range, it would show.
    assert!(spoiled > 2 * GROWTH_MAX, "{spoiled} bytes spoiled");
}

/// All bytes are right, or the client is told that they are not.
fn there_and_back(ftp: &mut Ftp, name: &str, length: usize) {
    let bytes = content::bytes(length, length as u64);
    match ftp.store(&format!("STOR {name}"), &bytes).code {
        226 => assert!(ftp.fetch(&format!("RETR {name}")) == bytes, "{name}"),
        code => assert!((400..600).contains(&code), "{name}: {code}"),
    }
}

#[test]
fn many_who_are_throttled_at_once_are_all_served() {
    const CLIENTS: usize = 40;
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, Faults::NONE, "");
    let mut ftp = session(&server);
    for number in 0..CLIENTS {
        assert_eq!(ftp.store(&format!("STOR f{number}-"), b"content").code, 226);
        for _ in 1..ATTEMPTS {
            proxy.set(Trap::at("GET", &format!("/f{number}-")).throttle());
        }
    }
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                let fetched = session(server).fetch(&format!("RETR f{number}-"));
                assert_eq!(fetched, b"content");
            });
        }
    });
    assert_eq!(proxy.waiting(), 0);
}

/// A body that trickles would take minutes, and its request may take a second.
#[test]
fn what_trickles_is_given_up_and_asked_for_again() {
    let store = Store::default();
    let (proxy, server) = through_proxy(&store, Faults::NONE, "request-timeout = \"1s\"");
    let bytes = content::bytes(32_000, 1);
    let mut ftp = session(&server);
    for name in ["old", "down-once", "down-ever"] {
        assert_eq!(ftp.store(&format!("STOR {name}"), &bytes).code, 226);
    }
    for (method, name, times) in [
        ("PUT", "up-once", 1),
        ("PUT", "old", ATTEMPTS),
        ("GET", "down-once", 1),
        ("GET", "down-ever", ATTEMPTS),
    ] {
        for _ in 0..times {
            proxy.set(Trap::at(method, &format!("/{name}")).trickle());
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(end_of_upload(&server, "up-once", &bytes), "226"));
        scope.spawn(|| {
            assert_eq!(
                end_of_upload(&server, "old", &content::bytes(32_000, 2)),
                "451"
            )
        });
        scope.spawn(|| assert!(session(&server).fetch("RETR down-once") == bytes));
        scope.spawn(|| {
            let mut ftp = session(&server);
            let mut data = ftp.data();
            ftp.command("RETR down-ever", 150);
            let mut came = Vec::new();
            // How it ends, the reply tells.
            let _ = std::io::Read::read_to_end(&mut data, &mut came);
            drop(data);
            ftp.expect(451);
            assert!(bytes.starts_with(&came) && came.len() < bytes.len());
        });
    });
    // Nothing was asked for more often than it is allowed, or it would have come.
    assert_eq!(proxy.waiting(), 0);
    let mut ftp = session(&server);
    assert!(ftp.fetch("RETR old") == bytes);
    assert_eq!(store.keys(), ["down-ever", "down-once", "old", "up-once"]);
}

/// The code of the last line of the reply to an upload: where the commit takes long, the lines
/// before it are of another one.
fn end_of_upload(server: &Server, name: &str, bytes: &[u8]) -> String {
    let mut ftp = session(server);
    let mut data = ftp.data();
    ftp.command(&format!("STOR {name}"), 150);
    std::io::Write::write_all(&mut data, bytes).expect("the data is taken");
    data.finish();
    loop {
        let line = ftp.line().expect("a reply comes");
        if let Some((code, _)) = line.split_once(' ')
            && code.len() == 3
        {
            return code.to_owned();
        }
    }
}
