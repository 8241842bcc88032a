//! rclone: it makes one tree what another is, several files at a time.

use std::process::Command;

use tempfile::TempDir;

use super::{Endpoint, Security, Step, one_by_one};
use crate::process::{self, Output};

pub(super) fn perform(endpoint: &Endpoint, steps: &[Step]) -> Output {
    // The person's own settings are left out, and so is what rclone keeps.
    let folder = TempDir::new().expect("there is room for a test");
    let obscured = process::run(
        Command::new("rclone").args(["obscure", "-"]),
        &endpoint.password,
    );
    let password = obscured.success().stdout.trim().to_owned();
    one_by_one(steps, |step| {
        let mut command = Command::new("rclone");
        command
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_CACHE_HOME", folder.path())
            .env("RCLONE_FTP_HOST", endpoint.address.ip().to_string())
            .env("RCLONE_FTP_PORT", endpoint.address.port().to_string())
            .env("RCLONE_FTP_USER", &endpoint.user)
            .env("RCLONE_FTP_PASS", &password)
            // Names as they are, where the server takes them.
            .env("RCLONE_FTP_ENCODING", "Slash,Dot")
            // A longer name for the time of the upload would be too long for some of them.
            .env("RCLONE_INPLACE", "true");
        match endpoint.security {
            Security::Plain => {}
            Security::Explicit => {
                command.env("RCLONE_FTP_EXPLICIT_TLS", "true");
            }
            Security::Implicit => {
                command.env("RCLONE_FTP_TLS", "true");
            }
        }
        command.env("RCLONE_FTP_NO_CHECK_CERTIFICATE", "true");
        command.args(["sync", "--create-empty-src-dirs", "--retries=1", "--"]);
        match step {
            Step::MirrorUp(local, remote) => command.arg(local).arg(format!(":ftp:{remote}")),
            Step::MirrorDown(remote, local) => command.arg(format!(":ftp:{remote}")).arg(local),
            step => panic!("rclone only mirrors here, and was told {step:?}"),
        };
        command
    })
}
