//! The configuration directory: `wharf.toml`, read into typed settings. The parts that read it
//! serve the sidecars of plugins too.

pub mod error;
pub mod expand;
mod json;
pub mod nearest;
mod schema;
pub mod section;
mod settings;
pub mod template;
pub mod value;

pub use schema::FILE_NAME;
pub use settings::{
    Advertise, AdvertisedAddress, Ascii, Config, DataProtection, Durability, FailedLogins, FsSink,
    Limits, Listener, ListenerTls, Passive, PluginSink, PortRange, Protocol, Server, SessionReuse,
    Sink, SinkKind, Tls,
};

#[cfg(test)]
pub mod tests;
