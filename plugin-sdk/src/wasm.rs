//! The crate inside the sandbox: generated bindings, and both directions across them.

pub mod bindings;
mod convert;
mod exports;
pub(crate) mod host;
