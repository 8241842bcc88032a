//! curl: one URL for each step, commands for what is no transfer.

use std::process::Command;

use super::{Endpoint, Security, Step, one_by_one, percent_encoded};
use crate::process::Output;

pub(super) fn perform(endpoint: &Endpoint, steps: &[Step]) -> Output {
    one_by_one(steps, |step| command(endpoint, step))
}

fn command(endpoint: &Endpoint, step: &Step) -> Command {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--insecure",
        "--globoff",
        "--user",
    ]);
    command.arg(format!("{}:{}", endpoint.user, endpoint.password));
    let scheme = match endpoint.security {
        Security::Plain => "ftp",
        Security::Explicit => {
            command.arg("--ssl-reqd");
            "ftp"
        }
        Security::Implicit => "ftps",
    };
    let url = |path: &str| format!("{scheme}://{}/{}", endpoint.address, percent_encoded(path));
    // Without a transfer: log in, say the commands, leave.
    let say = |command: &mut Command, commands: &[String]| {
        for line in commands {
            command.arg("--quote").arg(line);
        }
        command.arg("--head").arg(url(""));
    };
    match step {
        Step::List(directory) => {
            command.arg(url(&format!("{directory}/")));
        }
        Step::Upload(local, remote) => {
            command.arg("--upload-file").arg(local).arg(url(remote));
        }
        Step::ResumeUpload(local, remote) => {
            command.args(["--continue-at", "-", "--append", "--upload-file"]);
            command.arg(local).arg(url(remote));
        }
        Step::Download(remote, local) => {
            command.arg("--output").arg(local).arg(url(remote));
        }
        Step::ResumeDownload(remote, local) => {
            command
                .args(["--continue-at", "-", "--output"])
                .arg(local)
                .arg(url(remote));
        }
        Step::MakeDirectory(path) => say(&mut command, &[format!("MKD {path}")]),
        Step::Rename(from, to) => {
            say(
                &mut command,
                &[format!("RNFR {from}"), format!("RNTO {to}")],
            );
        }
        Step::Delete(path) => say(&mut command, &[format!("DELE {path}")]),
        Step::RemoveDirectory(path) => say(&mut command, &[format!("RMD {path}")]),
        Step::MirrorUp(..) | Step::MirrorDown(..) => panic!("curl cannot mirror"),
    }
    command
}
