//! The `storage-guard` role: whether an operation may touch storage, and whether elsewhere.

use std::sync::Arc;

use tracing::warn;
use wasmtime::Store;
use wharf_protocol::path::VirtualPath;

use super::Plugins;
use super::action::Action;
use super::bindings::storage_guard::exports::wharf::plugin::storage_guard as wit;
use super::call::Plugin;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::instance::{InstanceState, PluginInstance};
use super::paths::MountTable;
use super::refusal::Refusal;
use super::sidecar::OnFailure;
use super::text::one_line;
use crate::sink::Location;

/// What a client is about to do.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// What.
    pub action: Action,
    /// Of a rename, the old path.
    pub path: &'a VirtualPath,
    /// Where that leads.
    pub place: Location,
    /// The new path of [`Action::RenameTarget`], and where it leads.
    pub target: Option<(&'a VirtualPath, Location)>,
    /// From ALLO, where the client told it.
    pub size_hint: Option<u64>,
    /// From REST.
    pub offset: u64,
}

impl Intent<'_> {
    /// The place that a guard may put another for: the new one of a rename.
    pub fn place(&self) -> &Location {
        self.target.as_ref().map_or(&self.place, |(_, place)| place)
    }

    /// Puts another for it.
    pub fn redirect(&mut self, place: Location) {
        match &mut self.target {
            Some((_, target)) => *target = place,
            None => self.place = place,
        }
    }

    fn to_guest(&self, existing: Option<u64>) -> wit::Intent {
        let target = self.target.as_ref();
        wit::Intent {
            what: self.action.into(),
            path: self.path.as_str().to_owned(),
            place: self.place.clone().into(),
            new_path: target.map(|(path, _)| path.as_str().to_owned()),
            new_place: target.map(|(_, place)| place.clone().into()),
            size_hint: self.size_hint,
            offset: self.offset,
            existing,
        }
    }
}

impl Plugins {
    /// What `guard` makes of `intent`: another place, where it redirects. `existing` is the size of
    /// the file that is there now.
    ///
    /// # Errors
    /// It denies; or it has no answer or redirects where it must not, unless the operator lets that
    /// stop nobody.
    pub async fn before(
        &self,
        guard: &Plugin,
        shown: &MountTable,
        session: &Arc<SessionFacts>,
        intent: &Intent<'_>,
        existing: Option<u64>,
    ) -> Result<Option<Location>, Refusal> {
        let asked = intent.to_guest(existing);
        let answer = guard.before(Arc::clone(session), asked).await;
        let place = answer.and_then(|decision| match decision {
            wit::Decision::Allow => Ok(Ok(None)),
            wit::Decision::Redirect(place) => {
                let place = self.led(guard, "before", shown, intent.action, place)?;
                Ok(Ok(Some(place)))
            }
            wit::Decision::Deny(denial) => Ok(Err(Refusal::denied(guard, &denial))),
        });
        match (place, guard.facts.on_failure) {
            (Ok(decided), _) => decided,
            (Err(cause), OnFailure::Deny) => Err(Refusal::undecided(guard, &cause)),
            (Err(cause), OnFailure::Allow) => {
                let (session, plugin) = (&session.id, guard.name());
                let cause = one_line(&cause.to_string());
                warn!(
                    session,
                    plugin, cause, "storage is touched: a plugin failed"
                );
                Ok(None)
            }
        }
    }
}

impl Plugin {
    async fn before(
        &self,
        session: Arc<SessionFacts>,
        intent: wit::Intent,
    ) -> Result<wit::Decision, CallError> {
        let decision = self.call("before", session, move |instance, client| {
            Box::pin(async move {
                if let Some(before) = &instance.direct.before {
                    return Ok(before.call(&mut instance.store, (client, intent))?.0);
                }
                let (guest, store) = guest(instance)?;
                guest.call_before(store, client, &intent).await
            })
        });
        Ok(decision.await??)
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .storage_guard
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no storage guard"))?;
    Ok((role.wharf_plugin_storage_guard(), store))
}
