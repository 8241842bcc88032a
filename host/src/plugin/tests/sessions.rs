//! Guards of sessions that fail: the session ends, unless the operator would rather have it go on.

use super::answers::Answers;
use super::guest::{GROW, RESULT_OUT_OF_BOUNDS, SPIN, TRAP};
use super::{Bench, session};
use crate::plugin::session_guard::SessionRuling;

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_fails_ends_the_session_unless_the_operator_says_otherwise() {
    let mut answers = Answers::default();
    let fails = answers.fails();
    for body in [TRAP, SPIN, GROW, RESULT_OUT_OF_BOUNDS, &fails] {
        let guard = answers.session_guard(body, body);
        for (sidecar, goes_on) in [("", false), ("[policy]\non-failure = \"allow\"\n", true)] {
            let files = [("a.wasm", &guard[..]), ("a.toml", sidecar.as_bytes())];
            let bench = Bench::new(&files);
            let plugins = bench.load().await;
            let rulings = [
                plugins.connect(&session()).await,
                plugins.revalidate(&session(), "alice").await,
            ];
            for ruling in rulings {
                let kept = matches!(ruling, SessionRuling::Keep);
                assert!(
                    kept || matches!(ruling, SessionRuling::Undecided),
                    "{ruling:?}"
                );
                assert_eq!(kept, goes_on, "{body} {sidecar}");
            }
        }
    }
}
