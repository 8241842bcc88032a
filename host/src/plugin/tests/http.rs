//! Guests that use HTTP: those that are allowed nothing of it, and those that wait for ever.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::guest::{GOOD, Guest, PASS};
use super::{Bench, session};
use crate::plugin::{Login, Role};

/// Imports `http-client` and has a URL at 2048.
fn imports(url: &str) -> String {
    format!(
        r#"(import "wharf:plugin/http-client@1.0.0" "send"
            (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (data (i32.const 2040) "GET")
        (data (i32.const 2048) "{url}")"#
    )
}

/// One request, whose outcome is at 3072: its first byte is 1 for an error, whose kind is at 3076.
fn send(url: &str) -> String {
    format!(
        "(call $send (i32.const 2040) (i32.const 3) (i32.const 2048) (i32.const {})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 3072))",
        url.len()
    )
}

/// A guest with `begin`, which may send to `url`.
fn guest(url: &str, begin: String) -> Vec<u8> {
    let begin = Box::leak(begin.into_boxed_str());
    Guest { begin, ..GOOD }.module_with(&imports(url))
}

/// A server that takes requests and answers none.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 1024];
                while stream.read(&mut head).await.is_ok_and(|length| length > 0) {}
            });
        }
    });
    url
}

fn sidecar(url: &str) -> Vec<u8> {
    let origin = url.trim_end_matches('/');
    format!("[allow]\nhttp = [\"{origin}\"]\nhttp-private = true\n[limits]\ndeadline = \"5s\"\n")
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_without_the_allowance_is_told_so() {
    let url = "http://127.0.0.1:9/";
    // Traps unless it hears `err(not-granted)`.
    let begin = format!(
        "{}
        (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 3076)) (i32.const 0)) (then unreachable))
        {PASS}",
        send(url)
    );
    let bench = Bench::new(&[("a.wasm", &guest(url, begin))]);
    let (plugins, warnings) = bench
        .try_load()
        .await
        .map_err(|e| e[0].to_string())
        .unwrap();
    let warned = warnings.iter().any(|w| {
        w.text
            .contains("imports http-client and is allowed nothing")
    });
    assert!(warned, "{warnings:?}");
    assert!(matches!(
        plugins.begin(session(), "alice").await,
        Login::Denied { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_hears_of_a_time_out_before_its_own_time_is_up() {
    let url = silent().await;
    // Traps unless it hears `err(timed-out)`.
    let begin = format!(
        "{}
        (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 3076)) (i32.const 2)) (then unreachable))
        {PASS}",
        send(&url)
    );
    let bench = Bench::new(&[("a.wasm", &guest(&url, begin)), ("a.toml", &sidecar(&url))]);
    let login = bench.load().await.begin(session(), "alice").await;
    assert!(matches!(login, Login::Denied { .. }), "{login:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_waits_for_ever_is_given_up() {
    let url = silent().await;
    let begin = format!("(loop $again {} (br $again)) unreachable", send(&url));
    let bench = Bench::new(&[("a.wasm", &guest(&url, begin)), ("a.toml", &sidecar(&url))]);
    let plugins = bench.load().await;
    for _ in 0..2 {
        let login = plugins.begin(session(), "alice").await;
        let Login::Undecided { plugin, cause } = login else {
            panic!("{login:?}");
        };
        assert_eq!(plugin, "a");
        assert!(cause.contains("longer than its deadline"), "{cause}");
    }
    assert_eq!(plugins.of(Role::Authenticator).len(), 1);
}

/// Imports exchanges; the URL is at 2048.
fn exchange_imports(url: &str) -> String {
    format!(
        r#"(import "wharf:plugin/http-client@1.0.0" "begin"
            (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))
        (import "wharf:plugin/http-client@1.0.0" "[method]exchange.write"
            (func $write (param i32 i32 i32 i32)))
        (import "wharf:plugin/http-client@1.0.0" "[method]exchange.finish"
            (func $finish (param i32 i32)))
        (data (i32.const 2040) "PUT")
        (data (i32.const 2048) "{url}")"#
    )
}

