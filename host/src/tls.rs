//! TLS of the control and data connections: certificates, sessions, handshakes.
//!
//! Every control connection has a TLS session of its own making ([`SessionTls`]): the tickets that
//! its handshake gives out resume on its own data connections and nowhere else.

mod certificate;
mod client;
mod handshake;
mod reload;
mod resumption;
mod self_signed;
#[cfg(test)]
mod testing;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::{ProducesTickets, ServerConfig};
use tracing::info;

use crate::config::{self, SessionReuse};
use certificate::{Files, Identity};
use resumption::ControlSession;

pub use client::ClientCertificate;
pub use handshake::{
    DataHandshake, HandshakeError, TlsFacts, accept_control, count as count_handshake,
};
pub use reload::Watch;

/// Why TLS cannot be had as it is configured. Each message says what to do.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is too large to hold certificates")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file is not PEM.
    #[error("{path} is not a PEM file: {reason}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no certificate in the file.
    #[error("{path} holds no certificate; the server's own must come first, then its issuers")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("{path} holds no private key; add the key to it, or name its file as tls.key")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is under a passphrase.
    #[error("the key in {path} is encrypted; write it in clear with `openssl pkey`, mode 0600")]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind that cannot sign.
    #[error("the key in {path} cannot be used: {source}")]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The key is another certificate's.
    #[error("the key in {key} does not belong to the first certificate in {certificate}")]
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate is broken or unfit.
    #[error("the certificate in {path} cannot be used: {source}")]
    UnusableCertificate {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The authorities of client certificates are broken or unfit.
    #[error("{path} holds no usable authority for client certificates: {reason}")]
    UnusableAuthority {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: String,
    },
    /// No certificate could be generated.
    #[error("cannot make a self-signed certificate: {0}")]
    Generate(#[from] rcgen::Error),
    /// The generated certificate could not be kept.
    #[error("cannot keep the self-signed certificate as {path}: {source}")]
    Keep {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The cryptography does not work, for want of randomness.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The files cannot be watched.
    #[error("cannot watch {directory} for new certificates: {source}")]
    Watch {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: notify::Error,
    },
}

/// The server's own certificate, as clients see it.
#[derive(Debug)]
pub struct ShownCertificate {
    /// In DER.
    pub der: CertificateDer<'static>,
    /// SHA-256 in the colon form that clients show.
    pub fingerprint: String,
}

/// What a host with these settings shows. Nothing is made: there is none as long as the self-signed
/// one is missing.
pub fn shown_certificate(
    settings: &config::Tls,
    state_dir: &Path,
) -> Result<Option<ShownCertificate>, TlsError> {
    let path = match &settings.certificate {
        Some(path) => path.clone(),
        None => state_dir.join(self_signed::FILE_NAME),
    };
    match certificate::first(&path) {
        Ok((der, fingerprint)) => Ok(Some(ShownCertificate { der, fingerprint })),
        Err(TlsError::Read { source, .. })
            if settings.certificate.is_none() && source.kind() == io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The TLS of a host. New handshakes see a new certificate as soon as it is loaded.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    session_reuse: SessionReuse,
    provider: Arc<CryptoProvider>,
    tickets: Arc<dyn ProducesTickets>,
    identity: ArcSwap<Identity>,
    /// The number of the next control session; never used twice, and never sent in clear.
    next_session: AtomicU64,
}

/// The TLS of one control connection and its data connections. They keep their certificate when
/// another is loaded, since clients compare the two.
#[derive(Clone, Debug)]
pub struct SessionTls {
    /// For the one control handshake.
    pub control: Arc<ServerConfig>,
    /// For data handshakes that give out no tickets; [`SessionTls::data_handshake`] knows which
    /// should.
    pub data: Arc<ServerConfig>,
    /// A data handshake that does not resume the control session is refused.
    pub require_resumed: bool,
    resumption: Option<Arc<ControlSession>>,
}

impl Tls {
    /// Loads what `settings` name; without a certificate, the self-signed one in `state_dir`,
    /// which is made when it is not there.
    pub fn load(settings: &config::Tls, state_dir: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = match &settings.certificate {
            Some(path) => path.clone(),
            None => self_signed::ensure(state_dir)?,
        };
        let files = Files {
            certificate,
            key: settings.key.clone(),
            client_ca: settings.client_ca.clone(),
        };
        let identity = Identity::load(&files, &provider)?;
        info!(
            path = %files.certificate.display(),
            fingerprint = identity.fingerprint,
            expires = identity.expires,
            self_signed = settings.certificate.is_none(),
            "certificate loaded",
        );
        Ok(Self {
            files,
            session_reuse: settings.session_reuse,
            tickets: aws_lc_rs::Ticketer::new()?,
            provider,
            identity: ArcSwap::from_pointee(identity),
            next_session: AtomicU64::new(0),
        })
    }

    /// The SHA-256 fingerprint of the certificate, as clients show it.
    pub fn fingerprint(&self) -> String {
        self.identity.load().fingerprint.clone()
    }

    /// When the certificate in use ends, in seconds since 1970, where it can be told.
    pub fn expires_unix(&self) -> Option<i64> {
        self.identity.load().expires_unix
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> &Path {
        &self.files.certificate
    }

    /// Loads the files again and says whether they changed. On an error the certificate in use
    /// stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let identity = Identity::load(&self.files, &self.provider)?;
        if identity.digest == self.identity.load().digest {
            return Ok(false);
        }
        info!(
            path = %self.files.certificate.display(),
            fingerprint = identity.fingerprint,
            expires = identity.expires,
            "certificate changed",
        );
        self.identity.store(Arc::new(identity));
        Ok(true)
    }

    /// Prepares the TLS of one control connection. To be called once per control handshake.
    pub fn for_session(&self) -> SessionTls {
        let identity = self.identity.load();
        let (mut control, mut data) = (identity.control.clone(), identity.data.clone());
        let resumption = (self.session_reuse != SessionReuse::Off).then(|| {
            let number = self.next_session.fetch_add(1, Ordering::Relaxed);
            ControlSession::new(number, Arc::clone(&self.tickets))
        });
        if let Some(resumption) = &resumption {
            resumption.issue(&mut control);
            resumption.accept(&mut data);
        }
        SessionTls {
            control: Arc::new(control),
            data: Arc::new(data),
            resumption,
            require_resumed: self.session_reuse == SessionReuse::Require,
        }
    }
}
