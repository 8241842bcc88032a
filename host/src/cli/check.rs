//! `wharf check`: whatever would keep the host from serving, found without serving.

pub(super) mod certificate;
mod plugins;
mod storage;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::bail;

use crate::config::error::{Origin, Problem, Problems};
use crate::config::{Config, ListenerTls};

/// What was found.
#[derive(Default)]
struct Findings {
    /// Each keeps the host from serving.
    problems: Vec<Problem>,
    /// Each is as it was asked for, but may not be meant.
    warnings: Vec<Problem>,
    /// What is configured, a line each.
    summary: Vec<String>,
}

/// Checks the configuration directory, tells what is configured, and fails if anything is wrong.
pub fn run(directory: &Path) -> anyhow::Result<()> {
    let (config, origin) = Config::load(directory)?;
    let mut found = examine(&config, &origin);
    plugins::check(&config, &origin, &mut found)?;
    for warning in &found.warnings {
        eprintln!("warning: {warning}\n");
    }
    if let Err(problems) = Problems::check(found.problems) {
        bail!(problems);
    }
    for line in &found.summary {
        println!("{line}");
    }
    println!("{}: nothing is wrong", origin.path().display());
    Ok(())
}

/// Everything but the plugins.
fn examine(config: &Config, origin: &Origin) -> Findings {
    let mut found = Findings::default();
    listeners(config, origin, &mut found);
    shared_ports(config, origin, &mut found);
    certificate::check(config, origin, &mut found);
    passive_ports(config, origin, &mut found);
    storage::check(config, origin, &mut found);
    admin(config, origin, &mut found);
    let health = config.health.iter();
    found
        .summary
        .extend(health.map(|it| format!("health    {}", it.address)));
    found
}

fn listeners(config: &Config, origin: &Origin, found: &mut Findings) {
    for (index, listener) in config.listeners.iter().enumerate() {
        let (address, tls) = (listener.address, listener.tls.word());
        found
            .summary
            .push(format!("listener  {address}, tls {tls}"));
        let warning = match listener.tls {
            _ if is_loopback(address.ip()) => continue,
            ListenerTls::Off => "passwords and files travel in clear here",
            ListenerTls::Explicit => "a client that does not ask for TLS logs in in clear here",
            ListenerTls::Required | ListenerTls::Implicit => continue,
        };
        let key = format!("listener.{index}.tls");
        let advice = "write \"required\", if every client can do TLS";
        found.warnings.push(origin.problem(&key, warning, advice));
    }
}

fn admin(config: &Config, origin: &Origin, found: &mut Findings) {
    let Some(admin) = &config.admin else { return };
    let asks = match admin.token {
        Some(_) => "asks for the token",
        None => "asks for no token",
    };
    found
        .summary
        .push(format!("admin     {}, {asks}", admin.address));
    if !is_loopback(admin.address.ip()) {
        let warning = "the token travels in clear here";
        let advice = "listen on loopback, behind a proxy that speaks TLS";
        found
            .warnings
            .push(origin.problem("admin.address", warning, advice));
    }
}

/// Where the host listens all the time, and the keys that say so.
fn addresses(config: &Config) -> Vec<(String, SocketAddr)> {
    let listeners = config.listeners.iter().enumerate();
    let listeners = listeners.map(|(index, it)| (format!("listener.{index}.address"), it.address));
    let admin = config.admin.iter();
    let admin = admin.map(|it| ("admin.address".to_owned(), it.address));
    let health = config.health.iter();
    let health = health.map(|it| ("health.address".to_owned(), it.address));
    listeners.chain(admin).chain(health).collect()
}

/// A port serves once: the second that wants it keeps the host from starting.
fn shared_ports(config: &Config, origin: &Origin, found: &mut Findings) {
    let addresses = addresses(config);
    // An unspecified address of IPv6 takes IPv4, too.
    let covers = |wide: IpAddr, other: IpAddr| {
        wide == other || wide.is_unspecified() && (wide.is_ipv6() || other.is_ipv4())
    };
    for (index, (key, address)) in addresses.iter().enumerate() {
        let meets = |other: &SocketAddr| {
            let [one, two] = [address, other].map(|it| it.ip().to_canonical());
            let is_same = covers(one, two) || covers(two, one);
            is_same && address.port() == other.port() && address.port() != 0
        };
        let mut before = addresses[..index].iter();
        if let Some((_, other)) = before.find(|(_, other)| meets(other)) {
            let message = format!("{address} and {other} are one port");
            let advice = "choose one that nothing else uses";
            found.problems.push(origin.problem(key, message, advice));
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// A client that mirrors keeps several transfers going, and a closed port rests for a while.
const PASSIVE_PORTS_FEW: u32 = 100;

fn passive_ports(config: &Config, origin: &Origin, found: &mut Findings) {
    let ports = config.passive.ports;
    found
        .summary
        .push(format!("passive   {} ports, {ports}", ports.count()));
    for (key, address) in addresses(config) {
        let whose = key.split('.').next().unwrap_or_default();
        let port = address.port();
        if (ports.first..=ports.last).contains(&port) {
            let message = format!("the passive ports hold the port {port} of [{whose}]");
            let advice = "choose ports that nothing else uses";
            found
                .problems
                .push(origin.problem("passive.ports", message, advice));
        }
    }
    if ports.first < 1024 {
        let message = "ports below 1024 are for privileged programs";
        let advice = "choose higher ones, such as \"40000-40999\"";
        found
            .warnings
            .push(origin.problem("passive.ports", message, advice));
    }
    if ports.count() < PASSIVE_PORTS_FEW {
        let message = format!(
            "{} ports serve as many transfers at a time; more get 425",
            ports.count()
        );
        let advice = format!("{PASSIVE_PORTS_FEW} and more are usual");
        found
            .warnings
            .push(origin.problem("passive.ports", message, advice));
    }
}

#[cfg(test)]
mod tests;
