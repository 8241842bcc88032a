//! Patterns over virtual paths, as rules have them.

use std::fmt;
use std::str::FromStr;

/// A pattern that an absolute virtual path matches or not.
///
/// `?` stands for one character and `*` for any number within one part; a last part `**` stands for
/// the directory before it with everything below. All other characters stand for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
    deep: bool,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is relative.
    #[error("a pattern begins with `/`")]
    NotAbsolute,
    /// `**` in the middle, or as a piece of a part.
    #[error("`**` may only stand alone, as the last part")]
    MisplacedDeep,
    /// It could never match.
    #[error("a pattern has no empty part, `.` or `..`")]
    NotNormal,
    /// Longer than any path.
    #[error("a pattern has at most {MAX_LENGTH} bytes")]
    TooLong,
}

/// As long as the longest path that Linux takes.
const MAX_LENGTH: usize = 4096;

impl Pattern {
    /// Whether the absolute, normalised `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/').filter(|part| !part.is_empty());
        let all = self
            .parts
            .iter()
            .all(|part| given.next().is_some_and(|given| part_matches(part, given)));
        all && (self.deep || given.next().is_none())
    }
}

impl Pattern {
    /// Whether it tells apart what lies below the absolute, normalised directory `path`.
    pub fn reaches_below(&self, path: &str) -> bool {
        let mut parts = self.parts.iter();
        let mut given = path.split('/').filter(|part| !part.is_empty());
        let leads_there =
            given.all(|given| parts.next().is_some_and(|part| part_matches(part, given)));
        leads_there && parts.next().is_some()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deep = if self.deep { &["**"][..] } else { &[] };
        let parts = self
            .parts
            .iter()
            .map(String::as_str)
            .chain(deep.iter().copied());
        write!(f, "/{}", parts.collect::<Vec<_>>().join("/"))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_LENGTH {
            return Err(PatternError::TooLong);
        }
        let rest = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        let mut parts: Vec<String> = match rest {
            "" => Vec::new(),
            rest => rest.split('/').map(str::to_owned).collect(),
        };
        let deep = parts.last().is_some_and(|last| last == "**");
        if deep {
            parts.pop();
        }
        if parts.iter().any(|part| part.contains("**")) {
            return Err(PatternError::MisplacedDeep);
        }
        if parts
            .iter()
            .any(|part| ["", ".", ".."].contains(&part.as_str()))
        {
            return Err(PatternError::NotNormal);
        }
        Ok(Self { parts, deep })
    }
}

/// Matches one part with at most one step back per character: the time is bounded by the product
/// of the lengths, whatever the pattern.
fn part_matches(pattern: &str, part: &str) -> bool {
    let (mut pattern, mut part) = (pattern.chars(), part.chars());
    // Where to go on when the characters behind the last `*` turn out not to match.
    let mut retry = None;
    loop {
        let given_before = part.clone();
        match (pattern.next(), part.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                part = given_before;
                retry = Some((pattern.clone(), part.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => {
                let Some((behind_star, mut skipped)) = retry.take() else {
                    return false;
                };
                if skipped.next().is_none() {
                    return false;
                }
                (pattern, part) = (behind_star.clone(), skipped.clone());
                retry = Some((behind_star, skipped));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_say() {
        let cases = [
            ("/", "/", true),
            ("/", "/a", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/in", "/in", true),
            ("/in", "/in/a", false),
            ("/in/**", "/in", true),
            ("/in/**", "/in/a/b", true),
            ("/in/**", "/inn", false),
            ("/*/x", "/a/x", true),
            ("/*/x", "/a/b/x", false),
            ("/*.csv", "/a.csv", true),
            ("/*.csv", "/a.csv.gz", false),
            ("/*.csv", "/.csv", true),
            ("/a*b*c", "/aXbYbZc", true),
            ("/a*b*c", "/aXbYbZ", false),
            ("/?.txt", "/é.txt", true),
            ("/?.txt", "/.txt", false),
            ("/[x]", "/[x]", true),
            ("/*", "/", false),
        ];
        for (pattern, path, expected) in cases {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_pattern_reaches_below_a_directory_or_not() {
        let cases = [
            ("/**", "/a", false),
            ("/a/**", "/a", false),
            ("/a/**", "/", true),
            ("/a/b/**", "/a", true),
            ("/a/*.csv", "/a", true),
            ("/*/b", "/a", true),
            ("/a", "/a", false),
            ("/b/c", "/a", false),
            ("/a/**", "/a/b", false),
        ];
        for (pattern, path, expected) in cases {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.reaches_below(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        let cases = [
            ("in/**", PatternError::NotAbsolute),
            ("", PatternError::NotAbsolute),
            ("/**/x", PatternError::MisplacedDeep),
            ("/a**", PatternError::MisplacedDeep),
            ("/a//b", PatternError::NotNormal),
            ("/a/", PatternError::NotNormal),
            ("/../a", PatternError::NotNormal),
        ];
        for (pattern, expected) in cases {
            assert_eq!(pattern.parse::<Pattern>(), Err(expected), "{pattern}");
        }
        assert_eq!(
            format!("/{}", "a".repeat(4096)).parse::<Pattern>(),
            Err(PatternError::TooLong)
        );
    }

    #[test]
    fn hostile_patterns_take_bounded_time() {
        let pattern: Pattern = format!("/{}b", "*a".repeat(1000)).parse().unwrap();
        assert!(!pattern.matches(&format!("/{}", "a".repeat(4000))));
    }
}
