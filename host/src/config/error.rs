//! What is wrong with a configuration file: where, what, and what to do about it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One fault of one file. It is shown as a compiler shows it:
///
/// ```text
/// wharf.toml:3:1: unknown key `idle-timout` in [limits]
///   |
/// 3 | idle-timout = "…
///   | ^^^^^^^^^^^ did you mean `idle-timeout`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, if at one place.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

impl Problem {
    /// A fault of a whole file.
    pub fn new(path: &Path, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), advice.into());
        Self {
            path: path.to_owned(),
            place: None,
            message,
            advice,
        }
    }

    /// The same, with nothing shown of the fault itself and what is behind it: it may be a secret.
    pub(super) fn hiding_fault(self) -> Self {
        self.cut(|place| {
            place.width = 1;
            place.column - 1
        })
    }

    /// The same, with nothing shown of what is behind the fault.
    pub(super) fn hiding_rest(self) -> Self {
        self.cut(|place| place.column - 1 + place.width)
    }

    /// The same, with as many characters of its line as `kept` tells.
    fn cut(mut self, kept: impl FnOnce(&mut Place) -> usize) -> Self {
        if let Some(place) = &mut self.place {
            let kept = kept(place);
            if let Some((end, _)) = place.text.char_indices().nth(kept) {
                place.text.truncate(end);
                place.text.push('…');
            }
        }
        self
    }

    /// The same, with nothing shown that is quoted in its line: where the syntax is broken, it is
    /// not known what is a secret.
    pub(super) fn hiding_quoted(mut self) -> Self {
        if let Some(place) = &mut self.place
            && let Some((clear, quoted)) = place.text.split_once(['"', '\''])
        {
            place.text = format!("{clear}\"{}", "*".repeat(quoted.chars().count()));
        }
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            place,
            message,
            advice,
        } = self;
        let path = path.display();
        let Some(Place {
            line,
            column,
            text,
            width,
        }) = place
        else {
            return write!(formatter, "{path}: {message}\n  = {advice}");
        };
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        // A tab stays a tab, so that the marks stand below what they mark.
        let indent: String = text
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        let marks = "^".repeat(*width);
        writeln!(formatter, "{path}:{line}:{column}: {message}")?;
        writeln!(formatter, "{gutter} |")?;
        writeln!(formatter, "{number} | {text}")?;
        write!(formatter, "{gutter} | {indent}{marks} {advice}")
    }
}

/// A place in a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line, without what is quoted outside of the fault: that may be a secret.
    pub text: String,
    /// How many characters of the line are at fault, at least 1.
    pub width: usize,
}

impl Place {
    /// The place of the bytes `span` of `source`.
    fn new(source: &str, span: &Range<usize>) -> Self {
        let start = source.floor_char_boundary(span.start);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = source[line_start..].lines().next().unwrap_or_default();
        let offset = (start - line_start).min(line.len());
        // A fault may run over several lines; only its first is shown.
        let end = line.floor_char_boundary((span.end.max(start) - line_start).min(line.len()));
        let before = without_quoted(&line[..offset]);
        let (fault, behind) = line[offset..].split_at(end.max(offset) - offset);
        let text = match behind.split_once(['"', '\'']) {
            Some((clear, _)) => format!("{before}{fault}{clear}\"…"),
            None => format!("{before}{fault}{behind}"),
        };
        Self {
            line: 1 + source[..line_start].matches('\n').count(),
            column: 1 + line[..offset].chars().count(),
            text: text.trim_end().to_owned(),
            width: fault.chars().count().max(1),
        }
    }
}

/// `text` with a star for each character that is quoted.
fn without_quoted(text: &str) -> String {
    let mut quote = None;
    let shown = |c: char| match quote {
        Some(open) if open != c => '*',
        Some(_) => {
            quote = None;
            c
        }
        None => {
            quote = ['"', '\''].contains(&c).then_some(c);
            c
        }
    };
    text.chars().map(shown).collect()
}

/// All that is wrong with a configuration, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in `found`, in the order of the file, if there are any.
    ///
    /// # Errors
    /// Those problems.
    pub fn check(mut found: Vec<Problem>) -> Result<(), Self> {
        found.sort_by_key(|problem| problem.place.as_ref().map(|at| (at.line, at.column)));
        if found.is_empty() {
            Ok(())
        } else {
            Err(Self(found))
        }
    }

    /// Each of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
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

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}

/// Where the values of a file stand in it, so that what is found wrong with one later (a
/// certificate that has expired, say) still names file and line.
#[derive(Clone)]
pub struct Origin {
    path: PathBuf,
    source: String,
    places: BTreeMap<String, Range<usize>>,
}

impl Origin {
    /// The file `path`, which holds `source`.
    pub(super) fn new(path: &Path, source: &str) -> Self {
        Self {
            path: path.to_owned(),
            source: source.to_owned(),
            places: BTreeMap::new(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remembers that the value of `key` stands at `span`.
    pub(super) fn remember(&mut self, key: String, span: Range<usize>) {
        self.places.insert(key, span);
    }

    /// A fault of the value of the dotted `key` (`limits.idle-timeout`, `listener.0.tls`), or of
    /// the table it would stand in where the file does not say it.
    pub fn problem(
        &self,
        key: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        let mut known = Some(key);
        while let Some(key) = known {
            if let Some(span) = self.places.get(key) {
                return self.problem_at(span, message, advice);
            }
            known = key.rsplit_once(['.', '[']).map(|(parent, _)| parent);
        }
        Problem::new(&self.path, message, advice)
    }

    /// As [`Self::problem`], with nothing shown of the value: it may be a secret.
    pub fn problem_of_secret(
        &self,
        key: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        self.problem(key, message, advice).hiding_rest()
    }

    /// A fault of the bytes `span` of the file.
    pub(super) fn problem_at(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        let place = Some(Place::new(&self.source, span));
        Problem {
            place,
            ..Problem::new(&self.path, message, advice)
        }
    }
}

impl fmt::Debug for Origin {
    /// The file's text is left out, since secrets may stand in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Origin")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
