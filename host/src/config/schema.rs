//! The keys of `wharf.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::error::{Origin, Problem, Problems};
use super::expand::{Environment, ProcessEnvironment, read_failure};
use super::logins::Lockout;
use super::s3::S3Sink;
use super::section::{self, Section};
use super::settings::{
    Admin, Config, DataProtection, FsSink, Health, Limits, Listener, ListenerTls, PluginSink,
    Protocol, Server, SessionReuse, Sink, SinkKind, Tls,
};

/// The name of the host's file in the configuration directory.
pub const FILE_NAME: &str = "wharf.toml";

impl Config {
    /// Reads the configuration directory `directory`, and where each value of it stands.
    ///
    /// # Errors
    /// Everything that is wrong with `wharf.toml`, in its order.
    pub fn load(directory: &Path) -> Result<(Self, Origin), Problems> {
        let (path, source) = read_file(directory)?;
        Self::parse(&path, &source, directory, &ProcessEnvironment)
    }

    /// Where the host that serves `directory` keeps its state. Nothing else is read, so that
    /// whoever only asks the host needs nothing of what the rest names.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or is wrong about this.
    pub fn state_dir(directory: &Path) -> Result<PathBuf, Problems> {
        let (path, source) = read_file(directory)?;
        let mut server = Self::defaults(directory).server;
        section::read(&path, &source, directory, &ProcessEnvironment, |file| {
            file.section("server", |section| {
                if let Some(path) = section.path("state-dir") {
                    server.state_dir = path;
                }
                section.ignore_rest();
            });
            file.ignore_rest();
        })?;
        Ok(server.state_dir)
    }

    /// Reads `source`, the text of the file `path`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(
        path: &Path,
        source: &str,
        directory: &Path,
        environment: &dyn Environment,
    ) -> Result<(Self, Origin), Problems> {
        section::read(path, source, directory, environment, |file| {
            let mut config = Self::defaults(directory);
            config.read(file);
            config
        })
    }

    fn read(&mut self, file: &mut Section<'_, '_>) {
        file.section("server", |section| self.server.read(section));
        let listeners = file.sections("listener", Listener::read);
        refuse_twins(&listeners, file);
        if !listeners.is_empty() {
            self.listeners = listeners.into_iter().flatten().collect();
        }
        file.section("tls", |section| self.tls.read(section));
        self.refuse_without_tls(file);
        file.section("passive", |section| self.passive.read(section));
        file.section("protocol", |section| self.protocol.read(section));
        file.section("limits", |section| self.limits.read(section));
        file.section("events", |section| self.events.read(section));
        let sinks = file.named_sections("sink", |name, section| {
            Sink::read(section).map(|sink| (name.to_owned(), sink))
        });
        if !sinks.is_empty() {
            self.sinks = sinks.into_iter().flatten().collect::<BTreeMap<_, _>>();
        }
        self.admin = file.section("admin", Admin::read).flatten();
        self.health = file.section("health", Health::read).flatten();
    }
}

/// The file of the configuration directory and its text.
fn read_file(directory: &Path) -> Result<(PathBuf, String), Problem> {
    let path = directory.join(FILE_NAME);
    match std::fs::read_to_string(&path) {
        Ok(source) => Ok((path, source)),
        Err(error) => {
            let message = format!("this file {}", read_failure(&error));
            let advice = "make a configuration directory with `wharf init DIR`, \
                          name yours with --config DIR";
            Err(Problem::new(&path, message, advice))
        }
    }
}

impl Config {
    /// What `[tls]` promises holds nowhere if no listener offers TLS.
    fn refuse_without_tls(&self, file: &mut Section<'_, '_>) {
        let is_offered = |listener: &Listener| listener.tls != ListenerTls::Off;
        if self.listeners.iter().any(is_offered) {
            return;
        }
        let Tls {
            data,
            session_reuse,
            client_ca,
            ..
        } = &self.tls;
        for (key, is_asked) in [
            ("tls.data", *data == DataProtection::Required),
            ("tls.session-reuse", *session_reuse == SessionReuse::Require),
            ("tls.client-ca", client_ca.is_some()),
        ] {
            if is_asked {
                let message = format!("`{key}` asks for TLS, and no listener offers it");
                file.problem(key, message, "give a listener another `tls` than \"off\"");
            }
        }
    }
}

