//! `wharf probe`: for monitors and balancers, whether users can work with a server right now.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use wharf_protocol::secret::Secret;

use super::password;
use crate::config::value::Value;
use crate::probe::{Probe, Security, Trust};

/// Where a password may stand that is in no file.
const PASSWORD_VARIABLE: &str = "WHARF_PROBE_PASSWORD";

/// Log in to a server, list, store a file, fetch, compare and delete it; exit 1 if that fails.
///
/// The password is that of WHARF_PROBE_PASSWORD, unless a file or standard input holds it.
#[derive(Debug, Args)]
pub struct ProbeCommand {
    /// The server's name or address
    #[arg(value_name = "HOST")]
    host: String,
    /// The port of the control connection [default: 21, or 990 with implicit TLS]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The user to log in as
    #[arg(long, value_name = "NAME", value_parser = word)]
    user: String,
    /// Take the password from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Take the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// When TLS begins
    #[arg(long, value_enum, default_value = "explicit")]
    tls: Tls,
    /// Trust the authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE", group = "trust")]
    ca: Option<PathBuf>,
    /// Trust the one certificate with this SHA-256, as `wharf serve` logs it
    #[arg(long, value_name = "HEX", group = "trust", value_parser = fingerprint)]
    fingerprint: Option<Fingerprint>,
    /// Trust whatever certificate the server shows
    #[arg(long, group = "trust")]
    insecure: bool,
    /// Store the file in this directory
    #[arg(long, value_name = "PATH", value_parser = word)]
    directory: Option<String>,
    /// Ask for data ports with PASV, and connect to the address that it tells, as old clients do
    #[arg(long)]
    pasv: bool,
    /// Store nothing: log in, list and log out
    #[arg(long)]
    read_only: bool,
    /// The time for all of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = Duration::parse)]
    timeout: Duration,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tls {
    /// Never
    Off,
    /// Behind AUTH TLS
    Explicit,
    /// At once
    Implicit,
}

#[derive(Clone, Debug)]
struct Fingerprint([u8; 32]);

/// What goes into a command, and so stands in one line.
fn word(text: &str) -> Result<String, String> {
    match text {
        "" => Err("it is empty".to_owned()),
        _ => String::parse(text),
    }
}

/// 64 hexadecimal digits, with or without colons.
fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let wrong = || "it is not 64 hexadecimal digits, such as `wharf serve` logs".to_owned();
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
        .collect();
    match digits.len() {
        64 => bytes.try_into().map(Fingerprint).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

impl ProbeCommand {
    /// Probes and tells.
    pub fn run(self) -> anyhow::Result<()> {
        let security = match self.tls {
            Tls::Off => Security::Off,
            Tls::Explicit => Security::Explicit,
            Tls::Implicit => Security::Implicit,
        };
        let password = self.password()?;
        let trust = match (self.ca, self.fingerprint, self.insecure) {
            (Some(path), ..) => Trust::Authorities(path),
            (None, Some(Fingerprint(digest)), _) => Trust::Fingerprint(digest),
            (None, None, true) => Trust::Anything,
            (None, None, false) => Trust::System,
        };
        let default_port = if security == Security::Implicit {
            990
        } else {
            21
        };
        let probe = Probe {
            host: self.host,
            port: self.port.unwrap_or(default_port),
            security,
            trust,
            user: self.user,
            password,
            directory: self.directory,
            pasv: self.pasv,
            read_only: self.read_only,
            timeout: self.timeout,
        };
        let server = format!("{}:{}", probe.host, probe.port);
        probe.run().with_context(|| server.clone())?;
        println!("{server}: ok");
        Ok(())
    }

    fn password(&self) -> anyhow::Result<Secret> {
        if self.password_stdin {
            return password::from_stdin(io::stdin());
        }
        if let Some(path) = &self.password_file {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            return password::from_stdin(file).with_context(|| path.display().to_string());
        }
        match std::env::var(PASSWORD_VARIABLE) {
            Ok(password) => password::from_stdin(password.as_bytes()),
            Err(_) => bail!(
                "there is no password: set {PASSWORD_VARIABLE}, or use --password-file or \
                 --password-stdin"
            ),
        }
    }
}
