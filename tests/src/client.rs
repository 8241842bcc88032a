//! Real clients, each told the same steps in its own language.

mod curl;
mod lftp;
mod python;
mod rclone;
mod tnftp;
mod wget;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::process::Output;

/// How a client is to secure its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// AUTH TLS, then PROT P.
    Explicit,
    /// TLS from the first byte on.
    Implicit,
}

/// Where to, and as whom.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The server.
    pub address: SocketAddr,
    /// How the session is secured.
    pub security: Security,
    /// USER
    pub user: String,
    /// PASS
    pub password: String,
}

/// One thing that a client is to do. Remote paths are relative to where the login leads.
#[derive(Clone, Debug)]
pub enum Step {
    /// Show what is in a directory.
    List(String),
    /// Make one directory.
    MakeDirectory(String),
    /// Send a whole file.
    Upload(PathBuf, String),
    /// Send what the server lacks of a file.
    ResumeUpload(PathBuf, String),
    /// Fetch a whole file.
    Download(String, PathBuf),
    /// Fetch what the local file lacks.
    ResumeDownload(String, PathBuf),
    /// Give a file another name.
    Rename(String, String),
    /// Delete a file.
    Delete(String),
    /// Delete an empty directory.
    RemoveDirectory(String),
    /// Make the remote directory what the local one is.
    MirrorUp(PathBuf, String),
    /// Make the local directory what the remote one is.
    MirrorDown(String, PathBuf),
}

/// The clients that every server must get on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// One invocation for each step.
    Curl,
    /// One script in one session.
    Lftp,
    /// Python's ftplib: one script in one session.
    Ftplib,
    /// Python's aioftp: one script in one session. Under TLS it says no command before the
    /// handshake of its data connection is done.
    Aioftp,
    /// It only fetches.
    Wget,
    /// One script in one session.
    Tnftp,
    /// The `ftp` of GNU: one script in one session, in active mode.
    Inetutils,
    /// It only mirrors.
    Rclone,
}

impl Client {
    /// Do the steps and return what was shown. Fails the test where the client fails.
    pub fn perform(self, endpoint: &Endpoint, steps: &[Step]) -> String {
        self.attempt(endpoint, steps).success().text()
    }

    /// Do the steps and return how it ended.
    pub fn attempt(self, endpoint: &Endpoint, steps: &[Step]) -> Output {
        match self {
            Self::Curl => curl::perform(endpoint, steps),
            Self::Lftp => lftp::perform(endpoint, steps),
            Self::Ftplib => python::ftplib(endpoint, steps),
            Self::Aioftp => python::aioftp(endpoint, steps),
            Self::Wget => wget::perform(endpoint, steps),
            Self::Tnftp => tnftp::perform(tnftp::PASSIVE, endpoint, steps),
            Self::Inetutils => tnftp::perform(tnftp::ACTIVE, endpoint, steps),
            Self::Rclone => rclone::perform(endpoint, steps),
        }
    }

    /// How the client shows `name` in a listing.
    pub fn shows(self, listing: &str, name: &str) -> bool {
        match self {
            Self::Wget => listing.contains(&wget::in_html(name)),
            // It takes the spaces at the end of a line for no part of the name.
            Self::Aioftp => listing.contains(name.trim_end()),
            _ => listing.contains(name),
        }
    }
}

/// A file of `tests/clients`.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(name)
}

/// A path as an URL has it, everything but the plainest characters escaped.
fn percent_encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Run what `command` makes of each step until one fails; the outputs are joined.
fn one_by_one(steps: &[Step], mut command: impl FnMut(&Step) -> std::process::Command) -> Output {
    let mut all = Output {
        command: String::new(),
        code: Some(0),
        stdout: String::new(),
        stderr: String::new(),
    };
    for step in steps {
        let output = crate::process::run(&mut command(step), "");
        all.command += &format!("{}\n", output.command);
        all.stdout += &output.stdout;
        all.stderr += &output.stderr;
        all.code = output.code;
        if all.code != Some(0) {
            break;
        }
    }
    all
}
