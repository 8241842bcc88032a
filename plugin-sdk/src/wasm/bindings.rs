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
    ($role:ident, $export:ident, $world:literal $(, $interface:literal => $module:ident)*) => {
        pub mod $role {
            wit_bindgen::generate!({
                inline: $world,
                path: "../wit",
                with: { $($interface: crate::wasm::bindings::wharf::plugin::$module),* },
                pub_export_macro: true,
            });
        }
        pub use $role::export as $export;
    };
}

role!(
    lifecycle,
    export_lifecycle,
    "package sdk:lifecycle; world lifecycle { export wharf:plugin/lifecycle@1.0.0; }"
);
role!(
    authenticator,
    export_authenticator,
    "package sdk:authenticator; world authenticator { export wharf:plugin/authenticator@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types,
    "wharf:plugin/grants@1.0.0" => grants
);
role!(
    session_guard,
    export_session_guard,
    "package sdk:session-guard; world session-guard { export wharf:plugin/session-guard@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types,
    "wharf:plugin/grants@1.0.0" => grants
);
role!(
    path_mapper,
    export_path_mapper,
    "package sdk:path-mapper; world path-mapper { export wharf:plugin/path-mapper@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types
);
role!(
    listing_filter,
    export_listing_filter,
    "package sdk:listing-filter;
    world listing-filter { export wharf:plugin/listing-filter@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types
);
role!(
    storage_guard,
    export_storage_guard,
    "package sdk:storage-guard; world storage-guard { export wharf:plugin/storage-guard@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types
);
role!(
    upload_gate,
    export_upload_gate,
    "package sdk:upload-gate; world upload-gate { export wharf:plugin/upload-gate@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types,
    "wharf:plugin/staging@1.0.0" => staging
);
role!(
    storage_events,
    export_storage_events,
    "package sdk:storage-events;
    world storage-events { export wharf:plugin/storage-events@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types
);
role!(
    storage_sink,
    export_storage_sink,
    "package sdk:storage-sink; world storage-sink { export wharf:plugin/storage-sink@1.0.0; }",
    "wharf:plugin/types@1.0.0" => types
);
