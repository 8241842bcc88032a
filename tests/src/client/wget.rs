//! wget: one URL for each step, and it only fetches.

use std::process::Command;

use tempfile::TempDir;

use super::{Endpoint, Security, Step, one_by_one, percent_encoded};
use crate::CLIENT_PATIENCE;
use crate::process::Output;

pub(super) fn perform(endpoint: &Endpoint, steps: &[Step]) -> Output {
    // It writes a file of its own beside where it runs, which another one must not share.
    let folder = TempDir::new().expect("there is room for a test");
    one_by_one(steps, |step| {
        let mut command = command(endpoint, step);
        command.current_dir(folder.path());
        command
    })
}

fn command(endpoint: &Endpoint, step: &Step) -> Command {
    let mut command = Command::new("wget");
    command.args([
        "--no-config",
        "--quiet",
        "--tries=1",
        "--no-check-certificate",
    ]);
    command.arg(format!("--timeout={CLIENT_PATIENCE}"));
    command.arg(format!("--ftp-user={}", endpoint.user));
    command.arg(format!("--ftp-password={}", endpoint.password));
    let scheme = match endpoint.security {
        Security::Plain => "ftp",
        Security::Explicit => "ftps",
        Security::Implicit => {
            command.arg("--ftps-implicit");
            "ftps"
        }
    };
    let url = |path: &str| format!("{scheme}://{}/{}", endpoint.address, percent_encoded(path));
    match step {
        Step::List(directory) => {
            command
                .arg("--output-document=-")
                .arg(url(&format!("{directory}/")));
        }
        Step::Download(remote, local) => {
            command.arg("--output-document").arg(local).arg(url(remote));
        }
        Step::ResumeDownload(remote, local) => {
            command
                .args(["--continue", "--output-document"])
                .arg(local)
                .arg(url(remote));
        }
        step => panic!("wget only fetches, and was told {step:?}"),
    }
    command
}

/// How a name stands in the page that wget makes of a listing; it loses spaces in front.
pub(super) fn in_html(name: &str) -> String {
    let escape = |character| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        ' ' => "&#32;".to_owned(),
        other => other.to_string(),
    };
    name.trim_start().chars().map(escape).collect()
}
