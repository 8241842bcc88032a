//! Small plugins, written as WebAssembly text and made core modules with an embedded component
//! type: what a compiler would put into the plugins directory.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap, WorldId};

/// What a guest does in each of its functions: the body, which leaves the result on the stack.
#[derive(Clone, Copy)]
pub struct Guest {
    pub begin: &'static str,
    pub answer: &'static str,
    pub start: &'static str,
    pub validate: &'static str,
}

/// Leaves every login to the next plugin.
pub const GOOD: Guest = Guest {
    begin: PASS,
    answer: PASS,
    start: OK,
    validate: OK,
};

/// `ok(pass)`
pub const PASS: &str = "(call $step (i32.const 3))";
/// `ok(ask)` for a password, with a continuation of five bytes.
pub const ASK: &str = "
    (drop (call $step (i32.const 1)))
    (i32.store8 (i32.const 1032) (i32.const 0))
    (i32.store8 (i32.const 1036) (i32.const 0))
    (i32.store (i32.const 1048) (i32.const 16))
    (i32.store (i32.const 1052) (i32.const 5))
    (i32.const 1024)";
/// `ok(deny)` because of the credentials, with the text `alice`.
pub const DENY: &str = "
    (drop (call $step (i32.const 2)))
    (i32.store8 (i32.const 1032) (i32.const 0))
    (i32.store8 (i32.const 1036) (i32.const 1))
    (i32.store (i32.const 1040) (i32.const 16))
    (i32.store (i32.const 1044) (i32.const 5))
    (i32.store8 (i32.const 1048) (i32.const 0))
    (i32.const 1024)";
/// `ok(grant)` for `alice` in the sink `local`.
pub const GRANT: &str = "
    (local.set $g (call $new_grant (i32.const 16) (i32.const 5)))
    (call $set_root (local.get $g) (i32.const 24) (i32.const 5) (i32.const 16) (i32.const 5))
    (drop (call $step (i32.const 0)))
    (i32.store (i32.const 1032) (local.get $g))
    (i32.const 1024)";
/// A grant in a sink that is not configured.
pub const GRANT_NOWHERE: &str = "
    (local.set $g (call $new_grant (i32.const 16) (i32.const 5)))
    (call $set_root (local.get $g) (i32.const 16) (i32.const 5) (i32.const 16) (i32.const 5))
    (drop (call $step (i32.const 0)))
    (i32.store (i32.const 1032) (local.get $g))
    (i32.const 1024)";
/// A grant that says nothing of where.
pub const GRANT_ROOTLESS: &str = "
    (local.set $g (call $new_grant (i32.const 16) (i32.const 5)))
    (drop (call $step (i32.const 0)))
    (i32.store (i32.const 1032) (local.get $g))
    (i32.const 1024)";
/// `err(unavailable("alice"))`
pub const FAIL: &str = "
    (i32.store8 (i32.const 1024) (i32.const 1))
    (i32.store8 (i32.const 1028) (i32.const 0))
    (i32.store (i32.const 1032) (i32.const 16))
    (i32.store (i32.const 1036) (i32.const 5))
    (i32.const 1024)";
/// A case that `step` does not have.
pub const NO_SUCH_CASE: &str = "(call $step (i32.const 77))";
/// A list that ends beyond the memory.
pub const LIST_OUT_OF_BOUNDS: &str = "
    (drop (call $step (i32.const 1)))
    (i32.store8 (i32.const 1032) (i32.const 0))
    (i32.store8 (i32.const 1036) (i32.const 0))
    (i32.store (i32.const 1048) (i32.const 0x7fffff00))
    (i32.store (i32.const 1052) (i32.const 4096))
    (i32.const 1024)";
/// A handle that was never given out.
pub const FORGED_GRANT: &str = "
    (drop (call $step (i32.const 0)))
    (i32.store (i32.const 1032) (i32.const 4242))
    (i32.const 1024)";
/// A result that lies outside of the memory.
pub const RESULT_OUT_OF_BOUNDS: &str = "(i32.const -4)";
/// A trap.
pub const TRAP: &str = "unreachable";
/// Never returns.
pub const SPIN: &str = "(loop $again (br $again)) unreachable";
/// Waits for the host over and over: for its state to be kept.
pub const WAIT: &str = "
    (loop $again
        (call $set (i32.const 16) (i32.const 5) (i32.const 16) (i32.const 5)
            (i32.const 0) (i32.const 0) (i32.const 1024))
        (br $again))
    unreachable";
/// What `WAIT` imports.
pub const STATE: &str = r#"(import "wharf:plugin/state@1.0.0" "set"
    (func $set (param i32 i32 i32 i32 i32 i32 i32)))"#;
/// Has passwords verified until that is `too-costly`, and answers as `FAIL` does then.
pub const VERIFY: &str = "
    (loop $again
        (call $verify (i32.const 2048) (i32.const 87) (i32.const 16) (i32.const 5) (i32.const 1024))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 1024)))))
    (if (i32.ne (i32.load8_u (i32.const 1028)) (i32.const 2)) (then unreachable))
    (i32.store8 (i32.const 1024) (i32.const 1))
    (i32.store8 (i32.const 1028) (i32.const 0))
    (i32.store (i32.const 1032) (i32.const 16))
    (i32.store (i32.const 1036) (i32.const 5))
    (i32.const 1024)";
/// What `VERIFY` imports, and an encoded password that takes microseconds.
pub const PASSWORDS: &str = r#"(import "wharf:plugin/crypto@1.0.0" "verify-password"
        (func $verify (param i32 i32 i32 i32 i32)))
    (data (i32.const 2048) "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$"
        "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg")"#;
