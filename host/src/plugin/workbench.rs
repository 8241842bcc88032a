//! Plugins tried without a server: one function is called with values that a person writes.

pub mod case;
mod content;
mod grant;
mod held;
mod session;
mod value;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::{Value as Json, json};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    ComponentExportIndex, Func, Resource, ResourceAny, ResourceType, Type, Val,
};

use self::case::Case;
use self::session::SessionInput;
use self::value::ValueError;
use super::call::{Plugin, stopped};
use super::fault::CallError;
use super::imports::grants::GrantDraft;
use super::imports::http::Network;
use super::imports::session::SessionView;
use super::imports::staging::Staged;
use super::instance::{PluginInstance, metered};
use super::limits::thread_cpu_ns;
use super::load::{Candidate, LoadCause, PluginRuntime, Warning};
use super::services::Services;
use super::sidecar::Sidecar;
use super::state_store::StateError;
use super::{SessionFacts, role};

/// The world of a case: what servers answer it, and what its plugin's state holds.
///
/// # Errors
/// The state cannot be kept.
pub async fn world_of(case: &Case, plugin: &str) -> Result<Services, StateError> {
    let services = Services::in_trial().with_network(Network::canned(&case.http));
    services.remember(plugin, &case.state).await?;
    Ok(services)
}

/// How the call is named where one goes wrong.
const CALL: &str = "the call";

/// Why a call could not be tried, or has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It exports no such function.
    #[error("there is no function `{asked}`; it has {}", known.join(", "))]
    Function {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The values do not fit the function.
    #[error("the input is not right: {0}")]
    Input(ValueError),
    /// The plugin gave no answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

// By hand: a source would be told twice.
impl From<ValueError> for TrialError {
    fn from(error: ValueError) -> Self {
        Self::Input(error)
    }
}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it returned.
    pub result: Json,
    /// How long it took.
    pub elapsed: Duration,
    /// What it spent on the CPU clock of the calling thread.
    pub cpu: Duration,
}

/// A plugin that was loaded as the host loads it.
pub struct Workbench {
    plugin: Plugin,
}

/// One function of one instance.
pub struct Trial<'w> {
    plugin: &'w Plugin,
    instance: PluginInstance,
    /// The interface that the function is of.
    interface: ComponentExportIndex,
    function: Func,
    ty: ComponentFunc,
}

impl Workbench {
    /// Loads the plugin in `file`.
    ///
    /// # Errors
    /// Why the host would not take it.
    pub async fn open(
        runtime: &PluginRuntime,
        name: &str,
        file: &Path,
        sidecar: Sidecar,
    ) -> Result<(Self, Vec<Warning>), LoadCause> {
        Self::of(runtime, Candidate::read(name, file, sidecar, 1)?).await
    }

    /// Loads the plugin that `candidate` is to become.
    ///
    /// # Errors
    /// The same.
    pub async fn of(
        runtime: &PluginRuntime,
        candidate: Candidate,
    ) -> Result<(Self, Vec<Warning>), LoadCause> {
        let (plugin, warnings) = runtime.load(candidate).await?;
        Ok((Self { plugin }, warnings))
    }

    /// What one instance uses before its first call, in bytes.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn memory_at_start(&self) -> Result<usize, TrialError> {
        let started = self.plugin.within_deadline("start", self.plugin.started());
        Ok(started.await?.memory_at_start)
    }

    /// The functions of our contract that it exports, such as `authenticator.begin`.
    pub fn functions(&self) -> Vec<String> {
        let engine = self.plugin.engine.wasmtime();
        let component = self.plugin.component.component();
        let mut functions = Vec::new();
        for (name, item) in component.component_type().exports(engine) {
            let interface = role::interface(name);
            let ComponentItem::ComponentInstance(exports) = item.ty else {
                continue;
            };
            for (function, item) in exports.exports(engine) {
                let is_function = matches!(item.ty, ComponentItem::ComponentFunc(_));
                // What begins like this belongs to a resource that the plugin would have to give.
                if is_function && !function.starts_with('[') {
                    functions.extend(interface.map(|name| format!("{name}.{function}")));
                }
            }
        }
        functions
    }

    /// An instance that can be asked `function`.
    ///
    /// # Errors
    /// It has no such function, or cannot be started.
    pub async fn trial(&self, function: &str) -> Result<Trial<'_>, TrialError> {
        let known = self.functions();
        let unknown = || TrialError::Function {
            asked: function.to_owned(),
            known: known.clone(),
        };
        if !known.iter().any(|known| known == function) {
            return Err(unknown());
        }
        let (interface, name) = function.split_once('.').ok_or_else(unknown)?;
        let exports = self.plugin.surface.exports.iter();
        let mut exports = exports.filter(|export| role::interface(export) == Some(interface));
        let export = exports.next().ok_or_else(unknown)?;
        let started = self.plugin.within_deadline("start", self.plugin.started());
        let mut instance = started.await?;
        let (exported, store) = (instance.instance, &mut instance.store);
        let within = exported.get_export_index(&mut *store, None, export);
        let within = within.ok_or_else(unknown)?;
        let index = exported.get_export_index(&mut *store, Some(&within), name);
        let found = index.and_then(|index| exported.get_func(&mut *store, index));
        let found = found.ok_or_else(unknown)?;
        Ok(Trial {
            plugin: &self.plugin,
            interface: within,
            ty: found.ty(&instance.store),
            function: found,
            instance,
        })
    }
}

