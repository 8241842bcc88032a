//! Reads one TOML file into typed values. The keys that are asked for are the keys that there are:
//! whatever else the file holds is an error, and errors are collected, not just the first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, Problem, Problems};
use super::expand::{Environment, expand};
use super::nearest::nearest;
use super::value::{Kind, Value};

/// What a file is read with.
struct Reader<'e> {
    /// Where relative paths start.
    directory: PathBuf,
    environment: &'e dyn Environment,
    origin: Origin,
    problems: Vec<Problem>,
}

/// Reads `source`, the text of the file `path`, whose relative paths start at `directory`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn read<'e, T>(
    path: &Path,
    source: &'e str,
    directory: &Path,
    environment: &'e dyn Environment,
    schema: impl FnOnce(&mut Section<'_, '_>) -> T,
) -> Result<(T, Origin), Problems> {
    let origin = Origin::new(path, source);
    let (document, faults) = DeTable::parse_recoverable(source);
    Problems::check(
        faults
            .iter()
            .map(|fault| syntax_problem(&origin, fault))
            .collect(),
    )?;
    let mut reader = Reader {
        directory: directory.to_owned(),
        environment,
        origin,
        problems: Vec::new(),
    };
    let mut section = Section {
        reader: &mut reader,
        key: String::new(),
        title: "this file".to_owned(),
        span: 0..0,
        table: document.into_inner(),
        known: Vec::new(),
    };
    let value = schema(&mut section);
    section.finish();
    reader
        .problems
        .sort_by_key(|problem| problem.place.as_ref().map(|p| (p.line, p.column)));
    Problems::check(reader.problems)?;
    Ok((value, reader.origin))
}

/// What the TOML parser found.
fn syntax_problem(origin: &Origin, fault: &toml::de::Error) -> Problem {
    let (message, advice) = match fault.message().split_once(", expected ") {
        Some((message, expected)) => (message, format!("expected {expected}")),
        None => (
            fault.message(),
            "see https://toml.io for the syntax".to_owned(),
        ),
    };
    origin
        .problem_at(&fault.span().unwrap_or(0..0), message, advice)
        .hiding_quoted()
}

/// A table of the file, whose keys are taken one by one.
pub struct Section<'r, 'e> {
    reader: &'r mut Reader<'e>,
    /// The dotted key of the table.
    key: String,
    /// What messages call the table.
    title: String,
    /// Where the table is.
    span: Range<usize>,
    /// What was not asked for yet.
    table: DeTable<'e>,
    /// What was asked for.
    known: Vec<&'static str>,
}

