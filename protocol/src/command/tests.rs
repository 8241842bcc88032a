//! Tests of the parser: a line and the command or error it is, for every verb.

mod access;
mod storage;
mod table;
mod transport;

use proptest::prelude::*;

use super::*;

/// What `line` is.
fn parse(line: &str) -> Result<Command, CommandError> {
    Command::parse(line.as_bytes())
}

fn verb(name: &str) -> &'static Verb {
    find(name.as_bytes()).expect("a verb")
}

fn path(text: &str) -> PathArgument {
    PathArgument::parse(text.as_bytes()).expect("a path")
}

/// Each line is its command.
fn accepted<const N: usize>(lines: [(&str, Command); N]) {
    for (line, command) in lines {
        assert_eq!(parse(line), Ok(command), "{line:?}");
    }
}

/// Each line is refused by the error that its verb makes of this constructor.
fn refused<const N: usize>(error: fn(&'static Verb) -> CommandError, lines: [&str; N]) {
    for line in lines {
        let verb = verb(line.split(' ').next().unwrap_or_default());
        assert_eq!(parse(line), Err(error(verb)), "{line:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_command_or_an_error(
        line in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn any_argument_of_any_verb(
        index in 0..table().len(),
        argument in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b' '), Just(b'"'), Just(b'|'), b'0'..=b'9'], 0..40),
    ) {
        let name = table()[index].name;
        let line = [name.as_bytes(), b" ", &argument].concat();
        let lower = [name.to_ascii_lowercase().as_bytes(), b" ", &argument].concat();
        prop_assert_eq!(Command::parse(&line), Command::parse(&lower));
    }

    #[test]
    fn any_name_reaches_storage_unchanged(name in "[^\r\n\0]{1,80}") {
        for verb in ["RETR", "STOR", "CWD", "SIZE", "MLST", "DELE"] {
            let parsed = parse(&format!("{verb} {name}"));
            let taken = match parsed {
                Ok(Command::Retr(path) | Command::Stor(path) | Command::Cwd(path)) => path,
                Ok(Command::Size(path) | Command::Dele(path)) => path,
                Ok(Command::Mlst(Some(path))) => path,
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(taken.as_str(), &name);
        }
        let listed = parse(&format!("LIST -- {name}"));
        let argument = ListArgument { path: Some(path(&name)), ..ListArgument::default() };
        prop_assert_eq!(listed, Ok(Command::List(argument)));
    }
}
