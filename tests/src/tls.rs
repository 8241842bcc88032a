//! TLS of the clients that say what they are told. They believe every certificate, as what they
//! look at is the protocol.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};

/// The name that clients ask for; sessions resume only under the same one.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("it is a host name")
}

/// A client that resumes its sessions. A clone of the [`Arc`] shares them, a new one knows none.
pub fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    Arc::new(with_version(version, None))
}

/// A client that never resumes.
pub fn forgetful_client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut config = with_version(version, None);
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// A client that offers these application protocols.
pub fn client_offering(protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = with_version(&rustls::version::TLS13, None);
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

/// A client that shows a certificate when it is asked for one.
pub fn client_with_certificate(
    version: &'static SupportedProtocolVersion,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Arc<ClientConfig> {
    Arc::new(with_version(version, Some((chain, key))))
}

fn with_version(
    version: &'static SupportedProtocolVersion,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .expect("both versions are built in")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous(provider)));
    match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let config = builder.with_client_auth_cert(chain, key);
            config.expect("the test's certificate is right")
        }
    }
}

/// Believes any certificate whose key signed the handshake.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
