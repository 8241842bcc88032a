//! Whatever a client and a host say, in any order: no panic, one final reply per line, in order,
//! and bounded memory.

use std::collections::VecDeque;

use proptest::prelude::*;
use wharf_protocol::effect::{EndReason, Input, LoginStep};
use wharf_protocol::session::{ControlTls, DataTls, Policy, Session};

use crate::host::{Host, Owed};

/// Longer than any bound on what waits during a transfer.
const STEPS: usize = 120;

#[derive(Clone, Debug)]
enum Step {
    /// A line, if one is wanted.
    Line(Vec<u8>),
    /// A line beyond the bound, if one is wanted.
    TooLong,
    /// An answer that the host owes.
    Answer { well: bool },
    /// Something that the host does not owe.
    Unasked(u8),
}

fn verb() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "USER ask",
        "PASS b",
        "PASS",
        "ACCT c",
        "REIN",
        "AUTH TLS",
        "AUTH SSL",
        "PBSZ 0",
        "PROT P",
        "PROT C",
        "CCC",
        "HOST h",
        "FEAT",
        "HELP",
        "SYST",
        "STAT",
        "STAT a",
        "NOOP",
        "OPTS UTF8 ON",
        "CLNT x",
        "LANG",
        "PWD",
        "CWD a",
        "CDUP",
        "MKD a",
        "RMD a",
        "DELE a",
        "RNFR a",
        "RNTO b",
        "LIST",
        "NLST",
        "MLSD",
        "MLST",
        "SIZE a",
        "MDTM a",
        "MFMT 20240101000000 a",
        "AVBL",
        "HASH a",
        "XCRC a",
        "REST 5",
        "ALLO 5",
        "ABOR",
        "TYPE I",
        "MODE Z",
        "STRU F",
        "EPSV ALL",
        "PORT 10,0,0,7,8,0",
        "EPRT |1|10.0.0.7|2048|",
        "SITE CHMOD 644 a",
        "SMNT",
    ])
}

#[test]
fn no_debug_output_shows_a_password() {
    let mut host = Host::new(crate::policy());
    for line in ["USER a", "PASV", "RETR a"] {
        host.settle();
        host.line(line);
    }
    // It waits for the end of the transfer.
    let input = Input::Line(b"PASS hunter2".to_vec().into());
    assert!(!format!("{input:?}").contains("hunter2"));
    host.hear(input);
    assert!(!format!("{:?}", host.session).contains("hunter2"));

    let mut session = Session::new(crate::policy());
    session.handle(Input::Line(b"USER ask".to_vec().into()));
    session.handle(Input::Login(LoginStep::NeedPassword { text: None }));
    let effects = session.handle(Input::Line(b"PASS hunter2".to_vec().into()));
    assert!(format!("{effects:?}").contains("Login"), "{effects:?}");
    assert!(!format!("{effects:?}{session:?}").contains("hunter2"));
}

/// What makes transfers happen, so that states behind them are reached often.
fn transfer() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "USER a", "PASV", "EPSV", "RETR a", "STOR a", "STOU", "APPE a", "LIST",
    ])
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => transfer().prop_map(|line| line.as_bytes().to_vec()),
        6 => verb().prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (verb(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(line, more)| [line.as_bytes(), &more].concat()),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => line().prop_map(Step::Line),
        1 => Just(Step::TooLong),
        10 => prop::bool::weighted(0.8).prop_map(|well| Step::Answer { well }),
        2 => any::<u8>().prop_map(Step::Unasked),
    ];
    prop::collection::vec(step, 0..STEPS)
}

fn policies() -> impl Strategy<Value = Policy> {
    let tls = prop::sample::select(vec![
        ControlTls::Off,
        ControlTls::Explicit,
        ControlTls::Required,
        ControlTls::Implicit,
    ]);
    let data = prop::sample::select(vec![DataTls::Allow, DataTls::Required]);
    (tls, data, any::<bool>()).prop_map(|(control_tls, data_tls, ccc)| Policy {
        control_tls,
        data_tls,
        clear_command_channel: ccc,
        ..crate::policy()
    })
}

