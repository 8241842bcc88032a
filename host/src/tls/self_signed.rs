//! The certificate of a host that was given none.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, SanType,
};
use tempfile::NamedTempFile;
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tracing::warn;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::TlsError;
use crate::limits;

/// The file in the state directory.
pub(super) const FILE_NAME: &str = "self-signed.pem";

/// The path of the self-signed certificate and its key. They are made once, and again when they
/// have expired.
pub(super) fn ensure(state_dir: &Path) -> Result<PathBuf, TlsError> {
    let path = state_dir.join(FILE_NAME);
    match fs::read(&path) {
        Ok(pem) if has_expired(&pem) => {
            warn!(path = %path.display(), "the self-signed certificate has expired");
        }
        Ok(_) => return Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(TlsError::Read { path, source }),
    }
    let pem = generate()?;
    match keep(&path, &pem) {
        Ok(()) => Ok(path),
        Err(source) => Err(TlsError::Keep { path, source }),
    }
}

/// What is not a certificate has not expired: that is for the loader to say.
fn has_expired(pem: &[u8]) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_slice(pem) else {
        return false;
    };
    X509Certificate::from_der(&certificate)
        .is_ok_and(|(_, certificate)| certificate.validity().time_to_expiration().is_none())
}

/// A certificate for this machine, by every name that it surely has, and its key, as PEM.
fn generate() -> Result<String, TlsError> {
    let name = host_name().unwrap_or_else(|| "localhost".to_owned());
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    if name != "localhost" {
        params
            .subject_alt_names
            .push(SanType::DnsName(name.as_str().try_into()?));
    }
    for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A client's clock may be behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = params.not_before + Duration::days(limits::SELF_SIGNED_DAYS);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

/// The name of the machine, where it can stand in a certificate.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    // The common name of a certificate has at most 64 characters (RFC 5280 appendix A).
    (!name.is_empty() && name.len() <= 64 && name.bytes().all(fits)).then(|| name.to_owned())
}

/// Writes the whole file or nothing, readable by its owner alone.
fn keep(path: &Path, pem: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use x509_parser::extensions::GeneralName;

    use super::*;
    use crate::config;
    use crate::tls::Tls;

    #[test]
    fn it_is_made_once_and_kept_private() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let first = Tls::load(&config::Tls::default(), &state).unwrap();
        let again = Tls::load(&config::Tls::default(), &state).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
        let mode = fs::metadata(state.join(FILE_NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn it_names_the_machine_and_loopback() {
        let pem = generate().unwrap();
        assert!(!has_expired(pem.as_bytes()));
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        let names = &names.value.general_names;
        for name in [
            GeneralName::DNSName("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
            GeneralName::IPAddress(&Ipv6Addr::LOCALHOST.octets()),
        ] {
            assert!(names.contains(&name), "{name:?} in {names:?}");
        }
    }

    #[test]
    fn an_expired_one_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = OffsetDateTime::now_utc() - Duration::days(1);
        let key = KeyPair::generate().unwrap();
        let expired = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        fs::write(&path, &expired).unwrap();
        assert_eq!(ensure(directory.path()).unwrap(), path);
        assert_ne!(fs::read_to_string(&path).unwrap(), expired);
    }
}
