//! The configuration directory: `wharf.toml`, read into typed settings. The parts that read it
//! serve the sidecars of plugins too.

pub mod error;
mod events;
pub mod expand;
mod json;
pub mod nearest;
mod s3;
mod schema;
pub mod section;
mod settings;
pub mod template;
mod token;
pub mod value;

pub use events::{Events, WhenFull};
pub use s3::{Checksums, Directories, RemoveDirectories, Rights, S3Sink};
pub use schema::FILE_NAME;
pub use settings::{
    Admin, Advertise, AdvertisedAddress, Ascii, Config, DataProtection, Durability, FailedLogins,
    FsSink, Limits, Listener, ListenerTls, Passive, PluginSink, PortRange, Protocol, Server,
    SessionReuse, Sink, SinkKind, Tls,
};
pub use value::ByteSize;

pub use token::Token;

#[cfg(test)]
pub mod tests;
