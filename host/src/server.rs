//! Listens, hands each connection to a task of its own, and drains them when told to stop.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::admin::Admin;
use crate::config::{Config, Health, Listener};
use crate::control;
use crate::health;
use crate::host::{Host, Phase};
use crate::limits;
use crate::listening::ListenerState;
use crate::metrics;

/// Serves what `config` says until SIGTERM or SIGINT, on a runtime of its own. A second ends the
/// transfers too.
pub fn run(config: Config) -> anyhow::Result<()> {
    open_as_many_files_as_allowed();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("wharf")
        // Every session has at most one job that blocks, so none ever waits for a thread.
        .max_blocking_threads(config.limits.connections as usize + limits::SPARE_THREADS)
        .build()?;
    let served = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let admin = Admin::open(&config, metrics::begin()?).await?;
        let (host, phase) = Host::start(config).await?;
        admin.show(&host);
        let listeners = listen(&host.config.listeners)?;
        let health = open_health(&host.config)?;
        host.listening
            .begin(listeners.iter().map(|it| Arc::clone(&it.state)).collect());
        info!(name = host.config.server.name, "ready");
        serve(host, phase, listeners, health, &mut signals).await;
        Ok(())
    });
    // By itself a runtime waits for every thread, such as one that looks through a large sink for
    // what a crash left, or one that a dead network file system holds.
    runtime.shutdown_timeout(limits::STOP_TIMEOUT);
    served
}

/// Raises the limit on open files as far as this process may: most systems begin with 1024, and a
/// session has three or four of them while it transfers.
fn open_as_many_files_as_allowed() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, limit = limit.current, "cannot raise the limit on open files");
    }
}

/// SIGTERM and SIGINT, and SIGHUP, which would end the process if nobody waited for it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::Reload,
        }
    }

    /// Waits for the next that tells to stop.
    async fn stop(&mut self) {
        while self.next().await != Order::Stop {}
    }
}

/// What a signal tells to do.
#[derive(PartialEq, Eq)]
enum Order {
    Stop,
    Reload,
}

/// A listener that is open.
struct OpenListener {
    settings: Arc<Listener>,
    state: Arc<ListenerState>,
    socket: TcpListener,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; is it in use, or is the port below 1024?")]
struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Opens every listener, so that a port that is taken is known before the first client is served.
fn listen(listeners: &[Listener]) -> Result<Vec<OpenListener>, ListenError> {
    listeners
        .iter()
        .map(|settings| {
            let failed = |source| ListenError {
                address: settings.address,
                source,
            };
            let socket = open_any(settings.address).map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            info!(listener = settings.name, %address, tls = ?settings.tls, "listening");
            let state = ListenerState::new(settings.name.clone(), address, settings.tls);
            Ok(OpenListener {
                settings: Arc::new(settings.clone()),
                state: Arc::new(state),
                socket,
            })
        })
        .collect()
}

/// Opens the port that only shows that the host serves, where one is wanted.
fn open_health(config: &Config) -> Result<Option<TcpListener>, ListenError> {
    let Some(Health { address }) = config.health else {
        return Ok(None);
    };
    let failed = |source| ListenError { address, source };
    let socket = open_any(address).map_err(failed)?;
    info!(address = %socket.local_addr().map_err(failed)?, "health port open");
    Ok(Some(socket))
}

/// Serves until the first signal, then drains: sessions that wait for a command are closed at once,
/// those that transfer have the configured grace.
async fn serve(
    host: Arc<Host>,
    phase: watch::Sender<Phase>,
    listeners: Vec<OpenListener>,
    health: Option<TcpListener>,
    signals: &mut Signals,
) {
    let mut sessions = JoinSet::new();
    let mut accepting = JoinSet::new();
    accepting.extend(health.map(health::accept_and_close));
    let (connections, mut accepted) = tokio::sync::mpsc::channel(limits::ACCEPT_BACKLOG);
    for listener in listeners {
        accepting.spawn(accept_all(listener, connections.clone()));
    }
    loop {
        tokio::select! {
            order = signals.next() => match order {
                Order::Stop => break,
                Order::Reload => {
                    info!("told to reload");
                    host.reload();
                }
            },
            Some((listener, stream)) = accepted.recv() => {
                sessions.spawn(control::accept(Arc::clone(&host), listener, stream));
            }
            Some(ended) = sessions.join_next() => report_panic(ended),
        }
    }
    accepting.shutdown().await;
    drain(&phase, sessions, host.config.server.shutdown_grace, signals).await;
    host.stop().await;
}

/// Accepts until aborted. An error that every accept would meet, such as too many open files, is
/// waited out.
async fn accept_all(
    listener: OpenListener,
    connections: tokio::sync::mpsc::Sender<(Arc<Listener>, tokio::net::TcpStream)>,
) {
    loop {
        match listener.socket.accept().await {
            Ok((stream, _)) => {
                listener.state.set_fault(None);
                let connection = (Arc::clone(&listener.settings), stream);
                if connections.send(connection).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                warn!(listener = listener.settings.name, %error, "cannot accept a connection");
                listener.state.set_fault(Some(error.to_string()));
                metrics::count_error(Some(metrics::Blame::Operator));
                sleep(limits::ACCEPT_RETRY).await;
            }
        }
    }
}

async fn drain(
    phase: &watch::Sender<Phase>,
    mut sessions: JoinSet<()>,
    grace: Duration,
    signals: &mut Signals,
) {
    info!(sessions = sessions.len(), grace = ?grace, "shutting down");
    phase.send_replace(Phase::Draining);
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            report_panic(ended);
        }
    };
    let reason = tokio::select! {
        () = all => return info!("every session has ended"),
        () = sleep(grace) => "the grace is over",
        () = signals.stop() => "told to stop again",
    };
    warn!(sessions = sessions.len(), reason, "ending transfers");
    phase.send_replace(Phase::Stopping);
    let all = async { while sessions.join_next().await.is_some() {} };
    if timeout(limits::STOP_TIMEOUT, all).await.is_err() {
        warn!(sessions = sessions.len(), "sessions did not end");
    }
}

/// A panic ends one session and no other; it is a defect all the same.
fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a session panicked");
    }
}

/// Listens on `address`, or on every IPv4 address where every address is meant and this machine has
/// no IPv6.
fn open_any(address: SocketAddr) -> io::Result<TcpListener> {
    match open(address) {
        Err(error) if is_without_ipv6(&error) && address.ip() == Ipv6Addr::UNSPECIFIED => {
            warn!(%address, "this machine has no IPv6, listening on IPv4 alone");
            open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        opened => opened,
    }
}

fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    )
}

/// Listens with a deep backlog, so that a burst of clients is not refused, and, on an IPv6
/// wildcard, for IPv4 as well.
fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::LISTEN_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let few = Rlimit {
            current: maximum.map(|maximum| maximum - 1),
            maximum,
        };
        setrlimit(Resource::Nofile, few).unwrap();
        open_as_many_files_as_allowed();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
