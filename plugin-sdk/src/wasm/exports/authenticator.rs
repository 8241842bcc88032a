//! Logins.

use crate::export::{self, Instance};
use crate::wasm::bindings::authenticator::exports::wharf::plugin::authenticator as login;
use crate::wasm::bindings::types;
use crate::{Authenticator, Credential, Failure, Password, Prompt, Session, Step};

impl<I: Instance<Plugin: Authenticator>> login::Guest for I {
    fn begin(client: &types::Session, user: String) -> Result<login::Step, types::Failure> {
        let step = export::call::<I, _, Failure>(|plugin| plugin.begin(&Session(client), &user))?;
        Ok(step.into())
    }

    fn answer(
        client: &types::Session,
        user: String,
        given: login::Credential,
        continuation: Vec<u8>,
    ) -> Result<login::Step, types::Failure> {
        let given = match given {
            login::Credential::Password(secret) => Credential::Password(Password::new(secret)),
            login::Credential::Account(secret) => Credential::Account(Password::new(secret)),
            login::Credential::Other((kind, value)) => Credential::Other(kind, value),
        };
        let step = export::call::<I, _, Failure>(|plugin| {
            plugin.answer(&Session(client), &user, given, &continuation)
        })?;
        Ok(step.into())
    }
}

impl From<Step> for login::Step {
    fn from(step: Step) -> Self {
        match step {
            Step::Grant(grant) => Self::Grant(grant.0),
            Step::Ask(prompt) => Self::Ask(prompt.into()),
            Step::Deny(denial) => Self::Deny(denial.into()),
            Step::Pass => Self::Pass,
        }
    }
}

impl From<Prompt> for login::Prompt {
    fn from(
        Prompt {
            account,
            text,
            continuation,
        }: Prompt,
    ) -> Self {
        let kind = if account {
            login::PromptKind::Account
        } else {
            login::PromptKind::Password
        };
        Self {
            kind,
            text,
            continuation,
        }
    }
}
