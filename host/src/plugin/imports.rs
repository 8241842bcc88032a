//! What plugins may call: one module per concern, each the host's side of interfaces in `wit/`.

pub mod crypto;
pub mod grants;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod session;
pub mod settings;
pub mod sinks;
pub mod staging;
mod state;
mod totp;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::imports::Imports;
use super::instance::InstanceState;

/// Everything that a component may import. What was not allowed is linked too, and says so when it
/// is called: a plugin may ask without being refused as a whole.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    Imports::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Ok(linker)
}
