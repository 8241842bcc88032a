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
    /// Whether a user is nobody unless it says who: the name that was typed is anything.
    pub must_name: bool,
    /// Whether a user has no directory unless it says which: the settings have none.
    pub must_root: bool,
}

impl Parts {
    /// Whether this part of the grant is one of those that the service may say.
    pub fn may_say(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

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
        // To leave out a part is to leave it to the settings; an application that says null had
        // something to say and does not know it.
        if let Some((name, _)) = said.iter().find(|(_, value)| holds_null(value)) {
            return Err(nonsense(format!("`answer.{name}` holds null")));
        }
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

    /// Whether `said` is enough to let somebody in.
    ///
    /// # Errors
    /// It leaves out what the settings cannot make up for.
    pub fn check(&self, said: &View) -> Result<(), Failure> {
        let lacks = |name| Failure::Unavailable(format!("its answer has no `{name}`"));
        if self.must_name && said.principal.as_deref().is_none_or(str::is_empty) {
            return Err(lacks("principal"));
        }
        match self.must_root && said.root.is_none() {
            true => Err(lacks("root")),
            false => Ok(()),
        }
    }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}
