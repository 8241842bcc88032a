//! The host's calls, handed to the plugin as plain types.

use super::bindings::authenticator::exports::wharf::plugin::authenticator as login;
use super::bindings::lifecycle::exports::wharf::plugin::lifecycle;
use super::bindings::types;
use crate::export::{self, Instance};
use crate::{
    Authenticator, Credential, Denial, DenialReason, Failure, Lifecycle, Password, Problem, Prompt,
    Session, Step,
};

impl<I: Instance> lifecycle::Guest for I {
    fn validate() -> Vec<lifecycle::Problem> {
        export::log_panics();
        let (problems, fatal) = match I::Plugin::start() {
            Ok(plugin) => (plugin.warnings(), false),
            Err(problems) => (problems, true),
        };
        let problem = |Problem { key, message }| lifecycle::Problem {
            key,
            message,
            fatal,
        };
        problems.into_iter().map(problem).collect()
    }

    fn start() -> Result<(), String> {
        export::call::<I, ()>(|_| Ok(())).map_err(|failure| failure.to_string())
    }
}

impl<I: Instance<Plugin: Authenticator>> login::Guest for I {
    fn begin(client: &types::Session, user: String) -> Result<login::Step, types::Failure> {
        let step = export::call::<I, _>(|plugin| plugin.begin(&Session(client), &user))?;
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
        let step = export::call::<I, _>(|plugin| {
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

impl From<Denial> for types::Denial {
    fn from(
        Denial {
            reason,
            text,
            detail,
        }: Denial,
    ) -> Self {
        Self {
            reason: reason.into(),
            text,
            detail,
        }
    }
}

impl From<DenialReason> for types::DenialReason {
    fn from(reason: DenialReason) -> Self {
        match reason {
            DenialReason::Credentials => Self::Credentials,
            DenialReason::AccountDisabled => Self::AccountDisabled,
            DenialReason::AccountExpired => Self::AccountExpired,
            DenialReason::Address => Self::Address,
            DenialReason::NeedsTls => Self::NeedsTls,
            DenialReason::NeedsCertificate => Self::NeedsCertificate,
            DenialReason::TooManySessions => Self::TooManySessions,
            DenialReason::Permission => Self::Permission,
            DenialReason::NotFound => Self::NotFound,
            DenialReason::NameNotAllowed => Self::NameNotAllowed,
            DenialReason::Quota => Self::Quota,
            DenialReason::TooLarge => Self::TooLarge,
            DenialReason::ContentRejected => Self::ContentRejected,
            DenialReason::Policy => Self::Policy,
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(why) => Self::Unavailable(why),
            Failure::TimedOut(why) => Self::TimedOut(why),
            Failure::Misconfigured(why) => Self::Misconfigured(why),
            Failure::Internal(why) => Self::Internal(why),
        }
    }
}
