//! How a plugin comes to be: made from its settings, or refused with every problem named.

use crate::log;

/// Makes the plugin.
///
/// Every `Default` type is one already: a plugin without settings has nothing to write here.
pub trait Lifecycle: Sized + 'static {
    /// Makes an instance, usually from [`config::parse`](crate::config::parse).
    ///
    /// Called once when the plugin is loaded, to check its settings, and once for every instance
    /// that serves: keep it cheap.
    ///
    /// # Errors
    /// Everything that is wrong with the settings, at once, so that the operator fixes it in one
    /// go. The host refuses to load the plugin.
    fn start() -> Result<Self, Problems>;

    /// What works but deserves the operator's eye; shown once, when the plugin is loaded.
    fn warnings(&self) -> Problems {
        Problems::new()
    }
}

impl<T: Default + 'static> Lifecycle for T {
    fn start() -> Result<Self, Problems> {
        Ok(Self::default())
    }
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, dotted as in the sidecar file: `user.alice.password`.
    pub key: Option<String>,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// A list of problems, filled while the settings are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// No problem yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem with the setting `key`.
    pub fn add(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            key: Some(key.into()),
            message: message.into(),
        });
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// `value` if there is no problem, else all of them.
    ///
    /// # Errors
    /// The problems themselves.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Logs each problem at the level `error`.
    pub(crate) fn log(&self) {
        for problem in &self.0 {
            log::error(
                &problem.message,
                &[("key", problem.key.as_deref().unwrap_or(""))],
            );
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
