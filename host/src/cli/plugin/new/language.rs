//! The languages that a new plugin can be written in.

use clap::ValueEnum;

use crate::plugin::Role;

/// What a plugin can be written in, of what there are templates for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with the SDK
    Rust,
    /// JavaScript, with componentize-js
    Js,
    /// Python, with componentize-py
    Python,
    /// C, with zig's compiler or any other
    C,
}

impl Language {
    /// The directory of its templates.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// What builds a plugin in its directory.
    pub fn build_command(self) -> &'static str {
        match self {
            Self::Rust => "cargo build --release --target wasm32-unknown-unknown",
            Self::Js => "node build.mjs",
            Self::Python | Self::C => "python3 build.py",
        }
    }

    /// What the command needs.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Rust => {
                "Rust with the target for WebAssembly (`rustup target add wasm32-unknown-unknown`)"
            }
            Self::Js => "Node.js from version 20 on, with npm",
            Self::Python => "Python from version 3.10 on, with pip",
            Self::C => "Python 3 with pip, which fetches the compiler",
        }
    }

    /// Where the command puts the plugin.
    pub fn built(self, name: &str) -> String {
        match self {
            Self::Rust => {
                let name = name.replace('-', "_");
                format!("target/wasm32-unknown-unknown/release/{name}.wasm")
            }
            _ => format!("{name}.wasm"),
        }
    }

    /// The file of a role.
    pub fn file_of(self, role: Role) -> String {
        let module = role.interface().replace('-', "_");
        match self {
            Self::Rust => format!("src/{module}.rs"),
            Self::Js => format!("{}.js", role.interface()),
            Self::Python => format!("{module}.py"),
            Self::C => format!("{}.c", role.interface()),
        }
    }

    /// What the plugin's main file says of a role.
    pub fn wiring(self, roles: &[Role]) -> String {
        let mut lines = String::new();
        for role in roles {
            let (file, module) = (role.interface(), role.interface().replace('-', "_"));
            lines += &match self {
                Self::Rust => format!("mod {module};\n"),
                Self::Js => {
                    let name = camel(file, false);
                    format!("import {{ {name} as {name}Role }} from \"./{file}.js\";\n")
                }
                Self::Python => format!("from {module} import {}\n", camel(file, true)),
                Self::C => String::new(),
            };
        }
        lines
    }

    /// What the plugin's main file exports, where that is not what it names already.
    pub fn exports(self, roles: &[Role]) -> String {
        let export = |role: &Role| {
            let name = camel(role.interface(), false);
            format!("export const {name} = told({name}Role);\n")
        };
        match self {
            Self::Js => roles.iter().map(export).collect(),
            Self::Rust | Self::Python | Self::C => String::new(),
        }
    }
}

/// A name of the contract as languages write it: `uploadGate`, `UploadGate`.
pub fn camel(name: &str, first: bool) -> String {
    let mut upper = first;
    let mut camel = String::new();
    for letter in name.chars() {
        match letter {
            '-' => upper = true,
            letter if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}