/// Takes memory until there is none, then traps, as allocators do.
pub const GROW: &str = "
    (loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    unreachable";
/// Recurses without end.
pub const RECURSE: &str = "(call $recurse (i32.const 0))";
/// `ok` without a value, and the empty list.
pub const OK: &str = "
    (i64.store (i32.const 1024) (i64.const 0))
    (i32.const 1024)";
/// `err("alice")`
pub const START_REFUSED: &str = "
    (i32.store8 (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1028) (i32.const 16))
    (i32.store (i32.const 1032) (i32.const 5))
    (i32.const 1024)";
/// One fatal problem with the message `alice`.
pub const FATAL_PROBLEM: &str = "
    (i32.store (i32.const 1024) (i32.const 1040))
    (i32.store (i32.const 1028) (i32.const 1))
    (i32.store8 (i32.const 1040) (i32.const 0))
    (i32.store (i32.const 1052) (i32.const 16))
    (i32.store (i32.const 1056) (i32.const 5))
    (i32.store8 (i32.const 1060) (i32.const 1))
    (i32.const 1024)";

/// One fatal problem with the setting `alice` and the message `local`.
pub const FATAL_SETTING: &str = "
    (i32.store (i32.const 1024) (i32.const 1040))
    (i32.store (i32.const 1028) (i32.const 1))
    (i32.store8 (i32.const 1040) (i32.const 1))
    (i32.store (i32.const 1044) (i32.const 16))
    (i32.store (i32.const 1048) (i32.const 5))
    (i32.store (i32.const 1052) (i32.const 24))
    (i32.store (i32.const 1056) (i32.const 5))
    (i32.store8 (i32.const 1060) (i32.const 1))
    (i32.const 1024)";
/// `err(unavailable(…))` with a text of 60,000 bytes of which many are line breaks.
pub const FAIL_AT_LENGTH: &str = "
    (memory.fill (i32.const 4096) (i32.const 10) (i32.const 60000))
    (i32.store8 (i32.const 5000) (i32.const 97))
    (i32.store8 (i32.const 1024) (i32.const 1))
    (i32.store8 (i32.const 1028) (i32.const 0))
    (i32.store (i32.const 1032) (i32.const 4096))
    (i32.store (i32.const 1036) (i32.const 60000))
    (i32.const 1024)";

/// The world of these guests.
const WORLD: &str = "
    package test:guest;
    world guest {
        include wharf:plugin/imports@1.0.0;
        export wharf:plugin/lifecycle@1.0.0;
        export wharf:plugin/authenticator@1.0.0;
    }";

impl Guest {
    /// The core module, as a compiler writes it.
    pub fn module(self) -> Vec<u8> {
        self.module_with("")
    }

    /// The core module, with more imports.
    pub fn module_with(self, imports: &str) -> Vec<u8> {
        let text = self.text();
        module_of(&text.replacen("(module", &format!("(module {imports}"), 1))
    }

    /// The core module, with so many memories in place of one.
    pub fn module_with_memories(self, count: usize) -> Vec<u8> {
        let more = "(memory 1)".repeat(count - 1);
        let text = self.text();
        module_of(&text.replacen("(global", &format!("{more} (global"), 1))
    }

    fn text(self) -> String {
        let Self {
            begin,
            answer,
            start,
            validate,
        } = self;
        format!(
            r#"(module
            (import "wharf:plugin/types@1.0.0" "[resource-drop]session"
                (func $drop_session (param i32)))
            (import "wharf:plugin/grants@1.0.0" "[constructor]grant"
                (func $new_grant (param i32 i32) (result i32)))
            (import "wharf:plugin/grants@1.0.0" "[method]grant.set-root"
                (func $set_root (param i32 i32 i32 i32 i32)))
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 4096))
            (data (i32.const 16) "alice")
            (data (i32.const 24) "local")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $free))
                (global.set $free (i32.and
                    (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7))
                    (i32.const -8)))
                (local.get $at))
            (func $step (param $case i32) (result i32)
                (i32.store8 (i32.const 1024) (i32.const 0))
                (i32.store8 (i32.const 1028) (local.get $case))
                (i32.const 1024))
            (func $recurse (param i32) (result i32)
                (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
            (func $free_all (param i32) (global.set $free (i32.const 4096)))
            (export "cabi_post_wharf:plugin/authenticator@1.0.0#begin" (func $free_all))
            (export "cabi_post_wharf:plugin/authenticator@1.0.0#answer" (func $free_all))
            (func $begin (export "wharf:plugin/authenticator@1.0.0#begin")
                (param $client i32) (param i32 i32) (result i32) (local $g i32)
                (call $drop_session (local.get $client))
                {begin})
            (func $answer (export "wharf:plugin/authenticator@1.0.0#answer")
                (param $client i32) (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (local $g i32)
                (call $drop_session (local.get $client))
                {answer})
            (func (export "wharf:plugin/lifecycle@1.0.0#start") (result i32) {start})
            (func (export "wharf:plugin/lifecycle@1.0.0#validate") (result i32) {validate})
            )"#
        )
    }
}

fn module_of(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let (resolve, world) = resolve(&super::contract(), WORLD);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

/// The contract in `files` with the world in `world` beside it.
pub fn resolve(files: &[(String, String)], world: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let mut sources = SourceMap::new();
    for (name, text) in files {
        sources.push_str(name, text.clone());
    }
    resolve
        .push_group(sources.parse().map_err(|(_, error)| error).unwrap())
        .unwrap();
    let package: PackageId = resolve.push_str("world.wit", world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    (resolve, world)
}
