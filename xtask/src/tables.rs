//! The tables of `docs/migrate` and of the README say which test shows a feature. Those exist.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::project::Project;

/// The head of such a table ends so; before it stands what is shown.
const LAST: &str = "test";

/// Of a row whose test is that of the row before.
const SAME: &str = "the same";

/// What is wrong with the tables, each with its file and line. `sources` are all Rust files.
pub fn breaches(project: &Project, sources: &[PathBuf]) -> Result<Vec<String>> {
    let mut pages: Vec<PathBuf> = fs::read_dir(project.root.join("docs/migrate"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    pages.retain(|page| page.extension().is_some_and(|it| it == "md"));
    pages.push(project.root.join("README.md"));
    pages.sort();
    let tests = tests(&project.root, sources)?;
    let mut breaches = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let page = page.strip_prefix(&project.root).unwrap_or(&page).display();
        let found = unshown(&text, &tests).into_iter();
        breaches.extend(found.map(|(line, what)| format!("{page}:{line}: {what}")));
    }
    Ok(breaches)
}

/// A test, by the folders and files that it stands in and its name.
struct Test {
    place: Vec<String>,
    name: String,
}

fn tests(root: &Path, sources: &[PathBuf]) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for source in sources {
        let text = fs::read_to_string(source)?;
        let place: Vec<String> = source
            .strip_prefix(root)?
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().replace('-', "_"))
            .collect();
        tests.extend(names(&text).map(|name| Test {
            place: place.clone(),
            name: name.to_owned(),
        }));
    }
    Ok(tests)
}

/// The functions of a source behind an attribute of a test.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().map(str::trim_start).filter_map(move |line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split('(').next()?;
            return std::mem::take(&mut is_test).then_some(name);
        }
        is_test = (is_test || line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
            && (line.starts_with("#[") || line.starts_with("//"));
        None
    })
}

/// The rows that name no test, or one that is not there, with their lines.
fn unshown(text: &str, tests: &[Test]) -> Vec<(usize, String)> {
    let mut breaches = Vec::new();
    let (mut is_table, mut is_shown) = (false, false);
    for (line, number) in text.lines().zip(1..) {
        let Some(cells) = cells(line) else {
            is_table = false;
            continue;
        };
        let last = cells.last().copied().unwrap_or_default();
        if last == LAST {
            (is_table, is_shown) = (true, false);
            continue;
        }
        if !is_table || last.starts_with("--") {
            continue;
        }
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        is_shown = !named.is_empty() || (is_shown && last.starts_with(SAME));
        if !is_shown {
            breaches.push((number, "this row names no test".to_owned()));
        }
        let missing = named.into_iter().filter(|name| !is_there(name, tests));
        breaches.extend(missing.map(|name| (number, format!("there is no test `{name}`"))));
    }
    breaches
}

/// The cells of a row of a table.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(row.split('|').map(str::trim).collect())
}

/// Whether there is a test `module::name`, in a file or folder `module`; a `module` alone stands
/// for all tests of a file.
fn is_there(path: &str, tests: &[Test]) -> bool {
    let Some((modules, name)) = path.rsplit_once("::") else {
        let mut places = tests.iter().filter_map(|test| test.place.last());
        return places.any(|place| place == path);
    };
    tests.iter().filter(|test| test.name == name).any(|test| {
        let mut modules = modules.split("::");
        modules.all(|module| test.place.iter().any(|part| part == module))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_a_test_that_is_there() {
        let source = "#[test]\n#[ignore]\nfn one() {}\nfn two() {}\n\
                      #[tokio::test]\nasync fn three() {}\n";
        let found: Vec<&str> = names(source).collect();
        assert_eq!(found, ["one", "three"]);
        let tests: Vec<Test> = found
            .iter()
            .map(|name| Test {
                place: vec!["tests".to_owned(), "limits".to_owned()],
                name: (*name).to_owned(),
            })
            .collect();
        let table = "| what | how | test |\n|---|---|---|\n";
        for (row, breach) in [
            ("| a | b | `limits::one` |", None),
            ("| a | b | `limits::one`, `tests::limits::three` |", None),
            (
                "| a | b | `limits::two` |",
                Some("there is no test `limits::two`"),
            ),
            (
                "| a | b | `other::one` |",
                Some("there is no test `other::one`"),
            ),
            ("| a | b | `limits` |", None),
            ("| a | b | `one` |", Some("there is no test `one`")),
            ("| a | b | `limits::one` |\n| c | d | the same |", None),
            ("| a | b | the same |", Some("this row names no test")),
            ("| a | b | by hand |", Some("this row names no test")),
        ] {
            let found = unshown(&format!("{table}{row}\n"), &tests);
            let expected = breach.map(|breach| (3, breach.to_owned()));
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{row}");
        }
        let other = "| what | how |\n|---|---|\n| a | b |\n";
        assert!(unshown(other, &tests).is_empty());
    }
}
