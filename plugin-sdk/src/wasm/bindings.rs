//! What is generated from the contract, and nothing else.
//!
//! The imports are generated once. Each role is a world of its own, so that a component exports
//! the roles it was asked to and no other.

#![expect(missing_docs, reason = "generated; the contract documents it")]

wit_bindgen::generate!({
    path: "../wit",
    world: "wharf:plugin/imports",
});

pub use wharf::plugin::types;

/// Generates the exports of one role, with those types of the imports above that it uses.
macro_rules! role {
    ($role:ident, $export:ident, $world:literal, $($interface:literal => $types:path),*) => {
        pub mod $role {
            wit_bindgen::generate!({
                inline: $world,
                path: "../wit",
                with: { $($interface: $types),* },
                pub_export_macro: true,
            });
        }
        pub use $role::export as $export;
    };
}

role!(
    lifecycle,
    export_lifecycle,
    "package wharf:sdk-lifecycle;
    world lifecycle { export wharf:plugin/lifecycle@1.0.0; }",
);
role!(
    authenticator,
    export_authenticator,
    "package wharf:sdk-authenticator;
    world authenticator { export wharf:plugin/authenticator@1.0.0; }",
    "wharf:plugin/types@1.0.0" => crate::wasm::bindings::wharf::plugin::types,
    "wharf:plugin/grants@1.0.0" => crate::wasm::bindings::wharf::plugin::grants
);
