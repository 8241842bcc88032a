//! Every verb in every state: one final reply, with a code that the verb may have there.

use std::collections::BTreeSet;

use wharf_protocol::command::{Verb, find, table};
use wharf_protocol::effect::Input;
use wharf_protocol::session::{ControlTls, Policy};

use crate::host::Host;

/// The states, each reached by its lines.
const STATES: [State; 9] = [
    State {
        name: "before login",
        tls: ControlTls::Explicit,
        lines: &[],
        transfer: false,
    },
    State {
        name: "before required TLS",
        tls: ControlTls::Required,
        lines: &[],
        transfer: false,
    },
    State {
        name: "under TLS",
        tls: ControlTls::Explicit,
        lines: &["AUTH TLS"],
        transfer: false,
    },
    State {
        name: "after USER",
        tls: ControlTls::Explicit,
        lines: &["USER ask"],
        transfer: false,
    },
    State {
        name: "logged in",
        tls: ControlTls::Explicit,
        lines: &["USER a"],
        transfer: false,
    },
    State {
        name: "logged in under TLS with a listener",
        tls: ControlTls::Implicit,
        lines: &["USER a", "PASV"],
        transfer: false,
    },
    State {
        name: "after RNFR",
        tls: ControlTls::Explicit,
        lines: &["USER a", "RNFR a"],
        transfer: false,
    },
    State {
        name: "during a transfer",
        tls: ControlTls::Explicit,
        lines: &["USER a", "PASV", "RETR a"],
        transfer: true,
    },
    State {
        name: "during a transfer under TLS",
        tls: ControlTls::Implicit,
        lines: &["USER a", "PASV", "STOR a"],
        transfer: true,
    },
];

struct State {
    name: &'static str,
    tls: ControlTls,
    lines: &'static [&'static str],
    transfer: bool,
}

/// A line for each verb, and the final codes it may get: when carried out by a willing host, and
/// when out of place. 530 before login is checked by the table of verbs.
const CASES: &[(&str, &[u16])] = &[
    ("USER anna", &[230]),
    ("PASS secret", &[202, 230, 503]),
    ("ACCT mine", &[202, 503]),
    ("REIN", &[220]),
    ("QUIT", &[221]),
    ("AUTH TLS", &[234, 503]),
    ("PBSZ 0", &[200, 503]),
    ("PROT P", &[200, 503]),
    ("CCC", &[533, 534]),
    ("HOST ftp.example.org", &[220, 503]),
    ("FEAT", &[211]),
    ("HELP", &[214]),
    ("SYST", &[215]),
    ("STAT", &[211]),
    ("STAT a", &[212]),
    ("NOOP", &[200]),
    ("OPTS UTF8 ON", &[200]),
    ("CLNT test", &[200]),
    ("LANG en", &[200]),
    ("PWD", &[257]),
    ("CWD a", &[250]),
    ("CDUP", &[250]),
    ("MKD a", &[257]),
    ("RMD a", &[250]),
    ("DELE a", &[250]),
    ("RNFR a", &[350]),
    ("RNTO a", &[250, 503]),
    ("LIST", &[226, 425]),
    ("NLST", &[226, 425]),
    ("MLSD", &[226, 425]),
    ("MLST", &[250]),
    ("SIZE a", &[213]),
    ("MDTM a", &[213]),
    ("MFMT 20240101000000 a", &[213]),
    ("AVBL", &[213]),
    ("HASH a", &[213]),
    ("XCRC a", &[250]),
    ("XMD5 a", &[250]),
    ("XSHA1 a", &[250]),
    ("XSHA256 a", &[250]),
    ("XSHA512 a", &[250]),
    ("RETR a", &[226, 425]),
    ("STOR a", &[226, 425]),
    ("STOU", &[226, 425]),
    ("APPE a", &[226, 425]),
    ("REST 1", &[350]),
    ("ALLO 1", &[200]),
    ("ABOR", &[225, 226]),
    ("TYPE I", &[200]),
    ("MODE S", &[200]),
    ("STRU F", &[200]),
    ("PASV", &[227]),
    ("EPSV", &[229]),
    ("PORT 10,0,0,7,8,0", &[200]),
    ("EPRT |1|10.0.0.7|2048|", &[200]),
    ("SITE HELP", &[214]),
];

#[test]
fn every_verb_in_every_state_gets_one_final_reply() {
    for state in STATES {
        for (line, codes) in CASES {
            let verb = verb_of(line);
            for name in std::iter::once(&verb.name).chain(verb.aliases) {
                let line = line.replacen(verb.name, name, 1);
                check(&state, verb, &line, codes);
            }
        }
        for verb in table().iter().filter(|verb| !verb.is_implemented()) {
            check(&state, verb, verb.name, &[502]);
        }
    }
}

#[test]
fn every_implemented_verb_has_a_case() {
    let cases: BTreeSet<_> = CASES.iter().map(|(line, _)| verb_of(line).name).collect();
    let verbs: BTreeSet<_> = table()
        .iter()
        .filter(|verb| verb.is_implemented())
        .map(|verb| verb.name)
        .collect();
    assert_eq!(cases, verbs);
}

#[test]
fn nothing_is_heard_once_the_session_closes() {
    for (line, _) in CASES {
        let mut host = reach(&STATES[4]);
        host.line("QUIT");
        assert!(host.closed && !host.session.wants_line());
        host.hear(Input::Line(line.as_bytes().to_vec().into()));
        assert_eq!(host.final_replies().len(), 3, "{line}");
    }
}

fn check(state: &State, verb: &Verb, line: &str, codes: &[u16]) {
    let place = format!("{line}, {}", state.name);
    let mut host = reach(state);
    let logged_in = state.lines.contains(&"USER a");
    let before = host.final_replies().len();
    host.line(line);
    // AUTH waits for the end of the transfer like anything else.
    host.settle();
    let replies = host.final_replies();
    let new: Vec<u16> = replies[before..].iter().map(|reply| reply.code()).collect();
    let own = match state.transfer {
        // Only what may be said at once is said before the transfer's own reply.
        true if verb.at_once && matches!(verb.name, "NOOP" | "STAT") && line != "STAT a" => {
            assert_eq!(new.get(1), Some(&226), "{place}: {new:?}");
            new[0]
        }
        true => {
            let ended = if verb.name == "ABOR" { 426 } else { 226 };
            assert_eq!(new.first(), Some(&ended), "{place}: {new:?}");
            new[1]
        }
        false => new[0],
    };
    assert_eq!(
        new.len(),
        1 + usize::from(state.transfer),
        "{place}: {new:?}"
    );
    let refused = (verb.needs_login && !logged_in) || in_clear_against_policy(state, verb);
    match refused {
        true => assert_eq!(own, 530, "{place}"),
        false => assert!(codes.contains(&own), "{place}: {own}"),
    }
}

fn in_clear_against_policy(state: &State, verb: &Verb) -> bool {
    state.tls == ControlTls::Required && !verb.in_clear
}

fn reach(state: &State) -> Host {
    let mut host = Host::new(Policy {
        control_tls: state.tls,
        ..crate::policy()
    });
    for line in state.lines {
        host.settle();
        host.line(line);
    }
    if !state.transfer {
        host.settle();
    }
    host
}

fn verb_of(line: &str) -> &'static Verb {
    let word = line.split(' ').next().unwrap_or_default();
    find(word.as_bytes()).unwrap_or_else(|| panic!("no verb: {line}"))
}
