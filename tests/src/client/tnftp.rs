//! tnftp, the `ftp` of the BSDs, and that of GNU, which understands the same: one script in one
//! session, in clear only.

use std::fmt::Display;
use std::fs;
use std::process::Command;

use super::{Endpoint, Security, Step};
use crate::process::{self, Output};

/// A program and its options: no automatic login, no questions, every reply is shown.
type Program = (&'static str, &'static [&'static str]);

/// tnftp, passive.
pub(super) const PASSIVE: Program = ("tnftp", &["-n", "-i", "-v", "-p"]);

/// GNU's, active, as it is without more options.
pub(super) const ACTIVE: Program = ("inetutils-ftp", &["-n", "-i", "-v"]);

pub(super) fn perform(program: Program, endpoint: &Endpoint, steps: &[Step]) -> Output {
    let (name, options) = program;
    assert_eq!(endpoint.security, Security::Plain, "{name} has no TLS");
    let Endpoint {
        address,
        user,
        password,
        ..
    } = endpoint;
    let mut script = format!(
        "open {} {}\nuser {user} {password}\nbinary\n",
        address.ip(),
        address.port()
    );
    for step in steps {
        script += &format!("{}\n", lines(step));
    }
    script += "quit\n";
    let mut output = process::run(Command::new(name).args(options), &script);
    // It tells of no failure in its exit code.
    if let Some(refusal) = refusal(&output.stdout) {
        output.stderr += &format!("refused: {refusal}\n");
        output.code = Some(1);
    }
    output
}

/// The first reply that is a refusal.
fn refusal(shown: &str) -> Option<&str> {
    let digits = |line: &str| line.bytes().take(3).filter(u8::is_ascii_digit).count() == 3;
    let reply = |line: &&str| digits(line) && line.as_bytes().get(3) == Some(&b' ');
    shown
        .lines()
        .filter(reply)
        .find(|line| line.starts_with(['4', '5']))
}

fn lines(step: &Step) -> String {
    match step {
        Step::List(directory) => format!("ls {}", quoted(directory)),
        Step::MakeDirectory(path) => format!("mkdir {}", quoted(path)),
        Step::Upload(local, remote) => {
            format!("put {} {}", quoted(local.display()), quoted(remote))
        }
        Step::ResumeUpload(local, remote) => {
            // The script cannot look: what the server lacks is the second half.
            let offset = fs::metadata(local).expect("the file is there").len() / 2;
            format!(
                "restart {offset}\nput {} {}",
                quoted(local.display()),
                quoted(remote)
            )
        }
        Step::Download(remote, local) => {
            format!("get {} {}", quoted(remote), quoted(local.display()))
        }
        Step::ResumeDownload(remote, local) => {
            format!("reget {} {}", quoted(remote), quoted(local.display()))
        }
        Step::Rename(from, to) => format!("rename {} {}", quoted(from), quoted(to)),
        Step::Delete(path) => format!("delete {}", quoted(path)),
        Step::RemoveDirectory(path) => format!("rmdir {}", quoted(path)),
        Step::MirrorUp(..) | Step::MirrorDown(..) => panic!("tnftp cannot mirror"),
    }
}

/// Within its quotation marks nothing can be escaped, outside of them everything can.
fn quoted(text: impl Display) -> String {
    let special = |character| matches!(character, ' ' | '"' | '\\');
    let mut quoted = String::new();
    for character in text.to_string().chars() {
        quoted.extend(special(character).then_some('\\'));
        quoted.push(character);
    }
    quoted
}
