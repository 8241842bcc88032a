//! The host seen from outside: an HTTP server for operators, probes and Prometheus.
//!
//! It has two doors. The socket in the state directory is always open, to whoever the file system
//! lets in; `wharf status` and its like use it. The address of `[admin]` is open where it is
//! configured. Both are served from before the host starts until its last session has ended.

mod access;
mod answer;
pub mod client;
pub mod events;
pub mod format;
mod observe;
mod page;
mod readiness;
mod routes;
mod serve;
mod socket;
pub mod status;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use self::access::Door;
use self::readiness::Probes;
use self::serve::Listener;
use self::socket::{Claim, ClaimError};
use crate::config::Config;
use crate::host::Host;
use crate::limits;
use crate::metrics::Exposition;
use crate::state_dir::{self, StateDirError};

pub use self::answer::{Refusal, Refused};
pub use self::readiness::Readiness;

/// The admin endpoint of a host, which also keeps a second one off its state directory. Dropping
/// it closes it.
pub struct Admin {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
    _claim: Claim,
}

/// What the answers are made of.
struct Shared {
    host: OnceLock<Arc<Host>>,
    exposition: Exposition,
    probes: Probes,
    started: SystemTime,
}

impl Shared {
    fn new(exposition: Exposition) -> Arc<Self> {
        Arc::new(Self {
            host: OnceLock::new(),
            exposition,
            probes: Probes::default(),
            started: SystemTime::now(),
        })
    }

    fn host(&self) -> Option<&Arc<Host>> {
        self.host.get()
    }
}

/// Why there is no admin endpoint.
#[derive(Debug, thiserror::Error)]
pub enum OpenAdminError {
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The state directory is another host's, or there can be no socket in it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The socket cannot be waited for.
    #[error("cannot wait for connections to the admin endpoint: {0}")]
    Reactor(io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for [admin]: {source}; is it in use?")]
    Listen {
        /// `admin.address`
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Admin {
    /// Opens the doors; until [`Self::show`] they tell that the host is starting. It has to be
    /// called within the runtime.
    pub async fn open(config: &Config, exposition: Exposition) -> Result<Self, OpenAdminError> {
        let state_dir = &config.server.state_dir;
        state_dir::ensure(state_dir)?;
        let (claim, listener) = Claim::take(state_dir)?;
        let listener = UnixListener::from_std(listener).map_err(OpenAdminError::Reactor)?;
        let shared = Shared::new(exposition);
        let mut tasks = JoinSet::new();
        let router = routes::routes(Arc::clone(&shared), Door::Socket);
        tasks.spawn(serve::serve(Listener::Socket(listener), router));
        if let Some(settings) = &config.admin {
            let listener = listen(settings.address).await?;
            let door = Door::Address(Arc::new(settings.clone()));
            let router = routes::routes(Arc::clone(&shared), door);
            tasks.spawn(serve::serve(Listener::Address(listener), router));
        }
        tasks.spawn(settle(shared.exposition.clone()));
        Ok(Self {
            shared,
            _tasks: tasks,
            _claim: claim,
        })
    }

    /// Shows `host` from now on.
    pub fn show(&self, host: &Arc<Host>) {
        // There is one host in the life of an endpoint.
        let _ = self.shared.host.set(Arc::clone(host));
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, OpenAdminError> {
    let failed = |source| OpenAdminError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    info!(%address, "admin endpoint open");
    Ok(listener)
}

async fn settle(exposition: Exposition) {
    let mut tick = interval(limits::METRICS_SETTLE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        exposition.settle();
    }
}

#[cfg(test)]
mod tests;
