//! Which certificate of a server a probe believes.

use std::path::PathBuf;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::ProbeError;

/// Which certificate is believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// One that this system trusts, for the name that was connected to.
    System,
    /// One that leads to the authorities of this PEM file, for the name that was connected to.
    Authorities(PathBuf),
    /// The one with this SHA-256.
    Fingerprint([u8; 32]),
    /// Whatever the server shows.
    Anything,
}

impl Trust {
    /// The settings of a client that believes so.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, ProbeError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(ProbeError::Tls)?;
        let builder = match self {
            Self::System => builder
                .with_native_roots()
                .map_err(|error| ProbeError::Trust(error.to_string()))?,
            Self::Authorities(path) => builder.with_root_certificates(authorities(path)?),
            Self::Fingerprint(_) | Self::Anything => {
                let pinned = match self {
                    Self::Fingerprint(digest) => Some(*digest),
                    _ => None,
                };
                let verifier = Arc::new(Pinned { pinned, provider });
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(verifier)
            }
        };
        Ok(Arc::new(builder.with_no_client_auth()))
    }
}

fn authorities(path: &PathBuf) -> Result<RootCertStore, ProbeError> {
    let failed =
        |error: &dyn std::fmt::Display| ProbeError::Trust(format!("{}: {error}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() {
        return Err(failed(&"it holds no certificate"));
    }
    Ok(roots)
}

/// Believes one certificate, or any, whose key signed the handshake.
#[derive(Debug)]
struct Pinned {
    pinned: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown: [u8; 32] = Sha256::digest(certificate).into();
        match self.pinned {
            Some(pinned) if pinned != shown => {
                let shown: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                Err(Error::General(format!(
                    "the certificate is another one, with the fingerprint {shown}"
                )))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
