//! What a handshake tells, and how it fails.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, duplex};

use super::super::testing::{Authority, Store, WAYS, Way, client, control, data, resumed};
use super::*;
use crate::config::SessionReuse;

#[tokio::test]
async fn alpn_is_answered_and_never_a_reason_to_refuse() {
    let authority = Authority::new();
    let session = authority.server(SessionReuse::Allow).for_session();
    for (offered, chosen) in [
        (&[][..], false),
        (&["ftp"], true),
        (&["x-filezilla-ftp", "ftp"], true),
        (&["h2", "http/1.1"], false),
    ] {
        for way in [Way::Tls12Ticket, Way::Tls13] {
            let mut client = client(&authority, way, &Arc::default(), None);
            client.alpn_protocols = offered
                .iter()
                .map(|name| name.as_bytes().to_vec())
                .collect();
            let (ends, facts) = control(&session, &client).await.unwrap();
            assert_eq!(facts.alpn, chosen, "{offered:?}");
            assert_eq!(
                ends.1.get_ref().1.alpn_protocol(),
                chosen.then_some(ALPN_FTP)
            );
        }
    }
}

#[tokio::test]
async fn facts_tell_the_version_and_the_name() {
    let authority = Authority::new();
    let session = authority.server(SessionReuse::Allow).for_session();
    for (way, protocol) in [(Way::Tls12Ticket, "TLSv1.2"), (Way::Tls13, "TLSv1.3")] {
        let client = client(&authority, way, &Arc::default(), None);
        let (_, facts) = control(&session, &client).await.unwrap();
        assert_eq!(facts.protocol, protocol);
        assert!(facts.cipher.starts_with("TLS_"), "{}", facts.cipher);
        assert_eq!(facts.server_name.as_deref(), Some("localhost"));
        assert_eq!(facts.client_certificate, None);
    }
}

#[tokio::test]
async fn a_client_certificate_is_told_and_asked_for_once() {
    let authority = Authority::new();
    let identity = authority.client_identity();
    for way in WAYS {
        let session = authority.server(SessionReuse::Allow).for_session();
        let store = Arc::new(Store::default());
        let alice = client(&authority, way, &store, Some(&identity));
        let (_, facts) = control(&session, &alice).await.unwrap();
        let certificate = facts.client_certificate.unwrap();
        assert_eq!(certificate.subject, "CN=alice\\, O=Admins,O=Example");
        assert_eq!(
            certificate.alternative_names,
            [
                "DNS:alice.example",
                "email:alice@example.org",
                "URI:spiffe://example.org/alice",
                "IP:192.0.2.1",
            ]
        );
        assert_eq!(certificate.fingerprint.len(), 64);
        assert_eq!(certificate.chain.len(), 1);
        assert!(resumed(&data(&session, &alice).await.unwrap()));
        let stranger = client(&authority, way, &Arc::default(), None);
        assert!(
            data(&session, &stranger).await.is_ok(),
            "data handshakes ask for none"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_ends_the_handshake() {
    let (authority, other) = (Authority::new(), Authority::new());
    let session = authority.server(SessionReuse::Allow).for_session();
    let identity = other.client_identity();
    for way in [Way::Tls12Ticket, Way::Tls13] {
        let client = client(&authority, way, &Arc::default(), Some(&identity));
        let error = control(&session, &client).await.unwrap_err();
        assert!(
            error.to_string().contains("invalid peer certificate"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_not_tls_and_silence_are_errors() {
    let authority = Authority::new();
    let session = authority.server(SessionReuse::Allow).for_session();
    let deadline = Instant::now() + Duration::from_secs(20);
    for (sent, failure) in [("USER anonymous\r\n", true), ("", false)] {
        let (near, mut far) = duplex(1024);
        far.write_all(sent.as_bytes()).await.unwrap();
        let deadline = if failure { deadline } else { Instant::now() };
        let error = accept_control(near, &session, deadline).await.unwrap_err();
        assert_eq!(
            matches!(error, HandshakeError::Failed(_)),
            failure,
            "{error}"
        );
        assert_eq!(
            matches!(error, HandshakeError::TimedOut),
            !failure,
            "{error}"
        );
        assert_eq!(Failure::from(&error), Failure::DataHandshake);
    }
}