/// Two listeners cannot have one address, nor one name.
fn refuse_twins(listeners: &[Option<Listener>], file: &mut Section<'_, '_>) {
    for (index, listener) in listeners.iter().enumerate() {
        let Some(listener) = listener else { continue };
        let mut before = listeners[..index].iter().flatten();
        // Port 0 is another port each time.
        let is_fixed = listener.address.port() != 0;
        if is_fixed
            && before
                .clone()
                .any(|other| other.address == listener.address)
        {
            let message = format!("two listeners have the address {}", listener.address);
            file.problem(
                &format!("listener.{index}.address"),
                message,
                "choose another port",
            );
        } else if before.any(|other| other.name == listener.name) {
            let message = format!("two listeners have the name {:?}", listener.name);
            file.problem(
                &format!("listener.{index}.name"),
                message,
                "choose another name",
            );
        }
    }
}

impl Server {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        section.read("name", &mut self.name);
        if let Some(path) = section.path("state-dir") {
            self.state_dir = path;
        }
        section.read("shutdown-grace", &mut self.shutdown_grace);
        section.read("durability", &mut self.durability);
    }
}

impl Listener {
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let address: Option<SocketAddr> = section.required("address");
        let name = section.option("name");
        let mut tls = ListenerTls::Explicit;
        section.read("tls", &mut tls);
        let proxies = read_proxies(section);
        let address = address?;
        Some(Self {
            name: name.unwrap_or_else(|| address.to_string()),
            address,
            tls,
            proxies,
        })
    }
}

/// The balancers of a listener.
fn read_proxies(section: &mut Section<'_, '_>) -> Arc<[IpNet]> {
    let is_proxied = section.option("proxy-protocol") == Some(true);
    let trusted: Vec<IpNet> = section.list("trusted");
    if is_proxied && trusted.is_empty() {
        let message = "`proxy-protocol` is on, and nobody is trusted";
        let advice = "name the balancers, such as trusted = [\"10.0.0.0/8\"]";
        section.problem("proxy-protocol", message, advice);
    }
    if !is_proxied && !trusted.is_empty() {
        let message = "`trusted` stands without `proxy-protocol`";
        section.problem(
            "trusted",
            message,
            "write proxy-protocol = true, or leave it out",
        );
    }
    trusted.into()
}

impl Tls {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        self.certificate = section.path("certificate");
        self.key = section.path("key");
        section.read("session-reuse", &mut self.session_reuse);
        section.read("data", &mut self.data);
        self.client_ca = section.path("client-ca");
        section.read("strict-close", &mut self.strict_close);
        section.read("ccc", &mut self.ccc);
        if self.key.is_some() && self.certificate.is_none() {
            section.problem(
                "key",
                "`key` stands without `certificate`",
                "name its certificate",
            );
        }
    }
}

impl Protocol {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        section.read("ascii", &mut self.ascii);
        section.read("active", &mut self.active);
        self.charset = section.option("charset");
    }
}

impl Limits {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        section.positive("connections", &mut self.connections);
        section.positive("connections-per-address", &mut self.connections_per_address);
        section.positive("sessions-per-user", &mut self.sessions_per_user);
        section.positive("idle-timeout", &mut self.idle_timeout);
        section.positive("login-timeout", &mut self.login_timeout);
        section.positive("data-connect-timeout", &mut self.data_connect_timeout);
        section.positive("stall-timeout", &mut self.stall_timeout);
        section.positive("spool", &mut self.spool);
        section.section("failed-logins", |section| self.failed_logins.read(section));
        self.lockout = section.section("lockout", Lockout::read);
    }
}

impl Sink {
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let Some(kind) = section.required("kind") else {
            // What else may stand here depends on it.
            section.ignore_rest();
            return None;
        };
        match kind {
            SinkKind::Fs => {
                let root = section.required_path("root")?;
                Some(Self::Fs(FsSink { root }))
            }
            SinkKind::Plugin => {
                let plugin = section.required("plugin")?;
                Some(Self::Plugin(PluginSink { plugin }))
            }
            SinkKind::S3 => {
                let bucket = S3Sink::read(section)?;
                Some(Self::S3(Box::new(bucket)))
            }
        }
    }
}

impl Admin {
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let address: Option<SocketAddr> = section.required("address");
        let has_token = section.has("token");
        let token = section.option("token");
        let address = address?;
        // Whether a token that stands there is one, was said already.
        if !has_token && !address.ip().to_canonical().is_loopback() {
            let message = "other machines reach `address`, and there is no `token`";
            let advice = "add one, such as token = { file = \"admin-token\" }, \
                          or listen on 127.0.0.1";
            section.problem("address", message, advice);
        }
        Some(Self { address, token })
    }
}

impl Health {
    fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let address = section.required("address")?;
        Some(Self { address })
    }
}
