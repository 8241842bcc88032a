//! Passive mode: one listener per PASV or EPSV, for the client of the control connection alone.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, TcpStream};
use std::sync::Arc;

use ipnet::IpNet;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tracing::warn;
use wharf_protocol::effect::Family;

use super::DataError;
use super::advertise::advertised;
use super::ports::{Lease, Ports};
use super::standing::{StandingError, StandingPorts};
use crate::config::{self, Advertise, DataPeer, PassiveListening};
use crate::limits;
use crate::metrics;
use crate::proxy_protocol;
use crate::socket::{canonical, same_host};

/// The passive ports of a host, and what clients are told of them.
#[derive(Debug)]
pub struct PassivePool {
    /// Where the ports listen all the time.
    standing: Option<StandingPorts>,
    ports: Arc<Ports>,
    advertise: Arc<[Advertise]>,
    data_peer: DataPeer,
}

/// A listener for one data connection. Its port is free again as soon as this is dropped or the
/// client was accepted.
#[derive(Debug)]
pub struct Passive {
    // The socket is closed before the port is given back: fields are dropped in this order.
    listener: StdListener,
    lease: Lease,
    peers: Peers,
    advertise: SocketAddr,
}

impl PassivePool {
    /// All ports are free. Where they listen all the time, it has to be called within the runtime.
    ///
    /// # Errors
    /// One of those cannot listen.
    pub fn new(settings: &config::Passive) -> Result<Self, StandingError> {
        let standing = match settings.listen {
            PassiveListening::OnDemand => None,
            PassiveListening::Always => Some(StandingPorts::open(settings.ports)?),
        };
        Ok(Self {
            standing,
            ports: Ports::new(settings.ports),
            advertise: settings.advertise.clone().into(),
            data_peer: settings.data_peer,
        })
    }

    /// How many ports are in use, and how many are free on the local address that has the fewest.
    pub fn usage(&self) -> (usize, usize) {
        self.ports.usage()
    }

    /// Opens a listener for the client of the control connection from `peer` to `local`. The
    /// client may connect from now on.
    ///
    /// For EPSV (`extended`, RFC 2428) only the port of the advertised address is told, and
    /// `family` is the network protocol asked for; PASV (RFC 959) tells an IPv4 address. From the
    /// balancers `proxies` the client may come as it does to the control connection.
    pub async fn listen(
        &self,
        local: SocketAddr,
        peer: SocketAddr,
        extended: bool,
        family: Option<Family>,
        proxies: Arc<[IpNet]>,
    ) -> Result<Passive, DataError> {
        let (local, peer) = (canonical(local), canonical(peer).ip());
        let told = match (extended, local.ip()) {
            (true, address) if family.is_none_or(|family| is_of(address, family)) => address,
            (true, _) => return Err(DataError::OtherFamily),
            (false, IpAddr::V4(address)) => {
                advertised(&self.advertise, peer, address).await?.into()
            }
            (false, IpAddr::V6(_)) => return Err(DataError::PassiveOverIpv6),
        };
        let (listener, lease) = self.open(local).inspect_err(|error| {
            if matches!(error, DataError::NoFreePort { .. }) {
                metrics::passive_refusals().increment(1);
            }
        })?;
        let advertise = SocketAddr::new(told, lease.port());
        Ok(Passive {
            listener,
            lease,
            peers: Peers {
                client: peer,
                proxies,
                networks: match self.data_peer {
                    DataPeer::SameAddress => Arc::default(),
                    DataPeer::SameNetworks => Arc::clone(&self.advertise),
                },
            },
            advertise,
        })
    }

    /// Listens on a free port, drawn at random so that nobody can guess the next one.
    fn open(&self, local: SocketAddr) -> Result<(StdListener, Lease), DataError> {
        let range = self.ports.range();
        let exhausted = || DataError::NoFreePort {
            first: range.first,
            last: range.last,
        };
        let mut offset = rand::random_range(0..range.count());
        // A port stays leased while the next is tried, so that each is tried once.
        let mut taken = Vec::new();
        for _ in 0..range.count().min(limits::PASSIVE_PORTS_TRIED) {
            let lease = self.ports.lease(local.ip(), offset).ok_or_else(exhausted)?;
            let mut address = local;
            address.set_port(lease.port());
            match listen(address, self.standing.is_some()) {
                Ok(listener) => return Ok((listener, lease)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    offset = self.ports.offset(lease.port());
                    taken.push(lease);
                }
                Err(source) => return Err(DataError::Listen { address, source }),
            }
        }
        Err(exhausted())
    }
}

