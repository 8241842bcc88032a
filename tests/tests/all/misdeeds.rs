//! Every misdeed in every role where it makes sense: the answer is the declared one, the log names
//! the plugin and the cause, it is counted, and nobody else notices.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use wharf_tests::metrics::Metrics;
use wharf_tests::neighbours::among_neighbours;
use wharf_tests::server::{Directory, Server};
use wharf_tests::settings::{ENCODED, Settings};
use wharf_tests::web::{Answer, Web};
use wharf_tests::{binaries, content, eventually};

use self::parts::{PARTS, Part};

mod parts;

/// The name under which the plugin is loaded, so that it is asked before `static-users`.
const PLUGIN: &str = "05-obliging";

/// What a plugin does.
struct Deed {
    name: &'static str,
    /// A word of its cause in the log.
    cause: &'static str,
    /// What its failure is counted as.
    counted: &'static str,
    /// What it wants without being allowed it.
    denied: Option<&'static str>,
}

const fn deed(name: &'static str, cause: &'static str, counted: &'static str) -> Deed {
    Deed {
        name,
        cause,
        counted,
        denied: None,
    }
}

/// One that wants what it is not allowed, and fails without it.
const fn denied(name: &'static str, cause: &'static str, capability: &'static str) -> Deed {
    Deed {
        denied: Some(capability),
        ..deed(name, cause, "undecided")
    }
}

const DEEDS: &[Deed] = &[
    deed("fail", "the back end is away", "undecided"),
    deed("trap", "trapped", "trap"),
    deed("loop", "of CPU", "bound"),
    deed("calls", "of CPU", "bound"),
    deed("allocate", "of memory", "bound"),
    deed("recurse", "stack", "trap"),
    deed("lie", "out of bounds", "trap"),
    deed("output", "too much data", "trap"),
    deed("http", "timed out", "undecided"),
    denied("origin", "forbidden.example", "http"),
    denied("followed", "elsewhere.example", "http"),
    denied("state", "`[allow] state`", "state"),
    denied("secret", "`[allow] secrets`", "secrets"),
    denied("sink", "not granted", "sinks"),
];

/// Where the name that `http` asks leads to an address that is not public.
const PRIVATE: Deed = denied("http", "which is not public", "http");

/// What only back ends can do: give more than was asked for.
const EXCESS: Deed = deed("excess", "makes no sense", "nonsense");

/// What only a filter can do: show what no listing can.
const UNLISTABLE: Deed = deed("slash", "no entry can be called", "nonsense");

/// The same, and as much of it that no page has room.
const TOO_MANY: Deed = deed("many", "entries for a page", "nonsense");

/// What only those can do who say where something is: lead out of what was granted.
const ASTRAY: Deed = deed("outside", "outside/of/the/grant", "nonsense");

/// Done by an instance each third time that it is asked.
const THIRD: &str = "third";

/// All that is asked for by a name of its own.
fn names() -> impl Iterator<Item = &'static str> {
    DEEDS.iter().map(|deed| deed.name).chain([THIRD])
}

/// Who connects from there asks the plugin for the deed.
fn address_of(deed: &str) -> Ipv4Addr {
    let number = names().position(|name| name == deed);
    Ipv4Addr::new(127, 0, 1, number.expect("it is one of them") as u8)
}

/// A server with a plugin that does in every role what names say; see its source in
/// `plugins/tests/obliging`.
fn obliging(config: &str, more: &str) -> Server {
    let user = |name: &str, more: &str| {
        format!("[config.users.{name}]\npassword = \"{ENCODED}\"\n{more}\n")
    };
    let mut users = user("shelved", "sink = \"shelf\"\nroot = \"\"");
    let mut peers = String::new();
    for name in names() {
        let watched = "limits = { revalidate-every = \"1s\" }";
        users += &user(&format!("revalidate-{name}"), watched);
        users += &user(&format!("mount-{name}"), "");
        writeln!(peers, "\"{}\" = \"{name}\"", address_of(name)).expect("a string has room");
    }
    let directory = Directory::new(&Settings {
        users,
        sinks: format!("[sink.shelf]\nkind = \"plugin\"\nplugin = \"{PLUGIN}\"\n"),
        limits: "connections-per-address = 200\nsessions-per-user = 200\n\
                 failed-logins = { count = 1000, window = \"10m\", ban = \"1s\" }"
            .into(),
        passive_ports: 200,
        ..Settings::default()
    });
    let plugin = directory.path().join("plugins").join(PLUGIN);
    let wasm = binaries::plugins().join("tests/obliging.wasm");
    fs::copy(wasm, plugin.with_extension("wasm")).expect("it was built");
    let mounts =
        "{ directory = \"/dyn\", sink = \"local\", key = \"home/alice/dyn\", dynamic = true }";
    let sidecar =
        format!("[config]\nmounts = [{mounts}]\n{config}\n[config.connect-from]\n{peers}\n{more}");
    fs::write(plugin.with_extension("toml"), sidecar).expect("there is room");
    fs::create_dir(directory.home("alice").join("dyn")).expect("there is room");
    directory.serve()
}

