//! What the WIT package becomes in Rust: generated code, and nothing else.

/// Everything the host offers to plugins.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "imports",
        imports: {
            "wharf:plugin/crypto.verify-password": async | trappable,
            "wharf:plugin/crypto.hash-password": async | trappable,
            "wharf:plugin/crypto.digest": async | trappable,
            "wharf:plugin/crypto.hmac": async | trappable,
            "wharf:plugin/http-client.send": async | trappable,
            "wharf:plugin/http-client.[method]exchange.write": async | trappable,
            "wharf:plugin/http-client.[method]exchange.finish": async | trappable,
            "wharf:plugin/http-client.[method]exchange.read": async | trappable,
            "wharf:plugin/sinks": async | trappable,
            "wharf:plugin/state.set": async | trappable,
            "wharf:plugin/state.remove": async | trappable,
            "wharf:plugin/state.increment": async | trappable,
            "wharf:plugin/state.swap": async | trappable,
            "wharf:plugin/staging.[method]staged.read": async | trappable,
            default: trappable,
        },
        with: {
            "wharf:plugin/types.session": crate::plugin::imports::session::SessionView,
            "wharf:plugin/http-client.exchange": crate::plugin::imports::http::ExchangeHandle,
            "wharf:plugin/grants.grant": crate::plugin::imports::grants::GrantDraft,
            "wharf:plugin/staging.staged": crate::plugin::imports::staging::Staged,
        },
        require_store_data_send: true,
    });
}

/// The exports of a `authenticator`.
pub mod authenticator {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/authenticator@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `session-guard`.
pub mod session_guard {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/session-guard@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `path-mapper`.
pub mod path_mapper {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/path-mapper@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `listing-filter`.
pub mod listing_filter {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/listing-filter@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `storage-guard`.
pub mod storage_guard {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/storage-guard@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `upload-gate`.
pub mod upload_gate {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/upload-gate@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `storage-events`.
pub mod storage_events {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/storage-events@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `storage-sink`.
pub mod storage_sink {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/storage-sink@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}

/// The exports of a `lifecycle`.
pub mod lifecycle {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package wharf:host;
            world role {
                include wharf:plugin/imports@1.0.0;
                export wharf:plugin/lifecycle@1.0.0;
            }
        ",
        world: "wharf:host/role",
        exports: { default: async },
        with: { "wharf:plugin": super::imports::wharf::plugin },
        require_store_data_send: true,
    });
}