/// An input that answers nothing; it is harmless where nothing of its kind is owed.
fn unasked(host: &Host, choice: u8) -> Option<Input> {
    let owes = |wanted: fn(&Owed) -> bool| host.owed.iter().any(wanted);
    match choice % 4 {
        0 if !owes(|owed| matches!(owed, Owed::Secured)) => Some(Input::Secured),
        1 if !owes(|owed| matches!(owed, Owed::Progress)) => Some(Input::Progress(9)),
        2 if !owes(|owed| matches!(owed, Owed::Finished)) => {
            Some(Input::Finished(Ok(Default::default())))
        }
        3 => Some(Input::StillCommitting),
        _ => None,
    }
}

/// Plays `steps`; gives the host and how many final replies there must be in the end.
fn play(policy: Policy, steps: Vec<Step>) -> (Host, usize) {
    let mut host = Host::new(policy);
    // The greeting is the first.
    let mut expected = 1;
    for step in steps {
        let handshakes = host.handshakes;
        match step {
            Step::Line(line) if host.session.wants_line() => {
                expected += 1;
                host.hear(Input::Line(line.into()));
            }
            Step::TooLong if host.session.wants_line() => {
                expected += 1;
                host.hear(Input::LineTooLong);
            }
            Step::Answer { well } => host.answer(well),
            Step::Unasked(choice) => {
                if let Some(input) = unasked(&host, choice) {
                    host.hear(input);
                }
            }
            Step::Line(_) | Step::TooLong => {}
        }
        if host.handshakes > handshakes {
            // What waited behind AUTH was thrown away.
            expected = host.final_replies().len();
        }
        assert!(host.final_replies().len() <= expected);
        assert!(host.owed.len() <= 2, "{:?}", host.owed);
    }
    (host, expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn every_line_gets_one_final_reply(policy in policies(), steps in steps()) {
        let (mut host, mut expected) = play(policy, steps);
        while !host.owed.is_empty() {
            let handshakes = host.handshakes;
            host.answer(true);
            if host.handshakes > handshakes {
                expected = host.final_replies().len();
            }
        }
        if host.closed {
            // What waited behind the command that closed got no reply.
            prop_assert!(host.final_replies().len() <= expected);
        } else {
            prop_assert_eq!(host.final_replies().len(), expected);
            prop_assert!(host.session.wants_line());
        }
    }

    /// The lines are numbered by what they ask for, so that a reply in the wrong place shows.
    #[test]
    fn replies_keep_the_order_of_the_lines(
        choices in prop::collection::vec((0u8..8, any::<bool>()), 0..STEPS),
    ) {
        let mut host = Host::new(crate::policy());
        host.line("USER a");
        host.settle();
        let mut numbered = VecDeque::new();
        for (number, (choice, well)) in choices.into_iter().enumerate() {
            let line = match choice {
                0 => "PASV".to_owned(),
                1 => "RETR a".to_owned(),
                2 => "ABOR".to_owned(),
                3 => "DELE a".to_owned(),
                4 | 5 => {
                    host.answer(well);
                    continue;
                }
                _ => format!("REST {number}"),
            };
            if !host.session.wants_line() {
                continue;
            }
            numbered.push_back(line.strip_prefix("REST ").map(str::to_owned));
            host.line(&line);
        }
        host.settle();
        let replies = host.final_replies();
        prop_assert_eq!(replies.len(), numbered.len() + 2);
        for (reply, number) in replies.iter().skip(2).zip(numbered) {
            match number {
                Some(number) => {
                    let text = format!("350 The next transfer starts at {number}\r\n");
                    prop_assert_eq!(reply.to_string(), text);
                }
                None => prop_assert!(reply.code() != 350),
            }
        }
    }

    #[test]
    fn the_host_can_end_it_at_any_time(policy in policies(), steps in steps()) {
        let (mut host, _) = play(policy, steps);
        if !host.closed {
            host.hear(Input::End(EndReason::ShuttingDown));
            prop_assert_eq!(host.replies.last().map(|reply| reply.code()), Some(421));
            prop_assert!(host.closed && !host.session.wants_line());
        }
    }
}
