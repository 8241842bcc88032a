//! Loads every plugin in trial, as the host would.

use anyhow::Context;

use super::Findings;
use crate::config::Config;
use crate::config::error::{Origin, Problem};
use crate::plugin::{LoadCause, LoadError, PluginRuntime, Plugins, Services};

pub(super) fn check(config: &Config, origin: &Origin, found: &mut Findings) -> anyhow::Result<()> {
    // Not the cache of the host: who checks may be another user than who serves.
    let cache = tempfile::tempdir().context("cannot make a temporary directory")?;
    let plugins = PluginRuntime::new(cache.path(), Services::in_trial())?;
    let sinks = config.sinks.keys().cloned().collect();
    let directory = config.plugin_dir();
    let load = Plugins::load(&plugins, &directory, sinks);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(load) {
        Ok((plugins, warnings)) => {
            let missing = plugins.missing_sinks(config).map(|(sink, plugin)| {
                let key = format!("sink.{sink}.plugin");
                let message = format!("there is no plugin {plugin:?} with the role storage-sink");
                let advice = format!("put {plugin}.wasm into {}", directory.display());
                origin.problem(&key, message, advice)
            });
            found.problems.extend(missing);
            found.summary.extend(plugins.all().iter().map(|plugin| {
                let roles = plugin.roles().join(", ");
                format!("plugin    {}: {roles}", plugin.name())
            }));
            if plugins.authenticators().next().is_none() {
                let message = "no plugin here is an authenticator, so nobody can log in";
                let advice = "put static-users.wasm and its settings there";
                found
                    .warnings
                    .push(Problem::new(&directory, message, advice));
            }
            let advice = "`wharf plugin inspect` tells more";
            found.warnings.extend(warnings.into_iter().map(|warning| {
                let file = directory.join(format!("{}.wasm", warning.plugin));
                Problem::new(&file, warning.text, advice)
            }));
        }
        Err(errors) => found.problems.extend(errors.into_iter().flat_map(problems)),
    }
    Ok(())
}

/// What is wrong with one plugin, at the line of its sidecar where there is one.
fn problems(error: LoadError) -> Vec<Problem> {
    match error.cause {
        LoadCause::Sidecar(problems) | LoadCause::Settings(problems) => {
            problems.into_iter().collect()
        }
        cause => {
            let advice = "mend it or take it away; the host does not start without it";
            vec![Problem::new(&error.file, cause.to_string(), advice)]
        }
    }
}