impl<'e> Section<'_, 'e> {
    /// Sets `target` to the value of `key`, if there is one.
    pub fn read<T: Value>(&mut self, key: &'static str, target: &mut T) {
        if let Some(value) = self.option(key) {
            *target = value;
        }
    }

    /// Like [`Self::read`], but a zero is refused.
    pub fn positive<T: Value + Default + PartialEq>(&mut self, key: &'static str, target: &mut T) {
        match self.option(key) {
            Some(zero) if zero == T::default() => {
                self.problem(key, format!("`{key}` is zero"), "it must be more than that");
            }
            Some(value) => *target = value,
            None => {}
        }
    }

    /// The value of `key`, if there is one.
    pub fn option<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key)?;
        self.value(key, value)
    }

    /// Whether there is a `key`.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, whose absence is a problem.
    pub fn required<T: Value>(&mut self, key: &'static str) -> Option<T> {
        if self.has(key) {
            return self.option(key);
        }
        self.known.push(key);
        let message = format!("`{key}` is missing in {}", self.title);
        let problem = self
            .reader
            .origin
            .problem_at(&self.span, message, T::form());
        self.reader.problems.push(problem);
        None
    }

    /// The path that is the value of `key`; a relative one starts at the directory of the file.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.option(key)
            .map(|path: PathBuf| self.reader.directory.join(path))
    }

    /// Like [`Self::path`], but its absence is a problem.
    pub fn required_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.required(key)
            .map(|path: PathBuf| self.reader.directory.join(path))
    }

    /// The values of the array `key`; empty if there is none.
    pub fn list<T: Value>(&mut self, key: &'static str) -> Vec<T> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            self.wrong_type(
                &span,
                key,
                "a list",
                "write it in brackets, such as [\"a\", \"b\"]",
            );
            return Vec::new();
        };
        items
            .into_iter()
            .filter_map(|item| self.value(key, item))
            .collect()
    }

    /// The values of the table `key` by their names, which are free; empty if there is none.
    pub fn map<T: Value>(&mut self, key: &'static str) -> BTreeMap<String, T> {
        let Some((_, table)) = self.take_table(key) else {
            return BTreeMap::new();
        };
        table
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.into_inner().into_owned();
                self.value(&name, value).map(|value| (name, value))
            })
            .collect()
    }

    /// Reads the table `key` by `schema`, if there is one.
    pub fn section<R>(
        &mut self,
        key: &'static str,
        schema: impl FnOnce(&mut Section<'_, '_>) -> R,
    ) -> Option<R> {
        let (span, table) = self.take_table(key)?;
        let path = self.dotted(key);
        let title = format!("[{path}]");
        Some(self.nested(path, title, span, table, schema))
    }

    /// Reads each table of the array `key` by `schema`.
    pub fn sections<R>(
        &mut self,
        key: &'static str,
        mut schema: impl FnMut(&mut Section<'_, '_>) -> R,
    ) -> Vec<R> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let path = self.dotted(key);
        let title = format!("[[{path}]]");
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            let advice = format!("head each of them with {title}");
            self.wrong_type(&span, key, "a list of tables", &advice);
            return Vec::new();
        };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let span = item.span();
            let DeValue::Table(table) = item.into_inner() else {
                self.wrong_type(
                    &span,
                    key,
                    "a list of tables",
                    "write { key = value } for each",
                );
                continue;
            };
            let path = format!("{path}.{index}");
            self.reader.origin.remember(path.clone(), span.clone());
            read.push(self.nested(path, title.clone(), span, table, &mut schema));
        }
        read
    }

    /// Reads each table in the table `key` by `schema`; their names are free.
    pub fn named_sections<R>(
        &mut self,
        key: &'static str,
        mut schema: impl FnMut(&str, &mut Section<'_, '_>) -> R,
    ) -> Vec<R> {
        let Some((_, table)) = self.take_table(key) else {
            return Vec::new();
        };
        let mut read = Vec::with_capacity(table.len());
        for (name, value) in table {
            let path = format!("{}.{}", self.dotted(key), name.get_ref());
            let span = value.span();
            let DeValue::Table(table) = value.into_inner() else {
                let advice = format!("head it with [{path}]");
                self.wrong_type(&span, name.get_ref(), "a table", &advice);
                continue;
            };
            self.reader.origin.remember(path.clone(), span.clone());
            let title = format!("[{path}]");
            read.push(self.nested(path, title, span, table, |section| {
                schema(name.get_ref(), section)
            }));
        }
        read
    }

    /// The table `key` as JSON, as it stands. What whoever reads it finds wrong with a value is
    /// shown where the value's name stands ([`Origin::problem_of_secret`]).
    pub fn json(&mut self, key: &'static str) -> Option<serde_json::Value> {
        let value = self.take(key)?;
        let span = value.span();
        let path = self.dotted(key);
        remember_names(&mut self.reader.origin, &path, value.get_ref());
        super::json::from_toml(value.into_inner())
            .map_err(|reason| {
                let message = format!("`{key}` cannot be told as JSON: {reason}");
                let problem = self
                    .reader
                    .origin
                    .problem_at(&span, message, "write it as a text");
                self.reader.problems.push(problem);
            })
            .ok()
    }

    /// Takes every key that was not asked for as known, where it cannot be told what is.
    pub fn ignore_rest(&mut self) {
        self.table.clear();
    }

    /// Records what is wrong with the value of `key`, or with the table where it is not there.
    pub fn problem(&mut self, key: &str, message: impl Into<String>, advice: impl Into<String>) {
        let problem = self
            .reader
            .origin
            .problem(&self.dotted(key), message, advice);
        self.reader.problems.push(problem);
    }

    /// The rest is unknown.
    fn finish(self) {
        for name in self.table.keys() {
            let message = format!("unknown key `{}` in {}", name.get_ref(), self.title);
            let advice = match nearest(name.get_ref(), self.known.iter().copied()) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("the keys here are {}", self.known.join(", ")),
            };
            let problem = self.reader.origin.problem_at(&name.span(), message, advice);
            self.reader.problems.push(problem);
        }
    }

    fn nested<R>(
        &mut self,
        key: String,
        title: String,
        span: Range<usize>,
        table: DeTable<'e>,
        schema: impl FnOnce(&mut Section<'_, '_>) -> R,
    ) -> R {
        let reader = &mut *self.reader;
        let mut section = Section {
            reader,
            key,
            title,
            span,
            table,
            known: Vec::new(),
        };
        let read = schema(&mut section);
        section.finish();
        read
    }

    fn dotted(&self, key: &str) -> String {
        if self.key.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.key)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'e>>> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        let path = self.dotted(key);
        self.reader.origin.remember(path, value.span());
        Some(value)
    }

    fn take_table(&mut self, key: &'static str) -> Option<(Range<usize>, DeTable<'e>)> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some((span, table)),
            _ => {
                let message = format!("`{key}` is not a table");
                let advice = format!("head it with [{}]", self.dotted(key));
                let problem = self.reader.origin.problem_at(&span, message, advice);
                // A table may hold secrets, and whatever stands here was meant to be one.
                self.reader.problems.push(problem.hiding_fault());
                None
            }
        }
    }

    fn wrong_type(&mut self, span: &Range<usize>, key: &str, wanted: &str, advice: &str) {
        let message = format!("`{key}` is not {wanted}");
        let problem = self.reader.origin.problem_at(span, message, advice);
        self.reader.problems.push(problem);
    }

    fn value<T: Value>(&mut self, key: &str, value: Spanned<DeValue<'_>>) -> Option<T> {
        let span = value.span();
        match self.reader.parse(key, value.get_ref()) {
            Ok(value) => Some(value),
            Err((message, advice)) => {
                let problem = self.reader.origin.problem_at(&span, message, advice);
                self.reader.problems.push(match T::SECRET {
                    true => problem.hiding_fault(),
                    false => problem,
                });
                None
            }
        }
    }
}