/// The lines that tell an operator of the cause, but for those of `wharf::plugin::denials`, which
/// tell once of what is not allowed, whoever wanted it.
fn told(server: &Server, cause: &str) -> Vec<String> {
    let log = server.log().text();
    let lines = log.lines().filter(|line| {
        let words = [PLUGIN, cause, "\"level\":\""];
        let is_loud = line.contains("\"ERROR\"") || line.contains("\"WARN\"");
        is_loud && words.iter().all(|word| line.contains(word)) && !line.contains("denials")
    });
    lines.map(str::to_owned).collect()
}

/// Asks for the deed in `parts` at once. Fails unless each answers as it should, tells why, and
/// is counted.
fn ask(server: &Server, parts: &[&Part], deed: &Deed) {
    let (before, told_before) = (Metrics::of(server), told(server, deed.cause).len());
    thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || {
                let code = (part.ask)(server, deed.name);
                let Part { role, name, .. } = part;
                assert_eq!(code, part.answer, "{role} {name} {}", deed.name);
            });
        }
    });
    for Part { role, .. } in parts {
        let labels = [("plugin", PLUGIN), ("role", *role), ("cause", deed.counted)];
        let failures = |metrics: &Metrics| metrics.sum("wharf_plugin_failures_total", &labels);
        let asked = parts.iter().filter(|part| part.role == *role).count() as f64;
        eventually(&format!("{role} {} is counted", deed.name), || {
            failures(&Metrics::of(server)) >= failures(&before) + asked
        });
    }
    if let Some(capability) = deed.denied {
        let labels = [("plugin", PLUGIN), ("capability", capability)];
        let denials = |metrics: &Metrics| metrics.sum("wharf_plugin_denied_total", &labels);
        // Among the failures may have been one more of an event of before.
        eventually(&format!("{} is denied in every role", deed.name), || {
            denials(&Metrics::of(server)) >= denials(&before) + parts.len() as f64
        });
    }
    // What a listener does is tried again, and told again.
    let events = parts.iter().filter(|part| part.name == "events").count();
    let others = parts.len() - events;
    eventually(&format!("{} is told of in every role", deed.name), || {
        let told = &told(server, deed.cause)[told_before..];
        let is_event = |line: &&String| line.contains("events not delivered");
        let of_events = told.iter().filter(is_event).count();
        of_events >= events && told.len() - of_events >= others
    });
}

/// The table that lets a server's user have `/dyn`, where the plugin is asked for every path.
const DYNAMIC: &str = "sinks = [{ name = \"local\", prefix = \"home/alice/dyn\", \
                       operations = [\"list\"] }]\n";

/// So many that whoever waits keeps no neighbour waiting. And what stops a deed is its own bound,
/// however slow the machine is: memory is used up long before CPU, and that long before time is.
const INSTANCES: &str = "[limits]\ninstances = 64\nmemory = \"16MiB\"\ncpu = \"100ms\"\n\
                         deadline = \"5m\"\n";

fn everybody() -> Vec<&'static Part> {
    PARTS.iter().collect()
}

fn named(names: &[&str]) -> Vec<&'static Part> {
    let parts = PARTS.iter().filter(|part| names.contains(&part.name));
    parts.collect()
}

/// The origin of a server that takes connections and never says a word, as long as it is held.
fn silence() -> (TcpListener, String) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("it is bound").port();
    (silent, format!("http://localhost:{port}"))
}

