//! New certificates for new sessions.

use std::time::Duration;

use tokio::time::timeout;

use super::super::testing::{Authority, Way, client, control};
use super::*;
use crate::config::SessionReuse;

#[tokio::test]
async fn new_sessions_have_the_new_certificate_and_old_ones_keep_theirs() {
    let authority = Authority::new();
    let tls = authority.server(SessionReuse::Allow);
    let (old, fingerprint) = (tls.for_session(), tls.fingerprint());
    assert!(!tls.reload().unwrap(), "nothing has changed");
    authority.write("server.pem", &authority.identity());
    assert!(tls.reload().unwrap());
    assert_ne!(tls.fingerprint(), fingerprint);

    let client = client(&authority, Way::Tls13, &Arc::default(), None);
    let mut seen = Vec::new();
    for session in [&old, &tls.for_session()] {
        let ((_, client), _) = control(session, &client).await.unwrap();
        seen.push(client.get_ref().1.peer_certificates().unwrap().to_vec());
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn a_broken_file_changes_nothing() {
    let authority = Authority::new();
    let tls = authority.server(SessionReuse::Allow);
    let fingerprint = tls.fingerprint();
    authority.write("server.pem", "half a certif");
    assert!(matches!(tls.reload(), Err(TlsError::NoCertificate { .. })));
    assert_eq!(tls.fingerprint(), fingerprint);
}

#[tokio::test]
async fn a_changed_or_replaced_file_is_noticed() {
    let authority = Authority::new();
    let tls = Arc::new(authority.server(SessionReuse::Allow));
    let _watch = tls.watch().unwrap();
    for replace in [false, true] {
        let fingerprint = tls.fingerprint();
        if replace {
            let new = authority.write("new.pem", &authority.identity());
            std::fs::rename(new, authority.path("server.pem")).unwrap();
        } else {
            authority.write("server.pem", &authority.identity());
        }
        let noticed = async {
            while tls.fingerprint() == fingerprint {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(20), noticed).await.unwrap();
    }
}
