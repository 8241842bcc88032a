//! lftp: one script in one session.

use std::fmt::Display;
use std::path::Path;
use std::process::Command;

use super::{Endpoint, Security, Step};
use crate::CLIENT_PATIENCE;
use crate::process::{self, Output};

const SETTINGS: &str = "set cmd:fail-exit true
set net:max-retries 1
set net:reconnect-interval-base 0
set ssl:verify-certificate false
set xfer:clobber true
set mirror:set-permissions false
";

pub(super) fn perform(endpoint: &Endpoint, steps: &[Step]) -> Output {
    let mut script = format!("{SETTINGS}set net:timeout {CLIENT_PATIENCE}\n");
    let scheme = match endpoint.security {
        Security::Plain => {
            script += "set ftp:ssl-allow false\n";
            "ftp"
        }
        Security::Explicit => {
            script += "set ftp:ssl-force true\nset ftp:ssl-protect-data true\n";
            "ftp"
        }
        Security::Implicit => "ftps",
    };
    let Endpoint {
        address,
        user,
        password,
        ..
    } = endpoint;
    script += &format!("open -u {user},{password} {scheme}://{address}\n");
    for step in steps {
        script += &format!("{}\n", line(step));
    }
    // The person's own settings are left out.
    process::run(
        Command::new("lftp").args(["--norc", "-f", "/dev/stdin"]),
        &script,
    )
}

fn line(step: &Step) -> String {
    match step {
        Step::List(directory) => format!("cls -1 -- {}/", quoted(directory)),
        Step::MakeDirectory(path) => format!("mkdir -- {}", quoted(path)),
        Step::Upload(local, remote) => put("put", local, remote),
        Step::ResumeUpload(local, remote) => put("put -c", local, remote),
        Step::Download(remote, local) => get("get", remote, local),
        Step::ResumeDownload(remote, local) => get("get -c", remote, local),
        Step::Rename(from, to) => format!("mv {} {}", quoted(from), quoted(to)),
        Step::Delete(path) => format!("rm -- {}", quoted(path)),
        Step::RemoveDirectory(path) => format!("rmdir -- {}", quoted(path)),
        Step::MirrorUp(local, remote) => {
            format!(
                "mirror -R -- {} {}",
                quoted(local.display()),
                quoted(remote)
            )
        }
        Step::MirrorDown(remote, local) => {
            format!("mirror -- {} {}", quoted(remote), quoted(local.display()))
        }
    }
}

fn put(command: &str, local: &Path, remote: &str) -> String {
    format!(
        "{command} {} -o {}",
        quoted(local.display()),
        quoted(remote)
    )
}

fn get(command: &str, remote: &str, local: &Path) -> String {
    // A word behind `--` cannot be an option, but then `-o` could not be one either.
    format!(
        "{command} {} -o {}",
        quoted(dashed(remote)),
        quoted(local.display())
    )
}

fn dashed(path: &str) -> String {
    match path.starts_with('-') {
        true => format!("./{path}"),
        false => path.to_owned(),
    }
}

fn quoted(text: impl Display) -> String {
    format!(
        "\"{}\"",
        text.to_string().replace('\\', "\\\\").replace('"', "\\\"")
    )
}
