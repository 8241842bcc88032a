//! The first moments of a control connection: admission, implicit TLS, and the session's policy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::{Instrument, debug, info, info_span, warn};
use wharf_protocol::effect::Family;
use wharf_protocol::line::Decoder;
use wharf_protocol::reply::{Code, Reply};
use wharf_protocol::session::{AsciiMode, ControlTls, DataTls, Policy, Session};

use super::login::Login;
use super::stream::ControlStream;
use super::tell::Teller;
use super::{Control, Ended};
use crate::config::{Ascii, DataProtection, Listener, ListenerTls};
use crate::host::Host;
use crate::limits;
use crate::metrics;
use crate::plugin::SessionFacts;
use crate::proxy_protocol::{self, ProxyError};
use crate::socket::{canonical, prepare_control};

/// Serves one accepted connection to its end.
pub async fn accept(host: Arc<Host>, listener: Arc<Listener>, mut stream: TcpStream) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        debug!("a connection was closed before it was served");
        return;
    };
    let Some(peer) = client(&listener, &mut stream, peer).await else {
        return;
    };
    let (peer, local) = (canonical(peer), canonical(local));
    let id = session_id();
    let span = info_span!("session", session = %id, peer = %peer);
    let serve = async {
        let _permit = match host.admission.connect(peer.ip(), Instant::now().into_std()) {
            Ok(permit) => permit,
            Err(refusal) => {
                info!(%refusal, "connection refused");
                metrics::connections_refused(refusal.into()).increment(1);
                return refuse(stream, &refusal.to_string(), listener.tls).await;
            }
        };
        if let Err(error) = prepare_control(&stream) {
            debug!(%error, "a connection was closed before it was served");
            return;
        }
        info!(listener = listener.name, "connected");
        let connected = Instant::now();
        let mut control = Control::new(host, &listener, stream, id, (local, peer));
        let ended = match listener.tls {
            ListenerTls::Implicit => match control.secure().await {
                Ok(()) => control.run().await,
                Err(ended) => ended,
            },
            _ => control.run().await,
        };
        log_end(&ended, connected);
    };
    serve.instrument(span).await;
}

/// Whose connection it is that came from `peer`: the client's, as far as a balancer tells; `None`
/// where it is not to be served.
async fn client(
    listener: &Listener,
    stream: &mut TcpStream,
    peer: SocketAddr,
) -> Option<SocketAddr> {
    if listener.proxies.is_empty() {
        return Some(peer);
    }
    let address = peer.ip().to_canonical();
    let refused = metrics::connections_refused(metrics::ConnectionRefusal::Proxy);
    if !listener.proxies.iter().any(|it| it.contains(&address)) {
        info!(%peer, listener = listener.name, "refused who is no trusted balancer");
        refused.increment(1);
        return None;
    }
    match proxy_protocol::read(stream).await {
        Ok(told) => Some(told.unwrap_or(peer)),
        // Many balancers look whether a port is open, and say nothing there.
        Err(error @ ProxyError::Io(_)) => {
            debug!(%peer, listener = listener.name, %error, "a balancer looked in");
            None
        }
        Err(error) => {
            warn!(%peer, listener = listener.name, %error, "refused a balancer");
            refused.increment(1);
            None
        }
    }
}

impl Control {
    /// Nothing was said yet. `addresses` are ours and the client's.
    pub(super) fn new(
        host: Arc<Host>,
        listener: &Listener,
        stream: TcpStream,
        id: String,
        addresses: (SocketAddr, SocketAddr),
    ) -> Self {
        let ((local, peer), now) = (addresses, Instant::now());
        let mut peer_check = interval_at(now + limits::PEER_CHECK, limits::PEER_CHECK);
        peer_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let facts = SessionFacts {
            id,
            listener: listener.name.clone(),
            peer,
            local,
            tls: None,
            user: None,
            principal: None,
            groups: Vec::new(),
            attributes: Default::default(),
            notes: Default::default(),
        };
        Self {
            session: Session::new(policy(&host, listener, peer.ip(), local.ip())),
            stream: ControlStream::Clear(stream),
            decoder: Decoder::new(),
            login: Login::new(facts, &host.sessions),
            teller: Arc::new(Teller::new(Arc::clone(&host.outbox))),
            attempt: None,
            untold: None,
            tls: None,
            local,
            peer,
            proxies: Arc::clone(&listener.proxies),
            route: None,
            ready: None,
            running: None,
            job: None,
            held: None,
            replies: Vec::new(),
            logged_out: now,
            active: now,
            peer_check,
            host,
        }
    }
}

fn log_end(ended: &Ended, connected: Instant) {
    let seconds = connected.elapsed().as_secs();
    match ended {
        // Of these there is no end on a public address, and an operator can do nothing.
        Ended::BySession | Ended::ByClient | Ended::Broken(_) | Ended::Handshake(_) => {
            info!(seconds, reason = %ended, "disconnected");
        }
        Ended::NotReading | Ended::Stopped => warn!(seconds, reason = %ended, "disconnected"),
    }
}

/// Tells a client that is not admitted, as far as it can be told: under implicit TLS a handshake
/// would come first, which is more than a stranger is worth.
async fn refuse(mut stream: TcpStream, text: &str, tls: ListenerTls) {
    if tls == ListenerTls::Implicit {
        return;
    }
    let reply = Reply::new(Code::ServiceClosing, text).to_bytes();
    let told = async {
        stream.write_all(&reply).await?;
        stream.shutdown().await
    };
    if !matches!(timeout(limits::REPLY_TIMEOUT, told).await, Ok(Ok(()))) {
        debug!("the refusal could not be told");
    }
}

/// What the operator and the connection allow the session.
fn policy(
    host: &Host,
    listener: &Listener,
    peer: std::net::IpAddr,
    local: std::net::IpAddr,
) -> Policy {
    let config = &host.config;
    Policy {
        greeting: format!("{} ready", config.server.name),
        control_tls: match listener.tls {
            ListenerTls::Off => ControlTls::Off,
            ListenerTls::Explicit => ControlTls::Explicit,
            ListenerTls::Required => ControlTls::Required,
            ListenerTls::Implicit => ControlTls::Implicit,
        },
        data_tls: match config.tls.data {
            DataProtection::Allow => DataTls::Allow,
            DataProtection::Required => DataTls::Required,
        },
        clear_command_channel: config.tls.ccc,
        ascii: match config.protocol.ascii {
            Ascii::Convert => AsciiMode::Convert,
            Ascii::Binary => AsciiMode::Binary,
        },
        active_mode: config.protocol.active,
        modification_times: config.sinks.values().all(|sink| sink.keeps_times()),
        peer,
        family: if local.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        },
    }
}

/// Unique while the host runs, and short enough to be read out: a counter behind a random start,
/// so that two runs of the host do not share ids in one log.
fn session_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::LazyLock<u32> = std::sync::LazyLock::new(rand::random);
    format!("{:08x}-{}", *START, NEXT.fetch_add(1, Ordering::Relaxed))
}