#[test]
fn every_misdeed_in_every_role_is_contained_and_nobody_else_notices() {
    let (_silent, url) = silence();
    let web = Web::start(|_| {
        Answer::new("302 Found", "").header("location", "http://elsewhere.example/")
    });
    let redirecting = web.origin();
    let server = obliging(
        &format!("url = \"{url}\"\nredirecting = \"{redirecting}/\"\nwait-ms = 2000"),
        &format!(
            "[allow]\nhttp = [\"{url}\", \"{redirecting}\"]\nhttp-private = true\n\
             {DYNAMIC}{INSTANCES}"
        ),
    );
    among_neighbours(&server, || {
        DEEDS
            .iter()
            .for_each(|deed| ask(&server, &everybody(), deed));
        ask(&server, &named(&["browse", "read"]), &EXCESS);
        ask(&server, &named(&["filter"]), &UNLISTABLE);
        ask(&server, &named(&["filter"]), &TOO_MANY);
        ask(&server, &named(&["map", "guard", "gate"]), &ASTRAY);
    });
    // What was not decided was not done.
    let left = content::tree(&server.home()).into_iter();
    let refused = ["gate-", "guard-", "dyn/map-"];
    let left: Vec<_> = left
        .filter(|name| refused.iter().any(|it| name.starts_with(it)))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_that_leads_to_a_private_address_is_of_no_use_in_any_role() {
    let (silent, url) = silence();
    let server = obliging(
        &format!("url = \"{url}\"\nwait-ms = 60000"),
        &format!("[allow]\nhttp = [\"{url}\"]\n{DYNAMIC}{INSTANCES}"),
    );
    among_neighbours(&server, || ask(&server, &everybody(), &PRIVATE));
    // Nobody ever connected.
    silent.set_nonblocking(true).expect("it can be set");
    assert!(silent.accept().is_err());
}

#[test]
fn what_an_instance_does_at_its_third_call_is_forgotten_with_it() {
    // What a listener does nobody sees, who is looked at again is asked when time has passed, and
    // a back end is asked for some things more than once, or keeps its gate waiting.
    let others = ["events", "revalidate", "stat", "read", "write", "publish"];
    let is_asked_once = |part: &&Part| {
        let stores = part.role == "storage-sink" && part.name == "begin";
        !stores && !others.contains(&part.name)
    };
    let one = INSTANCES.replace("64", "1");
    let server = obliging("", &format!("[allow]\n{DYNAMIC}{one}"));
    for Part {
        role,
        name,
        answer,
        ask,
    } in PARTS.iter().filter(is_asked_once)
    {
        let failed: Vec<_> = (0..6).map(|_| ask(&server, THIRD) == *answer).collect();
        assert_eq!(
            failed,
            [false, false, true, false, false, true],
            "{role} {name}"
        );
    }
}

#[test]
fn a_plugin_that_does_not_start_never_takes_the_place_of_one_that_does() {
    let (_silent, url) = silence();
    let server = obliging("", &format!("[allow]\n{DYNAMIC}{INSTANCES}"));
    let sidecar = server
        .directory()
        .path()
        .join("plugins")
        .join(PLUGIN)
        .with_extension("toml");
    let serving = fs::read_to_string(&sidecar).expect("it was written");
    let rejected = |server: &Server| {
        Metrics::of(server).sum("wharf_plugin_reloads_total", &[("outcome", "rejected")])
    };
    among_neighbours(&server, || {
        for Deed { name, cause, .. } in DEEDS.iter().filter(|deed| deed.name != "followed") {
            let before = rejected(&server);
            let starting =
                format!("[config]\nstart = \"{name}\"\nurl = \"{url}\"\nwait-ms = 2000\n");
            let allowed = format!("[allow]\nhttp = [\"{url}\"]\nhttp-private = true\n");
            let broken = serving
                .replace("[config]\n", &starting)
                .replace("[allow]\n", &allowed);
            fs::write(&sidecar, broken).expect("there is room");
            server.signal("HUP");
            server
                .log()
                .wait_for(&["what served before still does", PLUGIN, cause]);
            eventually(&format!("{name} is counted"), || rejected(&server) > before);
            let status = server
                .directory()
                .wharf(&["status"], &[], "")
                .success()
                .text();
            assert!(status.contains(cause), "{name}: {status}");
            server.session().command("MKD guard-fine-d", 257);
            server.session().command("RMD guard-fine-d", 250);
        }
    });
}
