//! Plugins that trap, spin, grow and lie: nobody gets in, the log can say why, nobody else notices.

use super::guest::{self, GOOD, GRANT, Guest};
use super::{Bench, session};
use crate::plugin::Login;
use crate::plugin::Role;

/// What a plugin does in `begin`, and a piece of the cause.
const MISDEEDS: &[(&str, &str, &str)] = &[
    ("trap", guest::TRAP, "unreachable"),
    ("spin", guest::SPIN, "used more than 50ms of CPU"),
    ("grow", guest::GROW, "wanted more than 32768 KiB of memory"),
    ("recurse", guest::RECURSE, "stack"),
    ("no-such-case", guest::NO_SUCH_CASE, "discriminant"),
    (
        "list-out-of-bounds",
        guest::LIST_OUT_OF_BOUNDS,
        "out of bounds",
    ),
    (
        "result-out-of-bounds",
        guest::RESULT_OUT_OF_BOUNDS,
        "out of bounds",
    ),
    ("forged-grant", guest::FORGED_GRANT, "handle"),
    ("fail", guest::FAIL, "unavailable: alice"),
    (
        "nowhere",
        guest::GRANT_NOWHERE,
        "there is no sink \"alice\"",
    ),
    (
        "rootless",
        guest::GRANT_ROOTLESS,
        "it has no root and no mount",
    ),
];

