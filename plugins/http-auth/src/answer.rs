//! What the service says of a user, beside yes.

use serde_json::{Map, Value};
use wharf_plugin::http::Response;
use wharf_plugin::{Failure, Problems, View};

/// What of the grant the service may say, and where it says it.
#[derive(Default)]
pub struct Parts {
    /// Keys of `[config.grant]`; none where it says nothing.
    pub names: Vec<String>,
    /// The keys that lead to the object in its answer.
    pub at: Vec<String>,
}

impl Parts {
    /// What it says; `None` where it says nothing that counts.
    ///
    /// # Errors
    /// It says something that makes no sense.
    pub fn read(&self, response: &Response) -> Result<Option<View>, Failure> {
        if self.names.is_empty() || response.body.is_empty() {
            return Ok(None);
        }
        let answer: Value = response.json()?;
        let found = self
            .at
            .iter()
            .try_fold(&answer, |value, key| value.get(key));
        let Some(Value::Object(all)) = found else {
            return Ok(None);
        };
        let wanted = all.iter().filter(|(name, _)| self.names.contains(name));
        let said: Map<String, Value> = wanted.map(|(k, v)| (k.clone(), v.clone())).collect();
        if said.is_empty() {
            return Ok(None);
        }
        let nonsense =
            |why: String| Failure::Unavailable(format!("its answer grants nonsense: {why}"));
        let view: View =
            serde_json::from_value(said.into()).map_err(|error| nonsense(error.to_string()))?;
        let mut problems = Problems::new();
        view.check("answer", &mut problems);
        match problems.iter().next() {
            Some(problem) => {
                let key = problem.key.as_deref().unwrap_or_default();
                Err(nonsense(format!("`{key}` {}", problem.message)))
            }
            None => Ok(Some(view)),
        }
    }
}
