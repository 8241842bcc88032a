//! The configuration of a server under test, written down as an operator would.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::client::Security;

/// The user whom every server knows.
pub const USER: &str = "alice";
/// That user's password.
pub const PASSWORD: &str = "wharf";
/// [`PASSWORD`], encoded at a low cost.
pub const ENCODED: &str = "$6$rounds=5000$example0salt$pK5EX3GOOg7XwKaLqotp/pyzjdv3oURTRdfROYWv\
    W0mDm5Vvrt/fyD2kPh.CNTrk0gT2/3oWDW1U8pKkb3YE/1";

/// What a server is started with. The texts are TOML.
#[derive(Clone)]
pub struct Settings {
    /// A listener for each of these, on a port of its own.
    pub listeners: Vec<Listener>,
    /// The balancers of every listener, as `trusted` lists them; none where it is empty.
    pub proxies: &'static str,
    /// Keys of `[server]`.
    pub server: String,
    /// Keys of `[tls]`.
    pub tls: String,
    /// Tables below `[passive]`.
    pub passive: String,
    /// Keys of `[protocol]`.
    pub protocol: String,
    /// Keys of `[limits]`.
    pub limits: String,
    /// Keys of `[admin]`; none where it is empty.
    pub admin: String,
    /// `[sink.NAME]` tables beside `local`'s.
    pub sinks: String,
    /// Further tables of the sidecar of `static-users`, beside [`USER`]'s.
    pub users: String,
    /// How many passive ports there are.
    pub passive_ports: u16,
}

/// One `[[listener]]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Its name, by which a test finds its address.
    pub name: &'static str,
    /// The word for its TLS mode.
    pub tls: &'static str,
    /// The host part of its address.
    pub host: &'static str,
}

impl Listener {
    /// For clients in clear and those that say AUTH TLS.
    pub const EXPLICIT: Self = Self::on_loopback("explicit");
    /// For clients that begin with TLS.
    pub const IMPLICIT: Self = Self::on_loopback("implicit");
    /// For clients that must say AUTH TLS.
    pub const REQUIRED: Self = Self::on_loopback("required");
    /// Without TLS.
    pub const OFF: Self = Self::on_loopback("off");

    const fn on_loopback(tls: &'static str) -> Self {
        Self {
            name: tls,
            tls,
            host: "127.0.0.1",
        }
    }

    /// Where a client of that security connects to.
    pub fn serving(security: Security) -> Self {
        match security {
            Security::Plain | Security::Explicit => Self::EXPLICIT,
            Security::Implicit => Self::IMPLICIT,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listeners: vec![Listener::EXPLICIT, Listener::IMPLICIT],
            proxies: "",
            server: String::new(),
            tls: String::new(),
            passive: String::new(),
            protocol: String::new(),
            limits: String::new(),
            admin: String::new(),
            sinks: String::new(),
            users: String::new(),
            passive_ports: 40,
        }
    }
}

impl Settings {
    /// Write `wharf.toml` and the sidecar of `static-users` into a configuration directory.
    pub(crate) fn write(&self, directory: &Path, first_port: u16) {
        let write = |name: &str, text: String| {
            fs::write(directory.join(name), text).expect("the directory can be written");
        };
        write("wharf.toml", self.wharf_toml(first_port));
        write("plugins/10-static-users.toml", self.sidecar());
    }

    fn wharf_toml(&self, first_port: u16) -> String {
        let mut text = format!("[server]\n{}\n", self.server);
        for Listener { name, tls, host } in &self.listeners {
            let listener = format!("name = \"{name}\"\naddress = \"{host}:0\"\ntls = \"{tls}\"");
            writeln!(text, "[[listener]]\n{listener}").expect("a string has room");
            if !self.proxies.is_empty() {
                let proxies = format!("proxy-protocol = true\ntrusted = [{}]", self.proxies);
                writeln!(text, "{proxies}").expect("a string has room");
            }
        }
        if !self.admin.is_empty() {
            writeln!(text, "[admin]\n{}", self.admin).expect("a string has room");
        }
        let last_port = first_port + self.passive_ports - 1;
        let Self {
            tls,
            protocol,
            limits,
            passive,
            sinks,
            ..
        } = self;
        text + &format!(
            "[tls]\n{tls}\n[passive]\nports = \"{first_port}-{last_port}\"\n\
             {passive}[protocol]\n{protocol}\n[limits]\n{limits}\n\
             [sink.local]\nkind = \"fs\"\nroot = \"data\"\n{sinks}"
        )
    }

    fn sidecar(&self) -> String {
        format!(
            "[config]\nroot = \"home/{{user}}\"\n\n\
             [config.users.{USER}]\npassword = \"{ENCODED}\"\n\n{}",
            self.users
        )
    }
}
