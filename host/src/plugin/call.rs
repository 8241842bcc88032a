//! One call of a plugin: an instance, its bounds, and what becomes of it afterwards.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::OnceCell;
use tokio::time::timeout;
use wasmtime::component::{InstancePre, Resource};

use super::bindings::imports::wharf::plugin::types::Failure;
use super::bindings::lifecycle::RoleIndices as LifecycleIndices;
use super::bindings::lifecycle::exports::wharf::plugin::lifecycle::Problem;
use super::breaker::Breaker;
use super::direct;
use super::engine::PluginEngine;
use super::facts::SessionFacts;
use super::fault::{CallError, trap_cause};
use super::gate::Demands;
use super::imports::session::SessionView;
use super::instance::{InstanceState, PluginFacts, PluginInstance, metered};
use super::pool::Pool;
use super::role::{Indices, Surface};
use super::services::Granted;
use super::sidecar::Fingerprint;
use super::statistics::Statistics;
use super::storage_sink::Features;
use super::text::one_line;
use crate::event::KindPattern;

/// A loaded plugin.
pub struct Plugin {
    /// What all its instances share.
    pub(super) facts: Arc<PluginFacts>,
    /// Its component.
    pub(super) file: PathBuf,
    /// What was read to know its settings.
    pub(super) fingerprint: Fingerprint,
    /// The files that some of them were taken from.
    pub(super) value_files: Vec<PathBuf>,
    /// The generation that it came with.
    pub(super) generation: u64,
    pub(super) loaded_at: SystemTime,
    /// What it exports and imports.
    pub(super) surface: Surface,
    pub(super) engine: Arc<PluginEngine>,
    pub(super) component: InstancePre<InstanceState>,
    /// Linear memories of one instance.
    pub(super) memories: usize,
    pub(super) roles: Indices,
    /// Of a plugin that never waits and has little CPU to spend.
    pub(super) direct: Option<direct::Indices>,
    pub(super) lifecycle: Option<LifecycleIndices>,
    pub(super) granted: Arc<Granted>,
    pub(super) sink_features: OnceCell<Features>,
    /// The events it wants to hear of, as it said when it was loaded.
    pub(super) event_kinds: Vec<KindPattern>,
    pub(super) pool: Pool,
    pub(super) breaker: Breaker,
    pub(super) statistics: Statistics,
    /// What it wants of each upload, where it is a gate.
    pub(super) demands: Demands,
}

tokio::task_local! {
    /// When the call is given up that runs in this task.
    static ENDS_AT: Instant;
}

/// What is left of the running call on the wall clock; nothing where none runs.
pub(super) fn time_left() -> Duration {
    let left = |ends_at: Instant| ends_at.saturating_duration_since(Instant::now());
    ENDS_AT.try_get().map(left).unwrap_or_default()
}

/// Does `work`, for which `time_left` tells what is left of `deadline`.
pub(super) fn within<F: Future>(
    deadline: Duration,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    ENDS_AT.scope(Instant::now() + deadline, work)
}

/// A call as it runs in an instance.
pub type Running<'i, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'i>>;

/// Why an answer is none, where it says so.
pub(super) type Undecided<R> = fn(&R) -> Option<CallError>;

/// The same of the functions that may answer with a failure.
pub(super) fn undecided<T>(answer: &Result<T, Failure>) -> Option<CallError> {
    answer.as_ref().err().cloned().map(CallError::from)
}

impl Plugin {
    /// The file's name without its extension.
    pub fn name(&self) -> &str {
        &self.facts.name
    }

    /// How many of the engine's slots its instances may take together.
    pub(super) fn slots(&self) -> usize {
        self.facts.limits.instances * self.memories.max(1)
    }

