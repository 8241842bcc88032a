//! What is loaded, and what is refused with which words.

use super::Bench;
use super::guest::{self, GOOD, Guest};
use crate::plugin::Role;
use crate::plugin::inspect;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_with_its_name_and_the_reason() {
    let good = GOOD.module();
    let engine = wasmtime::Engine::default();
    let compiled = engine.precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
    let cases: &[(&[u8], &str)] = &[
        (b"", "the file is empty"),
        (b"\x00\x01garbage", "not WebAssembly"),
        (b"(component)", "WebAssembly text"),
        (&compiled, "compiled code (.cwasm), which is refused"),
        (&good[..good.len() / 2], "cannot be made a component"),
        (
            b"\0asm\x01\0\0\0",
            "exports no role of wharf:plugin@1 (its exports: none)",
        ),
        (
            b"\0asm\x0d\0\x01\0",
            "exports no role of wharf:plugin@1 (its exports: none)",
        ),
        (b"\0asm\x0d\0\x01\0\xff\xff", "not a valid component"),
    ];
    for (bytes, expected) in cases {
        let bench = Bench::new(&[("10-bad.wasm", bytes)]);
        let error = bench.error().await;
        assert!(error.starts_with("plugin 10-bad ("), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_it_serves_is_refused() {
    let cases = [
        (
            Guest {
                start: guest::TRAP,
                ..GOOD
            },
            "start trapped: ",
            "unreachable",
        ),
        (
            Guest {
                start: guest::SPIN,
                ..GOOD
            },
            "start used more than 50ms of CPU",
            "",
        ),
        (
            Guest {
                start: guest::GROW,
                ..GOOD
            },
            "start wanted more than 32768 KiB",
            "",
        ),
        (
            Guest {
                start: guest::START_REFUSED,
                ..GOOD
            },
            "could not be started: alice",
            "",
        ),
        (
            Guest {
                validate: guest::TRAP,
                ..GOOD
            },
            "validate trapped: ",
            "unreachable",
        ),
        (
            Guest {
                validate: guest::FATAL_PROBLEM,
                ..GOOD
            },
            "refuses its settings\n",
            "10-bad.wasm: alice",
        ),
    ];
    for (guest, expected, cause) in cases {
        let bench = Bench::new(&[("10-bad.wasm", &guest.module())]);
        let error = bench.error().await;
        assert!(error.contains(expected) && error.contains(cause), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_setting_is_shown_where_it_stands_without_its_value() {
    // The guest's problem is with the setting `alice`.
    let guest = Guest {
        validate: guest::FATAL_SETTING,
        ..GOOD
    };
    let sidecar = b"[config]\nbob = 1\n  alice = 4711\n";
    let bench = Bench::new(&[("10-a.wasm", &guest.module()), ("10-a.toml", sidecar)]);
    let error = bench.error().await;
    assert!(error.contains("10-a.toml:3:3: `alice`: local\n"), "{error}");
    assert!(error.contains("3 |   alice…\n"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_leave_others_without_is_refused() {
    let component = |part: &str, count: usize| {
        let instances = "(core instance (instantiate $m))".repeat(count);
        wat::parse_str(format!("(component (core module $m {part}) {instances})")).unwrap()
    };
    for (part, count, expected) in [
        (
            "(memory 1)",
            9,
            "each of its instances has 9 linear memories, and may have up to 8",
        ),
        (
            "(table 1 funcref)",
            17,
            "each of its instances has 17 tables, and may have up to 16",
        ),
        (
            "",
            65,
            "contains 65 core module instances, which exceeds the configured maximum of 64",
        ),
        // As many as it may have, and then what is wrong with it is something else.
        ("(memory 1)", 8, "exports no role"),
        ("(table 1 funcref)", 16, "exports no role"),
        ("", 64, "exports no role"),
    ] {
        let bench = Bench::new(&[("10-greedy.wasm", &component(part, count))]);
        let error = bench.error().await;
        assert!(error.contains(expected), "{part} {count}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_counts_as_often_as_it_has_memories() {
    let module = GOOD.module_with_memories(4);
    for (instances, refused) in [(62, false), (63, true)] {
        let sidecar = format!("[limits]\ninstances = {instances}\n");
        let bench = Bench::new(&[
            ("a.wasm", &GOOD.module()),
            ("b.wasm", &module),
            ("b.toml", sidecar.as_bytes()),
        ]);
        match refused {
            false => drop(bench.load().await),
            true => {
                let error = bench.error().await;
                assert!(
                    error.contains("add up to 260, and the host has 256"),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_instances_than_the_host_has_are_refused() {
    let module = GOOD.module();
    let half = b"[limits]\ninstances = 128\n";
    let mut files: Vec<(&str, &[u8])> = vec![
        ("a.wasm", &module),
        ("a.toml", half),
        ("b.wasm", &module),
        ("b.toml", half),
    ];
    Bench::new(&files).load().await;
    files.push(("c.wasm", &module));
    let error = Bench::new(&files).error().await;
    assert!(
        error.contains("add up to 264, and the host has 256"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_not_waited_for() {
    let bench = Bench::new(&[]);
    let pipe = bench.plugins().join("10-pipe.wasm");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let error = bench.error().await;
    assert!(error.contains("not a regular file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_plugin_refuses_the_set_and_every_fault_is_told() {
    let bench = Bench::new(&[
        ("10-good.wasm", &GOOD.module()),
        ("20-bad.wasm", b"x"),
        ("30-alone.toml", b""),
        ("40-typo.toml", b"[limit]\n"),
    ]);
    let Err(errors) = bench.try_load().await else {
        panic!("it was loaded")
    };
    let mut texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.sort();
    let expected = [
        "20-bad",
        "there is no component for it",
        "did you mean `limits`?",
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_component_is_left_out_silently() {
    use std::os::unix::ffi::OsStrExt as _;
    let module = GOOD.module();
    let bench = Bench::new(&[
        ("10-a.wasm", &module),
        ("other.wasm", &module),
        ("10-a.toml", b"wasm = \"other.wasm\"\n"),
    ]);
    let error = bench.error().await;
    assert!(error.contains("10-a.wasm is there too"), "{error}");

    let bench = Bench::new(&[("10-a.wasm", &module)]);
    let name = std::ffi::OsStr::from_bytes(b"20-\xe9.wasm");
    std::fs::write(bench.plugins().join(name), &module).unwrap();
    let error = bench.error().await;
    assert!(error.contains("is not UTF-8"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_can_serve_under_several_names() {
    let bench = Bench::new(&[
        ("auth.wasm", &GOOD.module()),
        ("10-a.toml", b"wasm = \"auth.wasm\"\n"),
        ("20-b.toml", b"wasm = \"auth.wasm\"\n"),
        (".hidden.wasm", b"half written"),
        ("notes.txt", b""),
    ]);
    let plugins = bench.load().await;
    let names: Vec<&str> = plugins
        .of(Role::Authenticator)
        .iter()
        .map(|plugin| plugin.name())
        .collect();
    assert_eq!(names, ["10-a", "20-b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wasi_is_there_and_empty_and_warned_of() {
    let write = "(import \"wasi_snapshot_preview1\" \"fd_write\"
        (func (param i32 i32 i32 i32) (result i32)))";
    let bench = Bench::new(&[("wasi.wasm", &GOOD.module_with(write))]);
    let (plugins, warnings) = bench
        .try_load()
        .await
        .map_err(|e| e[0].to_string())
        .unwrap();
    assert_eq!(plugins.of(Role::Authenticator).len(), 1);
    let warning = warnings[0].to_string();
    assert!(warning.starts_with("plugin wasi: it imports "), "{warning}");
    assert!(warning.contains("of WASI"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_nobody_has_is_named() {
    let strange = "(import \"env\" \"strange\" (func))";
    let bench = Bench::new(&[("strange.wasm", &GOOD.module_with(strange))]);
    let error = bench.error().await;
    assert!(error.contains("strange"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_holds() {
    let wrong = format!("[policy]\nsha256 = \"{}\"\n", "0".repeat(64));
    let module = GOOD.module();
    let bench = Bench::new(&[("a.wasm", &module), ("a.toml", wrong.as_bytes())]);
    let error = bench.error().await;
    assert!(error.contains("is pinned in its sidecar"), "{error}");
    let report = inspect(&bench.plugins().join("a.wasm")).unwrap();
    let right = format!("[policy]\nsha256 = \"{}\"\n", report.sha256);
    std::fs::write(bench.plugins().join("a.toml"), right).unwrap();
    bench.load().await;
}

#[test]
fn a_file_is_inspected_without_being_run() {
    let traps = Guest {
        start: guest::TRAP,
        validate: guest::TRAP,
        ..GOOD
    };
    let bench = Bench::new(&[("a.wasm", &traps.module())]);
    let report = inspect(&bench.plugins().join("a.wasm"))
        .unwrap()
        .to_string();
    for line in [
        "core module",
        "sha256: ",
        "roles:\n  authenticator\n",
        "  wharf:plugin/lifecycle@1.0.0\n",
        "imports:\n",
        "  wharf:plugin/grants@1.0.0\n",
        "to be granted under [allow]: none\n",
    ] {
        assert!(report.contains(line), "{line:?} in\n{report}");
    }
}
