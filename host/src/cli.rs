//! The command line. Doc comments here are its help.

mod check;
mod directory;
mod events;
mod init;
mod migrate;
mod password;
mod plugin;
mod probe;
mod serve;
mod site_file;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::logging::LogFormat;

/// An FTP and FTPS host extended by WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a working configuration directory: wharf.toml, plugins/, one user
    Init(init::Init),
    /// Make a configuration directory of what another server was configured with
    Migrate(migrate::Migrate),
    /// Serve until SIGTERM or SIGINT
    Serve(Serve),
    /// Check the configuration, certificates, sinks and every plugin; exit 1 if anything is wrong
    Check(ConfigDirectory),
    /// Show the sessions, transfers and plugins of the running host
    Status(status::StatusCommand),
    /// See what plugins have not taken yet, deliver it again, or drop it
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Write a file that opens FileZilla, WinSCP or Cyberduck on this host
    SiteFile(site_file::SiteFile),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Try a server as its users do: log in, list, store, fetch, compare and delete a file
    Probe(probe::ProbeCommand),
    /// Print an argon2id string of a password from a prompt or standard input
    HashPassword,
}

/// Run the server.
#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    directory: ConfigDirectory,
    /// How log lines look
    #[arg(long, value_enum, default_value = "human")]
    log_format: LogFormat,
    /// What is logged: a level, or directives such as "info,wharf=debug"
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log_level: String,
}

/// Which configuration.
#[derive(Debug, Args)]
struct ConfigDirectory {
    /// The configuration directory
    #[arg(
        long,
        env = "WHARF_CONFIG",
        default_value = "/etc/wharf",
        value_name = "DIR"
    )]
    config: PathBuf,
}

/// Does what the arguments of this process say; errors go to standard error, with exit status 1.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Init(init) => init.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(directory) => check::run(&directory.config),
        Command::Status(command) => command.run(),
        Command::Events(command) => command.run(),
        Command::SiteFile(command) => command.run(),
        Command::Plugin(command) => command.run(),
        Command::Probe(command) => command.run(),
        Command::HashPassword => password::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
