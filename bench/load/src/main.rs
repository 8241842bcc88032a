//! A load generator for FTP and FTPS servers. Every subcommand prints one JSON object; the exit
//! status is 1 when anything failed or did not verify.

mod ftp;
mod measure;
mod pattern;
mod server;
mod tls;
mod work;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use ftp::Target;
use measure::Idle;
use server::Probe;
use work::{Operation, Run};

#[derive(Parser)]
#[command(version, about = "Loads an FTP or FTPS server and reports as JSON")]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    probe: Probe,
    /// Seconds that one operation (a login, a transfer, a listing) may take
    #[arg(long, global = true, default_value_t = 120)]
    timeout: u64,
    /// Threads of the load generator
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,
    /// Print these values of the report, a line each, in place of all of it
    #[arg(long, global = true, value_delimiter = ',')]
    fields: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Connect, log in and quit, over and over
    Login(Run),
    /// Download a file that `gen` or `stor` made
    Retr(Transfer),
    /// Upload files, and download the last of each client to check it
    Stor(Transfer),
    /// List a directory
    List {
        #[command(flatten)]
        run: Run,
        /// LIST, MLSD or NLST
        #[arg(long, default_value = "LIST")]
        command: String,
        /// Directory; the one that the session is in, if there is none
        #[arg(long, default_value = "")]
        path: String,
        /// Entries to expect, not counting "." and ".."
        #[arg(long)]
        entries: u64,
    },
    /// Open and close passive listeners
    Churn(Run),
    /// Hold sessions that are logged in and idle, and measure memory
    Idle(Idle),
    /// Bare streams without FTP, against the `floor` server
    Raw {
        #[command(flatten)]
        transfer: Transfer,
        /// Send instead of receive
        #[arg(long)]
        up: bool,
    },
    /// Write a file with the content that `retr` expects
    Gen {
        #[arg(long)]
        size: u64,
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Clone, clap::Args)]
struct Transfer {
    #[command(flatten)]
    run: Run,
    /// Bytes of the file
    #[arg(long)]
    size: u64,
    /// Path on the server; {c} is the number of the client, {i} that of the file
    #[arg(long, default_value = "ftpload-{c}-{i}")]
    path: String,
    /// Files that each client goes through in turn
    #[arg(long, default_value_t = 1)]
    files: u64,
}

impl Transfer {
    fn download(self) -> Operation {
        Operation::Retr {
            path: self.path,
            files: self.files,
            size: self.size,
            crc: pattern::crc(self.size),
        }
    }

    fn upload(self) -> Operation {
        Operation::Stor {
            path: self.path,
            files: self.files,
            size: self.size,
            crc: pattern::crc(self.size),
        }
    }

    fn stream(self, up: bool) -> Operation {
        Operation::Raw {
            up,
            size: self.size,
            crc: pattern::crc(self.size),
        }
    }
}

fn generate(size: u64, out: &PathBuf) -> Result<Value> {
    let mut file = std::fs::File::create(out).context("create")?;
    let mut offset = 0;
    while offset < size {
        let chunk = pattern::chunk(offset, size);
        file.write_all(chunk)?;
        offset += chunk.len() as u64;
    }
    Ok(json!({ "size": size, "crc32": format!("{:08x}", pattern::crc(size)), "errors": 0 }))
}

async fn report(cli: Cli) -> Result<Value> {
    let limit = Duration::from_secs(cli.timeout);
    let (operation, run) = match cli.command {
        Command::Login(run) => (Operation::Login, run),
        Command::Churn(run) => (Operation::Churn, run),
        Command::Retr(transfer) => (transfer.clone().download(), transfer.run),
        Command::Stor(transfer) => (transfer.clone().upload(), transfer.run),
        Command::Raw { transfer, up } => (transfer.clone().stream(up), transfer.run),
        Command::List {
            run,
            command,
            path,
            entries,
        } => {
            let command = format!("{command} {path}").trim_end().to_owned();
            (Operation::List { command, entries }, run)
        }
        Command::Idle(how) => return measure::idle(cli.target, &cli.probe, limit, how).await,
        Command::Gen { size, out } => return generate(size, &out),
    };
    measure::run(cli.target, &cli.probe, limit, operation, run).await
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.threads.max(1))
        .enable_all()
        .build()?;
    let fields = cli.fields.clone();
    let report = runtime.block_on(report(cli))?;
    if report["errors"] != 0 {
        println!("{report}");
        return Ok(ExitCode::FAILURE);
    }
    match fields.as_slice() {
        [] => println!("{report}"),
        fields => fields
            .iter()
            .for_each(|field| println!("{}", report[field])),
    }
    Ok(ExitCode::SUCCESS)
}
