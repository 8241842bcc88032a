//! Where the next data connection comes from, and what its client does before it says what for.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::data::{DataError, EarlyConnection, Passive, connect_active};
use crate::tls::{DataHandshake, SessionTls};

/// How the client asked for its next data connection to be made.
pub(super) enum DataRoute {
    /// PASV, EPSV: it connects to a port of ours.
    Passive(Pin<Box<dyn Future<Output = Result<TcpStream, DataError>> + Send>>),
    /// It has, before its command, or it cannot any more.
    Early(Result<Box<EarlyConnection>, DataError>),
    /// PORT, EPRT: we connect to this.
    Active(SocketAddr),
}

impl DataRoute {
    pub(super) fn passive(passive: Passive) -> Self {
        Self::Passive(Box::pin(passive.accept()))
    }

    /// Waits for the connection, or makes it. Where the client did not wait with its handshake,
    /// that comes with it, as far as it is.
    pub(super) async fn connect(
        self,
        local: SocketAddr,
        peer: SocketAddr,
        deadline: Instant,
    ) -> Result<(TcpStream, Option<DataHandshake>), DataError> {
        let stream = match self {
            Self::Passive(arrival) => match timeout_at(deadline, arrival).await {
                Ok(arrived) => arrived?,
                Err(_) => return Err(DataError::TimedOut),
            },
            Self::Early(early) => return early?.into_parts(),
            Self::Active(target) => connect_active(local, peer, target, deadline).await?,
        };
        Ok((stream, None))
    }

    fn poll_meet(
        &mut self,
        context: &mut Context<'_>,
        tls: &SessionTls,
        handshake_limit: Duration,
    ) -> Poll<Infallible> {
        loop {
            *self = Self::Early(match self {
                Self::Passive(arrival) => {
                    let arrived = ready!(arrival.as_mut().poll(context));
                    arrived.and_then(EarlyConnection::new).map(Box::new)
                }
                Self::Early(Ok(early)) => {
                    let failed = ready!(early.poll_handshake(context, tls, handshake_limit));
                    Err(failed.into())
                }
                Self::Early(Err(_)) | Self::Active(_) => return Poll::Pending,
            });
        }
    }
}

/// Meets a client that connects and begins its handshake before it says the command. There is
/// never an end to it, and nothing is lost where it is dropped.
pub(super) async fn meet(
    route: &mut Option<DataRoute>,
    tls: Option<&SessionTls>,
    handshake_limit: Duration,
) -> Infallible {
    poll_fn(|context| match (route.as_mut(), tls) {
        (Some(route), Some(tls)) => route.poll_meet(context, tls, handshake_limit),
        _ => Poll::Pending,
    })
    .await
}
