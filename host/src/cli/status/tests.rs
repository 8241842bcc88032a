//! What `wharf status` prints.

use serde_json::json;

use super::*;

#[test]
fn a_status_is_printed_for_people() {
    let plugin = json!({
        "name": "10-users", "file": "/etc/wharf/plugins/10-users.wasm",
        "sha256": "0123456789abcdef0123456789abcdef", "roles": ["authenticator"],
        "generation": 2, "loaded_ms": 0,
        "instances": { "limit": 8, "warm": 1, "busy": 2, "waiting": 0 },
        "calls": {
            "total": 10, "failures": { "trap": 2 }, "p50_us": 12.0, "p99_us": 1500.0,
            "last_error": { "text": "answer trapped", "at_ms": 100_000 },
        },
        "breaker": "closed",
        "rejected": {
            "plugin": "10-users", "file": "/etc/wharf/plugins/10-users.wasm", "sha256": null,
            "cause": "its settings are wrong\na.toml:1:1: no\n  | x", "at_ms": 190_000,
        },
    });
    let session = |id: &str, principal: Option<&str>, transfer| {
        json!({
            "id": id, "peer": "192.0.2.1:4000", "listener": "public", "since_ms": 80_000,
            "tls": principal.map(|_| "TLSv1.3"), "user": "ann", "principal": principal,
            "transfer": transfer,
        })
    };
    let download = json!({
        "kind": "download", "path": "/in/\u{1b}[31mbig", "since_ms": 190_000,
        "bytes": 1_048_576, "size": 2_097_152,
    });
    let status = json!({
        "name": "Wharf", "version": "1.0.0", "directory": "/etc/wharf", "pid": 7,
        "started_ms": 0, "now_ms": 200_000, "phase": "running",
        "readiness": { "ready": false, "reasons": ["sink local: it does not answer"] },
        "listeners": [
            { "name": "public", "address": "[::]:21", "tls": "explicit", "fault": null },
        ],
        "sessions": {
            "count": 3,
            "listed": [session("a-1", Some("ann"), download), session("a-12", None, json!(null))],
        },
        "passive": { "ports": "40000-40999", "used": 1, "free": 999 },
        "certificate": {
            "file": "/etc/wharf/state/self-signed.pem", "fingerprint": "AA:BB",
            "expires_ms": 86_600_000,
        },
        "plugins": { "generation": 3, "plugins": [plugin], "rejected": [] },
        "events": {
            "kept": 5, "lost": 2, "oldest_ms": 61_000,
            "backlogs": [{ "plugin": "20-webhook", "waiting": 4, "dead": 1 }],
        },
    });
    let status: Status = serde_json::from_value(status).unwrap();
    let expected = include_str!("status.txt");
    let printed = Page(&status).render();
    assert_eq!(printed, expected, "\n{printed}");
}
