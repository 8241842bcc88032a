//! What the tests of TLS share: an authority, a client, and handshakes in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;
use tokio_rustls::rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption,
    Tls13ClientSessionValue,
};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore};
use tokio_rustls::{TlsConnector, client, server};

use super::handshake::accept;
use super::{HandshakeError, SessionTls, Tls, TlsFacts, accept_control};
use crate::config::{self, SessionReuse};

/// An authority with a directory for the files that it makes.
pub(super) struct Authority {
    directory: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { directory, issuer }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A certificate for `localhost` and for `key`, as PEM.
    pub(super) fn certificate(&self, key: &KeyPair) -> String {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    /// A certificate and its key, as PEM.
    pub(super) fn identity(&self) -> String {
        let key = KeyPair::generate().unwrap();
        self.certificate(&key) + &key.serialize_pem()
    }

    /// A client certificate of `alice, O=Admins` at Example, and its key, as PEM.
    pub(super) fn client_identity(&self) -> String {
        let mut params = CertificateParams::new(["alice.example".to_owned()]).unwrap();
        for name in [
            SanType::Rfc822Name("alice@example.org".try_into().unwrap()),
            SanType::URI("spiffe://example.org/alice".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ] {
            params.subject_alt_names.push(name);
        }
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params
            .distinguished_name
            .push(DnType::CommonName, "alice, O=Admins");
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().pem() + &key.serialize_pem()
    }

    /// A server with a certificate of this authority, which is also that of its clients.
    pub(super) fn server(&self, session_reuse: SessionReuse) -> Tls {
        let settings = config::Tls {
            certificate: Some(self.write("server.pem", &self.identity())),
            client_ca: Some(self.path("authority.pem")),
            session_reuse,
            ..config::Tls::default()
        };
        Tls::load(&settings, Path::new("unused")).unwrap()
    }
}

/// The three ways in which clients resume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Tls12Id,
    Tls12Ticket,
    Tls13,
}

pub(super) const WAYS: [Way; 3] = [Way::Tls12Id, Way::Tls12Ticket, Way::Tls13];

/// A client that trusts `authority` and keeps its session in `store`.
pub(super) fn client(
    authority: &Authority,
    way: Way,
    store: &Arc<Store>,
    identity: Option<&str>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let version = if way == Way::Tls13 { &TLS13 } else { &TLS12 };
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some(pem) => config
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let tls12 = match way {
        Way::Tls12Id => Tls12Resumption::SessionIdOnly,
        _ => Tls12Resumption::SessionIdOrTickets,
    };
    config.resumption = Resumption::store(Arc::clone(store) as _).tls12_resumption(tls12);
    config
}

/// The sessions that the server gave: one of TLS 1.2, offered again and again, and tickets of
/// TLS 1.3, which rustls offers once each.
#[derive(Debug, Default)]
pub(super) struct Store {
    given: AtomicUsize,
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<Vec<Tls13ClientSessionValue>>,
}

impl Store {
    pub(super) fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.given.fetch_add(1, Ordering::Relaxed);
        *self.tls12.lock().unwrap() = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.given.fetch_add(1, Ordering::Relaxed);
        self.tls13.lock().unwrap().push(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().pop()
    }
}

/// Both ends of a connection.
pub(super) type Ends = (
    server::TlsStream<DuplexStream>,
    client::TlsStream<DuplexStream>,
);

/// A control handshake.
pub(super) async fn control(
    session: &SessionTls,
    client: &ClientConfig,
) -> Result<(Ends, TlsFacts), HandshakeError> {
    let (near, far) = duplex(64 * 1024);
    let client = tokio::spawn(connect(far, client.clone()));
    let (server, facts) = accept_control(near, session, soon()).await?;
    let ends = exchange(server, client.await.unwrap().unwrap()).await;
    Ok((ends, facts))
}

/// A data handshake.
pub(super) async fn data(
    session: &SessionTls,
    client: &ClientConfig,
) -> Result<Ends, HandshakeError> {
    let (near, far) = duplex(64 * 1024);
    let client = tokio::spawn(connect(far, client.clone()));
    let (config, resuming) = session.for_data(true);
    let server = accept(near, &Arc::new(config), soon()).await?;
    resuming.finish(server.get_ref().1.handshake_kind())?;
    Ok(exchange(server, client.await.unwrap().unwrap()).await)
}

pub(super) fn resumed((server, client): &Ends) -> bool {
    let kind = server.get_ref().1.handshake_kind();
    assert_eq!(kind, client.get_ref().1.handshake_kind());
    kind == Some(HandshakeKind::Resumed)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn connect(
    stream: DuplexStream,
    config: ClientConfig,
) -> std::io::Result<client::TlsStream<DuplexStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// A byte to the client, behind which there are no more tickets to come.
async fn exchange(
    mut server: server::TlsStream<DuplexStream>,
    mut client: client::TlsStream<DuplexStream>,
) -> Ends {
    server.write_all(b"2").await.unwrap();
    server.flush().await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'2');
    (server, client)
}
