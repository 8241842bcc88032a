//! Plugins that are called on the caller's own stack answer, fail and are stopped as all others.

use super::answers::{Answers, HIDE_FIRST};
use super::guest::{GROW, SPIN, TRAP};
use super::paths::Site;

/// Budgets with which the same plugin is called on a stack of its own, and directly.
const BUDGETS: [(&str, bool); 2] = [("11ms", false), ("10ms", true)];

async fn site(wasm: &[u8], cpu: &str) -> Site {
    let sidecar = format!("[limits]\ncpu = \"{cpu}\"\n");
    Site::new(&[("p.wasm", wasm), ("p.toml", sidecar.as_bytes())]).await
}

fn is_direct(site: &Site) -> bool {
    site.plugins.current().all()[0].direct.is_some()
}

/// What both ways came to, which is the same.
async fn alike(wasm: &[u8], ask: impl AsyncFn(&Site) -> Result<String, String>) -> String {
    let mut outcomes = Vec::new();
    for (cpu, direct) in BUDGETS {
        let site = site(wasm, cpu).await;
        assert_eq!(is_direct(&site), direct, "{cpu}");
        // The second call tells whether the first one left its instance fit.
        for _ in 0..2 {
            let outcome = ask(&site).await.unwrap_or_else(|error| error);
            outcomes.push(outcome.replace(cpu, "budget"));
        }
    }
    let first = outcomes.swap_remove(0);
    assert!(outcomes.iter().all(|other| *other == first), "{outcomes:?}");
    first
}

async fn place(site: &Site) -> Result<String, String> {
    site.place("/x").await.map_err(|error| error.to_string())
}

async fn names(site: &Site) -> Result<String, String> {
    let names = site.names("/").await;
    names.map_or_else(|error| Err(error.to_string()), |names| Ok(names.join(" ")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_call_comes_to_the_same() {
    let mut answers = Answers::default();
    let mounts = answers.mounts(&[("/", "local:home", u16::MAX, true)]);
    let locates = [
        (
            answers.leads(0, "local:home/in/there"),
            "local:home/in/there",
        ),
        (answers.denies(1, 9, "not here"), "name-not-allowed"),
        (answers.says(2), "local:home/x"),
        (answers.fails(), "away"),
        (TRAP.to_owned(), "unreachable"),
        (SPIN.to_owned(), "used more than budget of CPU"),
        (GROW.to_owned(), "wanted more than 32768 KiB of memory"),
    ];
    for (locate, expected) in locates {
        let outcome = alike(&answers.mapper(&mounts, &locate), place).await;
        assert!(outcome.contains(expected), "{expected}: {outcome}");
    }
    let befores = [
        (answers.says(0), "local:home/x"),
        (
            answers.leads(1, "local:home/in/there"),
            "local:home/in/there",
        ),
        (SPIN.to_owned(), "used more than budget of CPU"),
    ];
    for (before, expected) in befores {
        let outcome = alike(&answers.guard(&before), place).await;
        assert!(outcome.contains(expected), "{expected}: {outcome}");
    }
    assert_eq!(alike(&answers.filter(HIDE_FIRST), names).await, "in");
    let spin = alike(&answers.filter(SPIN), names).await;
    assert!(spin.contains("used more than budget of CPU"), "{spin}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_wait_has_a_stack_of_his_own() {
    let mut answers = Answers::default();
    let (needs, publish) = (answers.needs(2, 0, &[]), answers.says(0));
    // It reads what is staged, which may take as long as the sink does.
    let gate = answers.gate(&needs, &publish);
    assert!(!is_direct(&site(&gate, "10ms").await));
}
