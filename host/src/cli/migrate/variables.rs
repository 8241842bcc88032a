//! The environment variables that another server was configured with.

mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};

use self::line::{Line, Odd};

/// Variables by their names, and what was asked for.
pub struct Variables {
    values: BTreeMap<String, Setting>,
    asked: BTreeSet<String>,
    /// The file that they stand in. All of them are meant for that server then.
    file: Option<String>,
    /// What is odd about some, to be known, and what cannot be right, to be mended.
    remarks: Vec<String>,
    contradictions: Vec<String>,
}

/// A value, and the line that it stands in, if there are lines.
struct Setting {
    value: String,
    line: Option<usize>,
}

impl Variables {
    fn new(file: Option<String>) -> Self {
        Self {
            values: BTreeMap::new(),
            asked: BTreeSet::new(),
            file,
            remarks: Vec::new(),
            contradictions: Vec::new(),
        }
    }

    /// Those of this process, most of which are somebody else's. What is not UTF-8 is none of them.
    pub fn of_process() -> Self {
        let mut variables = Self::new(None);
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                let setting = Setting { value, line: None };
                variables.values.insert(name, setting);
            }
        }
        variables
    }

    /// Those of the file `path`, as compose and shells read it.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        Self::parse(&shown, &text)
    }

    /// Those of the text of `file`, a line each. Messages show no value.
    pub(super) fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let mut variables = Self::new(Some(file.to_owned()));
        // Editors on Windows begin a file with a mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            match Line::parse(line) {
                Ok(Some(line)) => variables.add(line, index + 1),
                Ok(None) => {}
                Err(problem) => bail!("{file}:{}: {problem}", index + 1),
            }
        }
        Ok(variables)
    }

    fn add(&mut self, Line { name, value, odd }: Line, number: usize) {
        let file = self.file.as_deref().unwrap_or_default();
        let mut remark = |what: &str| {
            self.remarks
                .push(format!("{file}:{number}: {name}: {what}"));
        };
        match odd {
            Some(Odd::Comment) => remark("what stands behind the ` #` was taken for a comment"),
            Some(Odd::Reference) => {
                remark("a `$` in it is taken as it stands, and nothing filled in");
            }
            None => {}
        }
        if let Some(before) = self.values.get(&name)
            && before.value != value
        {
            let line = before.line.unwrap_or_default();
            remark(&format!(
                "line {line} says something else, which is left out"
            ));
        }
        let line = Some(number);
        self.values.insert(name, Setting { value, line });
    }

    /// What is odd about some variables and no problem, with their lines.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Where two variables of one meaning, which were asked for, say different things.
    pub fn contradictions(&self) -> &[String] {
        &self.contradictions
    }

    /// `message`, which begins with the name of a variable or of a list, and where that stands.
    pub fn placed(&self, message: &str) -> String {
        let Some(file) = &self.file else {
            return message.to_owned();
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = message.split(|c| !is_name(c)).next().unwrap_or_default();
        if name.is_empty() {
            return message.to_owned();
        }
        let item = format!("{name}__");
        let exact = self.values.get(name);
        let found = exact.or_else(|| {
            let mut behind = self.values.range(item.clone()..);
            let (first, setting) = behind.next()?;
            first.starts_with(&item).then_some(setting)
        });
        match found.and_then(|setting| setting.line) {
            Some(line) => format!("{file}:{line}: {message}"),
            None => format!("{file}: {message}"),
        }
    }

    /// The value of `name`; nothing where it is empty.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.asked.insert(name.to_owned());
        let value = self.values.get(name).map(|setting| setting.value.clone());
        value.filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set, and its value: some have been spelled in more than one
    /// way. Where others say something else, nobody can tell which was meant.
    pub fn take_any<'n>(&mut self, names: &[&'n str]) -> Option<(&'n str, String)> {
        let mut found: Option<(&str, String)> = None;
        for name in names {
            match (self.take(name), &found) {
                (Some(value), None) => found = Some((name, value)),
                (Some(value), Some((first, other))) if value != *other => {
                    let what =
                        format!("{name}: {first} says something else; leave out one of them");
                    self.contradictions.push(what);
                }
                _ => {}
            }
        }
        found
    }

    /// The values of `NAME__i__FIELD` for each number i that there is, as it is written, in the
    /// order of the numbers, between which there may be gaps.
    pub fn take_list<const N: usize>(
        &mut self,
        name: &str,
        fields: [&str; N],
    ) -> Vec<(String, [Option<String>; N])> {
        let prefix = format!("{name}__");
        let numbers: BTreeSet<(i64, String)> = self
            .values
            .keys()
            .filter_map(|key| {
                let (number, _) = key.strip_prefix(&prefix)?.split_once("__")?;
                Some((number.parse().ok()?, number.to_owned()))
            })
            .collect();
        let entry = |(_, number): (i64, String)| {
            let values = fields.map(|field| self.take(&format!("{prefix}{number}__{field}")));
            (number, values)
        };
        numbers.into_iter().map(entry).collect()
    }

    /// Those that nobody asked for and that are meant: all of a file, and of a process those that
    /// begin like one of the server's.
    pub fn left(&self, prefixes: &[&str]) -> Vec<String> {
        let is_meant = |name: &&String| {
            self.file.is_some() || prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        let left = self
            .values
            .keys()
            .filter(|name| !self.asked.contains(*name));
        left.filter(is_meant).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(text: &str) -> Variables {
        Variables::parse("a.env", text).unwrap()
    }

    #[test]
    fn files_are_read_whoever_wrote_them() {
        let mut variables =
            variables("\u{feff}A=1\r\n\r\n# a comment\r\nexport B = 'two' \r\nC=\r\n");
        for (name, value) in [
            ("A", Some("1")),
            ("B", Some("two")),
            ("C", None),
            ("D", None),
        ] {
            assert_eq!(variables.take(name).as_deref(), value, "{name}");
        }
        assert_eq!(variables.remarks(), [""; 0]);
        let error = Variables::parse("a.env", "A=1\nhunter2").err().unwrap();
        assert_eq!(error.to_string(), "a.env:2: it is not NAME=VALUE");
    }

    #[test]
    fn what_others_may_read_otherwise_is_remarked() {
        let mut variables = variables("A=1 # one\nB=\"$A\"\nC=1\nC=2\nD=1\nD=1\n");
        assert_eq!(variables.take("A").as_deref(), Some("1"));
        assert_eq!(variables.take("B").as_deref(), Some("$A"));
        assert_eq!(variables.take("C").as_deref(), Some("2"));
        assert_eq!(
            variables.remarks(),
            [
                "a.env:1: A: what stands behind the ` #` was taken for a comment",
                "a.env:2: B: a `$` in it is taken as it stands, and nothing filled in",
                "a.env:4: C: line 3 says something else, which is left out",
            ]
        );
    }

    #[test]
    fn two_spellings_must_not_contradict_each_other() {
        let mut variables = variables("A=1\nA_=1\nB_=3\nB=2");
        let found = |name, value: &str| Some((name, value.to_owned()));
        assert_eq!(variables.take_any(&["A", "A_"]), found("A", "1"));
        assert_eq!(variables.contradictions(), [""; 0]);
        assert_eq!(variables.take_any(&["C", "B", "B_"]), found("B", "2"));
        let told = "B_: B says something else; leave out one of them";
        assert_eq!(variables.contradictions(), [told]);
        assert_eq!(variables.placed(told), format!("a.env:3: {told}"));
    }

    #[test]
    fn a_message_is_placed_where_its_variable_or_list_stands() {
        let variables = variables("A=1\nU__2__B=b\nU__1__B=b");
        for (message, placed) in [
            ("A: it is wrong", "a.env:1: A: it is wrong"),
            (
                "U__2: of A, B one is not set",
                "a.env:2: U__2: of A, B one is not set",
            ),
            ("C is not set", "a.env: C is not set"),
            ("$HOME/a is not there", "$HOME/a is not there"),
        ] {
            assert_eq!(variables.placed(message), placed);
        }
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let text = "U__10__A=ten\nU__02__A=two\nU__02__B=b\nU__0__B=zero\nU__x__A=no\nV__1__A=v";
        let mut variables = variables(text);
        let list = variables.take_list("U", ["A", "B"]);
        let list: Vec<_> = list
            .iter()
            .map(|(number, [a, b])| (number.as_str(), a.as_deref(), b.as_deref()))
            .collect();
        let expected = [
            ("0", None, Some("zero")),
            ("02", Some("two"), Some("b")),
            ("10", Some("ten"), None),
        ];
        assert_eq!(list, expected);
        assert_eq!(variables.left(&[]), ["U__x__A", "V__1__A"]);
    }
}
