//! A migration under way: the variables that are read, what they come to, and what is wrong with
//! them.

use super::variables::Variables;
use super::written::Written;
use crate::config::value::Value;

/// What every server's variables are carried over with. All of their problems are collected, so
/// that an operator hears of them at once.
pub struct Migration<'v> {
    /// What is not read yet.
    pub variables: &'v mut Variables,
    /// What they came to so far.
    pub written: Written,
    problems: Vec<String>,
}

impl<'v> Migration<'v> {
    /// One that has read nothing of `variables`.
    pub fn new(variables: &'v mut Variables) -> Self {
        Self {
            variables,
            written: Written::default(),
            problems: Vec::new(),
        }
    }

    /// What was written, with notes that tell where their variables stand.
    ///
    /// # Errors
    /// All that is wrong with the variables, a line each, and where they stand.
    pub fn end(mut self) -> Result<Written, Vec<String>> {
        let variables = &*self.variables;
        let placed = |message: &String| variables.placed(message);
        let problems = variables.contradictions().iter().chain(&self.problems);
        let problems: Vec<_> = problems.map(placed).collect();
        let notes = self.written.notes.iter().map(placed);
        self.written.notes = variables.remarks().iter().cloned().chain(notes).collect();
        match problems.is_empty() {
            true => Ok(self.written),
            false => Err(problems),
        }
    }

    /// Remembers what is wrong, with the name of the variable.
    pub fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Whether nothing is wrong so far.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value of a variable; `None` where it is not set, or is no `T`, which is a problem.
    pub fn value<T: Value>(&mut self, name: &str) -> Option<T> {
        let text = self.variables.take(name)?;
        self.parsed(name, &text)
    }

    /// The value of a variable that has to be there, under the first of its names that is set.
    pub fn required<T: Value>(&mut self, names: &[&str]) -> Option<T> {
        let Some((name, text)) = self.variables.take_any(names) else {
            self.problem(format!("{} is not set", names[0]));
            return None;
        };
        self.parsed(name, &text)
    }

    /// What the `text` of a variable says, if it is a `T`.
    pub fn parsed<T: Value>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = T::parse(text).map_err(|reason| format!("{name}: {reason}"));
        parsed.map_err(|problem| self.problem(problem)).ok()
    }
}
