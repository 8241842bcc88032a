//! FEAT, HELP, SYST, STAT without a path, NOOP, HOST, CLNT and LANG.

use super::State;
use super::context::Context;
use super::login::Login;
use super::policy::{AsciiMode, ControlTls};
use crate::command::{Offer, Verb, features, find, table};
use crate::effect::{Effect, Effects};
use crate::reply::{Code, Reply};
use crate::transfer::{Protection, Representation, TransferMode};

/// Verbs in a line of HELP: it stays under 80 columns.
const VERBS_PER_LINE: usize = 10;

impl Context {
    pub(super) fn feat(&self, effects: &mut Effects) -> State {
        let offer = Offer {
            tls: self.policy.control_tls != ControlTls::Off,
            clear_control: self.policy.clear_command_channel,
            set_modified: self.modification_times,
            facts: self.parameters.facts,
            hash: self.parameters.hash,
        };
        let reply = Reply::lines(Code::SystemStatus, "Features:", features(&offer), "End");
        effects.push(Effect::Reply(reply));
        State::Ready
    }

    pub(super) fn help(&self, about: Option<&str>, effects: &mut Effects) -> State {
        let reply = match about.map(|word| find(word.as_bytes())) {
            None => verbs(),
            Some(Some(verb)) => {
                Reply::new(Code::Help, format!("{}: {}", verb.syntax(), verb.summary))
            }
            Some(None) => Reply::new(Code::ArgumentError, "There is no such command"),
        };
        effects.push(Effect::Reply(reply));
        State::Ready
    }

    pub(super) fn site_help(&self, effects: &mut Effects) -> State {
        let site = table().iter().filter(|verb| verb.name == "SITE");
        let lines = site.flat_map(|verb| verb.arguments.split(" | "));
        effects.push(Effect::Reply(Reply::lines(
            Code::Help,
            "SITE commands:",
            lines,
            "End",
        )));
        State::Ready
    }

    /// What clients that guess at the form of listings look for.
    pub(super) fn syst(&self, effects: &mut Effects) -> State {
        effects.reply(Code::SystemType, "UNIX Type: L8");
        State::Ready
    }

    /// STAT without a path, outside a transfer.
    pub(super) fn stat(&self, effects: &mut Effects) -> State {
        let login = match &self.login {
            Login::Nobody => "Not logged in".to_owned(),
            Login::PasswordWanted | Login::AccountWanted => "Logging in".to_owned(),
            Login::User { directory } => format!("Logged in, in {directory}"),
        };
        let control = if self.channel.is_secured() {
            "TLS"
        } else {
            "clear"
        };
        let data = match self.channel.protection() {
            Protection::Clear => "clear",
            Protection::Private => "TLS",
        };
        let representation = match (self.parameters.representation, self.policy.ascii) {
            (Representation::Image, _) => "I",
            (Representation::Ascii, AsciiMode::Convert) => "A",
            (Representation::Ascii, AsciiMode::Binary) => "A, bytes as they are",
        };
        let mode = match self.parameters.mode {
            TransferMode::Stream => "S",
            TransferMode::Deflate => "Z",
        };
        let lines = [
            format!("Connected from {}", self.policy.peer),
            login,
            format!("Control connection: {control}, data connections: {data}"),
            format!("TYPE {representation}; STRU F; MODE {mode}"),
            "No transfer under way".to_owned(),
        ];
        let reply = Reply::lines(Code::SystemStatus, "Status of the session", lines, "End");
        effects.push(Effect::Reply(reply));
        State::Ready
    }

    pub(super) fn noop(&self, effects: &mut Effects) -> State {
        effects.reply(Code::Okay, "Okay");
        State::Ready
    }

    /// One host answers to every name (RFC 7151 section 3.1: only before USER).
    pub(super) fn host(&self, effects: &mut Effects) -> State {
        match self.login {
            Login::Nobody => effects.reply(Code::Ready, "Ready for that host"),
            _ => effects.reply(Code::BadSequence, "HOST comes before USER"),
        }
        State::Ready
    }

    pub(super) fn clnt(&self, effects: &mut Effects) -> State {
        effects.reply(Code::Okay, "Noted");
        State::Ready
    }

    /// RFC 2640 section 4.1: English is what there is, with any subtag.
    pub(super) fn lang(&self, tag: Option<&str>, effects: &mut Effects) -> State {
        let primary = tag.map(|tag| tag.split('-').next().unwrap_or_default());
        match primary {
            None => effects.reply(Code::Okay, "Replies are in English"),
            Some(primary) if primary.eq_ignore_ascii_case("en") => {
                effects.reply(Code::Okay, "Replies are in English");
            }
            Some(_) => effects.reply(Code::ParameterNotImplemented, "Only English is spoken"),
        }
        State::Ready
    }
}

fn verbs() -> Reply {
    let known: Vec<&Verb> = table()
        .iter()
        .filter(|verb| verb.is_implemented())
        .collect();
    let lines = known.chunks(VERBS_PER_LINE).map(|chunk| {
        let names: Vec<&str> = chunk.iter().map(|verb| verb.name).collect();
        names.join(" ")
    });
    Reply::lines(
        Code::Help,
        "Commands:",
        lines,
        "HELP and a command tells more",
    )
}
