//! Guests of the roles around paths that always give the same answer, laid out in their memory as
//! the canonical ABI has it.

use wit_component::{StringEncoding, embed_component_metadata};

use super::{contract, guest};

/// Where the answers begin in a guest's memory.
const BASE: usize = 1024;

/// The texts and records of a guest's answers.
#[derive(Default)]
pub struct Answers(Vec<u8>);

impl Answers {
    fn push(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = BASE + self.0.len();
        self.0.extend_from_slice(bytes);
        u32::try_from(at).unwrap()
    }

    /// A list or text of `length` items, as it stands in a record.
    fn list(&mut self, bytes: &[u8], length: usize) -> [u8; 8] {
        let (at, length) = (self.push(bytes), u32::try_from(length).unwrap());
        let both = [at.to_le_bytes(), length.to_le_bytes()].concat();
        both.try_into().unwrap()
    }

    fn text(&mut self, text: &str) -> [u8; 8] {
        self.list(text.as_bytes(), text.len())
    }

    /// A place written as `sink:key`.
    fn place(&mut self, place: &str) -> [u8; 16] {
        let (sink, key) = place.split_once(':').unwrap();
        [self.text(sink), self.text(key)]
            .concat()
            .try_into()
            .unwrap()
    }

    /// The body of a function that returns `record`.
    fn body(&mut self, record: &[u8]) -> String {
        format!("(i32.const {})", self.push(record))
    }

    /// `ok` of mounts: directory, place, flags, dynamic.
    pub fn mounts(&mut self, mounts: &[(&str, &str, u16, bool)]) -> String {
        let mut list = Vec::new();
        for (directory, place, allow, dynamic) in mounts {
            list.extend(self.text(directory));
            list.extend(self.place(place));
            list.extend(allow.to_le_bytes());
            list.extend([u8::from(*dynamic), 0]);
        }
        let list = self.list(&list, mounts.len());
        self.body(&[&[0; 4][..], &list].concat())
    }

    /// `ok` of the case `case` with a place.
    pub fn leads(&mut self, case: u8, place: &str) -> String {
        let place = self.place(place);
        self.body(&[&[0, 0, 0, 0, case, 0, 0, 0][..], &place].concat())
    }

    /// `ok` of the case `case` with a denial of the reason, which has a text.
    pub fn denies(&mut self, case: u8, reason: u8, text: &str) -> String {
        let text = self.text(text);
        let head = [0, 0, 0, 0, case, 0, 0, 0, reason, 0, 0, 0, 1, 0, 0, 0];
        self.body(&[&head[..], &text, &[0; 12]].concat())
    }

    /// `ok` of the case `case`, which has nothing more to say.
    pub fn says(&mut self, case: u8) -> String {
        self.body(&[&[0, 0, 0, 0, case][..], &[0; 40]].concat())
    }

    /// `err(unavailable)`
    pub fn fails(&mut self) -> String {
        let text = self.text("away");
        self.body(&[&[1, 0, 0, 0, 0, 0, 0, 0][..], &text].concat())
    }

    /// `ok` of entries: files of these names.
    pub fn entries(&mut self, names: &[&str]) -> String {
        let mut list = Vec::new();
        for name in names {
            list.extend(self.text(name));
            list.extend([0; 32]);
        }
        let list = self.list(&list, names.len());
        self.body(&[&[0; 4][..], &list].concat())
    }

    /// A `path-mapper`.
    pub fn mapper(&self, mounts: &str, locate: &str) -> Vec<u8> {
        self.module(
            "path-mapper",
            &[
                ("mounts", "(param i32)", mounts),
                ("locate", "(param i32 i32 i32 i32)", locate),
            ],
        )
    }

    /// A `storage-guard`, whose parameters are too many to be passed but in memory.
    pub fn guard(&self, before: &str) -> Vec<u8> {
        self.module("storage-guard", &[("before", "(param i32)", before)])
    }

    /// A `session-guard`.
    pub fn session_guard(&self, connect: &str, revalidate: &str) -> Vec<u8> {
        self.module(
            "session-guard",
            &[
                ("connect", "(param i32)", connect),
                ("revalidate", "(param i32)", revalidate),
            ],
        )
    }

