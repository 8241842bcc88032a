//! The server's certificate and key, and the authorities of client certificates, from PEM files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    NoClientAuth, NoServerSessionStorage, ServerConfig, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore};
use tracing::warn;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::TlsError;
use crate::limits;

/// Where everything is.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The chain, and the key where `key` is not given.
    pub(super) certificate: PathBuf,
    pub(super) key: Option<PathBuf>,
    pub(super) client_ca: Option<PathBuf>,
}

impl Files {
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.key, &self.client_ca].into_iter().flatten();
        std::iter::once(&self.certificate)
            .chain(others)
            .map(PathBuf::as_path)
    }
}

/// Who the server is, as it was loaded at one time.
#[derive(Debug)]
pub(super) struct Identity {
    /// Of all the files; equal ones need no reload.
    pub(super) digest: [u8; 32],
    /// SHA-256 of the server's certificate in the colon form that clients show.
    pub(super) fingerprint: String,
    /// When the certificate ends, where it can be told.
    pub(super) expires: Option<String>,
    /// The same, in seconds since 1970.
    pub(super) expires_unix: Option<i64>,
    /// Resumes nothing; asks for a client certificate where there are authorities.
    pub(super) control: ServerConfig,
    /// The same, but it never asks: who the client is, the control connection knows.
    pub(super) data: ServerConfig,
}

impl Identity {
    pub(super) fn load(files: &Files, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let chain_pem = read(&files.certificate)?;
        let separate_key = files.key.as_deref().map(read).transpose()?;
        let client_ca = files.client_ca.as_deref().map(read).transpose()?;
        let mut digest = Sha256::new();
        for part in [Some(&chain_pem), separate_key.as_ref(), client_ca.as_ref()] {
            digest.update(part.map(Sha256::digest).unwrap_or_default());
        }

        let chain = chain(&files.certificate, &chain_pem)?;
        let key_path = files.key.as_deref().unwrap_or(&files.certificate);
        let key = private_key(key_path, separate_key.as_deref().unwrap_or(&chain_pem))?;
        let fingerprint = fingerprint(&chain[0]);
        let (expires, expires_unix) = expiry(files, &chain[0]).unzip();
        let certified = Arc::new(certify(files, key_path, chain, key, provider)?);
        let verifier = match (&files.client_ca, client_ca) {
            (Some(path), Some(pem)) => verifier(path, &pem, provider)?,
            _ => Arc::new(NoClientAuth),
        };
        Ok(Self {
            digest: digest.finalize().into(),
            fingerprint,
            expires,
            expires_unix,
            control: server_config(provider, verifier, &certified)?,
            data: server_config(provider, Arc::new(NoClientAuth), &certified)?,
        })
    }
}

/// The first certificate in the file, with its fingerprint.
pub(super) fn first(path: &Path) -> Result<(CertificateDer<'static>, String), TlsError> {
    let mut chain = chain(path, &read(path)?)?;
    let own = chain.swap_remove(0);
    let fingerprint = fingerprint(&own);
    Ok((own, fingerprint))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut content = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limits::PEM_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > limits::PEM_FILE_BYTES {
        return Err(TlsError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(content)
}

/// The certificates in the file: at least one.
fn chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match chain.map_err(|error| not_pem(path, pem, &error))? {
        chain if chain.is_empty() => Err(TlsError::NoCertificate {
            path: path.to_owned(),
        }),
        chain => Ok(chain),
    }
}

/// The first key in the file: PKCS #8, SEC1 or PKCS #1.
fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Err(pem::Error::NoItemsFound) => {}
        key => return key.map_err(|error| not_pem(path, pem, &error)),
    }
    let path = path.to_owned();
    Err(match holds(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        true => TlsError::EncryptedKey { path },
        false => TlsError::NoKey { path },
    })
}

fn holds(pem: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    pem.windows(text.len()).any(|found| found == text)
}

/// The parser's message may quote the file, which may hold a key, so only its kind is told.
fn not_pem(path: &Path, pem: &[u8], error: &pem::Error) -> TlsError {
    // RFC 1421, section 4.6.1.1: a header in the section, as OpenSSL wrote it of old.
    if holds(pem, "Proc-Type: 4,ENCRYPTED") {
        let path = path.to_owned();
        return TlsError::EncryptedKey { path };
    }
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly",
        pem::Error::Base64Decode(_) => "a section is not Base64",
        _ => "it cannot be parsed",
    };
    TlsError::NotPem {
        path: path.to_owned(),
        reason,
    }
}

/// The chain and its key, which belong together.
fn certify(
    files: &Files,
    key_path: &Path,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|source| TlsError::UnusableKey {
            path: key_path.to_owned(),
            source,
        })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::OtherKey {
            certificate: files.certificate.clone(),
            key: key_path.to_owned(),
        }),
        Err(source) => Err(TlsError::UnusableCertificate {
            path: files.certificate.clone(),
            source,
        }),
    }
}

/// A client certificate is asked for and may be missing. One that does not lead to these
/// authorities ends the handshake with an alert that says so: a false claim is not taken for none.
fn verifier(
    path: &Path,
    pem: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |reason: &dyn ToString| TlsError::UnusableAuthority {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let mut authorities = RootCertStore::empty();
    for certificate in chain(path, pem)? {
        authorities
            .add(certificate)
            .map_err(|error| unusable(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(authorities.into(), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(&error))
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ClientCertVerifier>,
    certified: &Arc<CertifiedKey>,
) -> Result<ServerConfig, rustls::Error> {
    let resolver = SingleCertAndKey::from(Arc::clone(certified));
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// `AB:CD:…`, 32 bytes.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    digest
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

/// The end of the certificate's validity; one that has passed is worth a warning, and no more:
/// some clients do not look.
fn expiry(files: &Files, certificate: &CertificateDer<'_>) -> Option<(String, i64)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    if !validity.is_valid() {
        warn!(
            path = %files.certificate.display(),
            not_before = %validity.not_before,
            not_after = %validity.not_after,
            "the certificate is not valid at this time",
        );
    }
    let end = validity.not_after;
    Some((end.to_string(), end.timestamp()))
}

#[cfg(test)]
mod tests;
