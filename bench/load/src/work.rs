//! What the clients do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::ftp::{self, DataStats, Session, Target};

// Without a comment of their own: clap would take it for that of the command.
#[derive(Clone, Copy, clap::Args)]
pub struct Run {
    /// Clients at a time
    #[arg(long, default_value_t = 1)]
    pub clients: usize,
    /// Seconds to run: what has begun by then is finished and counts
    #[arg(long, default_value_t = 3.0)]
    pub secs: f64,
    /// Operations per client, in place of a time
    #[arg(long)]
    pub count: Option<u64>,
}

/// What a client does, over and over.
pub enum Operation {
    Login,
    Retr {
        path: String,
        files: u64,
        size: u64,
        crc: u32,
    },
    Stor {
        path: String,
        files: u64,
        size: u64,
        crc: u32,
    },
    List {
        command: String,
        entries: u64,
    },
    Churn,
    Raw {
        up: bool,
        size: u64,
        crc: u32,
    },
}

/// One operation done by many clients at once.
pub struct Job {
    pub target: Target,
    pub operation: Operation,
    pub run: Run,
    /// For one operation.
    pub limit: Duration,
    /// The clients and who measures them meet here before and after the start and the end.
    pub barrier: Barrier,
}

/// What a client saw.
#[derive(Default)]
pub struct Outcome {
    pub latencies: Vec<Duration>,
    pub stats: DataStats,
    /// Of TLS, with the cipher suite.
    pub version: Option<String>,
    pub errors: Vec<String>,
}

fn file_name(path: &str, client: usize, file: u64) -> String {
    path.replace("{c}", &client.to_string())
        .replace("{i}", &file.to_string())
}

impl Operation {
    /// Bytes that it moves, if it is a transfer.
    pub fn size(&self) -> u64 {
        match self {
            Self::Retr { size, .. } | Self::Stor { size, .. } | Self::Raw { size, .. } => *size,
            Self::Login | Self::List { .. } | Self::Churn => 0,
        }
    }
}

impl Outcome {
    /// Adds what another client saw.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.errors.extend(other.errors);
        self.version = self.version.take().or(other.version);
        self.stats.tls += other.stats.tls;
        self.stats.resumed += other.stats.resumed;
        self.stats.truncated += other.stats.truncated;
    }
}

impl Job {
    /// A session for the operations that run in one.
    async fn session(&self) -> Result<Option<Session>> {
        if matches!(self.operation, Operation::Login | Operation::Raw { .. }) {
            return Ok(None);
        }
        let mut session = Session::login(&self.target).await.context("login")?;
        session.prepare().await?;
        Ok(Some(session))
    }

    /// Does the operation once, and gives the time that it took.
    async fn once(&self, session: &mut Option<Session>, client: usize, n: u64) -> Result<Duration> {
        let start = Instant::now();
        if let Operation::Raw { up, size, crc } = self.operation {
            ftp::raw(&self.target, up, size, crc).await?;
            return Ok(start.elapsed());
        }
        if let Operation::Login = self.operation {
            let mut session = Session::login(&self.target).await?;
            let taken = start.elapsed();
            session.quit().await?;
            return Ok(taken);
        }
        let session = session.as_mut().context("no session")?;
        match &self.operation {
            Operation::Retr {
                path,
                files,
                size,
                crc,
            } => {
                session
                    .retr(&file_name(path, client, n % files), *size, *crc)
                    .await?
            }
            Operation::Stor {
                path, files, size, ..
            } => {
                session
                    .stor(&file_name(path, client, n % files), *size)
                    .await?
            }
            Operation::List { command, entries } => {
                let got = session.list(command).await?;
                ensure!(got == *entries, "{command}: {got} entries, not {entries}");
            }
            Operation::Churn => drop(session.passive().await?),
            Operation::Login | Operation::Raw { .. } => unreachable!("done above"),
        }
        Ok(start.elapsed())
    }

    /// Does the operation until the time or the count is over.
    pub async fn client(&self, client: usize) -> Outcome {
        const MAX_ERRORS: usize = 100;
        let mut outcome = Outcome::default();
        let mut session = match within(self.limit, self.session()).await {
            Ok(session) => session,
            Err(e) => {
                outcome.errors.push(format!("{e:#}"));
                None
            }
        };
        self.barrier.wait().await; // all are logged in
        self.barrier.wait().await; // the start was taken down
        let start = Instant::now();
        let mut n = 0;
        while outcome.errors.len() < MAX_ERRORS
            && self
                .run
                .count
                .map_or(start.elapsed().as_secs_f64() < self.run.secs, |c| n < c)
        {
            match within(self.limit, self.once(&mut session, client, n)).await {
                Ok(taken) => outcome.latencies.push(taken),
                Err(e) => {
                    outcome.errors.push(format!("{e:#}"));
                    session = within(self.limit, self.session()).await.unwrap_or_default();
                }
            }
            n += 1;
        }
        self.barrier.wait().await; // all are done
        self.barrier.wait().await; // the end was taken down
        if let Some(mut session) = session {
            outcome.stats = session.stats;
            outcome.version = session.version.clone();
            if let Err(e) = within(self.limit, self.finish(&mut session, client, n)).await {
                outcome.errors.push(format!("{e:#}"));
            }
        }
        outcome
    }

    /// Checks the last upload, outside of the time measured, and quits.
    async fn finish(&self, session: &mut Session, client: usize, n: u64) -> Result<()> {
        if let Operation::Stor {
            path,
            files,
            size,
            crc,
        } = &self.operation
            && n > 0
        {
            let name = file_name(path, client, (n - 1) % files);
            session
                .retr(&name, *size, *crc)
                .await
                .context("check of the upload")?;
        }
        session.quit().await
    }
}

/// Does `work` unless it takes too long.
pub async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, work).await.context("timed out")?
}
