//! The settings of the host, resolved: every default filled in, every path absolute or relative to
//! the working directory, nothing left to look up but names that change under a running host.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::charset::Charset;
use super::events::Events;
use super::logins::{FailedLogins, Lockout};
use super::passive::Passive;
use super::s3::{Modified, S3Sink};
use super::token::Token;
use super::value::{ByteSize, choices};

/// Everything `wharf.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The configuration directory, where `wharf.toml` and `plugins/` are.
    pub directory: PathBuf,
    /// `[server]`
    pub server: Server,
    /// `[[listener]]`, at least one, no two on one address.
    pub listeners: Vec<Listener>,
    /// `[tls]`
    pub tls: Tls,
    /// `[passive]`
    pub passive: Passive,
    /// `[protocol]`
    pub protocol: Protocol,
    /// `[limits]`
    pub limits: Limits,
    /// `[events]`
    pub events: Events,
    /// `[sink.NAME]`, at least one.
    pub sinks: BTreeMap<String, Sink>,
    /// `[admin]`; without it, only the socket in the state directory is open.
    pub admin: Option<Admin>,
    /// `[health]`
    pub health: Option<Health>,
}

impl Config {
    /// The settings of an empty `wharf.toml` in `directory`.
    pub fn defaults(directory: &Path) -> Self {
        let mut server = Server::default();
        server.state_dir = directory.join(server.state_dir);
        let root = directory.join("data");
        Self {
            directory: directory.to_owned(),
            server,
            listeners: vec![Listener::default()],
            tls: Tls::default(),
            passive: Passive::default(),
            protocol: Protocol::default(),
            limits: Limits::default(),
            events: Events::default(),
            sinks: BTreeMap::from([("local".to_owned(), Sink::Fs(FsSink { root }))]),
            admin: None,
            health: None,
        }
    }

    /// The names of the plugins that sinks are kept in.
    pub fn plugins_of_sinks(&self) -> impl Iterator<Item = &str> {
        self.sinks.values().filter_map(|sink| match sink {
            Sink::Plugin(PluginSink { plugin }) => Some(plugin.as_str()),
            Sink::Fs(_) | Sink::S3(_) => None,
        })
    }

    /// Where the plugins and their sidecars are.
    pub fn plugin_dir(&self) -> PathBuf {
        self.directory.join("plugins")
    }
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What the greeting calls this server: one line.
    pub name: String,
    /// What the host itself keeps: compiled plugins, events, a generated certificate.
    pub state_dir: PathBuf,
    /// How long running transfers may go on once the host was told to stop.
    pub shutdown_grace: Duration,
    /// What a committed upload survives.
    pub durability: Durability,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: "Wharf".to_owned(),
            state_dir: PathBuf::from("state"),
            shutdown_grace: Duration::from_secs(30),
            durability: Durability::Os,
        }
    }
}

choices! {
    /// What a committed upload survives.
    pub enum Durability("a durability") {
        /// A crash of the host.
        Os = "os",
        /// A loss of power.
        Fsync = "fsync",
    }
}

/// `[[listener]]`: an address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What logs and plugins call it; its address where the file gives it no name.
    pub name: String,
    /// Where it listens. Port 0 lets the system choose.
    pub address: SocketAddr,
    /// When TLS begins.
    pub tls: ListenerTls,
    /// Balancers, which tell by the PROXY protocol for whom they connect. Where there are any,
    /// nobody else is served.
    pub proxies: Arc<[IpNet]>,
}

impl Default for Listener {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 2121));
        Self {
            name: address.to_string(),
            address,
            tls: ListenerTls::Explicit,
            proxies: Arc::default(),
        }
    }
}

