//! What is not allowed is denied at the call, with the error that says so, and never a trap.

use super::guest::GOOD;
use super::{Bench, session};
use crate::plugin::Role;
use crate::plugin::bindings::imports::wharf::plugin::types::{Location, StorageError};
use crate::plugin::bindings::imports::wharf::plugin::{http_client, secrets, sinks, state};
use crate::plugin::instance::PluginInstance;

async fn instance(sidecar: &[u8]) -> (Bench, PluginInstance) {
    let bench = Bench::new(&[("a.wasm", &GOOD.module()), ("a.toml", sidecar)]);
    let instance = bench.load().await.of(Role::Authenticator)[0]
        .started()
        .await
        .unwrap();
    (bench, instance)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_allowed_that_was_not_named() {
    let (_bench, mut instance) = instance(b"").await;
    let host = instance.store.data_mut();
    let secret = secrets::Host::get(host, "token".to_owned()).unwrap();
    assert!(matches!(secret, Err(secrets::Error::NotGranted)));
    let key = || "key".to_owned();
    let value = state::Host::get(host, key()).unwrap();
    assert!(matches!(value, Err(state::Error::NotGranted)));
    let stored = state::Host::set(host, key(), vec![], None).await.unwrap();
    assert!(matches!(stored, Err(state::Error::NotGranted)));
    let removed = state::Host::remove(host, key()).await.unwrap();
    assert!(matches!(removed, Err(state::Error::NotGranted)));
    let counted = state::Host::increment(host, key(), 1, None).await.unwrap();
    assert!(matches!(counted, Err(state::Error::NotGranted)));
    let swapped = state::Host::swap(host, key(), None, vec![]).await.unwrap();
    assert!(matches!(swapped, Err(state::Error::NotGranted)));
    let place = Location {
        sink: "local".to_owned(),
        key: "a".to_owned(),
    };
    let read = sinks::Host::read(host, place.clone(), 0, 1).await.unwrap();
    assert!(matches!(read, Err(StorageError::NotGranted(_))));
    let deleted = sinks::Host::delete(host, place).await.unwrap();
    assert!(matches!(deleted, Err(StorageError::NotGranted(_))));
    let request = http_client::Request {
        method: "GET".to_owned(),
        url: "http://169.254.169.254/".to_owned(),
        headers: vec![],
        body: vec![],
        timeout_ms: 1000,
    };
    let response = http_client::Host::send(host, request).await.unwrap();
    assert!(matches!(response, Err(http_client::Error::NotGranted(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_given_by_its_name_only() {
    let (_bench, mut instance) = instance(b"[allow]\nsecrets = { token = \"hush\" }\n").await;
    let host = instance.store.data_mut();
    let token = secrets::Host::get(host, "token".to_owned()).unwrap();
    assert!(matches!(token, Ok(text) if text == "hush"));
    let other = secrets::Host::get(host, "other".to_owned()).unwrap();
    assert!(matches!(other, Err(secrets::Error::NotGranted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_another_plugin_is_out_of_reach() {
    let sidecar = b"[allow]\nstate = { max-bytes = \"1KiB\" }\n";
    let bench = Bench::new(&[
        ("a.wasm", &GOOD.module()),
        ("a.toml", sidecar),
        ("b.wasm", &GOOD.module()),
        ("b.toml", sidecar),
    ]);
    let plugins = bench.load().await;
    let [one, other] = plugins.of(Role::Authenticator) else {
        panic!("there are two");
    };
    let (mut one, mut another) = (one.started().await.unwrap(), one.started().await.unwrap());
    let mut other = other.started().await.unwrap();
    let key = || "key".to_owned();
    let set = state::Host::set(one.store.data_mut(), key(), b"1".to_vec(), None).await;
    assert!(set.unwrap().is_ok());
    let seen = |instance: &mut PluginInstance| {
        state::Host::get(instance.store.data_mut(), "key".to_owned())
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        seen(&mut another).as_deref(),
        Some(&b"1"[..]),
        "its instances share it"
    );
    assert_eq!(seen(&mut other), None);
    let counted = state::Host::increment(other.store.data_mut(), key(), 7, None).await;
    assert!(matches!(counted, Ok(Ok(7))));
    let full = state::Host::set(one.store.data_mut(), key(), vec![0; 1024], None).await;
    assert!(matches!(full, Ok(Err(state::Error::Quota))));
    assert_eq!(seen(&mut one).as_deref(), Some(&b"1"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_nobody_sees_take_no_room() {
    use crate::plugin::bindings::imports::wharf::plugin::logging::{Host, Level};
    let (_bench, mut instance) = instance(b"").await;
    instance.begin_call();
    let host = instance.store.data_mut();
    let before = host.log_lines_left;
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        for _ in 0..1000 {
            Host::write(host, Level::Trace, "looked".to_owned(), vec![]).unwrap();
        }
    });
    assert_eq!(host.log_lines_left, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_is_bounded_over_all_calls() {
    use crate::plugin::bindings::imports::wharf::plugin::logging::{Host, Level};
    const CALLS: u64 = 1000;
    // A minute of it, which may come at once, has room for 23 of these lines.
    let (_bench, mut instance) = instance(b"[limits]\nlog-rate = \"64B\"\n").await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let began = std::time::Instant::now();
    let ((), lines) = metrics::with_local_recorder(&recorder, || {
        crate::logging::collected(|| {
            for _ in 0..CALLS {
                instance.begin_call();
                let host = instance.store.data_mut();
                Host::write(host, Level::Warn, "loud".to_owned(), vec![]).unwrap();
            }
            instance.store.data().granted.log.tell_left_out();
            instance.store.data().granted.log.tell_left_out();
        })
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count() as u64;
    let (logged, since) = (count("loud"), began.elapsed().as_secs());
    assert!((23..=24 + since).contains(&logged), "{logged}");
    assert_eq!(count("the plugin logs too much"), 1, "{lines:?}");
    let left_out = CALLS - logged;
    assert_eq!(
        count(&format!("left out plugin=\"a\" lines={left_out}")),
        1,
        "{lines:?}"
    );
    let metric = format!("wharf_plugin_log_lines_left_out_total{{plugin=\"a\"}} {left_out}\n");
    let text = recorder.handle().render();
    assert!(text.contains(&metric), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_there_during_its_call_only() {
    use crate::plugin::bindings::imports::wharf::plugin::types::HostSession;
    let (_bench, mut instance) = instance(b"").await;
    let lent = instance.lend(session());
    let id = HostSession::id(instance.store.data_mut(), lent).unwrap();
    assert_eq!(id, "s1");
    instance.take_back();
    let forged = wasmtime::component::Resource::new_borrow(0);
    assert!(HostSession::id(instance.store.data_mut(), forged).is_err());
}
