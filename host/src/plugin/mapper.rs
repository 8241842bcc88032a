//! The `path-mapper` role: what a session sees where, and where a path leads below a dynamic mount.
//!
//! A mapper that fails stops the login, or the command: nobody can tell what he would have seen.

use std::sync::Arc;

use wasmtime::Store;
use wharf_protocol::path::VirtualPath;

use super::Plugins;
use super::action::Action;
use super::bindings::imports::wharf::plugin::types;
use super::bindings::path_mapper::exports::wharf::plugin::path_mapper as wit;
use super::call::Plugin;
use super::facts::SessionFacts;
use super::fault::CallError;
use super::imports::grants;
use super::instance::{InstanceState, PluginInstance};
use super::paths::{self, MAX_MOUNTS, Mount, MountTable};
use super::refusal::Refusal;
use super::role::Role;
use crate::identity::Identity;
use crate::sink::Location;

impl Plugins {
    /// Everything that `identity` sees: what the grant shows, and what each mapper adds over it.
    ///
    /// # Errors
    /// A mapper has no answer, or leads where it must not.
    pub async fn mounts(
        &self,
        identity: &Identity,
        session: &Arc<SessionFacts>,
    ) -> Result<MountTable, Refusal> {
        let granted = MountTable::new(identity, Vec::new(), self.generation());
        let mappers = self.of(Role::PathMapper);
        if mappers.is_empty() {
            return Ok(granted);
        }
        let mut mapped = Vec::new();
        for mapper in mappers {
            let answer = mapper.mounts(Arc::clone(session)).await;
            let mounts = answer.and_then(|answer| {
                let mounts = answer
                    .into_iter()
                    .map(|it| self.mount(mapper, &granted, it));
                let mounts = mounts.collect::<Result<Vec<_>, _>>();
                mounts.map_err(|fault| mapper.at_fault("mounts", fault))
            });
            mapped.extend(mounts.map_err(|cause| Refusal::undecided(mapper, &cause))?);
        }
        Ok(MountTable::new(identity, mapped, self.generation()))
    }

    /// Where `path` leads, which a dynamic mount shows; `None` where every mapper leaves it to the
    /// mount. The first one that does not is right.
    ///
    /// # Errors
    /// A mapper denies, has no answer, or leads where it must not.
    pub async fn locate(
        &self,
        shown: &MountTable,
        session: &Arc<SessionFacts>,
        action: Action,
        path: &VirtualPath,
    ) -> Result<Option<Location>, Refusal> {
        for mapper in self.of(Role::PathMapper) {
            let answer = mapper.locate(Arc::clone(session), action, path).await;
            let failed = |cause| Refusal::undecided(mapper, &cause);
            match answer.map_err(failed)? {
                wit::Resolution::Pass => {}
                wit::Resolution::Deny(denial) => return Err(Refusal::denied(mapper, &denial)),
                wit::Resolution::At(place) => {
                    let place = self.led(mapper, "locate", shown, action, place);
                    return place.map(Some).map_err(failed);
                }
            }
        }
        Ok(None)
    }

    /// The place that `plugin` leads to for `action` in its answer of `function`, if it may.
    ///
    /// # Errors
    /// It may not, or there is no such place: a failure of the plugin.
    pub(super) fn led(
        &self,
        plugin: &Plugin,
        function: &str,
        shown: &MountTable,
        action: Action,
        place: types::Location,
    ) -> Result<Location, CallError> {
        let allow = &plugin.facts.allow;
        let place = self.known(place).and_then(|place| {
            match paths::may_lead(shown, allow, &place, action.permission()) {
                true => Ok(place),
                false => Err(astray(&place)),
            }
        });
        place.map_err(|fault| plugin.at_fault(function, fault))
    }

    /// The place, if there is one of that form.
    fn known(&self, place: types::Location) -> Result<Location, CallError> {
        let place = paths::location(place).map_err(CallError::Nonsense)?;
        match self.sinks.iter().any(|sink| **sink == *place.sink) {
            true => Ok(place),
            false => Err(CallError::Nonsense(format!(
                "there is no sink {:?}",
                place.sink
            ))),
        }
    }

    fn mount(
        &self,
        mapper: &Plugin,
        granted: &MountTable,
        mount: wit::Mount,
    ) -> Result<Mount, CallError> {
        let directory = VirtualPath::parse(&mount.directory).map_err(|error| {
            CallError::Nonsense(format!("its mount {:?}: {error}", mount.directory))
        })?;
        let target = self.known(mount.target)?;
        let reach = paths::reach(granted, &mapper.facts.allow, &target);
        if reach.is_empty() {
            return Err(astray(&target));
        }
        Ok(Mount {
            directory,
            target,
            allow: grants::operations(mount.allow).within(reach),
            dynamic: mount.dynamic,
        })
    }
}

fn astray(place: &Location) -> CallError {
    CallError::Nonsense(format!(
        "it leads to {place}, which neither the grant shows nor `[allow] sinks` names for this"
    ))
}

impl Plugin {
    async fn mounts(&self, session: Arc<SessionFacts>) -> Result<Vec<wit::Mount>, CallError> {
        let mounts = self.call("mounts", session, |instance, client| {
            Box::pin(async move {
                let (guest, store) = guest(instance)?;
                guest.call_mounts(store, client).await
            })
        });
        let mounts = mounts.await??;
        match mounts.len() <= MAX_MOUNTS {
            true => Ok(mounts),
            false => Err(CallError::Nonsense(format!(
                "it has more than {MAX_MOUNTS} mounts"
            ))),
        }
    }

    async fn locate(
        &self,
        session: Arc<SessionFacts>,
        action: Action,
        path: &VirtualPath,
    ) -> Result<wit::Resolution, CallError> {
        let path = path.as_str().to_owned();
        let resolution = self.call("locate", session, move |instance, client| {
            Box::pin(async move {
                if let Some(locate) = &instance.direct.locate {
                    let question = (client, action.into(), path);
                    return Ok(locate.call(&mut instance.store, question)?.0);
                }
                let (guest, store) = guest(instance)?;
                guest.call_locate(store, client, action.into(), &path).await
            })
        });
        Ok(resolution.await??)
    }
}

fn guest(
    instance: &mut PluginInstance,
) -> wasmtime::Result<(&wit::Guest, &mut Store<InstanceState>)> {
    let PluginInstance { exports, store, .. } = instance;
    let role = exports
        .path_mapper
        .as_ref()
        .ok_or_else(|| wasmtime::format_err!("no path mapper"))?;
    Ok((role.wharf_plugin_path_mapper(), store))
}
