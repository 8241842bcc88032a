//! The TLS handshakes of control and data connections.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor, ClientHello, ServerConfig};
use tokio_rustls::rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use tokio_rustls::server::TlsStream;
use wharf_protocol::failure::Failure;

use super::resumption::Accepting;
use super::{ClientCertificate, SessionTls};
use crate::metrics::{self, Connection, HandshakeOutcome};

/// The protocol name of FTP (RFC 7301 section 6).
const ALPN_FTP: &[u8] = b"ftp";

/// Why a handshake came to nothing.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The client did not finish in time.
    #[error("the TLS handshake took too long")]
    TimedOut,
    /// The connection broke, or the two sides cannot agree: rustls' words are inside.
    #[error("the TLS handshake failed: {0}")]
    Failed(#[from] io::Error),
    /// The data connection did not resume the session of its control connection.
    #[error("the TLS session of the control connection was not resumed")]
    NotResumed,
}

impl HandshakeError {
    /// As what it is counted.
    pub fn outcome(&self) -> HandshakeOutcome {
        match self {
            Self::TimedOut => HandshakeOutcome::TimedOut,
            Self::Failed(_) => HandshakeOutcome::Failed,
            Self::NotResumed => HandshakeOutcome::NotResumed,
        }
    }
}

/// Counts a handshake that is over.
pub fn count(connection: Connection, handshake: Result<&ServerConnection, HandshakeOutcome>) {
    let (outcome, version) = match handshake {
        Ok(done) if done.handshake_kind() == Some(HandshakeKind::Resumed) => {
            (HandshakeOutcome::Resumed, version(done))
        }
        Ok(done) => (HandshakeOutcome::Full, version(done)),
        Err(outcome) => (outcome, "none"),
    };
    metrics::tls_handshakes(connection, outcome, version).increment(1);
}

fn version(connection: &ServerConnection) -> &'static str {
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    }
}

impl From<&HandshakeError> for Failure {
    /// What the client of a data connection is told; a control connection just ends.
    fn from(error: &HandshakeError) -> Self {
        match error {
            HandshakeError::NotResumed => Self::NotResumed,
            HandshakeError::TimedOut | HandshakeError::Failed(_) => Self::DataHandshake,
        }
    }
}

/// What the handshake of a control connection told about the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub protocol: &'static str,
    /// The cipher suite, by its registered name.
    pub cipher: String,
    /// The host name that the client asked for.
    pub server_name: Option<String>,
    /// The client offered the protocol `ftp`, and it was chosen.
    pub alpn: bool,
    /// The certificate that the client proved to own.
    pub client_certificate: Option<ClientCertificate>,
}

/// Performs the handshake of a control connection.
pub async fn accept_control<S>(
    stream: S,
    session: &SessionTls,
    deadline: Instant,
) -> Result<(TlsStream<S>, TlsFacts), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = accept(stream, &session.control, deadline).await;
    let handshake = stream.as_ref().map(|stream| stream.get_ref().1);
    count(
        Connection::Control,
        handshake.map_err(HandshakeError::outcome),
    );
    let stream = stream?;
    let facts = TlsFacts::of(stream.get_ref().1);
    Ok((stream, facts))
}

/// The handshake of one data connection.
#[derive(Debug)]
pub struct DataHandshake {
    /// As far as it is.
    pub connection: ServerConnection,
    /// What it has to come to.
    pub resuming: Resuming,
}

/// What a data handshake makes of the session of its control connection.
#[derive(Debug)]
pub struct Resuming {
    accepting: Option<Arc<Accepting>>,
    required: bool,
}

impl Resuming {
    /// To be called with the kind of the handshake as soon as it is done, before the client can
    /// come back with the ticket that it was given.
    pub fn finish(&self, kind: Option<HandshakeKind>) -> Result<(), HandshakeError> {
        let resumed = kind == Some(HandshakeKind::Resumed);
        if let (true, Some(accepting)) = (resumed, &self.accepting) {
            accepting.keep_issued();
        }
        if self.required && !resumed {
            return Err(HandshakeError::NotResumed);
        }
        Ok(())
    }
}

#[cfg(test)]
impl DataHandshake {
    /// The same, refused unless it resumes.
    pub(crate) fn required(mut self, required: bool) -> Self {
        self.resuming.required = required;
        self
    }

    /// A handshake that has nothing to do with a control session.
    pub(crate) fn with(config: Arc<ServerConfig>) -> Self {
        Self {
            connection: ServerConnection::new(config).unwrap(),
            resuming: Resuming {
                accepting: None,
                required: false,
            },
        }
    }
}

impl SessionTls {
    /// Prepares the handshake of one data connection.
    ///
    /// It gives a ticket only where resuming is required, as a client that uses each ticket once
    /// would be refused at its next transfer, and never with what may be an upload (`to_client` is
    /// false): curl and others close without having read it, which resets the connection and loses
    /// bytes that are still on their way.
    pub fn data_handshake(&self, to_client: bool) -> Result<DataHandshake, HandshakeError> {
        let (config, resuming) = self.for_data(to_client);
        let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        Ok(DataHandshake {
            connection,
            resuming,
        })
    }

    pub(super) fn for_data(&self, to_client: bool) -> (ServerConfig, Resuming) {
        let mut config = ServerConfig::clone(&self.data);
        let accepting = self
            .resumption
            .as_ref()
            .map(|session| session.accept(&mut config));
        config.send_tls13_tickets = usize::from(self.require_resumed && to_client);
        let resuming = Resuming {
            accepting,
            required: self.require_resumed,
        };
        (config, resuming)
    }
}

pub(super) async fn accept<S>(
    stream: S,
    config: &Arc<ServerConfig>,
    deadline: Instant,
) -> Result<TlsStream<S>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = async {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let config = with_alpn(config, &hello.client_hello());
        hello.into_stream(config).await
    };
    let stream = timeout_at(deadline, handshake)
        .await
        .map_err(|_| HandshakeError::TimedOut)?;
    Ok(stream?)
}

/// The configuration with `ftp` for a client that offers it. rustls refuses a client that offers
/// only other protocols once it is given any, and such a client still speaks FTP.
fn with_alpn(config: &Arc<ServerConfig>, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
    if !hello
        .alpn()
        .is_some_and(|mut offered| offered.any(|name| name == ALPN_FTP))
    {
        return Arc::clone(config);
    }
    let mut config = ServerConfig::clone(config);
    config.alpn_protocols = vec![ALPN_FTP.to_vec()];
    Arc::new(config)
}

impl TlsFacts {
    fn of(connection: &ServerConnection) -> Self {
        let suite = connection.negotiated_cipher_suite();
        let cipher = suite
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown");
        Self {
            protocol: version(connection),
            // rustls writes `TLS13_` where the registry has `TLS_`.
            cipher: cipher.replacen("TLS13_", "TLS_", 1),
            server_name: connection.server_name().map(str::to_owned),
            alpn: connection.alpn_protocol() == Some(ALPN_FTP),
            client_certificate: ClientCertificate::of(connection.peer_certificates()),
        }
    }
}

#[cfg(test)]
mod tests;
