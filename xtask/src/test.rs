//! Checks and tests everything.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::program::{cargo, run as execute};
use crate::project::Project;
use crate::s3_server::S3Server;
use crate::system::{self, Package};
use crate::webdav_server::WebDavServer;
use crate::{examples, pip, tidy, wasm};

/// What the black-box tests talk to the host with.
const CLIENTS: &[Package] = &[
    Package {
        file: "curl",
        name: "curl",
    },
    Package {
        file: "lftp",
        name: "lftp",
    },
    Package {
        file: "tnftp",
        name: "tnftp",
    },
    Package {
        file: "inetutils-ftp",
        name: "inetutils-ftp",
    },
    Package {
        file: "rclone",
        name: "rclone",
    },
    Package {
        file: "wget",
        name: "wget",
    },
    Package {
        file: "python3",
        name: "python3",
    },
    Package {
        file: "openssl",
        name: "openssl",
    },
];

/// A step, by its name.
type Step = (&'static str, fn(&Project) -> Result<()>);

/// The steps, the quick ones first. The last one needs what others build, and so do the examples.
const STEPS: &[Step] = &[
    ("tidy", tidy::check),
    ("format", format),
    ("plugins", plugins),
    ("lints", lints),
    ("docs", docs),
    ("unit", unit),
    ("host", host),
    ("examples", examples::build),
    ("black-box", |project| black_box(project, &[])),
];

/// Which steps to run.
pub struct Selection {
    steps: Vec<&'static Step>,
    /// Names of black-box tests; empty for those that `steps` has.
    filters: Vec<String>,
}

/// Reads the options of `cargo xtask test`.
pub fn parse(options: &[&str]) -> Result<Selection> {
    let mut only = Vec::new();
    let mut rest = options;
    while let Some((first, others)) = rest.split_first() {
        match (*first, others.split_first()) {
            ("--only", Some((name, others))) => {
                only.push(*name);
                rest = others;
            }
            _ => bail!("unknown option `{first}`; see `cargo xtask help`"),
        }
    }
    let is_step = |name: &&str| STEPS.iter().any(|(step, _)| step == name);
    let (steps, filters): (Vec<_>, Vec<_>) = only.iter().partition(|name| is_step(name));
    let chosen = |(name, _): &&Step| only.is_empty() || steps.contains(&name);
    Ok(Selection {
        steps: STEPS.iter().filter(chosen).collect(),
        filters: filters.into_iter().map(ToString::to_string).collect(),
    })
}

/// Prints the names of the steps.
pub fn list(_project: &Project) -> Result<()> {
    for (name, _) in STEPS {
        println!("{name}");
    }
    Ok(())
}

/// Runs the steps, all of them even if one fails, and sums up.
///
/// # Errors
/// A step failed.
pub fn run(project: &Project, selection: &Selection) -> Result<()> {
    let mut outcomes = Vec::new();
    for (name, step) in &selection.steps {
        outcomes.push(timed(name, || step(project)));
    }
    if !selection.filters.is_empty() {
        let filters: Vec<&str> = selection.filters.iter().map(String::as_str).collect();
        outcomes.push(timed("plugins", || plugins(project)));
        outcomes.push(timed("host", || host(project)));
        outcomes.push(timed("examples", || examples::build(project)));
        outcomes.push(timed(&filters.join(" "), || black_box(project, &filters)));
    }
    println!("\n── summary");
    for (name, outcome, took) in &outcomes {
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("{name:<12} {verdict:<7} {:>5.0} s", took.as_secs_f32());
    }
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome, _)| outcome.is_err())
        .map(|(name, ..)| name)
        .collect();
    if !failed.is_empty() {
        bail!("failed: {failed:?}");
    }
    Ok(())
}

/// Runs one step under its title.
fn timed(name: &str, step: impl FnOnce() -> Result<()>) -> (String, Result<()>, Duration) {
    println!("\n── {name}");
    let start = Instant::now();
    let outcome = step();
    if let Err(error) = &outcome {
        eprintln!("{error:#}");
    }
    (name.to_owned(), outcome, start.elapsed())
}

