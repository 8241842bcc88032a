//! What a client has to know of this host.

use std::net::SocketAddr;

use anyhow::{Context, bail};

use super::SiteFile;
use crate::cli::check::certificate;
use crate::config::{Config, Listener, ListenerTls};
use crate::tls;

/// Where to connect, as whom, and what will be shown.
#[derive(Debug)]
pub(super) struct Site {
    /// What the site is called in the client.
    pub(super) name: String,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) tls: ListenerTls,
    /// For whoever is asked whether to trust the certificate.
    pub(super) note: String,
}

impl Site {
    pub(super) fn of(config: &Config, asked: &SiteFile) -> anyhow::Result<Self> {
        let listener = listener(config, asked)?;
        let certificate = match listener.tls {
            ListenerTls::Off => None,
            _ => Some(
                tls::shown_certificate(&config.tls, &config.server.state_dir)?
                    .context("there is no certificate yet; let the host make it: wharf serve")?,
            ),
        };
        let named = certificate.as_ref().and_then(|shown| {
            certificate::names(&shown.der)
                .into_iter()
                .find(|name| is_public(name))
        });
        let host = match &asked.host {
            Some(host) => host.trim_matches(['[', ']']).to_owned(),
            None => host(listener.address, named)?,
        };
        let port = match asked.port.unwrap_or(listener.address.port()) {
            0 => bail!(
                "the listener {} has no port of its own; say --port",
                listener.name
            ),
            port => port,
        };
        let user = asked.user.clone();
        let fingerprint = certificate.map(|shown| shown.fingerprint);
        Ok(Self {
            name: format!("{user} at {host}"),
            note: note(fingerprint.as_deref()),
            host,
            port,
            user,
            tls: listener.tls,
        })
    }
}

/// The listener that was asked for, or the one that protects most of those that the client can
/// connect to.
fn listener<'c>(config: &'c Config, asked: &SiteFile) -> anyhow::Result<&'c Listener> {
    let all = config.listeners.iter();
    let wanted = |listener: &&Listener| {
        asked
            .listener
            .as_ref()
            .is_none_or(|name| *name == listener.name)
    };
    let fit = all
        .filter(wanted)
        .filter(|listener| asked.client.speaks(listener.tls));
    fit.min_by_key(|listener| match listener.tls {
        ListenerTls::Required => 0,
        ListenerTls::Explicit => 1,
        ListenerTls::Implicit => 2,
        ListenerTls::Off => 3,
    })
    .with_context(|| match &asked.listener {
        Some(name) => format!("no listener {name:?} is there that this client can connect to"),
        None => {
            "this client does no implicit TLS; add a listener with tls = \"required\"".to_owned()
        }
    })
}

/// What leads to the listener from outside.
fn host(address: SocketAddr, named: Option<String>) -> anyhow::Result<String> {
    let ip = address.ip().to_canonical();
    match named {
        Some(name) if !ip.is_loopback() => Ok(name),
        _ if !ip.is_unspecified() => Ok(ip.to_string()),
        _ => bail!("nothing tells what clients call this host; say --host"),
    }
}

/// Whether a name in a certificate is one that other machines can look up.
fn is_public(name: &str) -> bool {
    !name.starts_with("*.") && name != "localhost" && name.parse::<std::net::IpAddr>().is_err()
}

fn note(fingerprint: Option<&str>) -> String {
    match fingerprint {
        Some(fingerprint) => format!(
            "If you are asked whether to trust the certificate, compare its SHA-256 \
             fingerprint, and go on only where all of it is the same:\n{fingerprint}"
        ),
        None => "Nothing is encrypted here: the password and the files travel in clear.".to_owned(),
    }
}