impl Passive {
    /// The address to tell the client.
    pub fn advertise(&self) -> SocketAddr {
        self.advertise
    }

    /// Waits for the client for ever, and gives a stream that is in no event loop. Connections from
    /// other addresses are dropped and do not use up the listener.
    pub async fn accept(self) -> Result<TcpStream, DataError> {
        let Self {
            lease,
            listener,
            peers,
            ..
        } = self;
        let mut visitors = Visitors {
            peers,
            port: lease.port(),
            strangers: 0,
        };
        // Most clients have connected by now; then the listener needs no place in the event loop.
        loop {
            match accept_waiting(&listener) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                visitor => {
                    if let Some(stream) = visitors.admit(visitor).await? {
                        return Ok(stream);
                    }
                }
            }
        }
        let listener = TcpListener::from_std(listener).map_err(DataError::Accept)?;
        loop {
            let visitor = listener.accept().await;
            let visitor = visitor.and_then(|(stream, from)| Ok((stream.into_std()?, from)));
            if let Some(stream) = visitors.admit(visitor).await? {
                return Ok(stream);
            }
        }
    }
}

/// Who may connect.
#[derive(Debug)]
struct Peers {
    /// The client of the control connection.
    client: IpAddr,
    /// Whoever is in the very same of these as the client may, too, where it is in any.
    networks: Arc<[Advertise]>,
    /// Whoever is in one of these is a balancer, which has to tell that it is for the client.
    proxies: Arc<[IpNet]>,
}

impl Peers {
    /// The stream, if it is one of the client's.
    async fn welcome(&self, stream: TcpStream, from: IpAddr) -> io::Result<Option<TcpStream>> {
        let from = from.to_canonical();
        if !self.proxies.iter().any(|it| it.contains(&from)) {
            return Ok(self.admit(from).then_some(stream));
        }
        let mut stream = tokio::net::TcpStream::from_std(stream)?;
        let Ok(Some(told)) = proxy_protocol::read(&mut stream).await else {
            return Ok(None);
        };
        Ok(match self.admit(told.ip()) {
            true => Some(stream.into_std()?),
            false => None,
        })
    }

    fn admit(&self, visitor: IpAddr) -> bool {
        let visitor = visitor.to_canonical();
        if same_host(visitor, self.client) {
            return true;
        }
        let mut shares = false;
        self.networks.iter().map(|it| it.clients).all(|network| {
            let holds = network.contains(&self.client);
            shares |= holds;
            holds == network.contains(&visitor)
        }) && shares
    }
}

/// Those who connect to one port.
struct Visitors {
    peers: Peers,
    port: u16,
    strangers: u32,
}

impl Visitors {
    /// The stream, if it comes from the client.
    async fn admit(
        &mut self,
        visitor: io::Result<(TcpStream, SocketAddr)>,
    ) -> Result<Option<TcpStream>, DataError> {
        match visitor {
            Ok((stream, from)) => {
                let welcome = self.peers.welcome(stream, from.ip()).await;
                if let Some(stream) = welcome.map_err(DataError::Accept)? {
                    return Ok(Some(stream));
                }
                if self.strangers == 0 {
                    warn!(port = self.port, peer = %self.peers.client, stranger = %from.ip(),
                        "dropped a data connection that is not the client's");
                }
            }
            // The client, or a stranger, was gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(DataError::Accept(error)),
        }
        self.strangers += 1;
        if self.strangers < limits::STRANGERS_PER_WAIT {
            return Ok(None);
        }
        Err(DataError::Strangers(self.strangers))
    }
}

/// Accepts a connection that is there already; the stream does not block.
fn accept_waiting(listener: &StdListener) -> io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (stream, from) = acceptfrom_with(listener, flags)?;
    let from = from.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((stream.into(), from.try_into()?))
}

/// `stands`: another listener of ours is on every address.
fn listen(address: SocketAddr, stands: bool) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        None,
    )?;
    // Connections that were closed lately keep no port from the pool.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(stands)?;
    socket.bind(&address.into())?;
    socket.listen(limits::PASSIVE_BACKLOG)?;
    Ok(socket.into())
}

fn is_of(address: IpAddr, family: Family) -> bool {
    match family {
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    }
}

#[cfg(test)]
mod tests;