/// rustfmt has nothing to change.
fn format(project: &Project) -> Result<()> {
    component("cargo-fmt", "rustfmt")?;
    execute(&mut cargo(&project.root, ["fmt", "--all", "--check"]))?;
    execute(&mut cargo(
        &project.plugin_sources(),
        ["fmt", "--all", "--check"],
    ))
}

/// Adds a part of the toolchain if it is missing, and says so.
fn component(program: &str, name: &str) -> Result<()> {
    if wasm::sysroot()?.join("bin").join(program).is_file() {
        return Ok(());
    }
    println!("adding {name} to the toolchain (to check the sources)");
    execute(Command::new("rustup").args(["component", "add", name]))
}

/// The plugins build for WebAssembly.
fn plugins(project: &Project) -> Result<()> {
    wasm::build(project, wasm::Route::find()?)
}

/// Clippy has nothing to say, natively and in the sandbox.
fn lints(project: &Project) -> Result<()> {
    const CLIPPY: [&str; 5] = [
        "clippy",
        "--release",
        "--locked",
        "--workspace",
        "--all-targets",
    ];
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    component("cargo-clippy", "clippy")?;
    execute(cargo(&project.root, CLIPPY).args(DENY))?;
    let mut native = cargo(&project.plugin_sources(), CLIPPY);
    execute(
        native
            .arg("--target-dir")
            .arg(project.plugin_target())
            .args(DENY),
    )?;
    if !wasm::Route::find()?.is_toolchain() {
        println!(
            "the toolchain has no {}: the sandboxed code is only built",
            wasm::TARGET
        );
        return Ok(());
    }
    let mut sandboxed = cargo(&project.plugin_sources(), &CLIPPY[..4]);
    sandboxed
        .args(["--target", wasm::TARGET, "--target-dir"])
        .arg(project.plugin_target());
    execute(sandboxed.args(DENY))
}

/// The documentation builds without a warning, private items included.
fn docs(project: &Project) -> Result<()> {
    const DOC: [&str; 5] = ["doc", "--release", "--locked", "--workspace", "--no-deps"];
    let mut plugins = cargo(&project.plugin_sources(), DOC);
    plugins.arg("--target-dir").arg(project.plugin_target());
    for doc in [&mut cargo(&project.root, DOC), &mut plugins] {
        execute(
            doc.arg("--document-private-items")
                .env("RUSTDOCFLAGS", "-D warnings"),
        )?;
    }
    Ok(())
}

/// The tests that need no server.
fn unit(project: &Project) -> Result<()> {
    const TEST: [&str; 4] = ["test", "--release", "--locked", "--workspace"];
    let (store, webdav) = (S3Server::start(project)?, WebDavServer::start()?);
    let mut native = cargo(&project.root, TEST);
    store.tell(&mut native);
    webdav.tell(&mut native);
    execute(native.args(["--exclude", "wharf-tests"]))?;
    let mut plugins = cargo(&project.plugin_sources(), TEST);
    execute(plugins.arg("--target-dir").arg(project.plugin_target()))
}

/// The host builds as the operator gets it.
pub fn host(project: &Project) -> Result<()> {
    let arguments = ["build", "--release", "--locked", "--package", "wharf"];
    execute(&mut cargo(&project.root, arguments))
}

/// The tests of the real program with real clients; all of them without a filter.
fn black_box(project: &Project, filters: &[&str]) -> Result<()> {
    system::provide(CLIENTS, "clients that the tests run")?;
    let (store, webdav) = (S3Server::start(project)?, WebDavServer::start()?);
    let mut command = black_box_command(project, filters);
    command.env("WHARF_AIOFTPS3", pip::AIOFTPS3.provide(project)?);
    command.env("WHARF_AIOFTP", pip::AIOFTP.provide(project)?);
    store.tell(&mut command);
    webdav.tell(&mut command);
    execute(&mut command)
}

fn black_box_command(project: &Project, filters: &[&str]) -> Command {
    // Of the whole workspace, so that dependencies have the features that the unit tests compiled
    // them with. No other package has tests of that name.
    const TEST: [&str; 7] = [
        "test",
        "--release",
        "--locked",
        "--workspace",
        "--test",
        "all",
        "--",
    ];
    let mut command = cargo(&project.root, TEST);
    command
        .args(filters)
        .env("WHARF_BIN", project.wharf())
        .env("WHARF_PLUGINS", project.plugins());
    command
}
