//! What survives from command to command.

use super::State;
use super::data::DataConnection;
use super::files::Awaited;
use super::login::Login;
use super::parameters::Parameters;
use super::policy::Policy;
use super::security::Channel;
use crate::effect::{Effect, Effects, Operation};
use crate::path::{PathArgument, PathError, VirtualPath};
use crate::reply::{Code, Reply};

/// The parts of a session that outlive its states.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) policy: Policy,
    pub(super) channel: Channel,
    pub(super) login: Login,
    /// Storage keeps modification times, as far as the user sees it.
    pub(super) modification_times: bool,
    pub(super) parameters: Parameters,
    pub(super) data: DataConnection,
    /// Lines in a row that were no command.
    pub(super) strange_lines: u8,
}

impl Context {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            channel: Channel::new(policy.control_tls),
            modification_times: policy.modification_times,
            policy,
            login: Login::Nobody,
            parameters: Parameters::default(),
            data: DataConnection::default(),
            strange_lines: 0,
        }
    }

    pub(super) fn greeting(&self) -> Effects {
        let mut effects = Effects::default();
        let text = Some(self.policy.greeting.clone());
        effects.push(Effect::Reply(Reply::foreign(Code::Ready, text, "")));
        effects
    }

    /// Forgets who is logged in and what was agreed with them; TLS stays as it is.
    pub(super) fn forget(&mut self, effects: &mut Effects) {
        self.log_out(effects);
        self.forget_data_connection(effects);
        self.parameters = Parameters::default();
        self.data = DataConnection::default();
    }

    /// The absolute path that `argument` means here.
    pub(super) fn resolve(&self, argument: &PathArgument) -> Result<VirtualPath, PathError> {
        self.login.directory().join(argument)
    }

    /// The path that an optional argument means; without one, the current directory.
    pub(super) fn resolve_or_here(
        &self,
        argument: Option<&PathArgument>,
    ) -> Result<VirtualPath, PathError> {
        argument.map_or_else(
            || Ok(self.login.directory().clone()),
            |path| self.resolve(path),
        )
    }
}

/// Asks storage for `operation` and waits for what came of it.
pub(super) fn perform(operation: Operation, awaited: Awaited, effects: &mut Effects) -> State {
    effects.push(Effect::Perform(operation));
    State::Performing(awaited)
}
