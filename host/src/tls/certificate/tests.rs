//! The forms of certificate and key files, and what is wrong with the rest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use x509_parser::asn1_rs::{Any, FromDer as _, OctetString, Sequence};

use super::super::testing::Authority;
use super::*;

fn load(certificate: PathBuf, key: Option<PathBuf>) -> Result<Identity, TlsError> {
    let files = Files {
        certificate,
        key,
        client_ca: None,
    };
    Identity::load(&files, &Arc::new(aws_lc_rs::default_provider()))
}

/// What is inside of PKCS #8 (RFC 5958): the key in the older form of its algorithm.
fn older_form(key: &KeyPair, label: &str) -> String {
    let pkcs8 = key.serialize_der();
    let (_, sequence) = Sequence::from_der(&pkcs8).unwrap();
    let (rest, _version) = Any::from_der(&sequence.content).unwrap();
    let (rest, _algorithm) = Any::from_der(rest).unwrap();
    let (_, inner) = OctetString::from_der(rest).unwrap();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(inner)
    )
}

#[test]
fn every_form_of_key_is_taken_with_or_apart_from_the_chain() {
    let authority = Authority::new();
    let ecdsa = KeyPair::generate().unwrap();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    for (form, key, pem) in [
        ("PKCS #8", &ecdsa, ecdsa.serialize_pem()),
        ("SEC1", &ecdsa, older_form(&ecdsa, "EC PRIVATE KEY")),
        ("PKCS #8 RSA", &rsa, rsa.serialize_pem()),
        ("PKCS #1", &rsa, older_form(&rsa, "RSA PRIVATE KEY")),
    ] {
        let chain = authority.certificate(key);
        let apart = authority.write("chain.pem", &chain);
        let apart = load(apart, Some(authority.write("key.pem", &pem))).expect(form);
        for together in [format!("{chain}{pem}"), format!("{pem}{chain}")] {
            let together = load(authority.write("both.pem", &together), None).expect(form);
            assert_eq!(together.fingerprint, apart.fingerprint, "{form}");
        }
    }
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let authority = Authority::new();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (chain, key) = (authority.certificate(&key), key.serialize_pem());
    let encrypted = key
        .replace("BEGIN PRIV", "BEGIN ENCRYPTED PRIV")
        .replace("END ", "END ENCRYPTED ");
    let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                 DEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let both = format!("{chain}{older}");
    let big = "x".repeat(usize::try_from(limits::PEM_FILE_BYTES).unwrap() + 1);
    for (certificate, key, message) in [
        (&*chain, None, "server.pem holds no private key"),
        (&*key, None, "server.pem holds no certificate"),
        ("hello", None, "server.pem holds no certificate"),
        (&*big, None, "server.pem is too large"),
        (
            &chain[..chain.len() - 20],
            None,
            "server.pem is not a PEM file: a section has no end",
        ),
        (
            &*chain,
            Some(&*encrypted),
            "server.key is encrypted; write it in clear",
        ),
        (
            &*chain,
            Some(older),
            "server.key is encrypted; write it in clear",
        ),
        (&*both, None, "server.pem is encrypted; write it in clear"),
        (&*chain, Some(&*chain), "server.key holds no private key"),
        (
            &*chain,
            Some(&*other.serialize_pem()),
            "server.key does not belong to the first",
        ),
    ] {
        let path = authority.write("server.pem", certificate);
        let key = key.map(|key| authority.write("server.key", key));
        let error = load(path, key).unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
    let error = load(authority.path("missing.pem"), None).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }), "{error}");
}

#[test]
fn authorities_must_be_certificates() {
    let authority = Authority::new();
    let mut files = Files {
        certificate: authority.write("server.pem", &authority.identity()),
        key: None,
        client_ca: Some(authority.path("authority.pem")),
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    assert!(Identity::load(&files, &provider).is_ok());
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, message) in [
        ("", "holds no certificate"),
        (not_der, "no usable authority"),
    ] {
        files.client_ca = Some(authority.write("clients.pem", content));
        let error = Identity::load(&files, &provider).unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
}
