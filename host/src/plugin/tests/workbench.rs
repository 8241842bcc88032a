//! Calls without a server, with values that a person writes.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Bench;
use super::guest::{self, GOOD, Guest};
use crate::plugin::workbench::{Answer, Trial, TrialError, Workbench};
use crate::plugin::{Candidate, Services, Sidecar};

/// The plugin on a workbench.
async fn workbench(bench: &Bench) -> Workbench {
    let file = bench.plugins().join("10-guest.wasm");
    let opened = Workbench::open(&bench.runtime, "10-guest", &file, Sidecar::default());
    opened.await.unwrap().0
}

async fn call(guest: Guest, function: &str, input: Json) -> Result<Answer, TrialError> {
    let bench = Bench::new(&[("10-guest.wasm", &guest.module())]);
    let workbench = workbench(&bench).await;
    let mut trial: Trial<'_> = workbench.trial(function).await?;
    trial.call(&input).await
}

fn begin(begin: &'static str) -> Guest {
    Guest { begin, ..GOOD }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_returns_is_shown_as_json() {
    let denied = json!({ "reason": "credentials", "text": "alice", "detail": null });
    let asked = json!({ "kind": "password", "text": null, "continuation": "alice" });
    let cases = [
        (guest::PASS, json!({ "ok": "pass" })),
        (guest::ASK, json!({ "ok": { "ask": asked } })),
        (guest::DENY, json!({ "ok": { "deny": denied } })),
        (guest::FAIL, json!({ "error": { "unavailable": "alice" } })),
        (
            guest::GRANT,
            json!({ "ok": { "grant": {
                "principal": "alice",
                "root": { "sink": "local", "prefix": "alice" },
                "home": "/",
            } } }),
        ),
        (
            guest::GRANT_ROOTLESS,
            json!({ "ok": { "grant": { "refused": "it has no root and no mount" } } }),
        ),
    ];
    for (body, expected) in cases {
        let answer = call(
            begin(body),
            "authenticator.begin",
            json!({ "user": "alice" }),
        );
        assert_eq!(answer.await.unwrap().result, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_can_be_asked_again() {
    let bench = Bench::new(&[("10-guest.wasm", &begin(guest::GRANT).module())]);
    let workbench = workbench(&bench).await;
    let mut trial = workbench.trial("authenticator.begin").await.unwrap();
    // More often than an instance can hold handles: nothing is left behind by a call.
    for _ in 0..5000 {
        trial.call(&json!({ "user": "alice" })).await.unwrap();
    }
    assert!(trial.memory() >= 64 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compiled_once_is_loaded_in_many_worlds() {
    let bench = Bench::new(&[("10-guest.wasm", &begin(guest::GRANT).module())]);
    let file = bench.plugins().join("10-guest.wasm");
    let read = Candidate::read("10-guest", &file, Sidecar::default(), 1).unwrap();
    let compiled = bench.runtime.compiled(read).await.unwrap();
    // Nothing is left to read or compile.
    let candidate = Candidate {
        bytes: Arc::default(),
        ..compiled
    };
    for memory in [32 << 20, 64 << 20] {
        let world = bench.runtime.with_services(Services::in_trial());
        let mut candidate = candidate.clone();
        candidate.sidecar.limits.memory = memory;
        let (workbench, _) = Workbench::of(&world, candidate).await.unwrap();
        let mut trial = workbench.trial("authenticator.begin").await.unwrap();
        let answer = trial.call(&json!({ "user": "alice" })).await.unwrap();
        assert_eq!(answer.result["ok"]["grant"]["principal"], "alice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_can_be_written() {
    let inputs = [
        json!({ "user": "a", "given": { "password": "x" }, "continuation": "text" }),
        json!({ "user": "a", "given": { "account": "x" }, "continuation": [0, 255] }),
        json!({ "user": "a", "given": { "other": ["key", { "base64": "/w==" }] } }),
        json!({
            "session": {
                "id": "7", "peer": "[2001:db8::1]:21", "secure": true, "tls-protocol": "TLSv1.2",
                "groups": ["staff"], "attributes": { "a": "b" }, "remembered": { "tries": "3" },
                "client-fingerprint": "ab", "client-subject": "CN=a",
            },
            "user": "a",
            "given": { "password": "x" },
        }),
    ];
    for input in inputs {
        let answer = call(GOOD, "authenticator.answer", input).await;
        assert_eq!(answer.unwrap().result, json!({ "ok": "pass" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_does_not_fit_is_told_with_its_place() {
    let answer = |given: Json| json!({ "user": "a", "given": given });
    let cases = [
        (json!([]), "input: write an object"),
        (json!({}), "user: it is missing"),
        (json!({ "user": 1 }), "user: write a text"),
        (
            json!({ "usr": "a" }),
            "input: there is no \"usr\"; write one of \"user\", \"given\", \"continuation\", \
             \"session\"",
        ),
        (answer(json!("password")), "given.password: it is missing"),
        (
            answer(json!({ "pass": "x" })),
            "given: write one of \"password\", \"account\", \"other\"",
        ),
        (
            answer(json!({ "other": ["key"] })),
            "given.other: write a list of 2",
        ),
        (
            answer(json!({ "other": ["key", [256]] })),
            "given.other[1]: write a text, a list of bytes or {\"base64\": …}",
        ),
        (
            json!({ "session": { "peer": "nowhere" }, "user": "a" }),
            "session: invalid socket address",
        ),
        (
            json!({ "session": { "per": 1 }, "user": "a" }),
            "session: unknown field `per`",
        ),
    ];
    for (input, expected) in cases {
        let error = call(GOOD, "authenticator.answer", input).await.unwrap_err();
        let error = error.to_string();
        let told = error.strip_prefix("the input is not right: ");
        assert!(told.is_some_and(|told| told.contains(expected)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_not_there_is_told_with_those_that_are() {
    let error = call(GOOD, "authenticator.began", json!({}))
        .await
        .unwrap_err();
    let known = "authenticator.begin, authenticator.answer";
    assert!(error.to_string().contains(known), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bounds_of_the_host_hold() {
    for (body, cause) in [
        (guest::TRAP, "the call trapped: "),
        (guest::SPIN, "the call used more than 50ms of CPU"),
        (guest::GROW, "the call wanted more than 32768 KiB of memory"),
        (guest::NO_SUCH_CASE, "the call trapped: "),
    ] {
        let answer = call(begin(body), "authenticator.begin", json!({ "user": "a" }));
        let error = answer.await.unwrap_err().to_string();
        assert!(error.contains(cause), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_can_be_asked_too() {
    let guest = Guest {
        validate: guest::OK,
        ..GOOD
    };
    let answer = call(guest, "lifecycle.validate", json!({})).await.unwrap();
    assert_eq!(answer.result, json!([]));
}
