//! What the calls of a plugin come to: counted, and held against it where it is at fault.

use std::time::{Duration, Instant};

use super::breaker::Admitted;
use super::call::{Plugin, Undecided};
use super::fault::CallError;
use super::statistics::{PluginStatus, unix_ms};
use super::text::{hex, one_line};

impl Plugin {
    /// Does `work` for `function` within its deadline, unless the plugin kept failing of late.
    /// `undecided` tells of an answer why it is none, where the plugin could not decide.
    pub(super) async fn admitted<R>(
        &self,
        function: &'static str,
        work: impl Future<Output = Result<R, CallError>>,
        undecided: Undecided<R>,
    ) -> Result<R, CallError> {
        let asked = Instant::now();
        let admitted = match self.breaker.admit() {
            Ok(admitted) => admitted,
            Err(left) => {
                let error = CallError::Unavailable(left);
                self.account(function, None, asked, Some(&error));
                return Err(error);
            }
        };
        let outcome = self.within_deadline(function, work).await;
        match &outcome {
            Ok(answer) => {
                let failure = undecided(answer);
                self.account(function, Some(admitted), asked, failure.as_ref());
            }
            Err(error) => self.account(function, Some(admitted), asked, Some(error)),
        }
        outcome
    }

    /// Does `work` for `function` within its deadline, in the course of what was admitted before.
    pub(super) async fn continued<R>(
        &self,
        function: &'static str,
        work: impl Future<Output = Result<R, CallError>>,
        undecided: Undecided<R>,
    ) -> Result<R, CallError> {
        let asked = Instant::now();
        let outcome = self.within_deadline(function, work).await;
        match &outcome {
            Ok(answer) => self.account(function, None, asked, undecided(answer).as_ref()),
            Err(error) => self.account(function, None, asked, Some(error)),
        }
        outcome
    }

    /// That the answer of `function` makes no sense, which shows only when the call has ended and
    /// was counted.
    pub(super) fn nonsense(&self, function: &str, fault: impl Into<String>) -> CallError {
        self.at_fault(function, CallError::Nonsense(fault.into()))
    }

    /// Counts `fault`, which the answer of `function` shows only when the call has ended and was
    /// counted.
    pub(super) fn at_fault(&self, function: &str, fault: CallError) -> CallError {
        self.statistics.record_failure(function, &fault);
        self.log_pause(self.breaker.fault(), &fault);
        fault
    }

    fn account(
        &self,
        function: &'static str,
        admitted: Option<Admitted<'_>>,
        asked: Instant,
        error: Option<&CallError>,
    ) {
        self.statistics.record(function, asked.elapsed());
        if let Some(error) = error {
            self.statistics.record_failure(function, error);
        }
        match (admitted, error) {
            (Some(admitted), Some(error)) if error.is_fault() => {
                self.log_pause(admitted.faulted(), error);
            }
            (None, Some(error)) if error.is_fault() => {
                self.log_pause(self.breaker.fault(), error);
            }
            // It was not reached, which says nothing of it.
            (Some(admitted), Some(CallError::QueueFull)) => drop(admitted),
            (Some(admitted), _) => {
                if admitted.succeeded() {
                    tracing::info!(plugin = self.name(), "plugin answers again");
                }
            }
            (None, _) => {}
        }
    }

    fn log_pause(&self, pause: Option<Duration>, cause: &CallError) {
        let Some(pause) = pause else { return };
        let cause = one_line(&cause.to_string());
        tracing::error!(
            plugin = self.name(),
            ?pause,
            cause,
            "plugin keeps failing and is not asked for a while"
        );
    }

    /// What an operator is told of it, but for what was to take its place.
    pub(super) fn status(&self) -> PluginStatus {
        PluginStatus {
            name: self.name().to_owned(),
            file: self.file.clone(),
            sha256: hex(&self.facts.sha256),
            roles: self
                .surface
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            generation: self.generation,
            loaded_ms: unix_ms(self.loaded_at),
            instances: self.pool.status(),
            calls: self.statistics.calls(),
            breaker: self.breaker.state().to_owned(),
            rejected: None,
        }
    }
}