/// Begins a PUT of as many bytes as `length` says, `(i32.const 0) (i64.const 0)` for who knows;
/// its handle is at 3076.
fn begin_exchange(url: &str, length: &str) -> String {
    format!(
        "(call $send (i32.const 2040) (i32.const 3) (i32.const 2048) (i32.const {})
            (i32.const 0) (i32.const 0) (i32.const 0) {length} (i32.const 3072))
        (if (i32.load8_u (i32.const 3072)) (then unreachable))",
        url.len()
    )
}

/// Writes 5000 bytes; whether it failed is at 3084, and how at 3088.
const WRITE: &str = "(call $write (i32.load (i32.const 3076))
    (i32.const 4096) (i32.const 5000) (i32.const 3084))";

fn exchanging_guest(url: &str, begin: String) -> Vec<u8> {
    let begin = Box::leak(begin.into_boxed_str());
    Guest { begin, ..GOOD }.module_with(&exchange_imports(url))
}

/// A server that tells, once a client has gone, what it sent.
async fn listening() -> (String, tokio::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let _ = stream.read_to_end(&mut seen).await;
            let _ = sender.send(seen).await;
        }
    });
    (url, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_never_finishes_leaves_nothing_behind() {
    let (url, mut seen) = listening().await;
    let unknown = "(i32.const 0) (i64.const 0)";
    let begin = format!("{} {WRITE} {WRITE} {PASS}", begin_exchange(&url, unknown));
    let guest = exchanging_guest(&url, begin);
    let bench = Bench::new(&[("a.wasm", &guest), ("a.toml", &sidecar(&url))]);
    let plugins = bench.load().await;
    for _ in 0..20 {
        let login = plugins.begin(session(), "alice").await;
        assert!(matches!(login, Login::Denied { .. }), "{login:?}");
    }
    // The instance lives on, its requests do not; those that got as far as the server were not
    // ended.
    drop(plugins);
    while let Ok(seen) = seen.try_recv() {
        assert!(!seen.ends_with(b"0\r\n\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_writes_for_ever_is_given_up() {
    let (url, mut seen) = listening().await;
    let unknown = "(i32.const 0) (i64.const 0)";
    let begin = begin_exchange(&url, unknown);
    let begin = format!("{begin} (loop $again {WRITE} (br $again)) unreachable");
    let guest = exchanging_guest(&url, begin);
    let bench = Bench::new(&[("a.wasm", &guest), ("a.toml", &sidecar(&url))]);
    let login = bench.load().await.begin(session(), "alice").await;
    assert!(matches!(login, Login::Undecided { .. }), "{login:?}");
    assert!(!seen.recv().await.unwrap().ends_with(b"0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_writes_past_its_length_is_told_so() {
    let (url, mut seen) = listening().await;
    let short = "(i32.const 1) (i64.const 9999)";
    // Traps unless the first write goes well, the second is `err(transport)`, and so is the rest.
    let begin = format!(
        "{} {WRITE}
        (if (i32.load8_u (i32.const 3084)) (then unreachable))
        {WRITE}
        (if (i32.ne (i32.load8_u (i32.const 3084)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 3088)) (i32.const 4)) (then unreachable))
        (call $finish (i32.load (i32.const 3076)) (i32.const 3084))
        (if (i32.ne (i32.load8_u (i32.const 3084)) (i32.const 1)) (then unreachable))
        {PASS}",
        begin_exchange(&url, short)
    );
    let guest = exchanging_guest(&url, begin);
    let bench = Bench::new(&[("a.wasm", &guest), ("a.toml", &sidecar(&url))]);
    let login = bench.load().await.begin(session(), "alice").await;
    assert!(matches!(login, Login::Denied { .. }), "{login:?}");
    // The connection may not even have been made when it was given up.
    drop(bench);
    if let Ok(seen) = seen.try_recv() {
        assert!(seen.len() < 9999);
    }
}