impl Trial<'_> {
    /// Calls the function with what `input` says: an object of its parameters, and of the `session`
    /// where it is about one.
    ///
    /// # Errors
    /// The values do not fit, or there is no answer; then the instance is of no use any more.
    pub async fn call(&mut self, input: &Json) -> Result<Answer, TrialError> {
        let facts = self.facts(input)?;
        // What it lends is for typed calls; here the engine keeps track of it.
        let _ = self.instance.lend(facts);
        if let Some(content) = input.get("content") {
            let upload = content::lent(value::read_bytes(content, "content")?);
            // As with the session.
            let _ = self.instance.lend_upload(upload);
        }
        let (values, lent) = self.values(input)?;
        let (began, cpu) = (Instant::now(), thread_cpu_ns());
        let count = self.ty.results().len();
        let results = self.ask(self.function, &values, count).await?;
        let used = match held::of(&results) {
            Some(held) => self.used(held, input).await?,
            None => None,
        };
        let (elapsed, cpu) = (began.elapsed(), thread_cpu_ns() - cpu);
        let result = self.shown(&results, lent).await;
        let result = result.map_err(|error| stopped(CALL, &mut self.instance, &error))?;
        let result = used.unwrap_or(result);
        self.instance.take_back();
        Ok(Answer {
            result,
            elapsed,
            cpu: Duration::from_nanos(cpu),
        })
    }

    /// Calls `function` within the limits of one call.
    async fn ask(
        &mut self,
        function: Func,
        values: &[Val],
        results: usize,
    ) -> Result<Vec<Val>, CallError> {
        self.instance.begin_call();
        let mut results = vec![Val::Bool(false); results];
        let meter = self.instance.meter();
        let store = &mut self.instance.store;
        let call = function.call_async(store, values, &mut results);
        let within = async { Ok(metered(&meter, call).await) };
        let called = self.plugin.within_deadline(CALL, within).await?;
        called.map_err(|error| stopped(CALL, &mut self.instance, &error))?;
        Ok(results)
    }

    /// The most memory that the instance had so far, in bytes.
    pub fn memory(&self) -> usize {
        // Linear memory never shrinks.
        self.instance.store.data().memory.used()
    }

    /// The session that `input` describes.
    fn facts(&self, input: &Json) -> Result<Arc<SessionFacts>, ValueError> {
        let object = input.as_object();
        let object = object.ok_or_else(|| ValueError::new("input", "write an object"))?;
        let borrows = |ty: &Type| matches!(ty, Type::Borrow(_));
        let params = self.ty.params().filter(|(_, ty)| !borrows(ty));
        let lent = ["session", "content", "replace"];
        let known: Vec<&str> = params.map(|(name, _)| name).chain(lent).collect();
        value::known_keys(object, &known, "input")?;
        let session = match object.get("session") {
            Some(session) => SessionInput::deserialize(session)
                .map_err(|error| ValueError::new("session", error.to_string()))?,
            None => SessionInput::default(),
        };
        let user = object.get("user").and_then(Json::as_str);
        Ok(session.facts(self.plugin.name(), user))
    }

    /// The parameters, and what of them is lent for the call only.
    fn values(&mut self, input: &Json) -> Result<(Vec<Val>, Vec<ResourceAny>), ValueError> {
        let (store, mut lent) = (&mut self.instance.store, Vec::new());
        let mut lend = |ty: &ResourceType| {
            // There is one of each per call, so the numbers say nothing.
            let one = if *ty == ResourceType::host::<SessionView>() {
                Resource::<SessionView>::new_own(0).try_into_resource_any(&mut *store)
            } else if *ty == ResourceType::host::<Staged>() {
                Resource::<Staged>::new_own(0).try_into_resource_any(&mut *store)
            } else {
                return None;
            };
            lent.extend(one.as_ref().ok());
            one.ok()
        };
        let mut values = Vec::new();
        for (name, ty) in self.ty.params() {
            values.push(value::read(input.get(name), &ty, name, &mut lend)?);
        }
        Ok((values, lent))
    }

    /// What was returned; what was lent is taken back.
    async fn shown(&mut self, results: &[Val], lent: Vec<ResourceAny>) -> wasmtime::Result<Json> {
        let (store, mut left) = (&mut self.instance.store, lent);
        let mut show = |resource: ResourceAny| {
            if resource.ty() != ResourceType::host::<GrantDraft>() {
                left.push(resource);
                return json!("a resource");
            }
            let draft = resource.try_into_resource::<GrantDraft>(&mut *store);
            let draft = draft.and_then(|draft| Ok(store.data_mut().table.delete(draft)?));
            match draft.map(shown_grant) {
                Ok(shown) => shown,
                Err(error) => json!({ "refused": format!("{error:#}") }),
            }
        };
        let mut shown = results.iter().zip(self.ty.results());
        let shown = shown
            .next()
            .map(|(value, ty)| value::write(value, &ty, &mut show));
        for resource in left {
            resource.resource_drop_async(&mut *store).await?;
        }
        Ok(shown.unwrap_or_default())
    }
}

/// What the host would make of a grant, in whatever sinks it speaks of.
fn shown_grant(draft: GrantDraft) -> Json {
    let sinks = draft.sinks();
    match draft.finish(&sinks) {
        Ok(identity) => grant::written(&identity),
        Err(fault) => json!({ "refused": fault }),
    }
}
