//! From a URL to a connection: names resolved once, addresses checked, and only those connected to.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::address::is_public;
use crate::plugin::allow::origin::{Scheme, literal};

/// Connections of one plugin at a time, those included that wait for the next request.
const MAX_CONNECTIONS: usize = 32;
/// Names that are looked up at a time for all plugins: each takes a thread until it is over.
const MAX_LOOKUPS: usize = 16;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Time for each of them, so that one that is silent leaves some for the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// A name, or an address; IPv6 in brackets.
    pub host: String,
    /// As in the URL, or the scheme's own.
    pub port: u16,
}

impl Target {
    /// The target of a URL. There is one reading of it, for who checks and for who connects.
    ///
    /// # Errors
    /// Why it has none.
    pub fn of(url: &Uri) -> Result<Self, &'static str> {
        let scheme = url.scheme_str().and_then(Scheme::parse);
        let scheme = scheme.ok_or("it is no URL of http or https")?;
        let authority = url.authority().ok_or("it names no host")?;
        let host = authority.host();
        let behind = authority.as_str().strip_prefix(host);
        let port = match behind.ok_or("it names a user")? {
            "" => scheme.port(),
            port => {
                let digits = port.strip_prefix(':').unwrap_or_default();
                let port = digits.parse().ok().filter(|port| *port > 0);
                port.ok_or("its port is none")?
            }
        };
        let host = host.to_owned();
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// The addresses of a name, as they come in.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// All addresses of `host`.
    fn resolve(&self, host: String) -> Resolving;
}

/// The resolver of the system, with its hosts file.
#[derive(Debug)]
pub struct SystemResolver(Arc<Semaphore>);

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LOOKUPS)))
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, host: String) -> Resolving {
        let lookups = Arc::clone(&self.0);
        Box::pin(async move {
            let place = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let lookup = move || {
                // Kept until it is over, also where nobody waits for it any more.
                let _place = place;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup)
                .await
                .map_err(io::Error::other)?
        })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address of it may be reached.
    #[error("{host} leads to {address}, which is not public")]
    Blocked {
        /// As in the URL.
        host: String,
        /// The first of its addresses.
        address: IpAddr,
    },
    /// The URL is none.
    #[error("the URL makes no sense: {0}")]
    Invalid(&'static str),
    /// Its name has no address.
    #[error("the name {host} cannot be looked up: {cause}")]
    Unknown {
        /// As in the URL.
        host: String,
        /// What the resolver says.
        cause: io::Error,
    },
    /// Nobody answers there.
    #[error("cannot connect to {target}: {cause}")]
    Unreachable {
        /// Where to.
        target: Target,
        /// What the last address says.
        cause: io::Error,
    },
}

/// Connects to the addresses that were checked, and to no others.
#[derive(Clone)]
pub struct CheckedConnector {
    resolver: Arc<dyn Resolve>,
    private: bool,
    places: Arc<Semaphore>,
}

impl CheckedConnector {
    /// Asks `resolver`; with `private` also for addresses that are not public.
    pub fn new(resolver: Arc<dyn Resolve>, private: bool) -> Self {
        Self {
            resolver,
            private,
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        }
    }

    async fn connect(self, url: Uri) -> Result<CountedStream, ConnectError> {
        let target = Target::of(&url).map_err(ConnectError::Invalid)?;
        let addresses = self.addresses(&target.host).await?;
        let unreachable = |cause| ConnectError::Unreachable {
            target: target.clone(),
            cause,
        };
        let place = self.places.acquire_owned().await;
        let place = place.map_err(|closed| unreachable(io::Error::other(closed)))?;
        let mut cause = io::ErrorKind::AddrNotAvailable.into();
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            let address = SocketAddr::new(address, target.port);
            let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
            match connecting
                .await
                .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
            {
                Ok(stream) => return CountedStream::new(stream, place).map_err(unreachable),
                Err(error) => cause = error,
            }
        }
        Err(unreachable(cause))
    }

    /// The addresses of `host` that may be connected to, at least one.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        let unknown = |cause| ConnectError::Unknown {
            host: host.to_owned(),
            cause,
        };
        let mut addresses = match literal(host) {
            Some(address) => vec![address],
            None => self
                .resolver
                .resolve(host.to_owned())
                .await
                .map_err(unknown)?,
        };
        let Some(first) = addresses.first().copied() else {
            return Err(unknown(io::ErrorKind::NotFound.into()));
        };
        addresses.retain(|address| self.private || is_public(*address));
        match addresses.is_empty() {
            true => Err(ConnectError::Blocked {
                host: host.to_owned(),
                address: first,
            }),
            false => Ok(addresses),
        }
    }
}

impl Service<Uri> for CheckedConnector {
    type Response = CountedStream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<CountedStream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        Box::pin(self.clone().connect(url))
    }
}

/// A connection with its place among those of the plugin.
pub struct CountedStream {
    stream: TokioIo<TcpStream>,
    _place: OwnedSemaphorePermit,
}

impl CountedStream {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: TokioIo::new(stream),
            _place: place,
        })
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Connection for CountedStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for CountedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for CountedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }
}
