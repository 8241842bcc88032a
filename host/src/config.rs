//! The configuration directory: `wharf.toml`, read into typed settings. The parts that read it
//! serve the sidecars of plugins too.

mod charset;
pub mod error;
mod events;
pub mod expand;
mod json;
mod logins;
pub mod nearest;
mod passive;
mod s3;
mod schema;
pub mod section;
mod settings;
pub mod template;
mod token;
pub mod value;

pub use charset::Charset;
pub use events::{Events, WhenFull};
pub use logins::{FailedLogins, Lockout};
pub use passive::{Advertise, AdvertisedAddress, DataPeer, Passive, PassiveListening, PortRange};
pub use s3::{Checksums, Directories, Modified, RemoveDirectories, Rights, S3Sink};
pub use schema::FILE_NAME;
pub use settings::{
    Admin, Ascii, Config, DataProtection, Durability, FsSink, Health, Limits, Listener,
    ListenerTls, PluginSink, Protocol, Server, SessionReuse, Sink, SinkKind, Tls,
};
pub use value::ByteSize;

pub use token::Token;

#[cfg(test)]
pub mod tests;
