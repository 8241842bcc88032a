//! An instance that serves one transfer alone, because it holds what the transfer reads or writes.

use std::sync::Arc;

use super::call::{Plugin, Running, Undecided, ask};
use super::fault::CallError;
use super::instance::PluginInstance;
use super::pool::Leased;

/// An instance, until it is given back or fails.
pub struct Lease {
    plugin: Arc<Plugin>,
    instance: Option<PluginInstance>,
    _seat: Leased,
}

impl Plugin {
    /// Takes an instance out of the pool.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, CallError> {
        let lease = async {
            let seat = self.pool.lease().await?;
            Ok(Lease {
                plugin: Arc::clone(self),
                instance: Some(self.warm_or_started().await?),
                _seat: seat,
            })
        };
        self.admitted("start", lease, |_| None).await
    }
}

impl Lease {
    /// The plugin whose instance it is.
    pub(super) fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Calls `function` within all bounds, where `undecided` tells of an answer whether it is that
    /// the plugin failed. After an error there is no instance any more.
    pub(super) async fn call<R, Q>(
        &mut self,
        function: &'static str,
        undecided: Undecided<R>,
        question: Q,
    ) -> Result<R, CallError>
    where
        R: Send,
        Q: for<'i> FnOnce(&'i mut PluginInstance) -> Running<'i, R> + Send,
    {
        // Taken out meanwhile: a call that is given up half way leaves an instance to nobody.
        let mut instance = self.instance.take().ok_or(CallError::InstanceGone)?;
        let answer = ask(function, &mut instance, question);
        let answer = self.plugin.continued(function, answer, undecided).await?;
        self.instance = Some(instance);
        Ok(answer)
    }

    /// Whether a call failed, and all that the instance held went with it.
    pub(super) fn is_gone(&self) -> bool {
        self.instance.is_none()
    }

    /// The transfer is over and the instance holds nothing of it.
    pub(super) fn give_back(mut self) {
        if let Some(instance) = self.instance.take() {
            self.plugin.pool.keep(instance);
        }
    }
}
