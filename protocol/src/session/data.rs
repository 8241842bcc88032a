//! PASV, EPSV, PORT and EPRT: where the next data connection comes from or goes to.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};

use super::State;
use super::context::Context;
use crate::address::{extended_passive_text, passive_text};
use crate::command::ExtendedPassive;
use crate::effect::{Effect, Effects, Family};
use crate::failure::Failure;
use crate::reply::{Code, Reply, Situation};

/// Ports below are other servers': a client that names one means a bounce (RFC 2577 section 3).
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// The data connection of the next transfer.
#[derive(Debug, Default)]
pub(super) struct DataConnection {
    /// PASV, EPSV, PORT or EPRT came, and no transfer since.
    pub(super) agreed: bool,
    /// EPSV ALL came: nothing but EPSV from now on (RFC 2428 section 4).
    only_extended_passive: bool,
}

/// The form of the answer that a passive listener gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passive {
    /// PASV
    Plain,
    /// EPSV
    Extended,
}

impl Context {
    pub(super) fn pasv(&mut self, effects: &mut Effects) -> State {
        if self.refuses_data_connection(effects) {
            return State::Ready;
        }
        if self.policy.family == Family::V6 {
            effects.reply(Code::NoDataConnection, "PASV knows no IPv6, use EPSV");
            return State::Ready;
        }
        self.listen(Passive::Plain, None, effects)
    }

    pub(super) fn epsv(&mut self, argument: ExtendedPassive, effects: &mut Effects) -> State {
        if argument == ExtendedPassive::All {
            self.data.only_extended_passive = true;
            effects.reply(Code::Okay, "Only EPSV from now on");
            return State::Ready;
        }
        if self.refuses_clear_data(effects) {
            return State::Ready;
        }
        match argument {
            ExtendedPassive::Family(family) if family != self.policy.family => {
                effects.push(Effect::Reply(self.wrong_family()));
                State::Ready
            }
            ExtendedPassive::Family(family) => {
                self.listen(Passive::Extended, Some(family), effects)
            }
            ExtendedPassive::Default | ExtendedPassive::All => {
                self.listen(Passive::Extended, None, effects)
            }
        }
    }

    /// The address of a listener for the client, or why there is none.
    pub(super) fn listening(
        &mut self,
        passive: Passive,
        result: Result<SocketAddr, Failure>,
        effects: &mut Effects,
    ) -> State {
        let address = match result {
            Ok(address) => address,
            Err(failure) => {
                let situation = match passive {
                    Passive::Extended => Situation::ExtendedPassive,
                    Passive::Plain => Situation::Ordinary,
                };
                effects.push(Effect::Reply(Reply::refusing(failure, situation)));
                return State::Ready;
            }
        };
        let port = address.port();
        match (passive, address.ip().to_canonical()) {
            (Passive::Extended, _) => {
                self.data.agreed = true;
                let text = extended_passive_text(port);
                effects.reply(Code::ExtendedPassive, text);
            }
            (Passive::Plain, IpAddr::V4(ip)) => {
                self.data.agreed = true;
                let text = passive_text(SocketAddrV4::new(ip, port));
                effects.reply(Code::Passive, text);
            }
            (Passive::Plain, IpAddr::V6(_)) => {
                effects.push(Effect::ForgetDataConnection);
                effects.reply(Code::NoDataConnection, "PASV knows no IPv6, use EPSV");
            }
        }
        State::Ready
    }

    pub(super) fn eprt(&mut self, address: SocketAddr, effects: &mut Effects) -> State {
        let family = match address.ip().to_canonical() {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        if family != self.policy.family {
            effects.push(Effect::Reply(self.wrong_family()));
            return State::Ready;
        }
        self.active(address, effects)
    }

    /// PORT, and EPRT of the right family.
    pub(super) fn active(&mut self, address: SocketAddr, effects: &mut Effects) -> State {
        if self.refuses_data_connection(effects) {
            return State::Ready;
        }
        let (ip, port) = (address.ip().to_canonical(), address.port());
        if !self.policy.active_mode {
            effects.reply(Code::NotImplemented, "Active mode is off, use PASV or EPSV");
        } else if ip != self.policy.peer.to_canonical() {
            effects.reply(
                Code::ArgumentError,
                "Data connections go to your own address only",
            );
        } else if port < FIRST_UNPRIVILEGED_PORT {
            effects.reply(
                Code::ArgumentError,
                "Data connections go to ports from 1024 on only",
            );
        } else {
            self.data.agreed = true;
            effects.push(Effect::Connect(SocketAddr::new(ip, port)));
            effects.reply(Code::Okay, "Address noted");
        }
        State::Ready
    }

    /// 522 with the family that would do (RFC 2428 section 3).
    pub(super) fn wrong_family(&self) -> Reply {
        let usable = match self.policy.family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        let text = format!("Network protocol not supported, use ({usable})");
        Reply::new(Code::ProtocolRefused, text)
    }

    pub(super) fn forget_data_connection(&mut self, effects: &mut Effects) {
        if self.data.agreed {
            self.data.agreed = false;
            effects.push(Effect::ForgetDataConnection);
        }
    }

    fn listen(&mut self, passive: Passive, family: Option<Family>, effects: &mut Effects) -> State {
        // The listener takes the place of whatever was agreed before.
        self.data.agreed = false;
        effects.push(Effect::Listen {
            extended: passive == Passive::Extended,
            family,
        });
        State::Listening(passive)
    }

    fn refuses_data_connection(&self, effects: &mut Effects) -> bool {
        if self.data.only_extended_passive {
            effects.reply(
                Code::ArgumentError,
                "EPSV ALL came before, only EPSV is left",
            );
            return true;
        }
        self.refuses_clear_data(effects)
    }
}
