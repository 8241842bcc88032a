//! What kind of file a plugin is, and a component made of it.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider as adapter;
use wasmtime::Engine;
use wit_component::ComponentEncoder;

/// Why a file is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// Compiled code is native code: whoever could bring it in would own the host.
    #[error("the file is compiled code (.cwasm), which is refused; put the .wasm here instead")]
    Precompiled,
    /// The text format.
    #[error("the file is WebAssembly text; assemble it (wasm-tools parse) and put the .wasm here")]
    Text,
    /// Anything else.
    #[error("the file is not WebAssembly")]
    NotWasm,
    /// A binary of a version that is neither a component nor a module.
    #[error("the file is WebAssembly of a version that this host does not know")]
    UnknownVersion,
    /// A core module that says nothing of the interfaces it implements, or something wrong.
    #[error(
        "the file is a core module that cannot be made a component (built with the bindings of \
         wharf:plugin?): {0}"
    )]
    NotComponentizable(String),
}

/// The component in `bytes`: as it stands, or made of a core module with an embedded component type
/// (with the preview-1 adapter where it imports that).
pub fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, FormError> {
    if bytes.is_empty() {
        return Err(FormError::Empty);
    }
    if Engine::detect_precompiled(bytes).is_some() || bytes.starts_with(b"\x7fELF") {
        return Err(FormError::Precompiled);
    }
    // The preamble: magic number, version and, since components, layer.
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Ok(Cow::Borrowed(bytes)),
        Some(b"\0asm\x01\0\0\0") => encode(bytes).map(Cow::Owned),
        _ if bytes.starts_with(b"\0asm") => Err(FormError::UnknownVersion),
        _ if is_text(bytes) => Err(FormError::Text),
        _ => Err(FormError::NotWasm),
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    [&b"(module"[..], b"(component", b";;"]
        .iter()
        .any(|form| start.starts_with(form))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, FormError> {
    let preview1 = adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
    let name = adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.adapter(name, preview1))
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| FormError::NotComponentizable(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_named() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "empty"),
            (b"#!/bin/sh\n", "not WebAssembly"),
            (b"\x7fELF\x02\x01\x01", "compiled code"),
            (b"\n  (component)", "text"),
            (b"\0asm\x07\0\0\0", "does not know"),
            (b"\0asm\x01\0\0\0\xff", "core module"),
            (b"\0asm", "does not know"),
        ];
        for (bytes, expected) in cases {
            let error = component(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
