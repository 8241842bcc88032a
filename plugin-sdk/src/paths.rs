//! What a virtual path is, what a part of one is, and patterns of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::config::parsed;

/// Whether `text` can be one part of a path or key: not empty, `.` or `..`, and without `/` and
/// control characters. A value that comes from a client goes into a key only if it is.
pub fn is_part(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(|c: char| c == '/' || c.is_control())
}

/// Whether `text` is an absolute virtual path without detours.
pub fn is_path(text: &str) -> bool {
    text == "/" || text.strip_prefix('/').is_some_and(is_key)
}

/// Whether `text` is the key of something in a sink, apart from the root.
pub fn is_key(text: &str) -> bool {
    text.split('/').all(is_part)
}

/// A pattern of virtual paths as the rules of a grant have it: `?` stands for one character, `*`
/// for any within one part, and a last part `**` for the directory before it with all that lies
/// below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
    deep: bool,
}

/// A text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPattern;

impl fmt::Display for NoPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern is an absolute path, such as \"/in/*.pdf\" or \"/in/**\"")
    }
}

impl std::error::Error for NoPattern {}

impl Pattern {
    /// What matches everything.
    pub fn everything() -> Self {
        Self {
            parts: Vec::new(),
            deep: true,
        }
    }

    /// Whether the virtual path matches.
    pub fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/').filter(|part| !part.is_empty());
        let mut parts = self.parts.iter();
        let all = parts.all(|part| given.next().is_some_and(|given| name_matches(part, given)));
        all && (self.deep || given.next().is_none())
    }
}

impl FromStr for Pattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        if text != "/" && !is_path(text) {
            return Err(NoPattern);
        }
        let mut parts: Vec<_> = text[1..].split('/').map(str::to_owned).collect();
        parts.retain(|part| !part.is_empty());
        let deep = parts.last().is_some_and(|last| last == "**");
        if deep {
            parts.pop();
        }
        if parts.iter().any(|part| part.contains("**")) {
            return Err(NoPattern);
        }
        Ok(Self { parts, deep })
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Whether a name matches a pattern of `?` and `*`. The time grows with the product of the two
/// lengths and no faster.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut next) = (0, 0);
    // Where the last `*` stands, and up to where it reaches so far.
    let mut star = None;
    while next < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[next] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((place, reach)) = star else {
                    return false;
                };
                star = Some((place, reach + 1));
                (at, next) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_is_no_part() {
        for text in ["", ".", "..", "a/b", "/", "a\0", "a\r\nb"] {
            assert!(!is_part(text), "{text:?}");
        }
        for text in ["a", "...", ".hidden", "a b", "ä"] {
            assert!(is_part(text), "{text:?}");
        }
        for (text, expected) in [("/", true), ("/a/b", true), ("a", false), ("/a/", false)] {
            assert_eq!(is_path(text), expected, "{text:?}");
        }
    }

    #[test]
    fn patterns_match_as_those_of_a_grant() {
        for (pattern, path, expected) in [
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/in/**", "/in", true),
            ("/in/**", "/in/a/b", true),
            ("/in/**", "/inn", false),
            ("/in/*.pdf", "/in/a.pdf", true),
            ("/in/*.pdf", "/in/a/b.pdf", false),
            ("/*/?", "/in/a", true),
            ("/*/?", "/in/ab", false),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(path), expected, "{pattern} {path}");
        }
        for text in ["", "in", "/in/", "/in/../x", "/**/in", "/in/a**"] {
            assert_eq!(text.parse::<Pattern>(), Err(NoPattern), "{text}");
        }
        assert!(Pattern::everything().matches("/a"));
    }

    #[test]
    fn names_match_without_running_away() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "", true),
            ("?", "", false),
            ("*.pdf", "a.b.pdf", true),
            ("*.pdf", "a.pdf.exe", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?ä", "öä", true),
        ] {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!name_matches(&"*a".repeat(1000), &"a".repeat(999)));
    }
}