choices! {
    /// When TLS begins on a control connection (RFC 4217).
    pub enum ListenerTls("a TLS mode") {
        /// Never; AUTH is not offered.
        Off = "off",
        /// When the client says AUTH TLS, and it need not.
        Explicit = "explicit",
        /// When the client says AUTH TLS, and it cannot log in before that.
        Required = "required",
        /// At once, before the greeting (port 990).
        Implicit = "implicit",
    }
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tls {
    /// A PEM chain, which may hold the key too; without it a self-signed one is generated.
    pub certificate: Option<PathBuf>,
    /// The PEM key, where it is not in the same file; never without `certificate`.
    pub key: Option<PathBuf>,
    /// Whether data connections resume the control connection's session.
    pub session_reuse: SessionReuse,
    /// Whether the data connections of a secured session must be secured (PROT P).
    pub data: DataProtection,
    /// The PEM authorities whose client certificates are asked for and verified.
    pub client_ca: Option<PathBuf>,
    /// Whether an upload over TLS must end with close_notify: one that does not may have been cut
    /// off, yet many clients leave it out.
    pub strict_close: bool,
    /// Whether CCC may take the control connection back to clear text.
    pub ccc: bool,
}

choices! {
    /// Whether data connections resume the control connection's TLS session.
    #[derive(Default)]
    pub enum SessionReuse("a session reuse") {
        /// No session is resumed.
        Off = "off",
        /// Resumed where the client does.
        #[default]
        Allow = "allow",
        /// A data connection that did not resume this very control session is refused (522).
        Require = "require",
    }
}

choices! {
    /// Whether the data connections of a secured session must be secured too.
    #[derive(Default)]
    pub enum DataProtection("a data protection") {
        /// As the client's PROT says.
        #[default]
        Allow = "allow",
        /// A transfer under PROT C is refused (522).
        Required = "required",
    }
}

/// `[protocol]`: what clients may ask of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// What TYPE A does to a file.
    pub ascii: Ascii,
    /// Whether PORT and EPRT are served, to the client's own address only.
    pub active: bool,
    /// What a line is read in that is not UTF-8; without, its names are refused.
    pub charset: Option<Charset>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            ascii: Ascii::Convert,
            active: true,
            charset: None,
        }
    }
}

choices! {
    /// What TYPE A does to a file.
    pub enum Ascii("an ascii mode") {
        /// Line ends are converted, as RFC 959 has it.
        Convert = "convert",
        /// Nothing: for devices that send binary files that way.
        Binary = "binary",
    }
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Control connections in all; the next one is told 421.
    pub connections: u32,
    /// Control connections from one address (from one /64 with IPv6).
    pub connections_per_address: u32,
    /// Sessions logged in as one user.
    pub sessions_per_user: u32,
    /// How long a session may be silent; the timer rests during a transfer.
    pub idle_timeout: Duration,
    /// How long a connection may take to log in, the TLS handshake included.
    pub login_timeout: Duration,
    /// How long a data connection may take to be there, its TLS handshake included.
    pub data_connect_timeout: Duration,
    /// How long a transfer may go without moving a byte.
    pub stall_timeout: Duration,
    /// How many bytes are kept of uploads until their gates have decided, where a sink cannot give
    /// them back by itself.
    pub spool: ByteSize,
    /// When an address is banned.
    pub failed_logins: FailedLogins,
    /// When a user is locked out; never, where it is not there.
    pub lockout: Option<Lockout>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 50,
            sessions_per_user: 50,
            idle_timeout: Duration::from_mins(5),
            login_timeout: Duration::from_secs(60),
            data_connect_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_mins(2),
            spool: ByteSize(16 << 30),
            failed_logins: FailedLogins::default(),
            lockout: None,
        }
    }
}

/// `[sink.NAME]`: where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// `kind = "fs"`
    Fs(FsSink),
    /// `kind = "s3"`
    S3(Box<S3Sink>),
    /// `kind = "plugin"`
    Plugin(PluginSink),
}

impl Sink {
    /// Whether it is sure to keep times of modification; a plugin has to be asked.
    pub fn keeps_times(&self) -> bool {
        match self {
            Self::Fs(_) => true,
            Self::S3(bucket) => bucket.modified == Modified::Metadata,
            Self::Plugin(_) => false,
        }
    }
}

/// A directory of the local file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsSink {
    /// The directory, which nothing leads out of.
    pub root: PathBuf,
}

/// A plugin with the role `storage-sink`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSink {
    /// The plugin: its file's name without `.wasm`.
    pub plugin: String,
}

choices! {
    /// What a sink is made of, also where this version does not build it yet.
    pub enum SinkKind("a kind of sink") {
        /// A directory of the local file system.
        Fs = "fs",
        /// A bucket of an S3 store.
        S3 = "s3",
        /// A plugin with the role `storage-sink`.
        Plugin = "plugin",
    }
}

/// `[admin]`: where the host is seen from outside, beside the socket in the state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Port 0 lets the system choose.
    pub address: SocketAddr,
    /// What a request has to show; always there where other machines reach the address.
    pub token: Option<Token>,
}

/// `[health]`: a port for balancers that only look whether one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where it listens. Port 0 lets the system choose.
    pub address: SocketAddr,
}
