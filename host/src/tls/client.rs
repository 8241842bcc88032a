//! What a verified client certificate says about its owner.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The certificate that a client proved to own, verified against `client-ca`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// As the client sent it, in DER, its own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// SHA-256 of its own certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// The subject in the form of RFC 4514, as in `CN=alice,O=Example`.
    pub subject: String,
    /// The alternative names as `DNS:`, `email:`, `URI:` or `IP:` and the value.
    pub alternative_names: Vec<String>,
}

impl ClientCertificate {
    /// Nothing where the client sent no certificate. The verifier's parser has accepted what is
    /// here; what this parser cannot read has no names.
    pub(super) fn of(chain: Option<&[CertificateDer<'static>]>) -> Option<Self> {
        let chain = chain?;
        let own = chain.first()?;
        let parsed = X509Certificate::from_der(own)
            .ok()
            .map(|(_, certificate)| certificate);
        let names = parsed
            .as_ref()
            .and_then(|it| it.subject_alternative_name().ok().flatten());
        Some(Self {
            fingerprint: hexadecimal(&Sha256::digest(own)),
            subject: parsed
                .as_ref()
                .map(|it| distinguished(it.subject()))
                .unwrap_or_default(),
            alternative_names: names
                .map(|names| {
                    names
                        .value
                        .general_names
                        .iter()
                        .filter_map(alternative)
                        .collect()
                })
                .unwrap_or_default(),
            chain: chain.to_vec(),
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4514 section 2: the last part first, every special character escaped, so that no value can
/// pass for two parts.
fn distinguished(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

/// RFC 4514 section 2.3 and 2.4: kinds without a short name, and values that are no text, are told
/// as numbers.
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    match (oid2abbrev(kind, oid_registry()), attribute.as_str()) {
        (Ok(kind), Ok(text)) => format!("{kind}={}", escape(text)),
        (Ok(kind), Err(_)) => format!("{kind}=#{}", hexadecimal(attribute.as_slice())),
        (Err(_), _) => format!("{kind}=#{}", hexadecimal(attribute.as_slice())),
    }
}

/// RFC 4514 section 2.4.
fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (index, character) in value.chars().enumerate() {
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            ' ' => index == 0 || index == last,
            '#' => index == 0,
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        if character.is_control() {
            let bytes = character.to_string();
            escaped.extend(bytes.bytes().map(|byte| format!("\\{byte:02X}")));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The kinds of names that can be told as text.
fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
        GeneralName::RFC822Name(name) => Some(format!("email:{name}")),
        GeneralName::URI(name) => Some(format!("URI:{name}")),
        GeneralName::IPAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            let address = v4
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .ok()?;
            Some(format!("IP:{address}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_passes_for_two_parts() {
        for (value, escaped) in [
            ("alice", "alice"),
            ("alice,O=Example", "alice\\,O=Example"),
            (" # ", "\\ #\\ "),
            ("#a+b\\", "\\#a\\+b\\\\"),
            ("a\nb\0", "a\\0Ab\\00"),
            ("é", "é"),
            ("", ""),
        ] {
            assert_eq!(escape(value), escaped);
        }
    }
}
