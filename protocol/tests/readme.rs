//! The README names exactly the commands of the table.

use wharf_protocol::command::{Verb, table};

/// Columns of a line of the README.
const WIDTH: usize = 100;

#[test]
#[expect(clippy::disallowed_methods, reason = "the README is a file")]
fn the_readme_names_every_command() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(file).unwrap();
    let section = readme
        .split_once("<!-- commands -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- end of commands -->"))
        .map(|(section, _)| section);
    let known = wrapped(&format!("{}.", names(true)));
    let refused = wrapped(&format!(
        "Refused as not implemented (502): {}.",
        names(false)
    ));
    let expected = format!("{known}\n\n{refused}\n");
    assert_eq!(
        section,
        Some(expected.as_str()),
        "put this there:\n{expected}"
    );
}

/// The verbs that are implemented, or those that are not, each with its other spellings.
fn names(implemented: bool) -> String {
    let chosen = table()
        .iter()
        .filter(|verb| verb.is_implemented() == implemented);
    let names = chosen.map(|Verb { name, aliases, .. }| match aliases {
        [] => (*name).to_owned(),
        aliases => format!("{name} ({})", aliases.join(", ")),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The words in lines of at most [`WIDTH`].
fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let fits = column + " ".len() + word.len() <= WIDTH;
        wrapped.push_str(match (column, fits) {
            (0, _) => "",
            (_, true) => " ",
            (_, false) => "\n",
        });
        column = if fits {
            column + usize::from(column > 0)
        } else {
            0
        } + word.len();
        wrapped.push_str(word);
    }
    wrapped
}
