//! The environment variables that another server was configured with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};

/// Variables by their names, and what was asked for.
pub struct Variables {
    values: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    /// Whether all of them are meant for that server.
    all_meant: bool,
}

impl Variables {
    /// Those of this process, most of which are somebody else's. What is not UTF-8 is none of them.
    pub fn of_process() -> Self {
        let values = std::env::vars_os();
        Self {
            values: values
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            asked: BTreeSet::new(),
            all_meant: false,
        }
    }

    /// Those of the file `path`, as `docker run --env-file` and compose read it.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        Self::parse(&text).with_context(|| shown.to_string())
    }

    /// A line for each, `NAME=VALUE`; empty ones and those that begin with `#` are none. `export`
    /// may stand before it, and quotes around the value. Messages show no value.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut values = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let Some((name, value)) = line.split_once('=') else {
                bail!("line {number} is not NAME=VALUE");
            };
            let name = name.trim();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                bail!("line {number}: what stands before the `=` is no name");
            }
            values.insert(name.to_owned(), unquoted(value.trim()).to_owned());
        }
        Ok(Self {
            values,
            asked: BTreeSet::new(),
            all_meant: true,
        })
    }

    /// The value of `name`; nothing where it is empty.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.asked.insert(name.to_owned());
        self.values
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// The first of `names` that is set: some have been spelled in more than one way.
    pub fn take_any(&mut self, names: &[&str]) -> Option<String> {
        let values: Vec<Option<String>> = names.iter().map(|name| self.take(name)).collect();
        values.into_iter().flatten().next()
    }

    /// The values of `NAME__i__FIELD` for each number i that there is, in the order of the numbers,
    /// between which there may be gaps.
    pub fn take_list<const N: usize>(
        &mut self,
        name: &str,
        fields: [&str; N],
    ) -> Vec<(i64, [Option<String>; N])> {
        let prefix = format!("{name}__");
        let numbers: BTreeSet<(i64, String)> = self
            .values
            .keys()
            .filter_map(|key| {
                let (number, _) = key.strip_prefix(&prefix)?.split_once("__")?;
                Some((number.parse().ok()?, number.to_owned()))
            })
            .collect();
        let entry = |(number, spelled): (i64, String)| {
            let field = |field: &str| self.take(&format!("{prefix}{spelled}__{field}"));
            (number, fields.map(field))
        };
        numbers.into_iter().map(entry).collect()
    }

    /// Those that nobody asked for and that are meant: all of a file, and of a process those that
    /// begin like one of the server's.
    pub fn left(&self, prefixes: &[&str]) -> Vec<String> {
        let is_meant = |name: &&String| {
            self.all_meant || prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        let left = self
            .values
            .keys()
            .filter(|name| !self.asked.contains(*name));
        left.filter(is_meant).cloned().collect()
    }
}

/// Without one pair of quotes around it.
fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_and_values() {
        let text = "# a comment\n\nA=1\nexport B = two words \nC='a=b'\nD=\"\"\nE=\"#\r\n";
        let mut variables = Variables::parse(text).unwrap();
        for (name, value) in [
            ("A", Some("1")),
            ("B", Some("two words")),
            ("C", Some("a=b")),
            ("D", None),
            ("E", Some("\"#")),
            ("F", None),
        ] {
            assert_eq!(variables.take(name).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_told_without_its_text() {
        for (text, told) in [
            ("A=1\nhunter2", "line 2 is not NAME=VALUE"),
            (
                "hunter2 x=1",
                "line 1: what stands before the `=` is no name",
            ),
        ] {
            let error = Variables::parse(text).err().unwrap().to_string();
            assert_eq!(error, told);
        }
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let text = "U__10__A=ten\nU__2__A=two\nU__2__B=b\nU__0__B=zero\nU__x__A=no\nV__1__A=v";
        let mut variables = Variables::parse(text).unwrap();
        let list = variables.take_list("U", ["A", "B"]);
        let list: Vec<_> = list
            .iter()
            .map(|(number, [a, b])| (*number, a.as_deref(), b.as_deref()))
            .collect();
        let expected = [
            (0, None, Some("zero")),
            (2, Some("two"), Some("b")),
            (10, Some("ten"), None),
        ];
        assert_eq!(list, expected);
        assert_eq!(variables.left(&[]), ["U__x__A", "V__1__A"]);
    }
}
