//! The metrics. The comment on each is its help text, and a row of `docs/operate/metrics.md`.

use ::metrics::{Counter, Gauge, Histogram, Label};

use super::words::{
    Blame, CallFailure, Capability, Connection, ConnectionRefusal, Direction, HandshakeOutcome,
    LoginOutcome, ReloadOutcome, Transfer, TransferOutcome,
};
use super::{Handle, LabelValue, Metric, handle};
use crate::plugin::Role;

/// Declares a function for each metric, and the list of them all.
macro_rules! table {
    ($(
        #[doc = $help:literal]
        $function:ident($($label:ident: $value:ty),*) -> $kind:ident = $name:literal;
    )+) => {
        $(
            #[doc = $help]
            pub fn $function($($label: $value),*) -> $kind {
                handle($name, vec![$(Label::new(stringify!($label), $label.value())),*])
            }
        )+

        /// All of them.
        pub const ALL: &[Metric] = &[$(
            Metric {
                kind: <$kind as Handle>::KIND,
                name: $name,
                labels: &[$(stringify!($label)),*],
                help: $help.trim_ascii(),
                describe: <$kind as Handle>::DESCRIBE,
            },
        )+];
    };
}

table! {
    /// Which version runs; always 1.
    build_info(version: &str) -> Gauge = "wharf_build_info";
    /// 1 while the host is ready to serve, as /readyz has it.
    ready() -> Gauge = "wharf_ready";

    /// Control connections now.
    sessions(listener: &str) -> Gauge = "wharf_sessions";
    /// Control connections that were admitted.
    sessions_started(listener: &str) -> Counter = "wharf_sessions_total";
    /// Connections that were turned away before their greeting.
    connections_refused(reason: ConnectionRefusal) -> Counter = "wharf_connections_refused_total";
    /// Logins by how they ended.
    logins(outcome: LoginOutcome) -> Counter = "wharf_logins_total";
    /// TLS handshakes; the version is `none` where it did not come to one.
    tls_handshakes(connection: Connection, outcome: HandshakeOutcome, version: &str) -> Counter =
        "wharf_tls_handshakes_total";
    /// When the certificate ends, in seconds since 1970.
    certificate_expiry() -> Gauge = "wharf_certificate_expiry_timestamp_seconds";

    /// Transfers that move bytes now.
    transfers_running(kind: Transfer) -> Gauge = "wharf_transfers";
    /// Transfers by how they ended.
    transfers(kind: Transfer, outcome: TransferOutcome) -> Counter = "wharf_transfers_total";
    /// How long transfers took, from 150 to the reply after it.
    transfer_seconds(kind: Transfer) -> Histogram = "wharf_transfer_seconds";
    /// Bytes of files and listings, counted while they move.
    transfer_bytes(direction: Direction) -> Counter = "wharf_transfer_bytes_total";
    /// Bytes of uploads that are kept in state-dir until their gates have decided.
    spool_bytes() -> Gauge = "wharf_spool_bytes";
    /// What went wrong, by who has to look at it. A denial is no error.
    errors(blame: Blame) -> Counter = "wharf_errors_total";

    /// Passive ports that wait for a client now.
    passive_ports_used() -> Gauge = "wharf_passive_ports_used";
    /// Passive ports that are free on the local address that has the fewest.
    passive_ports_free() -> Gauge = "wharf_passive_ports_free";
    /// PASV and EPSV that found no free port.
    passive_refusals() -> Counter = "wharf_passive_refusals_total";

    /// Calls of a plugin.
    plugin_calls(plugin: &str, role: Role) -> Counter = "wharf_plugin_calls_total";
    /// Calls that gave no answer.
    plugin_failures(plugin: &str, role: Role, cause: CallFailure) -> Counter =
        "wharf_plugin_failures_total";
    /// How long calls took, the wait for an instance included.
    plugin_call_seconds(plugin: &str, role: Role) -> Histogram = "wharf_plugin_call_seconds";
    /// Instances of a plugin, at work and at rest.
    plugin_instances(plugin: &str) -> Gauge = "wharf_plugin_instances";
    /// Calls that wait for an instance.
    plugin_queue(plugin: &str) -> Gauge = "wharf_plugin_queue";
    /// 1 while a plugin is not asked because it kept failing.
    plugin_breaker_open(plugin: &str) -> Gauge = "wharf_plugin_breaker_open";
    /// What a plugin asked for and its sidecar does not allow.
    plugin_denied(plugin: &str, capability: Capability) -> Counter = "wharf_plugin_denied_total";
    /// Log lines of a plugin that were left out because it logs too much.
    plugin_log_lines_left_out(plugin: &str) -> Counter = "wharf_plugin_log_lines_left_out_total";
    /// Changes in the directory of plugins.
    plugin_reloads(outcome: ReloadOutcome) -> Counter = "wharf_plugin_reloads_total";
    /// How often the set of plugins that serves was replaced.
    plugin_generation() -> Gauge = "wharf_plugin_generation";

    /// Events that are kept, dead letters included.
    outbox_events() -> Gauge = "wharf_outbox_events";
    /// Age of the oldest event that waits.
    outbox_age() -> Gauge = "wharf_outbox_oldest_age_seconds";
    /// Events that are given up until somebody retries or drops them.
    outbox_dead_letters() -> Gauge = "wharf_outbox_dead_letters";
    /// Events that were stored.
    events_stored(kind: &str) -> Counter = "wharf_events_stored_total";
    /// Events that a plugin has taken.
    events_delivered(plugin: &str) -> Counter = "wharf_events_delivered_total";
    /// Deliveries that failed and are tried again.
    events_retried(plugin: &str) -> Counter = "wharf_events_retried_total";
    /// Events that became dead letters.
    events_dead(plugin: &str) -> Counter = "wharf_events_dead_total";
    /// Events that were lost: the outbox was full, or failed.
    events_dropped() -> Counter = "wharf_events_dropped_total";

    /// When the process began, in seconds since 1970.
    process_start_time() -> Gauge = "process_start_time_seconds";
    /// Memory that is in RAM.
    process_resident_memory() -> Gauge = "process_resident_memory_bytes";
    /// CPU time that was used, in user and kernel mode, in whole seconds.
    process_cpu() -> Counter = "process_cpu_seconds_total";
    /// Files, sockets and the like that are open.
    process_open_files() -> Gauge = "process_open_fds";
    /// How many may be.
    process_max_files() -> Gauge = "process_max_fds";
}
