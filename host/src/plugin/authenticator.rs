//! The `authenticator` role of one plugin: its answers, in the host's terms.

use std::sync::Arc;

use wasmtime::Store;
use wharf_protocol::secret::Secret;

use super::bindings::authenticator::exports::wharf::plugin::authenticator as wit;
use super::bindings::imports::wharf::plugin::types::{Denial, Failure};
use super::call::Plugin;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::imports::grants::GrantDraft;
use super::instance::{InstanceState, PluginInstance};

/// The most that a plugin may have kept between a prompt and its answer.
const MAX_CONTINUATION: usize = 4096;

/// What a plugin made of a login.
#[derive(Debug)]
pub enum Step {
    /// Let in.
    Grant(Box<GrantDraft>),
    /// One more answer is wanted.
    Ask(Prompt),
    /// Not let in.
    Deny(Denial),
    /// Not the plugin's.
    Pass,
}

/// What a plugin wants of the client.
#[derive(Debug)]
pub struct Prompt {
    /// Which answer.
    pub kind: PromptKind,
    /// Shown to the client.
    pub text: Option<String>,
    /// Handed back with the answer.
    pub continuation: Vec<u8>,
}

/// Which answer a plugin wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// PASS
    Password,
    /// ACCT
    Account,
}

/// What a client answered to a prompt.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which answer it is.
    pub kind: PromptKind,
    /// What was said.
    pub secret: Secret,
}

impl Plugin {
    /// USER.
    pub(super) async fn begin(
        &self,
        session: Arc<SessionFacts>,
        user: &str,
    ) -> Result<Step, CallError> {
        let user = user.to_owned();
        let step = self.call("begin", session, |instance, client| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                let step = guest.call_begin(&mut *store, client, &user).await?;
                in_host_terms(store, step)
            })
        });
        self.checked(step.await??)
    }

    /// PASS or ACCT.
    pub(super) async fn answer(
        &self,
        session: Arc<SessionFacts>,
        user: &str,
        given: &Answer,
        continuation: &[u8],
    ) -> Result<Step, CallError> {
        let (user, continuation) = (user.to_owned(), continuation.to_owned());
        let text = given.secret.expose().to_owned();
        let credential = match given.kind {
            PromptKind::Password => wit::Credential::Password(text),
            PromptKind::Account => wit::Credential::Account(text),
        };
        let step = self.call("answer", session, |instance, client| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                let step =
                    guest.call_answer(&mut *store, client, &user, &credential, &continuation);
                let step = step.await?;
                in_host_terms(store, step)
            })
        });
        self.checked(step.await??)
    }

    fn checked(&self, step: Step) -> Result<Step, CallError> {
        match &step {
            Step::Ask(prompt) if prompt.continuation.len() > MAX_CONTINUATION => {
                let fault = format!("its continuation is longer than {MAX_CONTINUATION} bytes");
                Err(self.nonsense("begin", fault))
            }
            _ => Ok(step),
        }
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .authenticator
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no authenticator"))?;
    Ok((role.wharf_plugin_authenticator(), store))
}

/// Takes the grant out of the instance, if there is one.
fn in_host_terms(
    store: &mut Store<InstanceState>,
    step: Result<wit::Step, Failure>,
) -> wasmtime::Result<Result<Step, Failure>> {
    let step = match step {
        Ok(step) => step,
        Err(failure) => return Ok(Err(failure)),
    };
    Ok(Ok(match step {
        wit::Step::Grant(grant) => Step::Grant(Box::new(store.data_mut().table.delete(grant)?)),
        wit::Step::Ask(wit::Prompt {
            kind,
            text,
            continuation,
        }) => {
            let kind = match kind {
                wit::PromptKind::Password => PromptKind::Password,
                wit::PromptKind::Account => PromptKind::Account,
            };
            Step::Ask(Prompt {
                kind,
                text,
                continuation,
            })
        }
        wit::Step::Deny(denial) => Step::Deny(denial),
        wit::Step::Pass => Step::Pass,
    }))
}
