//! Plugins are replaced while sessions go on.
//!
//! `WHARF_BIG=1` raises the number of replacements to 1,000.

use std::env;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use wharf_tests::ftp::Ftp;
use wharf_tests::server::Server;
use wharf_tests::settings::{Listener, PASSWORD, USER};

/// What the resident memory may grow by once a tenth of the replacements is done. Two generations
/// of compiled code are 1 MiB.
const GROWTH_MAX: u64 = 16 << 20;

/// A custom section of one byte, without a name: it changes the hash of a component and no more.
fn section(mark: u8) -> [u8; 4] {
    [0, 2, 0, mark]
}

/// Put a file of plugins there as a whole: the server may look at it at any time.
fn put(server: &Server, name: &str, content: &[u8]) {
    let plugins = server.directory().path().join("plugins");
    let part = plugins.join(format!("{name}.part"));
    fs::write(&part, content).expect("a test can write");
    fs::rename(&part, plugins.join(name)).expect("a test can rename");
}

/// Replace the plugin by another component, and wait until that serves as `generation`.
fn replace(server: &Server, component: &[u8], generation: u64) {
    let mark = u8::try_from(generation % 2).unwrap_or_default();
    let whole = [component, &section(mark)].concat();
    put(server, "10-static-users.wasm", &whole);
    server.signal("HUP");
    let number = format!("\"generation\":{generation},");
    server.log().wait_for(&["plugin swapped", &number]);
}

fn component(server: &Server) -> Vec<u8> {
    let path = server
        .directory()
        .path()
        .join("plugins/10-static-users.wasm");
    fs::read(path).expect("`wharf init` put it there")
}

#[test]
fn a_hangup_brings_new_settings_and_leaves_sessions_alone() {
    let server = Server::ordinary();
    let mut before = Ftp::logged_in(server.address(Listener::EXPLICIT));
    let sidecar = "10-static-users.toml";
    let plugins = server.directory().path().join("plugins");
    let settings = fs::read_to_string(plugins.join(sidecar)).expect("it has settings");
    let renamed = settings.replace(USER, "bob");
    assert_ne!(settings, renamed);

    put(&server, sidecar, b"[config\n");
    server.signal("HUP");
    server.log().wait_for(&["what served before still does"]);
    drop(Ftp::logged_in(server.address(Listener::EXPLICIT)));

    put(&server, sidecar, renamed.as_bytes());
    server.signal("HUP");
    server.log().wait_for(&["plugin swapped"]);
    before.command("PWD", 257);
    let mut after = Ftp::greeted(server.address(Listener::EXPLICIT));
    after.log_in("bob", PASSWORD);
    let mut refused = Ftp::greeted(server.address(Listener::EXPLICIT));
    refused.command(&format!("USER {USER}"), 331);
    refused.command(&format!("PASS {PASSWORD}"), 530);
}

#[test]
fn replacements_under_load_lose_no_login_and_leave_memory_where_it_is() {
    let replacements = match env::var_os("WHARF_BIG").is_some() {
        true => 1_000,
        false => 100,
    };
    let server = Server::ordinary();
    let component = component(&server);
    let done = AtomicBool::new(false);
    let growth = thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let mut session = Ftp::logged_in(server.address(Listener::EXPLICIT));
                session.command("QUIT", 221);
            }
        });
        let mut early = 0;
        for number in 0..replacements {
            replace(&server, &component, 2 + number);
            if number == replacements / 10 {
                early = server.resident();
            }
        }
        done.store(true, Ordering::Relaxed);
        load.join().expect("every login is granted");
        server.resident().saturating_sub(early)
    });
    assert!(growth < GROWTH_MAX, "it grew by {} KiB", growth >> 10);
}
