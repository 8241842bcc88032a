//! What plugins of every role may say, and what comes of it. What they must not do is in
//! `misdeeds.rs`.

use std::fs;
use std::io::Write as _;
use std::time::Instant;

use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Listener, PASSWORD, Settings};
use wharf_tests::{PATIENCE, binaries};

/// The name under which the plugin is loaded.
const PLUGIN: &str = "50-obliging";

/// A user whose sessions are looked at again every second.
const WATCHED: &str = "watched";

/// Shows `/dyn`, where the plugin is asked for every path, beside what the user has anyway.
const MOUNTED: &str = "[config]
url = \"https://forbidden.example\"
mounts = [{ directory = \"/dyn\", sink = \"local\", key = \"home/alice/dyn\", dynamic = true }]
";

/// A server with a plugin that does in every role what names say; see its source in
/// `plugins/tests/obliging`.
fn obliging(sidecar: &str) -> Server {
    let watched = format!(
        "[config.users.{WATCHED}]\npassword = \"{ENCODED}\"\n\
         limits = {{ revalidate-every = \"1s\" }}\n"
    );
    let directory = Directory::new(&Settings {
        users: watched,
        limits: "connections-per-address = 100\nsessions-per-user = 100".into(),
        passive_ports: 120,
        ..Settings::default()
    });
    let plugins = directory.path().join("plugins");
    let wasm = binaries::plugins().join("tests/obliging.wasm");
    fs::copy(wasm, plugins.join(PLUGIN).with_extension("wasm")).expect("it was built");
    fs::write(plugins.join(PLUGIN).with_extension("toml"), sidecar).expect("there is room");
    fs::create_dir(directory.home("alice").join("dyn")).expect("there is room");
    directory.serve()
}

fn logged_in(server: &Server) -> Ftp {
    let mut ftp = Ftp::logged_in(server.address(Listener::EXPLICIT));
    ftp.command("TYPE I", 200);
    ftp
}

/// Asks each role that has a path for a deed, and returns the codes of the replies.
fn ask_everybody(ftp: &mut Ftp, deed: &str) -> [(&'static str, u16); 4] {
    let guard = {
        ftp.say(&format!("MKD guard-{deed}-d"));
        ftp.reply().code
    };
    let map = {
        ftp.say(&format!("MKD dyn/map-{deed}-d"));
        ftp.reply().code
    };
    let gate = ftp.store(&format!("STOR gate-{deed}-f"), b"content").code;
    let filter = {
        ftp.command(&format!("MKD filter-{deed}-d"), 257);
        let listener = ftp.passive();
        ftp.say(&format!("MLSD filter-{deed}-d"));
        let stream = std::net::TcpStream::connect(listener).expect("it listens");
        let code = match ftp.reply().code {
            150 => ftp.reply().code,
            refused => refused,
        };
        drop(stream);
        code
    };
    [
        ("guard", guard),
        ("map", map),
        ("gate", gate),
        ("filter", filter),
    ]
}

#[test]
fn who_lets_in_and_who_leads_never_goes_on_where_he_fails() {
    let directory = Directory::new(&Settings::default());
    let plugins = directory.path().join("plugins");
    let wasm = binaries::plugins().join("tests/obliging.wasm");
    fs::copy(wasm, plugins.join("50-obliging.wasm")).expect("it was built");
    let allow = "[policy]\non-failure = \"allow\"\n";
    fs::write(plugins.join("50-obliging.toml"), allow).expect("there is room");
    let refused = directory.wharf(&["check"], &[], "").failure().text();
    let role = refused.contains("in the role authenticator it always denies");
    assert!(role, "{refused}");
}

#[test]
fn a_place_that_nobody_granted_is_never_followed() {
    for (deed, cause) in [("outside", "outside/of/the/grant"), ("nowhere", "nowhere")] {
        let server = obliging(MOUNTED);
        let mut ftp = logged_in(&server);
        for (role, code) in &ask_everybody(&mut ftp, deed)[..3] {
            assert_eq!(*code, 451, "{role} {deed}");
        }
        server.log().wait_for(&[PLUGIN, cause]);
        let outside = server.directory().path().join("data/outside");
        assert!(!outside.exists(), "{deed}");
    }
}

#[test]
fn a_denial_is_one_line_with_the_right_code() {
    let server = obliging(MOUNTED);
    let mut ftp = logged_in(&server);
    for deed in ["refuse", "lines", "long"] {
        for (role, code) in &ask_everybody(&mut ftp, deed)[..3] {
            assert_eq!(*code, 550, "{role} {deed}");
        }
        ftp.command("NOOP", 200);
    }
    let reply = ftp.command("MKD guard-refuse-d", 550);
    assert!(
        reply.lines[0].contains("refused by the plugin"),
        "{reply:?}"
    );
}

#[test]
fn a_plugin_that_floods_the_log_is_cut_short() {
    // That it is cut short has to show, and not that it used up its time.
    let server = obliging(&format!("{MOUNTED}[limits]\ncpu = \"5s\"\n"));
    let mut ftp = logged_in(&server);
    for (role, code) in &ask_everybody(&mut ftp, "flood")[..3] {
        assert!((200..300).contains(code), "{role}: {code}");
    }
    let lines = server.log().text().matches("flood").count();
    assert!(lines < 1000, "{lines} lines");
}

#[test]
fn a_plugin_that_logs_in_every_call_is_cut_short_over_time() {
    // A minute of it, which may come at once, has room for no more than three lines.
    let server = obliging(&format!(
        "{MOUNTED}[limits]\ncpu = \"5s\"\nlog-rate = \"10B\"\n"
    ));
    let began = Instant::now();
    let mut ftp = logged_in(&server);
    for n in 0..5 {
        ftp.command(&format!("MKD guard-flood-{n}"), 257);
    }
    server.log().wait_for(&[PLUGIN, "the plugin logs too much"]);
    let lines = server.log().text().matches("flood field").count() as u64;
    assert!(lines <= 4 + began.elapsed().as_secs() / 10, "{lines} lines");
}

#[test]
fn what_one_instance_does_at_its_third_call_is_forgotten_with_it() {
    let server = obliging(&format!("{MOUNTED}[limits]\ninstances = 1\n"));
    let mut ftp = logged_in(&server);
    let codes: Vec<u16> = (0..6)
        .map(|n| {
            ftp.say(&format!("MKD guard-third-{n}"));
            ftp.reply().code
        })
        .collect();
    assert_eq!(codes, [257, 257, 451, 257, 257, 451]);
}

#[test]
fn a_guard_refuses_who_connects() {
    for (deed, words) in [
        ("refuse", "refused by the plugin"),
        ("lines", "a"),
        ("trap", "try again later"),
        ("loop", "try again later"),
        ("fail", "try again later"),
    ] {
        let server = obliging(&format!("[config]\nconnect = \"{deed}\"\n"));
        let mut ftp = Ftp::connect(server.address(Listener::EXPLICIT));
        let reply = ftp.expect(421);
        assert!(
            reply.lines.len() == 1 && reply.lines[0].contains(words),
            "{reply:?}"
        );
        assert!(ftp.until_closed().is_empty(), "{deed}");
        server.log().wait_for(&[PLUGIN]);
    }
}

/// A session that is looked at again, and what it hears when its guard does `deed`.
fn looked_at_again(deed: &str, line: &str, until: u16) -> String {
    let server = obliging(&format!("[config]\nrevalidate = \"{deed}\"\n"));
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.log_in(WATCHED, PASSWORD);
    let deadline = Instant::now() + PATIENCE;
    loop {
        ftp.say(line);
        let reply = ftp.reply();
        if reply.code == until {
            return reply.lines.join("\n");
        }
        assert!(Instant::now() < deadline, "{deed}: {reply:?}");
    }
}

#[test]
fn a_session_that_is_looked_at_again_may_end_or_change() {
    for (deed, code, words) in [
        ("refuse", 421, "refused by the plugin"),
        // Its credentials are not good any more.
        ("once", 530, "seen twice"),
        ("lines", 421, "a"),
        ("trap", 421, "try again later"),
        ("fail", 421, "try again later"),
    ] {
        let text = looked_at_again(deed, "NOOP", code);
        assert!(text.contains(words), "{deed}: {text}");
    }
    // From then on the user sees the sink's root, and may change nothing.
    looked_at_again("replace", "MKD d", 550);
}

#[test]
fn what_is_said_during_a_transfer_waits_for_the_guards_as_well() {
    let server = obliging("[config]\nrevalidate = \"refuse\"\n");
    let login = || {
        let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
        ftp.log_in(WATCHED, PASSWORD);
        ftp
    };
    let mut ftp = login();
    let mut data = ftp.data();
    ftp.command("STOR f", 150);
    ftp.say("MKD d");
    // When one that began later is looked at, this one would be too.
    let mut later = login();
    let deadline = Instant::now() + PATIENCE;
    loop {
        later.say("NOOP");
        if later.reply().code == 421 {
            break;
        }
        assert!(Instant::now() < deadline, "it is never looked at");
    }
    data.write_all(b"content").expect("the data is taken");
    data.finish();
    ftp.expect(226);
    ftp.expect(421);
}
