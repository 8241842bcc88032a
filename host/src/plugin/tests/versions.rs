//! Which components of other times this host takes: the rules of `wit/package.wit`, tried with
//! components of changed contracts that do nothing.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi};

use super::{Bench, contract, guest};

/// A component that imports everything and exports one role of a contract in which `old` is `new`.
fn component(role: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    let mut files = contract();
    for (old, new) in changes {
        let mut found = false;
        for (_, text) in &mut files {
            found |= text.contains(old);
            *text = text.replace(old, new);
        }
        assert!(found, "the contract has no {old:?}");
    }
    let version = files.iter().find_map(|(_, text)| {
        text.lines()
            .find_map(|line| line.strip_prefix("package wharf:plugin@"))
    });
    let version = version.unwrap().trim_end_matches(';').to_owned();
    let world = format!(
        "package test:guest;
        world guest {{
            include wharf:plugin/imports@{version};
            export wharf:plugin/{role}@{version};
        }}"
    );
    let (resolve, world) = guest::resolve(&files, &world);
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

async fn load(wasm: &[u8]) -> Result<(), String> {
    let bench = Bench::new(&[("10-other.wasm", wasm)]);
    bench
        .try_load()
        .await
        .map(drop)
        .map_err(|errors| errors[0].to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_differ_within_a_major_version_loads() {
    let cases: &[&[(&str, &str)]] = &[
        &[],
        // A later minor version of the same shape.
        &[("wharf:plugin@1.0.0", "wharf:plugin@1.9.0")],
        // Built before the host got a function, and before a resource got a getter.
        &[(
            "  verify-totp: func(\n    secret-base32: string,\n    code: string,\n    \
             window: u8,\n  ) -> result<option<u64>, error>;",
            "",
        )],
        &[("    recall: func(key: string) -> option<list<u8>>;", "")],
        // A role with a function that this host does not call.
        &[(
            "  /// PASS or ACCT, with",
            "  later: func(client: borrow<session>) -> bool;\n  /// PASS or ACCT, with",
        )],
    ];
    for changes in cases {
        let loaded = load(&component("authenticator", changes)).await;
        assert_eq!(loaded, Ok(()), "{changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_differ_is_refused_with_advice() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("wharf:plugin@1.0.0", "wharf:plugin@2.0.0")],
            "built against wharf:plugin 2.0.0: this host has 1.0.0",
        ),
        // A case fewer: only seen in an instance, never when linking.
        (
            &[("    content-rejected,\n", "")],
            "built against wharf:plugin 1.0.0: `denial-reason` has 13 cases there and 14 here, it \
             lacks `content-rejected`; rebuild it with the interfaces of this host, which `wharf \
             plugin wit` prints",
        ),
        (
            &[("    continuation: list<u8>,\n  }", "    later: u8,\n  }")],
            "`prompt` has 3 fields there and 3 here, it lacks `continuation`, this host does not \
             know `later`",
        ),
        (
            &[(
                "    /// ACCT\n    account(string),",
                "    account(list<u8>),",
            )],
            "case `account` of `credential` is `list<u8>` there and `string` here",
        ),
        (
            &[(
                "    needs-tls,\n    needs-certificate,",
                "    needs-certificate,\n    needs-tls,",
            )],
            "the cases of `denial-reason` are in another order there",
        ),
        (
            &[(
                "begin: func(client: borrow<session>, user: string)",
                "begin: func(user: string)",
            )],
            "`begin` of `authenticator` is `func(user: string) -> result<step, failure>` there and \
             `func(client: borrow<session>, user: string) -> result<step, failure>` here",
        ),
        // A function of the role is missing, or a host function is not there.
        (
            &[(
                "  begin: func(client: borrow<session>, user: string) -> result<step, failure>;",
                "",
            )],
            "its `authenticator` has no `begin`, which this host calls",
        ),
        (
            &[(
                "  now-ms: func() -> u64;",
                "  now-ms: func() -> u64;\n  now-ns: func() -> u64;",
            )],
            "it calls `now-ns` of `clock`, which this host does not have",
        ),
    ];
    for (changes, expected) in cases {
        let error = load(&component("authenticator", changes))
            .await
            .unwrap_err();
        assert!(error.contains("10-other"), "{error}");
        assert!(error.contains("it does not fit this host: "), "{error}");
        assert!(error.contains(expected), "{changes:?}: {error}");
    }
}
