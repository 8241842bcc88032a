//! AUTH, PBSZ, PROT and CCC (RFC 2228, RFC 4217): what is under TLS.

use super::State;
use super::context::Context;
use super::policy::{ControlTls, DataTls};
use crate::command::{AuthMechanism, ProtectionLevel};
use crate::effect::{Effect, Effects};
use crate::reply::Code;
use crate::transfer::Protection;

/// The control connection, with what was agreed for data connections under its protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// Never under TLS yet.
    Clear,
    /// Under TLS.
    Secured(DataSecurity),
    /// Back in clear after CCC; data connections stay as they were agreed.
    Cleared(DataSecurity),
}

/// What PBSZ and PROT agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DataSecurity {
    /// PBSZ came, which PROT needs first (RFC 2228 section 3).
    sized: bool,
    protection: Protection,
}

impl DataSecurity {
    /// After AUTH TLS: in clear until PBSZ and PROT P (RFC 4217 section 9).
    const CLEAR: Self = Self {
        sized: false,
        protection: Protection::Clear,
    };
    /// Under implicit TLS and after AUTH SSL: protected without a word.
    const PRIVATE: Self = Self {
        sized: true,
        protection: Protection::Private,
    };
}

impl Channel {
    pub(super) fn new(tls: ControlTls) -> Self {
        match tls {
            ControlTls::Implicit => Self::Secured(DataSecurity::PRIVATE),
            ControlTls::Off | ControlTls::Explicit | ControlTls::Required => Self::Clear,
        }
    }

    pub(super) fn is_secured(self) -> bool {
        matches!(self, Self::Secured(_))
    }

    /// How the next data connection is protected.
    pub(super) fn protection(self) -> Protection {
        match self {
            Self::Clear => Protection::Clear,
            Self::Secured(data) | Self::Cleared(data) => data.protection,
        }
    }
}

impl Context {
    pub(super) fn auth(&mut self, mechanism: AuthMechanism, effects: &mut Effects) -> State {
        if self.policy.control_tls == ControlTls::Off {
            effects.reply(Code::NotImplemented, "TLS is not offered here");
            return State::Ready;
        }
        if self.channel.is_secured() {
            effects.reply(Code::BadSequence, "TLS is already in use");
            return State::Ready;
        }
        self.forget(effects);
        effects.reply(Code::HandshakeFollows, "Begin the TLS handshake");
        effects.push(Effect::StartTls);
        State::Securing(match mechanism {
            AuthMechanism::Tls => DataSecurity::CLEAR,
            AuthMechanism::TlsWithData => DataSecurity::PRIVATE,
        })
    }

    pub(super) fn secured(&mut self, data: DataSecurity) -> State {
        self.channel = Channel::Secured(data);
        State::Ready
    }

    pub(super) fn pbsz(&mut self, effects: &mut Effects) -> State {
        match &mut self.channel {
            Channel::Secured(data) => {
                data.sized = true;
                effects.reply(Code::Okay, "PBSZ=0");
            }
            Channel::Clear | Channel::Cleared(_) => {
                effects.reply(Code::BadSequence, "PBSZ needs TLS, use AUTH TLS first");
            }
        }
        State::Ready
    }

    pub(super) fn prot(&mut self, level: ProtectionLevel, effects: &mut Effects) -> State {
        let required = self.policy.data_tls == DataTls::Required;
        let (code, text) = match (&mut self.channel, level) {
            (Channel::Clear | Channel::Cleared(_), _) => {
                (Code::BadSequence, "PROT needs TLS, use AUTH TLS first")
            }
            (Channel::Secured(DataSecurity { sized: false, .. }), _) => {
                (Code::BadSequence, "PROT needs PBSZ 0 first")
            }
            (_, ProtectionLevel::Safe | ProtectionLevel::Confidential) => {
                (Code::LevelUnsupported, "TLS has only the levels C and P")
            }
            (Channel::Secured(data), ProtectionLevel::Clear) => {
                // Refused too: who asks for this will not begin a handshake, and its transfers
                // are better refused than left to wait for one.
                data.protection = Protection::Clear;
                match required {
                    true => (
                        Code::PolicyDenied,
                        "Data connections must be protected, use PROT P",
                    ),
                    false => (Code::Okay, "Data connections go in clear"),
                }
            }
            (Channel::Secured(data), ProtectionLevel::Private) => {
                data.protection = Protection::Private;
                (Code::Okay, "Data connections are protected")
            }
        };
        effects.reply(code, text);
        State::Ready
    }

    pub(super) fn ccc(&mut self, effects: &mut Effects) -> State {
        match self.channel {
            Channel::Clear | Channel::Cleared(_) => {
                effects.reply(Code::ChannelProtectionDenied, "There is no TLS to end");
            }
            Channel::Secured(_) if !self.policy.clear_command_channel => {
                effects.reply(Code::PolicyDenied, "The control connection stays under TLS");
            }
            Channel::Secured(data) => {
                self.channel = Channel::Cleared(data);
                effects.reply(Code::Okay, "The control connection goes on in clear");
                effects.push(Effect::StopTls);
            }
        }
        State::Ready
    }

    /// Refuses a data connection that would go in clear against the operator's policy.
    pub(super) fn refuses_clear_data(&self, effects: &mut Effects) -> bool {
        let refused = self.policy.data_tls == DataTls::Required
            && self.channel.protection() == Protection::Clear;
        if refused {
            effects.reply(
                Code::ProtectionWanted,
                "TLS required on data connections, use PROT P",
            );
        }
        refused
    }

    /// Refuses a login in clear against the operator's policy.
    pub(super) fn refuses_clear_login(&self, effects: &mut Effects) -> bool {
        let refused = matches!(
            self.policy.control_tls,
            ControlTls::Required | ControlTls::Implicit
        ) && !self.channel.is_secured();
        if refused {
            effects.reply(Code::NotLoggedIn, "TLS required, use AUTH TLS first");
        }
        refused
    }

    /// What REIN leaves: TLS, with nothing agreed for data connections.
    pub(super) fn forget_protection(&mut self) {
        if let Channel::Secured(data) = &mut self.channel {
            *data = match self.policy.control_tls {
                ControlTls::Implicit => DataSecurity::PRIVATE,
                _ => DataSecurity::CLEAR,
            };
        }
    }
}