#[track_caller]
fn assert_undecided(login: Login, name: &str, expected: &str) {
    match login {
        Login::Undecided { plugin, cause } => {
            assert_eq!(plugin, name);
            assert!(cause.contains(expected), "{name}: {cause}");
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_begin_does_nobody_gets_in_and_the_next_call_is_served() {
    for (name, body, expected) in MISDEEDS {
        let bad = Guest {
            begin: body,
            ..GOOD
        }
        .module();
        // The one behind it would let everybody in: it must not be asked.
        let generous = Guest {
            begin: GRANT,
            ..GOOD
        }
        .module();
        let file = format!("{name}.wasm");
        let bench = Bench::new(&[(&file, &bad), ("z.wasm", &generous)]);
        let plugins = bench.load().await;
        for _ in 0..2 {
            assert_undecided(plugins.begin(session(), "alice").await, name, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_answer_does_nobody_gets_in() {
    use wharf_protocol::effect::Credential;
    use wharf_protocol::secret::Secret;
    for (name, body, expected) in MISDEEDS {
        let bad = Guest {
            begin: guest::ASK,
            answer: body,
            ..GOOD
        }
        .module();
        let bench = Bench::new(&[(&format!("{name}.wasm"), &bad)]);
        let plugins = bench.load().await;
        let Login::NeedPassword { continuation, .. } = plugins.begin(session(), "alice").await
        else {
            panic!("{name} did not ask")
        };
        let password = Credential::Password(Secret::new("secret"));
        let login = plugins.answer(session(), continuation, password).await;
        assert_undecided(login, name, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_failure_is_told_in_one_bounded_line() {
    let wordy = Guest {
        begin: guest::FAIL_AT_LENGTH,
        ..GOOD
    };
    let bench = Bench::new(&[("wordy.wasm", &wordy.module())]);
    let login = bench.load().await.begin(session(), "alice").await;
    let Login::Undecided { cause, .. } = login else {
        panic!("{login:?}")
    };
    assert!(cause.len() < 500 && !cause.contains('\n'), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spinning_plugin_does_not_hold_up_another_one() {
    let spin = Guest {
        begin: guest::SPIN,
        ..GOOD
    }
    .module();
    let good = Guest {
        begin: GRANT,
        ..GOOD
    }
    .module();
    let spinning = Bench::new(&[("spin.wasm", &spin)]);
    let serving = Bench::new(&[("good.wasm", &good)]);
    let (spinning, serving) = (spinning.load().await, serving.load().await);
    let spins = async {
        for _ in 0..5 {
            let login = spinning.begin(session(), "alice").await;
            assert_undecided(login, "spin", "CPU");
        }
    };
    let serves = async {
        for _ in 0..1000 {
            let login = serving.begin(session(), "alice").await;
            assert!(matches!(login, Login::Granted(_)), "{login:?}");
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(spins, serves);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_at_its_deadline() {
    let sidecar = b"[limits]\ncpu = \"1h\"\ndeadline = \"2s\"\n";
    let spin = Guest {
        begin: guest::SPIN,
        ..GOOD
    }
    .module();
    let bench = Bench::new(&[("late.wasm", &spin), ("late.toml", sidecar)]);
    let plugins = bench.load().await;
    let login = plugins.begin(session(), "alice").await;
    assert_undecided(login, "late", "begin took longer than its deadline of 2s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_over_and_over_ends_by_what_it_costs_and_not_at_its_deadline() {
    let waits = "[allow]\nstate = { max-bytes = \"1KiB\" }\n[limits]\ndeadline = \"5m\"\n";
    let verifies = "[limits]\ncpu = \"1m\"\nhost-cpu = \"5ms\"\ndeadline = \"5m\"\n";
    for (name, begin, imports, sidecar, expected) in [
        (
            "waits",
            guest::WAIT,
            guest::STATE,
            waits,
            "used more than 50ms of CPU",
        ),
        (
            "verifies",
            guest::VERIFY,
            guest::PASSWORDS,
            verifies,
            "unavailable: alice",
        ),
    ] {
        let bad = Guest { begin, ..GOOD }.module_with(imports);
        let (wasm, toml) = (format!("{name}.wasm"), format!("{name}.toml"));
        let bench = Bench::new(&[(&wasm, &bad), (&toml, sidecar.as_bytes())]);
        let plugins = bench.load().await;
        for _ in 0..2 {
            assert_undecided(plugins.begin(session(), "alice").await, name, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_may_wait_are_turned_away() {
    let sidecar = b"[limits]\ndeadline = \"5m\"\ninstances = 1\n";
    let good = Guest {
        begin: GRANT,
        ..GOOD
    }
    .module();
    let bench = Bench::new(&[("busy.wasm", &good), ("busy.toml", sidecar)]);
    let plugins = std::sync::Arc::new(bench.load().await);
    let pool = &plugins.all()[0].pool;
    let seat = pool.seat().await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..crate::plugin::limits::MAX_WAITING {
        let plugins = std::sync::Arc::clone(&plugins);
        waiting.spawn(async move { plugins.begin(session(), "alice").await });
        while pool.status().waiting <= number {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..40 {
        let login = plugins.begin(session(), "alice").await;
        assert_undecided(login, "busy", "wait already");
    }
    drop(seat);
    for login in waiting.join_all().await {
        assert!(matches!(login, Login::Granted(_)), "{login:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_traps_leave_the_pool_whole() {
    let bad = Guest {
        begin: guest::TRAP,
        answer: GRANT,
        ..GOOD
    }
    .module();
    let bench = Bench::new(&[("trap.wasm", &bad)]);
    let plugins = bench.load().await;
    let plugin = &plugins.of(Role::Authenticator)[0];
    for _ in 0..1000 {
        plugin.breaker.reset();
        assert_undecided(
            plugins.begin(session(), "alice").await,
            "trap",
            "begin trapped",
        );
    }
    assert_eq!(plugin.pool.status().warm, 0, "no instance outlives a trap");
    let answer = crate::plugin::authenticator::Answer {
        kind: crate::plugin::authenticator::PromptKind::Password,
        secret: wharf_protocol::secret::Secret::new(""),
    };
    for _ in 0..100 {
        let step = plugin.answer(session(), "alice", &answer, b"").await;
        assert!(
            matches!(step, Ok(crate::plugin::authenticator::Step::Grant(_))),
            "{step:?}"
        );
    }
    assert_eq!(plugin.pool.status().warm, 1, "one instance served them all");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_serves_more_calls_than_it_may_hold_handles() {
    let asks = Guest {
        begin: GRANT,
        ..GOOD
    }
    .module();
    let bench = Bench::new(&[("many.wasm", &asks)]);
    let plugins = bench.load().await;
    for _ in 0..9_000 {
        let login = plugins.begin(session(), "alice").await;
        assert!(matches!(login, Login::Granted(_)), "{login:?}");
    }
}
