//! A plugin that keeps failing is not asked for a while, and what is told of its calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::guest::{self, GOOD, GRANT, Guest};
use super::{Bench, contract, session};
use crate::plugin::{Login, Plugins, Role};

#[track_caller]
fn cause(login: Login) -> String {
    match login {
        Login::Undecided { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

async fn loaded(begin: &'static str, sidecar: &[u8]) -> (Bench, Arc<Plugins>) {
    let module = Guest { begin, ..GOOD }.module();
    let bench = Bench::new(&[("a.wasm", &module), ("a.toml", sidecar)]);
    let plugins = Arc::new(bench.load().await);
    (bench, plugins)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_at_fault_five_times_is_not_asked_and_nobody_gets_in() {
    let nonsense = "its grant: there is no sink";
    for (begin, expected, kind) in [
        (guest::TRAP, "begin trapped", "trap"),
        (guest::SPIN, "of CPU", "bound"),
        (guest::GRANT_NOWHERE, nonsense, "nonsense"),
    ] {
        let (_bench, plugins) = loaded(begin, b"").await;
        for _ in 0..5 {
            let cause = cause(plugins.begin(session(), "alice").await);
            assert!(cause.contains(expected), "{cause}");
        }
        let cause = cause(plugins.begin(session(), "alice").await);
        assert!(cause.starts_with("unavailable: "), "{cause}");

        let status = plugins.all()[0].status();
        assert_eq!(status.breaker, "open");
        assert_eq!(status.calls.total, 6);
        let failures = [(kind, 5), ("breaker", 1)];
        let failures = failures.map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(status.calls.failures, BTreeMap::from(failures));
        assert_eq!(status.calls.last_error.unwrap().text, cause);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_decide_is_asked_again_and_again() {
    let (_bench, plugins) = loaded(guest::FAIL, b"").await;
    for _ in 0..20 {
        let cause = cause(plugins.begin(session(), "alice").await);
        assert!(cause.contains("unavailable: alice"), "{cause}");
    }
    let status = plugins.all()[0].status();
    assert_eq!(status.breaker, "closed");
    assert_eq!(status.calls.failures["undecided"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_after_the_pause_ends_it() {
    let (_bench, plugins) = loaded(GRANT, b"").await;
    let plugin = &plugins.of(Role::Authenticator)[0];
    for _ in 0..5 {
        plugin.breaker.fault();
    }
    let cause = cause(plugins.begin(session(), "alice").await);
    assert!(cause.starts_with("unavailable: "), "{cause}");
    plugin.breaker.end_pause();
    for _ in 0..2 {
        let login = plugins.begin(session(), "alice").await;
        assert!(matches!(login, Login::Granted(_)), "{login:?}");
        assert_eq!(plugin.status().breaker, "closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_given_in_the_order_in_which_they_were_asked_for() {
    let (_bench, plugins) = loaded(GRANT, b"[limits]\ninstances = 1\n").await;
    let pool = &plugins.all()[0].pool;
    let seat = pool.seat().await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (plugin, order) = (Arc::clone(&plugins.all()[0]), Arc::clone(&order));
        calls.spawn(async move {
            let _seat = plugin.pool.seat().await.unwrap();
            order.lock().unwrap().push(number);
        });
        while pool.status().waiting <= number {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(pool.status().busy, 1);
    drop(seat);
    calls.join_all().await;
    assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..10));
    assert_eq!(pool.status().waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_no_call_needs_is_let_go_but_for_one() {
    let (_bench, plugins) = loaded(GRANT, b"").await;
    let plugin = &plugins.all()[0];
    for _ in 0..4 {
        plugin.pool.keep(plugin.started().await.unwrap());
    }
    let warm = || plugin.pool.status().warm;
    let before = warm();
    plugin.pool.trim();
    assert_eq!(warm(), before, "all were new");
    let first = plugin.pool.take().unwrap();
    let second = plugin.pool.take().unwrap();
    plugin.pool.keep(second);
    plugin.pool.keep(first);
    plugin.pool.trim();
    assert_eq!(warm(), 2, "those that were needed");
    plugin.pool.trim();
    assert_eq!(warm(), 1);
    plugin.pool.trim();
    assert_eq!(warm(), 1, "the next call finds one");

    let serving = plugin.pool.take().unwrap();
    plugin.pool.retire();
    plugin.pool.keep(serving);
    assert_eq!(warm(), 0, "nothing is kept of a plugin that was replaced");
}

#[test]
fn every_function_of_a_role_is_known_as_its_own() {
    let world = "package test:all; world all { include wharf:plugin/imports@1.0.0; }";
    let (resolve, _) = guest::resolve(&contract(), world);
    for role in Role::ALL {
        let mut interfaces = resolve.interfaces.iter().map(|(_, interface)| interface);
        let of_role = |name: Option<&str>| name == Some(role.interface());
        let interface = interfaces.find(|interface| of_role(interface.name.as_deref()));
        for name in interface.unwrap().functions.keys() {
            let known = name.trim_start_matches("[method]");
            assert_eq!(Role::of_function(known), Some(*role), "{name}");
        }
    }
    assert_eq!(Role::of_function("start"), None);
}
