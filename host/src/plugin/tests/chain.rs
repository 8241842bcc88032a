//! Who is asked, in which order, and who gets the answer.

use wharf_protocol::effect::{Credential, LoginDenial};
use wharf_protocol::secret::Secret;

use super::guest::{ASK, DENY, GOOD, GRANT, Guest, PASS};
use super::{Bench, session};
use crate::plugin::{Continuation, Login};

fn password() -> Credential {
    Credential::Password(Secret::new("secret"))
}

fn guest(begin: &'static str, answer: &'static str) -> Vec<u8> {
    Guest {
        begin,
        answer,
        ..GOOD
    }
    .module()
}

#[track_caller]
fn prompt(login: Login) -> Continuation {
    match login {
        Login::NeedPassword {
            continuation,
            text: None,
        } => continuation,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_that_does_not_pass_decides() {
    let bench = Bench::new(&[
        ("10-pass.wasm", &guest(PASS, PASS)),
        ("20-deny.wasm", &guest(DENY, PASS)),
        ("30-grant.wasm", &guest(GRANT, PASS)),
    ]);
    match bench.load().await.begin(session(), "alice").await {
        Login::Denied {
            reason: LoginDenial::Credentials,
            text: Some(text),
            detail,
        } => {
            assert_eq!(text, "alice");
            assert_eq!(detail, "20-deny: credentials");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_where_all_pass_or_nobody_is_there() {
    let passing = Bench::new(&[("pass.wasm", &guest(PASS, PASS))])
        .load()
        .await;
    let login = passing.begin(session(), "alice").await;
    assert!(matches!(login, Login::Denied { .. }), "{login:?}");
    let nobody = Bench::new(&[]).load().await;
    let login = nobody.begin(session(), "alice").await;
    assert!(matches!(login, Login::Undecided { .. }), "{login:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_gets_the_answer() {
    let bench = Bench::new(&[
        ("10-pass.wasm", &guest(PASS, DENY)),
        ("20-ask.wasm", &guest(ASK, GRANT)),
        ("30-deny.wasm", &guest(DENY, DENY)),
    ]);
    let plugins = bench.load().await;
    let continuation = prompt(plugins.begin(session(), "alice").await);
    assert_eq!(continuation.plugin, "20-ask");
    assert_eq!(continuation.state, b"alice");
    match plugins.answer(session(), continuation, password()).await {
        Login::Granted(identity) => {
            assert_eq!(identity.principal, "alice");
            let root = identity.root.as_ref().map(ToString::to_string);
            assert_eq!(root.as_deref(), Some("local:alice"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_passed_on_goes_to_the_next_that_asks() {
    let bench = Bench::new(&[
        ("10-ask.wasm", &guest(ASK, PASS)),
        ("20-pass.wasm", &guest(PASS, DENY)),
        ("30-ask.wasm", &guest(ASK, GRANT)),
    ]);
    let plugins = bench.load().await;
    let continuation = prompt(plugins.begin(session(), "alice").await);
    let login = plugins.answer(session(), continuation, password()).await;
    assert!(matches!(login, Login::Granted(_)), "{login:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begins_anew_where_the_plugin_that_asked_was_replaced() {
    let bench = Bench::new(&[("10-ask.wasm", &guest(ASK, DENY))]);
    let asked = bench.load().await;
    for (replacement, granted) in [
        (guest(ASK, GRANT), true),
        // It has not asked, so it does not get the answer.
        (guest(PASS, GRANT), false),
    ] {
        let continuation = prompt(asked.begin(session(), "alice").await);
        std::fs::write(bench.plugins().join("10-ask.wasm"), replacement).unwrap();
        let replaced = bench.load().await;
        let login = replaced.answer(session(), continuation, password()).await;
        assert_eq!(matches!(login, Login::Granted(_)), granted, "{login:?}");
        assert!(!matches!(login, Login::Undecided { .. }), "{login:?}");
    }
}
