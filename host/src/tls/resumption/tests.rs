//! What resumes, and what does not, with a rustls client.

use super::super::testing::{Authority, Store, WAYS, Way, client, control, data, resumed};
use super::super::{HandshakeError, SessionTls};
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;

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
            let (session, _, client) = session(&authority, tls.for_session(), way).await;
            // This client uses a TLS 1.3 ticket once, and gets more only where it needs them.
            let times = match (reuse, way) {
                (SessionReuse::Allow, Way::Tls13) => limits::TLS13_TICKETS,
                _ => limits::TLS13_TICKETS + limits::TLS_STORED_SESSIONS + 1,
            };
            for _ in 0..times {
                let ends = data(&session, &client).await.unwrap();
                assert!(resumed(&ends), "{reuse:?} {way:?}");
            }
        }
    }
}

#[tokio::test]
async fn data_handshakes_give_tickets_only_where_clients_need_them() {
    let authority = Authority::new();
    for (reuse, given) in [(SessionReuse::Allow, 0), (SessionReuse::Require, 1)] {
        let tls = authority.server(reuse);
        let (session, store, client) = session(&authority, tls.for_session(), Way::Tls13).await;
        assert_eq!(store.given(), limits::TLS13_TICKETS);
        assert!(resumed(&data(&session, &client).await.unwrap()));
        let all = limits::TLS13_TICKETS + given;
        assert_eq!(store.given(), all, "{reuse:?}");
    }
}

#[test]
fn a_ticket_opens_any_number_of_times_in_its_session_only() {
    let tickets = Ticketer::new().unwrap();
    let [own, other] = [1, 2].map(|number| ControlSession::new(number, Arc::clone(&tickets)));
    let ticket = Issuing(Arc::clone(&own)).encrypt(b"secrets").unwrap();
    for _ in 0..6 {
        assert_eq!(own.open(&ticket).as_deref(), Some(&b"secrets"[..]));
        assert_eq!(other.open(&ticket), None);
    }
}

#[test]
fn stored_sessions_are_bounded_and_the_newest_stay() {
    let session = ControlSession::new(1, Ticketer::new().unwrap());
    for id in 0..100 {
        session.store((vec![id], vec![0xab; 48]));
    }
    assert_eq!(session.stored().len(), limits::TLS_STORED_SESSIONS);
    assert!(session.find(&[99]).is_some());
    assert_eq!(session.find(&[0]), None);
    assert_eq!(format!("{session:?}"), "ControlSession { number: 1, .. }");
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
        // The ticket that TLS 1.3 gave the first time is worth nothing.
        for _ in 0..2 {
            let ends = data(&session, &intruder).await.unwrap();
            assert!(!resumed(&ends), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_data_handshake_leaves_nothing_to_resume() {
    let authority = Authority::new();
    let tls = authority.server(SessionReuse::Require);
    for way in WAYS {
        let (session, ..) = session(&authority, tls.for_session(), way).await;
        let intruder = client(&authority, way, &Arc::default(), None);
        for _ in 0..2 {
            let refused = data(&session, &intruder).await.unwrap_err();
            assert!(
                matches!(refused, HandshakeError::NotResumed),
                "{way:?}: {refused}"
            );
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
