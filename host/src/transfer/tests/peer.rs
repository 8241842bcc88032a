//! The client's end of a data connection, and what the server's end needs.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
};

use super::super::*;

/// How the connection of a test is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Clear,
    Tls12,
    Tls13,
}

/// Both ends of one kind of connection.
pub(super) struct Ends {
    tls: Option<(Arc<ServerConfig>, Arc<ClientConfig>)>,
}

/// The client's end.
pub(super) enum Peer {
    Clear(TcpStream),
    Secured(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connected pair: the server's end, then the client's.
pub(super) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
    (listener.accept().expect("accepts").0, client)
}

impl Ends {
    pub(super) fn new(protection: Protection) -> Self {
        Self::with_tickets(protection, 0)
    }

    /// With sessions that can be resumed, by as many tickets where that takes any.
    pub(super) fn with_tickets(protection: Protection, tickets: usize) -> Self {
        let version = match protection {
            Protection::Clear => return Self { tls: None },
            Protection::Tls12 => &TLS12,
            Protection::Tls13 => &TLS13,
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .expect("a server");
        server.send_tls13_tickets = tickets;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a root");
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: Some((Arc::new(server), Arc::new(client))),
        }
    }

    /// A connection with nothing said on it yet.
    pub(super) fn connect(&self) -> (DataConnection, Peer) {
        let (server, client) = pair();
        let connection = DataConnection {
            progress: Arc::new(Progress::new(Arc::new(server), Counter::noop())),
            tls: self
                .tls
                .as_ref()
                .map(|(config, _)| DataHandshake::with(config.clone())),
            representation: Representation::Image,
            mode: TransferMode::Stream,
            settings: Settings::default(),
        };
        let peer = match &self.tls {
            None => Peer::Clear(client),
            Some((_, config)) => Peer::secure(config.clone(), client),
        };
        (connection, peer)
    }
}

impl Peer {
    pub(super) fn secure(config: Arc<ClientConfig>, socket: TcpStream) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(config, name).expect("a client");
        Self::Secured(Box::new(StreamOwned::new(connection, socket)))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Secured(stream) => &stream.sock,
        }
    }

    /// Read to the end, which under TLS must be a close_notify.
    pub(super) fn read_all(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        match &mut self {
            Self::Clear(socket) => socket.read_to_end(&mut all),
            Self::Secured(stream) => stream.read_to_end(&mut all),
        }
        .expect("reads to the end");
        all
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).expect("writes");
    }

    /// Write to a server that may have had enough.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Clear(socket) => socket.write_all(bytes),
            Self::Secured(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Perform the handshake of a connection on which nothing is written.
    pub(super) fn shake_hands(&mut self) {
        if let Self::Secured(stream) = self
            && stream.conn.is_handshaking()
        {
            stream
                .conn
                .complete_io(&mut stream.sock)
                .expect("shakes hands");
        }
    }

    /// End an upload as clients do, and wait for the server to do so too.
    pub(super) fn finish(mut self) {
        self.shake_hands();
        if let Self::Secured(stream) = &mut self {
            stream.conn.send_close_notify();
            stream.flush().expect("says that it closes");
        }
        self.socket().shutdown(Shutdown::Write).expect("closes");
        assert_eq!(self.read_all(), b"");
    }

    /// End with a reset.
    pub(super) fn reset(self) {
        SockRef::from(self.socket())
            .set_linger(Some(Duration::ZERO))
            .expect("sets");
    }
}