    /// A `listing-filter`.
    pub fn filter(&self, shape: &str) -> Vec<u8> {
        self.module(
            "listing-filter",
            &[("shape", "(param i32 i32 i32 i32 i32 i32)", shape)],
        )
    }

    /// What a gate wants: the case of `content`, the length of a head, checksums.
    pub fn needs(&mut self, content: u8, head: u32, checksums: &[&str]) -> String {
        self.demands(content, head, checksums, true)
    }

    /// The answer of `needs`.
    pub fn demands(
        &mut self,
        content: u8,
        head: u32,
        checksums: &[&str],
        relocates: bool,
    ) -> String {
        let names: Vec<u8> = checksums.iter().flat_map(|name| self.text(name)).collect();
        let names = self.list(&names, checksums.len());
        let (content, relocates) = ([content, 0, 0, 0], [u8::from(relocates), 0, 0, 0]);
        self.body(&[&content[..], &head.to_le_bytes(), &names, &relocates].concat())
    }

    /// An `upload-gate`. Its `commit` has the content at 12, the path at 1 and 2, the key at 5 and
    /// 6, the size at 7 and the checksums at 8 and 9 of its parameters.
    pub fn gate(&self, needs: &str, commit: &str) -> Vec<u8> {
        let interface = "wharf:plugin/upload-gate@1.0.0";
        let parameters = "(param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i64 i32 i32 i32)";
        let imports = r#"
            (import "wharf:plugin/staging@1.0.0" "[resource-drop]staged"
                (func $drop_staged (param i32)))
            (import "wharf:plugin/staging@1.0.0" "[method]staged.size"
                (func $size (param i32) (result i64)))
            (import "wharf:plugin/staging@1.0.0" "[method]staged.read"
                (func $read (param i32 i64 i32 i32)))"#;
        let functions = format!(
            "(func (export \"{interface}#needs\") (result i32) {needs})
            (func (export \"{interface}#commit\") {parameters} (result i32)
                (call $drop_session (local.get 0))
                {commit})
            (export \"cabi_post_{interface}#commit\" (func $free_all))"
        );
        self.assemble(interface, imports, &functions)
    }

    fn module(&self, role: &str, functions: &[(&str, &str, &str)]) -> Vec<u8> {
        let interface = format!("wharf:plugin/{role}@1.0.0");
        let session = match role {
            "storage-guard" => "(i32.load (local.get 0))",
            _ => "(local.get 0)",
        };
        let functions: String = functions
            .iter()
            .map(|(name, parameters, body)| {
                format!(
                    "(func (export \"{interface}#{name}\") {parameters} (result i32)
                        (call $drop_session {session})
                        {body})
                    (export \"cabi_post_{interface}#{name}\" (func $free_all))"
                )
            })
            .collect();
        self.assemble(&interface, "", &functions)
    }

    fn assemble(&self, interface: &str, imports: &str, functions: &str) -> Vec<u8> {
        let data: String = self.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            r#"(module {imports}
            (import "wharf:plugin/types@1.0.0" "[resource-drop]session"
                (func $drop_session (param i32)))
            (memory (export "memory") 8)
            (global $free (mut i32) (i32.const 65536))
            (data (i32.const {BASE}) "{data}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $free))
                (global.set $free (i32.and
                    (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7))
                    (i32.const -8)))
                (local.get $at))
            (func $free_all (param i32) (global.set $free (i32.const 65536)))
            {functions})"#
        );
        let mut module = wat::parse_str(text).unwrap();
        let world = format!(
            "package test:guest;
            world guest {{
                include wharf:plugin/imports@1.0.0;
                export {interface};
            }}"
        );
        let (resolve, world) = guest::resolve(&contract(), &world);
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        module
    }
}

/// Hides the first entry of each page.
pub const HIDE_FIRST: &str = "
    (i32.store8 (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (local.get 3))
    (i32.store (i32.const 24) (local.get 4))
    (if (local.get 4) (then
        (i32.store (i32.const 20) (i32.add (local.get 3) (i32.const 40)))
        (i32.store (i32.const 24) (i32.sub (local.get 4) (i32.const 1)))))
    (i32.const 16)";
