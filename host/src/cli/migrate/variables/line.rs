//! One line of a file of variables.

use thiserror::Error;

/// A variable, as a line sets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub name: String,
    pub value: String,
    /// What others may read otherwise.
    pub odd: Option<Odd>,
}

/// What a shell, compose and Docker do not read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// A comment behind the value, which Docker takes for a part of it.
    Comment,
    /// Another variable in the value, which Docker does not fill in.
    Reference,
}

/// Why a line sets nothing. No text shows what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Problem {
    #[error("it is not NAME=VALUE")]
    NoPair,
    #[error("what stands before the `=` is no name")]
    NoName,
    #[error("the quote before the value is not closed")]
    Open,
    #[error("something stands behind the quotes around the value")]
    BehindQuotes,
}

impl Line {
    /// What a line sets; nothing where it is empty or a comment. `export` may stand before the
    /// name, blanks around the `=`, quotes around the value, and a comment behind it.
    ///
    /// # Errors
    /// It is none of that.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, Problem> {
        let line = line.trim();
        let exported = line.strip_prefix("export");
        let exported = exported.filter(|rest| rest.starts_with([' ', '\t']));
        let line = exported.unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (name, value) = line.split_once('=').ok_or(Problem::NoPair)?;
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Problem::NoName);
        }
        let (value, odd) = match value.trim_start() {
            quoted if quoted.starts_with('\'') => single(&quoted[1..])?,
            quoted if quoted.starts_with('"') => double(&quoted[1..])?,
            bare => plain(bare),
        };
        Ok(Some(Self {
            name: name.to_owned(),
            value,
            odd,
        }))
    }
}

/// A value without quotes.
fn plain(text: &str) -> (String, Option<Odd>) {
    let comment = text.match_indices('#').find_map(|(at, _)| {
        let before = &text[..at];
        (before.is_empty() || before.ends_with([' ', '\t'])).then_some(before)
    });
    let value = comment.unwrap_or(text).trim_end();
    let odd = match comment {
        Some(_) => Some(Odd::Comment),
        None => refers(value).then_some(Odd::Reference),
    };
    (value.to_owned(), odd)
}

/// A value in single quotes, in which nothing means anything.
fn single(text: &str) -> Result<(String, Option<Odd>), Problem> {
    let (value, behind) = text.split_once('\'').ok_or(Problem::Open)?;
    ended(behind)?;
    Ok((value.to_owned(), None))
}

/// A value in double quotes, in which a backslash keeps what a shell would take for its own.
fn double(text: &str) -> Result<(String, Option<Odd>), Problem> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    let mut odd = None;
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                ended(&text[at + 1..])?;
                return Ok((value, odd));
            }
            '\\' if text[at + 1..].starts_with(['"', '\\', '$', '`']) => {
                value.extend(characters.next().map(|(_, kept)| kept));
            }
            '$' if refers(&text[at..]) => {
                odd = Some(Odd::Reference);
                value.push('$');
            }
            other => value.push(other),
        }
    }
    Err(Problem::Open)
}

/// Whether what stands behind the quotes is nothing, or a comment.
fn ended(behind: &str) -> Result<(), Problem> {
    match behind.trim_start() {
        "" => Ok(()),
        rest if rest.starts_with('#') && rest.len() < behind.len() => Ok(()),
        _ => Err(Problem::BehindQuotes),
    }
}

/// Whether a shell would fill something in.
fn refers(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let next = text[at + 1..].chars().next();
        next.is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_value() {
        for (line, name, value, odd) in [
            ("A=1", "A", "1", None),
            ("export B = two words ", "B", "two words", None),
            ("export\tB='a=b'", "B", "a=b", None),
            ("C=\"\"", "C", "", None),
            ("exported=1\r", "exported", "1", None),
            ("D=a#b", "D", "a#b", None),
            ("D=a # b", "D", "a", Some(Odd::Comment)),
            ("D=# b", "D", "", Some(Odd::Comment)),
            ("D='a # b' # c", "D", "a # b", None),
            ("D=\"a \\\"b\\\\ \\$c \\d\"", "D", "a \"b\\ $c \\d", None),
            ("E=a$B", "E", "a$B", Some(Odd::Reference)),
            ("E=\"a${B}\"", "E", "a${B}", Some(Odd::Reference)),
            ("E='a$B'", "E", "a$B", None),
            ("E=5$ and $1", "E", "5$ and $1", None),
        ] {
            let parsed = Line::parse(line).unwrap().expect("it sets something");
            let expected = Line {
                name: name.to_owned(),
                value: value.to_owned(),
                odd,
            };
            assert_eq!(parsed, expected, "{line}");
        }
        for line in ["", "  ", "# A=1", "export # A=1"] {
            assert_eq!(Line::parse(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_told_without_its_text() {
        for (line, problem) in [
            ("hunter2", Problem::NoPair),
            ("=hunter2", Problem::NoName),
            ("hunter2 x=1", Problem::NoName),
            ("A=\"hunter2", Problem::Open),
            ("A='hunter2\"", Problem::Open),
            ("A=\"hunter2\"more", Problem::BehindQuotes),
            ("A='hunter2'#more", Problem::BehindQuotes),
        ] {
            assert_eq!(Line::parse(line), Err(problem), "{line}");
            assert!(!problem.to_string().contains("hunter2"));
        }
    }
}
