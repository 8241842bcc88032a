//! What resumes, and what does not, with a rustls client.

use super::super::testing::{Authority, Store, WAYS, Way, client, control, data, resumed};
use super::super::{HandshakeError, SessionTls};
use super::*;
use crate::config::SessionReuse;

/// A control session and the client that holds its tickets.
async fn session(
    authority: &Authority,
    session: SessionTls,
    way: Way,
) -> (SessionTls, Arc<Store>, tokio_rustls::rustls::ClientConfig) {
    let store = Arc::new(Store::default());
    let client = client(authority, way, &store, None);
    let (ends, _) = control(&session, &client).await.unwrap();
    assert!(!resumed(&ends), "a control handshake has nothing to resume");
    (session, store, client)
}

#[tokio::test]
async fn the_own_session_resumes_any_number_of_times() {
    let authority = Authority::new();
    for reuse in [SessionReuse::Allow, SessionReuse::Require] {
        let tls = authority.server(reuse);
        for way in WAYS {
            let (session, store, client) = session(&authority, tls.for_session(), way).await;
            // A rustls client offers each ticket of TLS 1.3 once.
            let (given, times) = match way {
                Way::Tls13 => (limits::TLS13_TICKETS, limits::TLS13_TICKETS),
                Way::Tls12Id | Way::Tls12Ticket => (1, 6),
            };
            assert_eq!(store.given(), given, "{way:?}");
            for _ in 0..times {
                assert!(
                    resumed(&data(&session, &client).await.unwrap()),
                    "{reuse:?} {way:?}"
                );
            }
            if way == Way::Tls13 {
                assert_eq!(store.given(), given, "data handshakes give no tickets");
            }
        }
    }
}

#[test]
fn a_ticket_opens_any_number_of_times_in_its_session_only() {
    let tickets = tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    let [own, other] = [1, 2].map(|number| {
        let tickets = Arc::clone(&tickets);
        Arc::new(ControlSession {
            number,
            tickets,
            stored: OnceLock::new(),
        })
    });
    let ticket = Issuing(Arc::clone(&own)).encrypt(b"secrets").unwrap();
    let (own, other) = (Accepting(own), Accepting(other));
    for _ in 0..6 {
        assert_eq!(own.take(&ticket).as_deref(), Some(&b"secrets"[..]));
        assert_eq!(own.decrypt(&ticket).as_deref(), Some(&b"secrets"[..]));
        assert_eq!(other.take(&ticket), None);
        assert_eq!(other.decrypt(&ticket), None);
    }
    assert_eq!(own.encrypt(b"secrets"), None);
}

#[tokio::test]
async fn another_session_does_not_resume() {
    let authority = Authority::new();
    let allow = authority.server(SessionReuse::Allow);
    let require = authority.server(SessionReuse::Require);
    for way in WAYS {
        let (_one, _, client) = session(&authority, allow.for_session(), way).await;
        let ends = data(&allow.for_session(), &client).await.unwrap();
        assert!(!resumed(&ends), "{way:?}");

        let (_one, _, client) = session(&authority, require.for_session(), way).await;
        let refused = data(&require.for_session(), &client).await.unwrap_err();
        assert!(
            matches!(refused, HandshakeError::NotResumed),
            "{way:?}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_full_data_handshake_leaves_nothing_to_resume() {
    let authority = Authority::new();
    let tls = authority.server(SessionReuse::Allow);
    for way in WAYS {
        let (session, ..) = session(&authority, tls.for_session(), way).await;
        let store = Arc::new(Store::default());
        let intruder = client(&authority, way, &store, None);
        for _ in 0..2 {
            assert!(
                !resumed(&data(&session, &intruder).await.unwrap()),
                "{way:?}"
            );
            assert_eq!(store.given(), 0, "{way:?}");
        }
    }
}

#[tokio::test]
async fn nothing_resumes_where_it_is_off() {
    let authority = Authority::new();
    let tls = authority.server(SessionReuse::Off);
    for way in WAYS {
        let (session, store, client) = session(&authority, tls.for_session(), way).await;
        assert_eq!(store.given(), 0, "{way:?}");
        assert!(!resumed(&data(&session, &client).await.unwrap()), "{way:?}");
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let tickets = tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    let stored = OnceLock::from((vec![1], vec![0xab; 48]));
    let session = ControlSession {
        number: 7,
        tickets,
        stored,
    };
    assert_eq!(format!("{session:?}"), "ControlSession { number: 7, .. }");
}
