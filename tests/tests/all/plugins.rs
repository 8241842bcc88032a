//! Plugins that do what they must not: nobody gets in, and nobody else notices.

use std::fs;
use std::path::PathBuf;

use wharf_tests::binaries;
use wharf_tests::ftp::Ftp;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{Listener, PASSWORD, Settings, USER};

/// Does what the user's name says; see its source in `plugins/tests/unruly`.
fn unruly() -> PathBuf {
    binaries::plugins().join("tests/unruly.wasm")
}

/// Lets in the users of its settings.
fn static_users() -> PathBuf {
    binaries::plugins().join("static-users.wasm")
}

/// Enough for whatever comes to its end, on a slow machine too.
const LIMITS: &str = "[limits]\ncpu = \"250ms\"\n";

/// A server that asks `unruly` before it asks `static-users`.
fn with_unruly() -> Server {
    with_unruly_within(LIMITS)
}

/// The same, with these bounds.
fn with_unruly_within(limits: &str) -> Server {
    let directory = Directory::new(&Settings {
        // The tests fail to log in on purpose.
        limits: "failed-logins = { count = 1000, window = \"10m\", ban = \"1s\" }".into(),
        ..Settings::default()
    });
    add(
        &directory,
        "05-unruly",
        &fs::read(unruly()).expect("it was built"),
        limits,
    );
    directory.serve()
}

fn add(directory: &Directory, name: &str, wasm: &[u8], sidecar: &str) {
    let plugins = directory.path().join("plugins");
    fs::write(plugins.join(name).with_extension("wasm"), wasm).expect("there is room");
    fs::write(plugins.join(name).with_extension("toml"), sidecar).expect("there is room");
}

/// What a plugin does, and a word of its cause in the log.
const DEEDS: &[(&str, &str)] = &[
    ("panic", "trapped"),
    ("spin", "CPU"),
    ("allocate", "memory"),
    ("recurse", "stack"),
    ("unavailable", "the directory is away"),
    ("timed-out", "the directory is slow"),
    ("misconfigured", "the directory has no name"),
    ("internal", "the directory is wrong"),
    ("long-continuation", "continuation"),
    ("no-principal", "principal"),
    ("no-root", "root"),
    ("no-sink", "nowhere"),
    ("escape", "root"),
    ("many-rules", "rules"),
];

#[test]
fn who_cannot_be_decided_on_is_told_to_come_back_and_never_to_be_wrong() {
    let server = with_unruly();
    let address = server.address(Listener::EXPLICIT);
    let mut neighbour = Ftp::logged_in(address);
    for (deed, cause) in DEEDS {
        let mut ftp = Ftp::greeted(address);
        ftp.command(&format!("USER {deed}"), 331);
        ftp.say("PASS anything");
        assert_eq!(ftp.reply().code, 421, "{deed}");
        assert!(
            ftp.until_closed().is_empty(),
            "{deed}: a connection that cannot log in is closed"
        );
        neighbour.command("PWD", 257);
        let line = server
            .log()
            .wait_for(&["login undecided", "05-unruly", cause]);
        assert!(!line.contains("anything"), "{line}");
    }
    neighbour.fetch("LIST");
    Ftp::logged_in(address);
}

#[test]
fn it_may_fail_before_it_asks_for_a_password() {
    let server = with_unruly();
    let address = server.address(Listener::EXPLICIT);
    for deed in ["panic", "spin", "allocate", "unavailable", "escape"] {
        let mut ftp = Ftp::greeted(address);
        ftp.command(&format!("USER begin-{deed}"), 421);
        assert!(ftp.until_closed().is_empty());
    }
    Ftp::logged_in(address);
}

#[test]
fn no_home_leads_out_of_the_root() {
    let server = with_unruly();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.log_in("home-outside", "anything");
    assert_eq!(
        ftp.command("PWD", 257).lines[0].split(' ').nth(1),
        Some("\"/\"")
    );
    assert!(String::from_utf8_lossy(&ftp.fetch("NLST")).contains("home"));
}

#[test]
fn no_text_of_a_plugin_poses_as_a_reply() {
    // That its text is cut short has to show, and not that it used up its time.
    let server = with_unruly_within("[limits]\ncpu = \"5s\"\n");
    let address = server.address(Listener::EXPLICIT);
    for (deed, user_code, password_code) in [
        ("deny", 331, 530),
        ("denial-of-lines", 331, 530),
        ("long-denial", 331, 530),
        ("welcome-of-lines", 331, 230),
        ("flood", 331, 530),
        ("good", 331, 230),
        ("pass", 331, 530),
        ("begin-prompt-of-lines", 331, 530),
        ("begin-long-prompt", 331, 530),
    ] {
        let mut ftp = Ftp::greeted(address);
        ftp.command(&format!("USER {deed}"), user_code);
        let reply = ftp.command("PASS anything", password_code);
        let length: usize = reply.lines.iter().map(String::len).sum();
        assert!(length < 4096, "{deed}: {length} bytes");
        ftp.command("NOOP", 200);
    }
}

#[test]
fn many_that_spin_at_once_do_not_keep_others_out() {
    let server = with_unruly();
    let address = server.address(Listener::EXPLICIT);
    // One more and the plugin would be paused, since it fails more often than it answers.
    let mut spinning: Vec<Ftp> = (0..4).map(|_| Ftp::greeted(address)).collect();
    for ftp in &mut spinning {
        ftp.command("USER spin", 331);
        ftp.say("PASS anything");
    }
    Ftp::logged_in(address).fetch("LIST");
    for mut ftp in spinning {
        ftp.expect(421);
    }
}

/// What loads plugins.
const COMMANDS: &[&str] = &["check", "serve"];

