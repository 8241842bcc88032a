//! Active mode: connecting to the port that the client named with PORT or EPRT.

use std::io;
use std::net::{SocketAddr, TcpStream};

use tokio::net::TcpSocket;
use tokio::time::{Instant, timeout_at};

use super::DataError;
use crate::socket::{canonical, same_host};

/// The lowest port that a client may name (RFC 2577 section 3).
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Connects to `target` for the client of the control connection from `peer` to `local`, from the
/// address that it knows, and gives a stream that is in no event loop. The session has refused
/// other targets already; here they cannot pass.
pub async fn connect_active(
    local: SocketAddr,
    peer: SocketAddr,
    target: SocketAddr,
    deadline: Instant,
) -> Result<TcpStream, DataError> {
    let (local, peer) = (canonical(local), canonical(peer));
    if !same_host(target.ip(), peer.ip()) || target.port() < FIRST_UNPRIVILEGED_PORT {
        return Err(DataError::Bounce {
            target,
            peer: peer.ip(),
        });
    }
    // EPRT cannot name the scope of a link-local address; the control connection has it.
    let port = target.port();
    let mut target = peer;
    target.set_port(port);
    let failed = |source| DataError::Connect { target, source };
    let socket = socket(local).map_err(failed)?;
    timeout_at(deadline, socket.connect(target))
        .await
        .map_err(|_| DataError::TimedOut)?
        .and_then(|stream| stream.into_std())
        .map_err(failed)
}

fn socket(local: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match local {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    let mut from = local;
    from.set_port(0);
    socket.bind(from)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn connects_from_the_address_of_the_control_connection() {
        for (local, peer) in [("127.0.0.2:21", "127.0.0.1:0"), ("[::1]:21", "[::1]:0")] {
            let listener = TcpListener::bind(peer).await.unwrap();
            let target = listener.local_addr().unwrap();
            let _stream = connect_active(address(local), target, target, soon())
                .await
                .unwrap();
            let (_, from) = listener.accept().await.unwrap();
            assert_eq!(from.ip(), address(local).ip());
        }
    }

    #[tokio::test]
    async fn nobody_else_is_connected_to() {
        let (local, peer) = (address("127.0.0.1:21"), address("127.0.0.1:5000"));
        for target in ["127.0.0.2:5001", "127.0.0.1:1023", "[::1]:5001"] {
            let error = connect_active(local, peer, address(target), soon())
                .await
                .unwrap_err();
            assert!(
                matches!(error, DataError::Bounce { .. }),
                "{target}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_an_error() {
        // Held, so that nobody else listens there.
        let held = TcpSocket::new_v4().unwrap();
        held.bind(address("127.0.0.1:0")).unwrap();
        let target = held.local_addr().unwrap();
        let error = connect_active(address("127.0.0.1:21"), target, target, soon()).await;
        assert!(matches!(error, Err(DataError::Connect { .. })), "{error:?}");
    }
}
