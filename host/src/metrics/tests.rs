//! The metrics keep Prometheus' conventions, and the documentation is about them.

use super::*;

/// A recorder of the test's own.
fn recorded(measure: impl FnOnce()) -> String {
    let recorder = builder().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        with_recorder(describe);
        measure();
    });
    recorder.handle().render()
}

#[test]
fn the_documentation_has_every_metric_and_no_other() {
    let documented = include_str!("../../../docs/operate/metrics.md");
    let documented: Vec<&str> = documented
        .lines()
        .filter(|line| line.starts_with("| `wharf_") || line.starts_with("| `process_"))
        .collect();
    let row = |metric: &Metric| {
        let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let Metric {
            name, kind, help, ..
        } = metric;
        format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    };
    let rows: Vec<String> = ALL.iter().map(row).collect();
    assert_eq!(documented, rows, "\n{}", rows.join("\n"));
}

#[test]
fn the_documentation_has_every_word_of_the_labels() {
    let documented = include_str!("../../../docs/operate/metrics.md");
    let words = LoginOutcome::ALL.iter().map(|it| it.word());
    let words = words
        .chain(ConnectionRefusal::ALL.iter().map(|it| it.word()))
        .chain(Transfer::ALL.iter().map(|it| it.word()))
        .chain(TransferOutcome::ALL.iter().map(|it| it.word()))
        .chain(Direction::ALL.iter().map(|it| it.word()))
        .chain(Blame::ALL.iter().map(|it| it.word()))
        .chain(Connection::ALL.iter().map(|it| it.word()))
        .chain(HandshakeOutcome::ALL.iter().map(|it| it.word()))
        .chain(CallFailure::ALL.iter().map(|it| it.word()))
        .chain(Capability::ALL.iter().map(|it| it.word()))
        .chain(ReloadOutcome::ALL.iter().map(|it| it.word()));
    for word in words {
        assert!(documented.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn names_end_with_their_unit_and_only_counters_with_total() {
    let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    for Metric {
        name, kind, help, ..
    } in ALL
    {
        assert!(
            name.starts_with("wharf_") || name.starts_with("process_"),
            "{name}"
        );
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
        assert!(help.ends_with('.'), "{name}: {help}");
    }
}

#[test]
fn a_metric_is_shown_with_its_help_its_labels_and_its_buckets() {
    let shown = recorded(|| {
        logins(LoginOutcome::TooMany).increment(2);
        sessions("a \"door\"").set(3.0);
        transfer_seconds(Transfer::Upload).record(0.02);
    });
    for line in [
        "# HELP wharf_logins_total Logins by how they ended.",
        "# TYPE wharf_logins_total counter",
        "wharf_logins_total{outcome=\"too_many\"} 2",
        "wharf_sessions{listener=\"a \\\"door\\\"\"} 3",
        "# TYPE wharf_transfer_seconds histogram",
        "wharf_transfer_seconds_bucket{kind=\"upload\",le=\"0.01\"} 0",
        "wharf_transfer_seconds_bucket{kind=\"upload\",le=\"0.05\"} 1",
        "wharf_transfer_seconds_count{kind=\"upload\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[test]
fn what_can_be_counted_is_shown_before_it_happens() {
    let shown = recorded(begin_at_zero);
    for line in [
        "wharf_transfers_total{kind=\"upload\",outcome=\"failed\"} 0",
        "wharf_errors_total{blame=\"storage\"} 0",
        "wharf_passive_refusals_total 0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[test]
fn a_plugin_that_is_gone_has_no_instances_and_no_open_breaker() {
    let shown = recorded(|| {
        plugin_instances("x").set(3.0);
        plugin_breaker_open("x").set(1.0);
        plugin_is_gone("x");
    });
    for line in [
        "wharf_plugin_instances{plugin=\"x\"} 0",
        "wharf_plugin_breaker_open{plugin=\"x\"} 0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}