/// Remembers where the names of all values in `value` stand.
fn remember_names(origin: &mut Origin, path: &str, value: &DeValue<'_>) {
    match value {
        DeValue::Table(table) => {
            for (name, value) in table {
                let path = format!("{path}.{}", name.get_ref());
                origin.remember(path.clone(), name.span());
                remember_names(origin, &path, value.get_ref());
            }
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                remember_names(origin, &format!("{path}[{index}]"), item.get_ref());
            }
        }
        _ => {}
    }
}

impl Reader<'_> {
    /// The value of `key`, or what is wrong with it and what to do.
    fn parse<T: Value>(&self, key: &str, value: &DeValue<'_>) -> Result<T, (String, String)> {
        let wrong = |found: &str| {
            let message = format!("`{key}` is not {}, but {found}", T::NAME);
            Err((message, T::form()))
        };
        let invalid = |shown: String| {
            move |reason: String| {
                (
                    format!("`{key}`: {shown} is not {}: {reason}", T::NAME),
                    T::form(),
                )
            }
        };
        match value {
            DeValue::String(text) => match expand(text, self.environment) {
                Ok(None) if T::KIND == Kind::Text => {
                    let shown = match T::SECRET {
                        true => "what stands here".to_owned(),
                        false => format!("{text:?}"),
                    };
                    T::parse(text).map_err(invalid(shown))
                }
                Ok(None) => wrong("a text"),
                Ok(Some(expanded)) => {
                    T::parse(&expanded).map_err(invalid(format!("what {text:?} stands for")))
                }
                Err(missing) => Err((format!("`{key}`: {missing}"), missing.advice())),
            },
            DeValue::Integer(number) if T::KIND == Kind::Integer => {
                let decimal = i64::from_str_radix(number.as_str(), number.radix())
                    .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string());
                T::parse(&decimal).map_err(invalid(decimal.clone()))
            }
            DeValue::Boolean(switch) if T::KIND == Kind::Boolean => {
                T::parse(&switch.to_string()).map_err(invalid(switch.to_string()))
            }
            DeValue::Table(table) => match file_of(table) {
                Some(file) => match self.environment.file(file, &self.directory) {
                    Ok(text) => {
                        let shown = format!("what the file {file:?} holds");
                        T::parse(&text).map_err(invalid(shown))
                    }
                    Err(missing) => Err((format!("`{key}`: {missing}"), missing.advice())),
                },
                None => wrong("a table"),
            },
            other => wrong(described(other)),
        }
    }
}

/// The path in `{ file = "path" }`.
fn file_of<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    if table.len() != 1 {
        return None;
    }
    table.get("file").and_then(|file| file.get_ref().as_str())
}

/// What a TOML value is, with its article.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "a switch",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
