//! Checks the certificate, its key and the authorities of client certificates.

use std::os::unix::fs::MetadataExt as _;

use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Findings;
use crate::config::error::Origin;
use crate::config::{Config, ListenerTls, Tls};
use crate::tls::{self, TlsError};

/// Certificates are renewed weeks before they expire; one that is not needs a look.
const EXPIRES_SOON: Duration = Duration::days(14);

pub(super) fn check(config: &Config, origin: &Origin, found: &mut Findings) {
    if config
        .listeners
        .iter()
        .all(|listener| listener.tls == ListenerTls::Off)
    {
        found
            .summary
            .push("tls       off on every listener".to_owned());
        return;
    }
    let Some(path) = &config.tls.certificate else {
        let line = "tls       a self-signed certificate, kept in the state directory";
        found.summary.push(line.to_owned());
        return;
    };
    if let Err(error) = tls::Tls::load(&config.tls, &config.server.state_dir) {
        let advice = "without this the host does not start";
        found.problems.push(origin.problem(
            key_at_fault(&error, &config.tls),
            error.to_string(),
            advice,
        ));
        return;
    }
    // It was loaded, so it is there and parses, unless it was replaced in between.
    let Ok(der) = CertificateDer::from_pem_file(path) else {
        return;
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
        return;
    };
    let names = names(&der);
    let ends = certificate.validity().not_after.to_datetime();
    found.summary.push(format!(
        "tls       {}, for {}, until {}",
        path.display(),
        names.join(", "),
        ends.date()
    ));
    validity(&certificate, origin, found);
    readers(&config.tls, origin, found);
    if names.is_empty() {
        let message = "the certificate names no host";
        let advice = "ask for one with a subject alternative name, or clients will refuse it";
        found
            .warnings
            .push(origin.problem("tls.certificate", message, advice));
    }
}

/// Whoever reads the key can pass for this host.
fn readers(settings: &Tls, origin: &Origin, found: &mut Findings) {
    let (setting, file) = match &settings.key {
        Some(file) => ("tls.key", Some(file)),
        None => ("tls.certificate", settings.certificate.as_ref()),
    };
    let mode = file.and_then(|file| Some(file.metadata().ok()?.mode()));
    if mode.is_some_and(|mode| mode & 0o007 != 0) {
        let message = "every user of this machine may read the key";
        let advice = "leave it to the one who runs `wharf serve`: chmod o= FILE";
        found
            .warnings
            .push(origin.problem(setting, message, advice));
    }
}

/// The setting that names what is wrong.
fn key_at_fault(error: &TlsError, settings: &Tls) -> &'static str {
    match error {
        TlsError::UnusableAuthority { .. } => "tls.client-ca",
        TlsError::UnusableKey { .. }
        | TlsError::EncryptedKey { .. }
        | TlsError::OtherKey { .. }
            if settings.key.is_some() =>
        {
            "tls.key"
        }
        TlsError::Read { path, .. }
        | TlsError::TooLarge { path }
        | TlsError::NotPem { path, .. }
        | TlsError::NoCertificate { path }
        | TlsError::NoKey { path } => match Some(path) {
            path if path == settings.client_ca.as_ref() => "tls.client-ca",
            path if path == settings.key.as_ref() => "tls.key",
            _ => "tls.certificate",
        },
        _ => "tls.certificate",
    }
}

fn validity(certificate: &X509Certificate<'_>, origin: &Origin, found: &mut Findings) {
    let now = OffsetDateTime::now_utc();
    let starts = certificate.validity().not_before.to_datetime();
    let ends = certificate.validity().not_after.to_datetime();
    let mut note = |list: fn(&mut Findings) -> &mut Vec<_>, message: String, advice: &str| {
        let problem = origin.problem("tls.certificate", message, advice);
        list(found).push(problem);
    };
    if ends < now {
        note(
            |f| &mut f.problems,
            format!("the certificate ended on {}", ends.date()),
            "renew it",
        );
    } else if ends < now + EXPIRES_SOON {
        note(
            |f| &mut f.warnings,
            format!("the certificate ends on {}", ends.date()),
            "renew it",
        );
    }
    if starts > now {
        let message = format!("the certificate is not valid before {}", starts.date());
        note(
            |f| &mut f.problems,
            message,
            "check the clock of this machine",
        );
    }
}

/// The hosts that the certificate names (RFC 5280, section 4.2.1.6).
pub(in crate::cli) fn names(der: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => ip_address(octets),
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .collect()
}

fn ip_address(octets: &[u8]) -> Option<String> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets)
            .ok()
            .map(|four| std::net::Ipv4Addr::from(four).to_string()),
        _ => <[u8; 16]>::try_from(octets)
            .ok()
            .map(|six| std::net::Ipv6Addr::from(six).to_string()),
    }
}
