//! Data connections: the passive port pool, the wait for the client and what it does before its
//! command, and active mode.

mod active;
mod advertise;
mod early;
mod passive;
mod ports;
mod standing;

use std::io;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;
use wharf_protocol::failure::Failure;

use crate::metrics::Blame;
use crate::tls::HandshakeError;

pub use active::connect_active;
pub use early::EarlyConnection;
pub use passive::{Passive, PassivePool};
pub use standing::StandingError;

/// Why there is no data connection.
#[derive(Debug, Error)]
pub enum DataError {
    /// Every port of the range is taken.
    #[error("no passive port is free from {first} to {last}; consider more of them")]
    NoFreePort {
        /// The lowest port.
        first: u16,
        /// The highest port.
        last: u16,
    },
    /// A listener could not be opened on a port that should be free.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// PASV can tell an IPv4 address only, and the control connection is IPv6.
    #[error("PASV cannot be answered over IPv6, where EPSV can")]
    PassiveOverIpv6,
    /// EPSV asked for another network protocol than that of the control connection, whose peer
    /// is the only one that may connect.
    #[error("the control connection is not of the network protocol that EPSV asked for")]
    OtherFamily,
    /// The advertised name has no IPv4 address, or none in time.
    #[error("the advertised address {name} cannot be resolved: {reason}")]
    Unresolved {
        /// The name.
        name: String,
        /// What the resolver says.
        reason: String,
    },
    /// The client did not connect, or did not answer, in time.
    #[error("no data connection within the time allowed")]
    TimedOut,
    /// Others than the client kept connecting to the port.
    #[error("gave up after {0} connections from other addresses")]
    Strangers(u32),
    /// The listener broke.
    #[error("cannot accept the data connection: {0}")]
    Accept(io::Error),
    /// The client connected before its command, and its TLS handshake came to nothing.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// PORT or EPRT named another host than the client, or a privileged port (RFC 2577).
    #[error("refused to connect to {target} for {peer}")]
    Bounce {
        /// What was named.
        target: SocketAddr,
        /// The client.
        peer: IpAddr,
    },
    /// The client's port refused the connection.
    #[error("cannot connect to {target}: {source}")]
    Connect {
        /// Where.
        target: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl DataError {
    /// Who has to look at it, if anybody.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Self::PassiveOverIpv6 | Self::OtherFamily | Self::Bounce { .. } => None,
            Self::TimedOut | Self::Strangers(_) | Self::Handshake(_) | Self::Connect { .. } => {
                Some(Blame::Client)
            }
            Self::NoFreePort { .. }
            | Self::Listen { .. }
            | Self::Unresolved { .. }
            | Self::Accept(_) => Some(Blame::Operator),
        }
    }
}

impl From<&DataError> for Failure {
    fn from(error: &DataError) -> Self {
        match error {
            DataError::OtherFamily => Self::Unsupported,
            DataError::Handshake(error) => error.into(),
            DataError::NoFreePort { .. }
            | DataError::Listen { .. }
            | DataError::PassiveOverIpv6
            | DataError::Unresolved { .. }
            | DataError::TimedOut
            | DataError::Strangers(_)
            | DataError::Accept(_)
            | DataError::Bounce { .. }
            | DataError::Connect { .. } => Self::NoDataConnection,
        }
    }
}
