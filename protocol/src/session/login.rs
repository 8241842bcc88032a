//! USER, PASS, ACCT and REIN: who is logged in.

use super::State;
use super::context::Context;
use crate::effect::{Credential, Effect, Effects, LoginDenial, LoginStep};
use crate::failure::Failure;
use crate::path::VirtualPath;
use crate::reply::{Code, Reply, Situation};
use crate::secret::Secret;

/// How far the login is.
#[derive(Debug)]
pub(super) enum Login {
    /// Nobody has said who they are.
    Nobody,
    /// A user was named and a password is wanted.
    PasswordWanted,
    /// An account is wanted.
    AccountWanted,
    /// Somebody is logged in.
    User {
        /// Where they are.
        directory: VirtualPath,
    },
}

impl Login {
    pub(super) fn is_user(&self) -> bool {
        matches!(self, Self::User { .. })
    }

    /// The current directory; the root as long as nobody is logged in.
    pub(super) fn directory(&self) -> &VirtualPath {
        static ROOT: std::sync::LazyLock<VirtualPath> = std::sync::LazyLock::new(VirtualPath::root);
        match self {
            Self::User { directory } => directory,
            Self::Nobody | Self::PasswordWanted | Self::AccountWanted => &ROOT,
        }
    }
}

impl Context {
    /// USER begins a new login, also in the middle of one and after one.
    pub(super) fn user(&mut self, name: String, effects: &mut Effects) -> State {
        // Asked here too: after CCC, somebody may be logged in on a connection in clear.
        if self.refuses_clear_login(effects) {
            return State::Ready;
        }
        self.log_out(effects);
        self.forget_data_connection(effects);
        effects.push(Effect::Login(Credential::User(name)));
        State::Authenticating
    }

    pub(super) fn pass(&mut self, password: Secret, effects: &mut Effects) -> State {
        match self.login {
            Login::PasswordWanted => {
                effects.push(Effect::Login(Credential::Password(password)));
                return State::Authenticating;
            }
            Login::AccountWanted => effects.reply(Code::BadSequence, "ACCT is wanted now"),
            Login::Nobody => effects.reply(Code::BadSequence, "USER is needed first"),
            Login::User { .. } => effects.reply(Code::Superfluous, "Already logged in"),
        }
        State::Ready
    }

    pub(super) fn acct(&mut self, account: Secret, effects: &mut Effects) -> State {
        match self.login {
            Login::AccountWanted => {
                effects.push(Effect::Login(Credential::Account(account)));
                return State::Authenticating;
            }
            Login::PasswordWanted => effects.reply(Code::BadSequence, "PASS is wanted now"),
            Login::Nobody => effects.reply(Code::BadSequence, "USER is needed first"),
            Login::User { .. } => effects.reply(Code::Superfluous, "No account is needed"),
        }
        State::Ready
    }

    pub(super) fn rein(&mut self, effects: &mut Effects) -> State {
        self.forget(effects);
        self.forget_protection();
        effects.reply(Code::Ready, "Ready for a new user");
        State::Ready
    }

    /// What the authenticator made of a credential.
    pub(super) fn logged_in(&mut self, step: LoginStep, effects: &mut Effects) -> State {
        self.login = Login::Nobody;
        let (reply, close) = match step {
            LoginStep::Granted {
                home,
                welcome,
                modification_times,
            } => {
                self.modification_times = modification_times;
                self.login = Login::User { directory: home };
                // 230 also where USER sufficed: the library of rclone takes 232 for a failure.
                (Reply::foreign(Code::LoggedIn, welcome, "Logged in"), false)
            }
            LoginStep::NeedPassword { text } => {
                self.login = Login::PasswordWanted;
                (
                    Reply::foreign(Code::PasswordWanted, text, "Password, please"),
                    false,
                )
            }
            LoginStep::NeedAccount { text } => {
                self.login = Login::AccountWanted;
                (
                    Reply::foreign(Code::AccountWanted, text, "Account, please"),
                    false,
                )
            }
            LoginStep::Denied {
                reason,
                text,
                close,
            } => (denied(reason, text), close),
            LoginStep::Undecided => (Reply::refusing(Failure::Undecided, Situation::Login), true),
            LoginStep::TooMany { text } => (
                Reply::refusing(Failure::TooMany { text }, Situation::Login),
                true,
            ),
        };
        effects.push(Effect::Reply(reply));
        if close {
            effects.push(Effect::Close);
            return State::Closing;
        }
        State::Ready
    }

    pub(super) fn log_out(&mut self, effects: &mut Effects) {
        if self.login.is_user() {
            effects.push(Effect::Logout);
        }
        self.login = Login::Nobody;
        self.modification_times = self.policy.modification_times;
    }
}

fn denied(reason: LoginDenial, text: Option<String>) -> Reply {
    match reason {
        LoginDenial::Credentials | LoginDenial::Other => {
            Reply::foreign(Code::NotLoggedIn, text, "Login incorrect")
        }
        LoginDenial::NeedsTls => {
            Reply::foreign(Code::PolicyDenied, text, "TLS required, use AUTH TLS first")
        }
    }
}
