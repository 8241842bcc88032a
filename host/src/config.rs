//! The configuration directory: `wharf.toml`, read into typed settings.

mod settings;
mod value;

pub use settings::{
    Advertise, AdvertisedAddress, Ascii, Config, DataProtection, Durability, FailedLogins, FsSink,
    Limits, Listener, ListenerTls, Passive, PortRange, Protocol, Server, SessionReuse, Sink, Tls,
};
