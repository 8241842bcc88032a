//! What a person types to set up, start, test and check Wharf: `cargo xtask TASK`.

mod bench;
mod examples;
mod pip;
mod program;
mod project;
mod s3_server;
mod server;
mod system;
mod tables;
mod test;
mod tidy;
mod wasm;
mod webdav_server;

use std::process::ExitCode;

use anyhow::{Result, bail};
use project::Project;

const USAGE: &str = "\
usage: cargo xtask TASK

  start            build everything, set up `run/` where it is missing, leave a server running
  stop             stop that server
  test [OPTIONS]   check and test everything
      --only NAME  one step, or those black-box tests whose names hold NAME; may be repeated
      --list       the steps
  plugins          build the first-party plugins
      --system     with the distribution's Rust, as where rustup cannot add the wasm target
  examples         build the plugins in other languages, and those that `wharf plugin new` makes
  bench [NAME]     measure the host, or only what NAME is part of; `bench/README.md` tells more
  bench plugins    measure what a plugin costs the host
  bench s3 [NAME]  measure transfers to and from a bucket that is far away, about five minutes
  tidy             check the rules of the architecture that the compiler does not know";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Performs the task that the arguments name.
fn run(arguments: &[&str]) -> Result<()> {
    let project = Project::locate()?;
    match arguments {
        ["start"] => server::start(&project),
        ["stop"] => server::stop(&project),
        ["test", "--list"] => test::list(&project),
        ["test", options @ ..] => test::run(&project, &test::parse(options)?),
        ["plugins"] => wasm::build(&project, wasm::Route::find()?),
        ["plugins", "--system"] => wasm::build(&project, wasm::Route::system()?),
        ["examples"] => {
            test::host(&project)?;
            examples::build(&project)
        }
        ["bench"] => bench::run(&project, ""),
        ["bench", "plugins"] => bench::plugins(&project),
        ["bench", "s3"] => bench::s3::run(&project, ""),
        ["bench", "s3", name] => bench::s3::run(&project, name),
        ["bench", name] => bench::run(&project, name),
        ["tidy"] => tidy::check(&project),
        [] | ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task `{}`\n\n{USAGE}", arguments.join(" ")),
    }
}
