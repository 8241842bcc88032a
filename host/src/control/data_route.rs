//! Where the next data connection comes from.

use std::net::{SocketAddr, TcpStream};

use tokio::time::Instant;

use crate::data::{DataError, Passive, connect_active};

/// How the client asked for its next data connection to be made.
pub(super) enum DataRoute {
    /// PASV, EPSV: it connects to a port of ours.
    Passive(Passive),
    /// PORT, EPRT: we connect to this.
    Active(SocketAddr),
}

impl DataRoute {
    /// Waits for the connection, or makes it.
    pub(super) async fn connect(
        self,
        local: SocketAddr,
        peer: SocketAddr,
        deadline: Instant,
    ) -> Result<TcpStream, DataError> {
        match self {
            Self::Passive(passive) => passive.accept(deadline).await,
            Self::Active(target) => connect_active(local, peer, target, deadline).await,
        }
    }
}
