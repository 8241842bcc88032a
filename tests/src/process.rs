//! Programs that are run to their end: the clients, and `wharf` itself.

use std::ffi::OsStr;
use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::PATIENCE;

/// How a program ended and what it said.
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The output of a program that succeeded.
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "failed: {self}");
        self
    }

    /// The output of a program that failed.
    pub fn failure(self) -> Self {
        assert_ne!(self.code, Some(0), "succeeded: {self}");
        self
    }

    /// Both outputs, standard output first.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{command}\ncode {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// Run `command` with `input` on its standard input. A program that says nothing to its end for
/// longer than [`PATIENCE`] is killed.
pub fn run(command: &mut Command, input: &str) -> Output {
    let shown = format!("{command:?}");
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("standard input is piped");
    let input = input.to_owned();
    // A program that does not read its input to the end breaks the pipe, and says why elsewhere.
    thread::spawn(move || stdin.write_all(input.as_bytes()));
    let stdout = drain(child.stdout.take().expect("standard output is piped"));
    let stderr = drain(child.stderr.take().expect("standard error is piped"));
    let (Ok(stdout), Ok(stderr)) = (stdout.recv_timeout(PATIENCE), stderr.recv_timeout(PATIENCE))
    else {
        child.kill().expect("it can be killed");
        panic!("{shown} never ended");
    };
    let status = child.wait().expect("it can be waited for");
    Output {
        command: shown,
        code: status.code(),
        stdout,
        stderr,
    }
}

/// Start `command` with its standard input piped.
pub fn spawn(command: &mut Command) -> Child {
    let program = command.get_program().to_owned();
    command
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{} cannot be run: {error}. {}",
                program.display(),
                remedy(&program)
            )
        })
}

/// What installs a client that is not there.
fn remedy(program: &OsStr) -> String {
    let package = match program.to_str().unwrap_or_default() {
        "python3" => "python3",
        client @ ("curl" | "lftp" | "wget" | "tnftp") => client,
        _ => return String::new(),
    };
    format!("Install it with `apt-get install {package}`, or run `cargo xtask setup`.")
}

fn drain(mut source: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = source.read_to_end(&mut bytes);
        sender.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    receiver
}
