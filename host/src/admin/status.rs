//! The host as it is now: what `/api/v1/status` tells, and `wharf status` and the page print.
//!
//! Points in time are in milliseconds since 1970 in UTC.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::readiness::Readiness;
use crate::host::{Host, Phase};
use crate::limits;
use crate::listening::ListenerState;
use crate::outbox::{Backlog, Outbox, StoreError};
use crate::plugin::PluginsStatus;
use crate::sessions::{Shown, ShownTransfer};

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// `server.name`
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The configuration directory.
    pub directory: PathBuf,
    /// The process.
    pub pid: u32,
    /// When the process began.
    pub started_ms: u64,
    /// When this was told.
    pub now_ms: u64,
    /// `running`, `draining` or `stopping`.
    pub phase: String,
    /// Whether clients are served as the configuration says.
    pub readiness: Readiness,
    /// Where clients connect to.
    pub listeners: Vec<ListenerStatus>,
    /// Who is connected.
    pub sessions: SessionsStatus,
    /// Ports for data connections.
    pub passive: PassiveStatus,
    /// The certificate that new sessions see.
    pub certificate: CertificateStatus,
    /// The plugins that serve.
    pub plugins: PluginsStatus,
    /// What is yet to be told to them; `null` where it cannot be read.
    pub events: Option<EventsStatus>,
}

/// A listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// What the configuration calls it.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// When TLS begins there.
    pub tls: String,
    /// Why it cannot accept now.
    pub fault: Option<String>,
}

/// The sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionsStatus {
    /// How many there are.
    pub count: usize,
    /// The first of them, in the order in which they came.
    pub listed: Vec<SessionStatus>,
}

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionStatus {
    /// As log lines have it.
    pub id: String,
    /// The client.
    pub peer: SocketAddr,
    /// The listener that it came to.
    pub listener: String,
    /// When it connected.
    pub since_ms: u64,
    /// The protocol of its TLS.
    pub tls: Option<String>,
    /// The name that it gave.
    pub user: Option<String>,
    /// Who it is, once logged in.
    pub principal: Option<String>,
    /// What it transfers now.
    pub transfer: Option<TransferStatus>,
}

/// A transfer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferStatus {
    /// `download`, `upload` or `listing`.
    pub kind: String,
    /// As the user sees it.
    pub path: String,
    /// When it began.
    pub since_ms: u64,
    /// How many bytes it has moved.
    pub bytes: u64,
    /// How many there will be, where that is known.
    pub size: Option<u64>,
}

/// Ports for data connections.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassiveStatus {
    /// The lowest and the highest.
    pub ports: String,
    /// How many wait for a client now.
    pub used: usize,
    /// How many are free on the local address that has the fewest.
    pub free: usize,
}

/// The certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// The file.
    pub file: PathBuf,
    /// SHA-256, as clients show it.
    pub fingerprint: String,
    /// When it ends, where that can be told.
    pub expires_ms: Option<i64>,
}

/// The outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventsStatus {
    /// How many events are kept, dead letters included.
    pub kept: u64,
    /// How many were lost since the host started: there was no room, or writing failed.
    pub lost: u64,
    /// How long ago the oldest happened that waits; `null` where none does.
    pub oldest_ms: Option<u64>,
    /// How much each plugin has before it.
    pub backlogs: Vec<Backlog>,
}

impl EventsStatus {
    fn of(outbox: &Outbox) -> Result<Self, StoreError> {
        let age = outbox.oldest_age()?;
        Ok(Self {
            kept: outbox.depth(),
            lost: outbox.lost(),
            oldest_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            backlogs: outbox.backlogs()?,
        })
    }
}

impl Status {
    /// What `host` is now. It blocks, as reading the outbox does.
    pub fn of(host: &Host, started: SystemTime, readiness: Readiness) -> Self {
        let (count, listed) = host.sessions.list(limits::STATUS_SESSIONS_MAX);
        let listeners = host.listening.listeners().unwrap_or_default();
        let (used, free) = host.passive.usage();
        Self {
            name: host.config.server.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            directory: host.config.directory.clone(),
            pid: std::process::id(),
            started_ms: unix_ms(started),
            now_ms: unix_ms(SystemTime::now()),
            phase: word(*host.phase.borrow()).to_owned(),
            readiness,
            listeners: listeners.iter().map(|it| ListenerStatus::of(it)).collect(),
            sessions: SessionsStatus {
                count,
                listed: listed.iter().map(SessionStatus::of).collect(),
            },
            passive: PassiveStatus {
                ports: host.config.passive.ports.to_string(),
                used,
                free,
            },
            certificate: CertificateStatus {
                file: host.tls.certificate().to_owned(),
                fingerprint: host.tls.fingerprint(),
                expires_ms: host
                    .tls
                    .expires_unix()
                    .map(|seconds| seconds.saturating_mul(1000)),
            },
            plugins: host.plugins.status(),
            events: EventsStatus::of(&host.outbox).ok(),
        }
    }
}

impl ListenerStatus {
    fn of(listener: &ListenerState) -> Self {
        Self {
            name: listener.name.clone(),
            address: listener.address,
            tls: listener.tls.word().to_owned(),
            fault: listener.fault(),
        }
    }
}

impl SessionStatus {
    fn of(shown: &Shown) -> Self {
        let facts = &shown.facts;
        Self {
            id: facts.id.clone(),
            peer: facts.peer,
            listener: facts.listener.clone(),
            since_ms: unix_ms(shown.since),
            tls: facts.tls.as_ref().map(|tls| tls.protocol.to_owned()),
            user: facts.user.clone(),
            principal: facts.principal.clone(),
            transfer: shown.transfer.as_ref().map(TransferStatus::of),
        }
    }
}

impl TransferStatus {
    fn of(shown: &ShownTransfer) -> Self {
        Self {
            kind: shown.kind.word().to_owned(),
            path: shown.path.to_string(),
            since_ms: unix_ms(shown.since),
            bytes: shown.progress.bytes(),
            size: shown.size,
        }
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Draining => "draining",
        Phase::Stopping => "stopping",
    }
}

/// `time` in milliseconds since 1970.
fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
