//! The `wharf` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::memory::keep_small();
    wharf::cli::run()
}