/// What is no plugin, and what the operator is told.
fn broken() -> Vec<(&'static str, Vec<u8>, &'static str, &'static [&'static str])> {
    let unruly = || fs::read(unruly()).expect("it was built");
    let cut = unruly()[..1000].to_vec();
    let users = || fs::read(static_users()).expect("it was built");
    vec![
        (
            "malformed",
            users(),
            "[config.users.bob]\npassword = \"$6$salt$short4711\"\n",
            &["malformed.toml:2:1", "`users.bob.password`"],
        ),
        (
            "costly",
            users(),
            "[config.users]\na = { password = '$6$rounds=999999999$salt$short4711' }\n",
            &["costly.toml:2:7", "too much time"],
        ),
        ("nothing", vec![], "", &["empty"]),
        (
            "text",
            b"not what it should be".to_vec(),
            "",
            &["WebAssembly"],
        ),
        ("core", b"\0asm\x01\0\0\0".to_vec(), "", &["role"]),
        ("empty", b"\0asm\x0d\0\x01\0".to_vec(), "", &["role"]),
        ("cut", cut, "", &[]),
        (
            "panics",
            unruly(),
            "[config]\nat-start = \"panic\"\n",
            &["trap"],
        ),
        (
            "spins",
            unruly(),
            "[config]\nat-start = \"spin\"\n",
            &["CPU"],
        ),
        (
            "allocates",
            unruly(),
            "[config]\nat-start = \"allocate\"\n[limits]\ncpu = \"250ms\"\n",
            &["memory"],
        ),
        (
            "refuses",
            unruly(),
            "[config]\nat-start = \"unavailable\"\n",
            &["at-start"],
        ),
        (
            "unknown",
            unruly(),
            "[config]\nat-strat = \"panic\"\n",
            &["at-strat"],
        ),
        (
            "typo",
            unruly(),
            "[limits]\nmemroy = \"1MiB\"\n",
            &["typo.toml:2", "`memory`"],
        ),
        (
            "pinned",
            unruly(),
            "[policy]\nsha256 = \"00\"\n",
            &["sha256"],
        ),
    ]
}

#[test]
fn what_is_no_plugin_is_refused_before_anybody_is_served() {
    for (name, wasm, sidecar, words) in broken() {
        let directory = Directory::new(&Settings::default());
        add(&directory, name, &wasm, sidecar);
        for command in COMMANDS {
            let text = directory.wharf(&[command], &[], "").failure().text();
            assert!(text.contains(name), "{name} is not named: {text}");
            for word in words {
                assert!(text.contains(word), "{name}: {word:?} is not in: {text}");
            }
            assert!(!text.contains("panicked at host"), "{text}");
            assert!(!text.contains("4711"), "a password is shown: {text}");
        }
    }
}

/// The sidecars that show how the first-party plugins are set up.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "flatten-names",
        include_str!("../../../plugins/flatten-names/flatten-names.toml"),
    ),
    (
        "home-directories",
        include_str!("../../../plugins/home-directories/home-directories.toml"),
    ),
    (
        "static-users",
        include_str!("../../../plugins/static-users/static-users.toml"),
    ),
    (
        "upload-rules",
        include_str!("../../../plugins/upload-rules/upload-rules.toml"),
    ),
    (
        "virtual-folders",
        include_str!("../../../plugins/virtual-folders/virtual-folders.toml"),
    ),
    (
        "webhook",
        include_str!("../../../plugins/webhook/webhook.toml"),
    ),
];

/// The sidecar with a value for each `${NAME}` of an operator's environment: one that is the secret
/// of a second factor as well.
fn filled(sidecar: &str) -> String {
    let (first, rest) = sidecar.split_once("${").unwrap_or((sidecar, ""));
    let named = rest.split("${").filter_map(|named| named.split_once('}'));
    let rest: String = named
        .map(|(_, behind)| format!("GEZDGNBVGY3TQOJQ{behind}"))
        .collect();
    format!("{first}{rest}")
}

#[test]
fn the_examples_of_the_plugins_are_right() {
    let directory = Directory::new(&Settings::default());
    let settings = directory.path().join("wharf.toml");
    let mut text = fs::read_to_string(&settings).expect("it was written");
    text.push_str("\n[sink.archive]\nkind = \"fs\"\nroot = \"archive\"\n");
    fs::write(&settings, text).expect("there is room");
    fs::create_dir(directory.path().join("archive")).expect("there is room");
    for (name, example) in EXAMPLES {
        let wasm = fs::read(binaries::plugins().join(name).with_extension("wasm"));
        add(
            &directory,
            &format!("20-{name}"),
            &wasm.expect("it was built"),
            &filled(example),
        );
    }
    directory.wharf(&["check"], &[], "").success();
}

#[test]
fn without_a_plugin_nobody_gets_in() {
    let directory = Directory::new(&Settings::default());
    for file in ["10-static-users.wasm", "10-static-users.toml"] {
        fs::remove_file(directory.path().join("plugins").join(file)).expect("it is there");
    }
    let server = directory.serve();
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.say(&format!("USER {USER}"));
    let mut reply = ftp.reply();
    if reply.code == 331 {
        ftp.say(&format!("PASS {PASSWORD}"));
        reply = ftp.reply();
    }
    assert!(matches!(reply.code, 421 | 530), "{reply:?}");
}

#[test]
fn a_plugin_is_asked_in_the_order_of_its_name() {
    let directory = Directory::new(&Settings::default());
    add(
        &directory,
        "20-unruly",
        &fs::read(unruly()).expect("it was built"),
        "",
    );
    let server = directory.serve();
    // `static-users` knows no `good`, and does not pass on whom it does not know.
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.command("USER good", 331);
    ftp.command("PASS anything", 530);
    ftp.log_in(USER, PASSWORD);
}
