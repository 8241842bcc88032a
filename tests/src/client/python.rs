//! Python's ftplib and aioftp, driven by scripts that are told the same steps.

use std::process::Command;

use serde_json::{Value, json};

use super::{Endpoint, Security, Step, script};
use crate::CLIENT_PATIENCE;
use crate::process::{self, Output};

/// ftplib, which comes with Python.
pub(super) fn ftplib(endpoint: &Endpoint, steps: &[Step]) -> Output {
    perform(
        Command::new("python3").arg(script("steps.py")),
        endpoint,
        steps,
    )
}

/// aioftp, out of the folder that it was installed into.
pub(super) fn aioftp(endpoint: &Endpoint, steps: &[Step]) -> Output {
    let packages = std::env::var("WHARF_AIOFTP");
    let packages = packages.expect("WHARF_AIOFTP is not set: run `cargo xtask test`");
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages);
    perform(python.arg(script("aioftp_steps.py")), endpoint, steps)
}

fn perform(python: &mut Command, endpoint: &Endpoint, steps: &[Step]) -> Output {
    let order = json!({
        "host": endpoint.address.ip().to_string(),
        "port": endpoint.address.port(),
        "security": match endpoint.security {
            Security::Plain => "plain",
            Security::Explicit => "explicit",
            Security::Implicit => "implicit",
        },
        "user": endpoint.user,
        "password": endpoint.password,
        "timeout": CLIENT_PATIENCE,
        "steps": steps.iter().map(step).collect::<Vec<_>>(),
    });
    process::run(python, &order.to_string())
}

fn step(step: &Step) -> Value {
    match step {
        Step::List(directory) => json!(["list", directory]),
        Step::MakeDirectory(path) => json!(["make_directory", path]),
        Step::Upload(local, remote) => json!(["upload", local, remote]),
        Step::ResumeUpload(local, remote) => json!(["resume_upload", local, remote]),
        Step::Download(remote, local) => json!(["download", remote, local]),
        Step::ResumeDownload(remote, local) => json!(["resume_download", remote, local]),
        Step::Rename(from, to) => json!(["rename", from, to]),
        Step::Delete(path) => json!(["delete", path]),
        Step::RemoveDirectory(path) => json!(["remove_directory", path]),
        Step::MirrorUp(..) | Step::MirrorDown(..) => panic!("Python's clients do not mirror"),
    }
}