    /// The names of its roles.
    pub fn roles(&self) -> Vec<&'static str> {
        self.surface.names()
    }

    /// Calls `function` on behalf of `session`, within all bounds.
    pub(super) async fn call<T, Q>(
        &self,
        function: &'static str,
        session: Arc<SessionFacts>,
        question: Q,
    ) -> Result<Result<T, Failure>, CallError>
    where
        T: Send,
        Q: for<'i> FnOnce(
                &'i mut PluginInstance,
                Resource<SessionView>,
            ) -> Running<'i, Result<T, Failure>>
            + Send,
    {
        let undecided = |answer: &Result<T, Failure>| undecided(answer);
        let work = self.pooled(function, move |instance| {
            let lent = instance.lend(session);
            question(instance, lent)
        });
        self.admitted(function, work, undecided).await
    }

    /// Calls `function`, which is about no session, within all bounds.
    pub(super) async fn call_alone<R, Q>(
        &self,
        function: &'static str,
        question: Q,
    ) -> Result<R, CallError>
    where
        R: Send,
        Q: for<'i> FnOnce(&'i mut PluginInstance) -> Running<'i, R> + Send,
    {
        self.call_for(function, |_| None, question).await
    }

    /// The same, where `undecided` tells of an answer whether it is that the plugin failed.
    pub(super) async fn call_for<R, Q>(
        &self,
        function: &'static str,
        undecided: Undecided<R>,
        question: Q,
    ) -> Result<R, CallError>
    where
        R: Send,
        Q: for<'i> FnOnce(&'i mut PluginInstance) -> Running<'i, R> + Send,
    {
        let work = self.pooled(function, question);
        self.admitted(function, work, undecided).await
    }

    /// In an instance that serves others before and after.
    async fn pooled<R, Q>(&self, function: &'static str, question: Q) -> Result<R, CallError>
    where
        R: Send,
        Q: for<'i> FnOnce(&'i mut PluginInstance) -> Running<'i, R> + Send,
    {
        let _seat = self.pool.seat().await?;
        let mut instance = self.warm_or_started().await?;
        let answer = ask(function, &mut instance, question).await?;
        self.pool.keep(instance);
        Ok(answer)
    }

    /// An instance that is ready for a call. Only with a seat.
    pub(super) async fn warm_or_started(&self) -> Result<PluginInstance, CallError> {
        match self.pool.take() {
            Some(warm) => Ok(warm),
            None => self.started().await,
        }
    }

    /// Starts `count` instances more, which then wait for a call.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn warm_up(&self, count: usize) -> Result<(), CallError> {
        let mut started = Vec::new();
        for _ in 0..count {
            started.push(self.started().await?);
        }
        for instance in started {
            self.pool.keep(instance);
        }
        Ok(())
    }

    /// A new instance that has been told to start.
    pub(super) async fn started(&self) -> Result<PluginInstance, CallError> {
        let mut instance = self.instance().await?;
        let exports = self.roles.load(&mut instance);
        instance.exports = exports.map_err(|e| CallError::Start(trap_cause(&e)))?;
        if let Some(direct) = &self.direct {
            let functions = direct.load(&mut instance);
            instance.direct = functions.map_err(|e| CallError::Start(trap_cause(&e)))?;
        }
        let Some(lifecycle) = &self.lifecycle else {
            return Ok(instance);
        };
        instance.begin_call();
        let meter = instance.meter();
        let start = async {
            let lifecycle = lifecycle.load(&mut instance.store, &instance.instance)?;
            lifecycle
                .wharf_plugin_lifecycle()
                .call_start(&mut instance.store)
                .await
        };
        match metered(&meter, start).await {
            Ok(Ok(())) => {
                instance.memory_at_start = instance.store.data().memory.used();
                Ok(instance)
            }
            Ok(Err(text)) => Err(CallError::Start(one_line(&text))),
            Err(error) => Err(stopped("start", &mut instance, &error)),
        }
    }

    /// A new instance.
    pub(super) async fn instance(&self) -> Result<PluginInstance, CallError> {
        let engine = self.engine.wasmtime();
        PluginInstance::new(engine, &self.component, &self.facts, &self.granted)
            .await
            .map_err(|error| CallError::Start(trap_cause(&error)))
    }

    /// What of it can be called directly, if anything. Only after a trial: start functions run.
    pub(super) fn called_directly(&self) -> Option<direct::Indices> {
        let engine = self.engine.wasmtime();
        PluginInstance::never_waits(engine, &self.component, &self.facts, &self.granted)
            .then(|| direct::Indices::of(&self.component))
    }

    /// What the plugin has to say about its settings, in an instance of its own.
    pub(super) async fn validate(&self) -> Result<Vec<Problem>, CallError> {
        let Some(lifecycle) = &self.lifecycle else {
            return Ok(Vec::new());
        };
        let mut instance = self.instance().await?;
        instance.begin_call();
        let meter = instance.meter();
        let validate = async {
            let lifecycle = lifecycle.load(&mut instance.store, &instance.instance)?;
            lifecycle
                .wharf_plugin_lifecycle()
                .call_validate(&mut instance.store)
                .await
        };
        metered(&meter, validate)
            .await
            .map_err(|error| stopped("validate", &mut instance, &error))
    }

    /// Does `work` for `function`: the ticker runs, and the wall clock has its say.
    pub(super) async fn within_deadline<T>(
        &self,
        function: &'static str,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let _ticking = self.engine.enter_call();
        let deadline = self.facts.limits.deadline;
        let late = Err(CallError::Deadline { function, deadline });
        timeout(deadline, within(deadline, work))
            .await
            .unwrap_or(late)
    }
}

/// One question to an instance, which is not to be used again after an error: after a trap nothing
/// in it can be relied on.
pub(super) async fn ask<R, Q>(
    function: &'static str,
    instance: &mut PluginInstance,
    question: Q,
) -> Result<R, CallError>
where
    R: Send,
    Q: for<'i> FnOnce(&'i mut PluginInstance) -> Running<'i, R> + Send,
{
    instance.begin_call();
    let meter = instance.meter();
    match metered(&meter, question(instance)).await {
        Ok(answer) => {
            instance.take_back();
            Ok(answer)
        }
        Err(error) => Err(stopped(function, instance, &error)),
    }
}

/// Why a call ended without an answer.
pub(super) fn stopped(
    function: &'static str,
    instance: &mut PluginInstance,
    error: &wasmtime::Error,
) -> CallError {
    let limits = instance.store.data().plugin.limits;
    if instance.is_out_of_cpu() {
        let bound = format!("used more than {:?} of CPU", limits.cpu);
        return CallError::Exceeded { function, bound };
    }
    let cause = trap_cause(error);
    if instance.was_refused_memory() {
        let kibibytes = limits.memory / 1024;
        let bound = format!("wanted more than {kibibytes} KiB of memory, then trapped: {cause}");
        return CallError::Exceeded { function, bound };
    }
    CallError::Trapped { function, cause }
}
