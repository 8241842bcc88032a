//! Every transcript of `transcripts/`, played against a session.
//!
//! A file holds conversations. Each begins with `== title`, then `policy` lines that differ from
//! [`crate::policy`]. `C:` is what the client sends, `S:` what the server replies, `>` what the
//! host has to do, `<` what the host says, `?` whether a line is wanted. What the session does
//! after each `C:` or `<` must be exactly the lines that follow; `...` ends a line whose rest is
//! of no matter. `#` begins a comment.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use wharf_protocol::effect::{Effects, Family, Input};
use wharf_protocol::session::{AsciiMode, ControlTls, DataTls, Policy, Session};

use crate::{inputs, outputs};

#[test]
#[expect(clippy::disallowed_methods, reason = "the data of the test are files")]
fn transcripts_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        let conversations = text.split("\n== ").skip(1).map(|body| play(&name, body));
        failures.extend(conversations.filter_map(Result::err));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Plays one conversation; fails with what differs.
fn play(file: &str, body: &str) -> Result<(), String> {
    let mut lines = body.lines();
    let title = format!("{file}: {}", lines.next().unwrap_or_default());
    let lines: Vec<&str> = lines
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect();
    let (settings, steps) = lines.split_at(settings(&lines));
    let mut session = Session::new(policy(settings));
    let mut done = written(session.start());
    for step in steps {
        let Some((kind, rest)) = step.split_once(' ') else {
            return Err(format!("{title}: {step}"));
        };
        match kind {
            "C:" | "<" | "?" if !done.is_empty() => {
                return Err(format!("{title}: before {step:?} also {done:#?}"));
            }
            "C:" if !session.wants_line() => {
                return Err(format!("{title}: no line is wanted before {step:?}"));
            }
            "C:" => done = written(session.handle(Input::Line(bytes(rest).into()))),
            "<" => done = written(session.handle(inputs::read(rest))),
            "?" if session.wants_line() != (rest == "wants a line") => {
                return Err(format!("{title}: not so: {rest}"));
            }
            "?" => {}
            _ if done.is_empty() || !agree(step, &done[0]) => {
                return Err(format!("{title}:\n expected {step}\n     done {done:#?}"));
            }
            _ => drop(done.remove(0)),
        }
    }
    if done.is_empty() {
        Ok(())
    } else {
        Err(format!("{title}: at the end also {done:#?}"))
    }
}

fn agree(expected: &str, done: &str) -> bool {
    match expected.strip_suffix("...") {
        Some(beginning) => done.starts_with(beginning),
        None => expected == done,
    }
}

fn written(effects: Effects) -> Vec<String> {
    effects
        .into_iter()
        .flat_map(|effect| outputs::written(&effect))
        .collect()
}

/// The bytes of a line; `\xNN` is a byte.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

fn settings(lines: &[&str]) -> usize {
    lines
        .iter()
        .take_while(|line| line.starts_with("policy "))
        .count()
}

fn policy(settings: &[&str]) -> Policy {
    let mut policy = crate::policy();
    for setting in settings {
        match setting.trim_start_matches("policy ") {
            "tls off" => policy.control_tls = ControlTls::Off,
            "tls required" => policy.control_tls = ControlTls::Required,
            "tls implicit" => policy.control_tls = ControlTls::Implicit,
            "data tls required" => policy.data_tls = DataTls::Required,
            "ccc" => policy.clear_command_channel = true,
            "ascii binary" => policy.ascii = AsciiMode::Binary,
            "no active mode" => policy.active_mode = false,
            "no modification times" => policy.modification_times = false,
            "ipv6" => {
                policy.family = Family::V6;
                policy.peer = "2001:db8::7".parse().unwrap();
            }
            "greeting of two lines" => policy.greeting = "Wharf\nBe kind".to_owned(),
            other => panic!("no setting: {other}"),
        }
    }
    policy
}
