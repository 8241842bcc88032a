//! Passive ports that listen all the time, for platforms that look whether they do.
//!
//! On each port stands a listener for every address of the machine. Whoever comes to it was told no
//! such port, and is hung up on. The listener of a data connection is bound to the one address that
//! its client came to, which the kernel prefers (`SO_REUSEPORT`, and both are of this process).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::debug;

use crate::config::PortRange;

/// Connections that wait to be hung up on.
const BACKLOG: i32 = 16;

/// Rest after an accept that failed, mostly for want of descriptors.
const RETRY: Duration = Duration::from_secs(1);

/// The listeners; dropping it closes them.
#[derive(Debug)]
pub struct StandingPorts {
    _listeners: JoinSet<()>,
}

impl StandingPorts {
    /// Listens on every port of the range, from now on. It has to be called within the runtime.
    ///
    /// # Errors
    /// One of them is taken, or there are not enough descriptors.
    pub fn open(range: PortRange) -> Result<Self, StandingError> {
        let mut listeners = JoinSet::new();
        for port in range.first..=range.last {
            let listener = listen(port).map_err(|source| StandingError { port, source })?;
            listeners.spawn(hang_up(listener));
        }
        Ok(Self {
            _listeners: listeners,
        })
    }
}

/// A port on which nobody can stand.
#[derive(Debug, thiserror::Error)]
#[error("the passive port {port} cannot listen from the start: {source}")]
pub struct StandingError {
    port: u16,
    source: io::Error,
}

/// On every address, whichever families the machine has.
fn listen(port: u16) -> io::Result<TcpListener> {
    let both = bind((Ipv6Addr::UNSPECIFIED, port).into());
    both.or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Err(error),
        _ => bind((Ipv4Addr::UNSPECIFIED, port).into()),
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        None,
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn hang_up(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((_, from)) => debug!(%from, "hung up on a passive port that nobody was told"),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;

    /// A port that was free just now.
    fn free() -> u16 {
        let listener = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn a_standing_port_takes_whoever_comes_and_hangs_up() {
        let port = free();
        let range = PortRange {
            first: port,
            last: port,
        };
        let standing = StandingPorts::open(range).unwrap();
        for _ in 0..3 {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .unwrap();
            // A reset is an end as well.
            let _ = stream.read(&mut [0]).await;
        }
        drop(standing);
    }

    #[tokio::test]
    async fn a_port_of_another_program_is_named() {
        let other = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let range = PortRange {
            first: port,
            last: port,
        };
        let error = StandingPorts::open(range).unwrap_err().to_string();
        assert!(error.contains(&format!("port {port}")), "{error}");
    }
}
