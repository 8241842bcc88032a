//! The host's calls, handed to the plugin as plain types.

mod authenticator;
mod sessions;
mod sink;
mod storage;
mod uploads;

use super::bindings::lifecycle::exports::wharf::plugin::lifecycle;
use crate::export::{self, Instance};
use crate::{Failure, Lifecycle, Problem};

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
        export::call::<I, (), Failure>(|_| Ok(())).map_err(|failure| failure.to_string())
    }
}
