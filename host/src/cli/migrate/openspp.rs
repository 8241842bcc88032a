//! The FTP server of OpenSPP's document management: scans handed over to a web application. Every
//! variable has a default, and any text for a switch was taken as "on".

use std::net::{IpAddr, Ipv4Addr};

use super::migration::Migration;
use super::port::Port;
use super::variables::Variables;
use super::written::Written;
use crate::config::template::quote;
use crate::config::value::Value;
use crate::config::{AdvertisedAddress, Limits, PortRange};

/// What is documented and tested for the plugins, with [`EXAMPLE`] for the application.
const FORWARD: &str = include_str!("../../../../docs/migrate/openspp/plugins/http-forward.toml");
const FLATTEN: &str = include_str!("../../../../docs/migrate/openspp/plugins/flatten-names.toml");
const EXAMPLE: &str = "https://openspp.example.org";

/// What has no counterpart, and why.
const NEEDLESS: [(&str, &str); 2] = [
    ("OPENSPP_DB_NAME", "it was not used"),
    ("FTP_WORKER_COUNT", "one process serves all"),
];

/// What variables of its begin with.
const PREFIXES: [&str; 3] = ["OPENSPP_", "FTP_", "DEFAULT_"];

/// The configuration that does what `variables` made the server do, or all that is wrong with them.
pub fn migrate(variables: &mut Variables) -> Result<Written, Vec<String>> {
    let mut migration = Migration::new(variables);
    write(&mut migration);
    migration.end()
}

fn write(migration: &mut Migration<'_>) {
    let listener = listener(migration);
    let passive = passive(migration);
    let limits = limits(migration);
    let root = uploads(migration);
    application(migration);
    migration.written.main = format!(
        "# Made by `wharf migrate openspp`. `wharf init DIR` writes every key that there is.\n\
         \n[server]\nname = \"OpenSPP DMS\"\n\n{listener}\n{passive}\n\
         [protocol]\nascii = \"binary\"                     # scanners send PDFs so\n\n\
         {limits}\n\
         [sink.incoming]                      # holds a file while it comes in\n\
         kind = \"fs\"\nroot = {root}\n"
    );
    if switch(migration, "DEBUG", false) {
        migration
            .written
            .note("DEBUG", "start the host with --log-level debug instead");
    }
    for (name, why) in NEEDLESS {
        if migration.variables.take(name).is_some() {
            migration.written.note(name, why);
        }
    }
    for name in migration.variables.left(&PREFIXES) {
        migration
            .written
            .note(&name, "it is none of OpenSPP's, and was left out");
    }
}

/// A switch. The server took every text for "on"; what was meant is told here.
fn switch(migration: &mut Migration<'_>, name: &str, default: bool) -> bool {
    let Some(text) = migration.variables.take(name) else {
        return default;
    };
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => true,
        "0" | "false" | "no" | "off" => {
            let was = "it is off, as it says; the server took any text for \"on\"";
            migration.written.note(name, was);
            false
        }
        _ => {
            migration.problem(format!("{name}: it is neither true nor false"));
            default
        }
    }
}

fn listener(migration: &mut Migration<'_>) -> String {
    let Port(port) = migration.value("FTP_PORT").unwrap_or(Port(8002));
    let is_secured = switch(migration, "TLS", false);
    let files = [
        ("DEFAULT_SSL_CERTFILE", "/etc/ssl/certs/openspp/server.crt"),
        ("DEFAULT_SSL_KEYFILE", "/etc/ssl/certs/openspp/server.key"),
    ];
    let [certificate, key] = files.map(|(name, default)| {
        let path = migration.variables.take(name);
        quote(&path.unwrap_or_else(|| default.to_owned()))
    });
    let listener = format!("[[listener]]\naddress = \"0.0.0.0:{port}\"\n");
    match is_secured {
        true => format!(
            "{listener}tls = \"required\"\n\n\
             [tls]\ndata = \"required\"\ncertificate = {certificate}\nkey = {key}\n"
        ),
        false => format!("{listener}tls = \"off\"\n"),
    }
}

fn passive(migration: &mut Migration<'_>) -> String {
    const NAME: &str = "DEFAULT_PASSIVE_PORTS";
    let mut text = "[passive]\n".to_owned();
    let listed = migration.variables.take(NAME);
    match ports(listed.as_deref().unwrap_or("3000-3005")) {
        Ok((range, others)) => {
            text += &format!("ports = \"{range}\"\n");
            if !others.is_empty() {
                let others = format!("ports are one range here; left out are {others:?}");
                migration.written.note(NAME, &others);
            }
        }
        Err(problem) => migration.problem(format!("{NAME}: {problem}")),
    }
    let address = migration.value::<AdvertisedAddress>("FTP_HOSTNAME");
    let told = match address {
        Some(AdvertisedAddress::Ip(IpAddr::V6(_))) => {
            migration.problem("FTP_HOSTNAME: PASV cannot tell an IPv6 address");
            return text;
        }
        None | Some(AdvertisedAddress::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED))) => return text,
        Some(AdvertisedAddress::Ip(address)) => address.to_string(),
        Some(AdvertisedAddress::Name(name)) => name,
    };
    let told = quote(&told);
    text + &format!("\n[[passive.advertise]]\nclients = \"0.0.0.0/0\"\naddress = {told}\n")
}

/// Where uploads are while they come in. A directory of its own it makes; another is there.
fn uploads(migration: &mut Migration<'_>) -> String {
    const NAME: &str = "FTP_UPLOAD_DIR";
    if let Some(path) = migration.variables.take(NAME) {
        let what = "it has to be there, best on a tmpfs, and holds a file while it comes in";
        migration.written.note(NAME, what);
        if !path.starts_with('/') {
            let what = "it is not absolute, and leads from the new directory on";
            migration.written.note(NAME, what);
        }
        return quote(&path);
    }
    migration.written.directories.push("incoming".to_owned());
    quote("incoming")
}

fn limits(migration: &mut Migration<'_>) -> String {
    const NAME: &str = "FTP_MAX_CONNECTIONS";
    // None at all was no limit, of all as of an address.
    let all = match migration.value::<u32>(NAME) {
        Some(0) => {
            let most = Limits::default().connections;
            let what = format!("it was no limit, and is {most}, as for every host");
            migration.written.note(NAME, &what);
            most
        }
        all => all.unwrap_or(256),
    };
    let each = migration.value::<u32>("FTP_MAX_CONNECTIONS_PER_IP");
    let each = each.filter(|each| *each > 0).unwrap_or(all);
    format!("[limits]\nconnections = {all}\nconnections-per-address = {each}\n")
}

/// Logins and uploads, which are the application's to accept.
fn application(migration: &mut Migration<'_>) {
    const NAME: &str = "OPENSPP_URL";
    let url = migration.variables.take(NAME);
    let url = url.unwrap_or_else(|| {
        let what = "it is not set, and stands for http://example.org";
        migration.written.note(NAME, what);
        "http://example.org".to_owned()
    });
    let base = url.trim_end_matches('/');
    let Some(origin) = origin(base) else {
        let problem = "it is not a host, or a path there, such as https://example.org";
        migration.problem(format!("{NAME}: {problem}"));
        return;
    };
    let forward = FORWARD
        .replace(&quote(EXAMPLE), &quote(origin))
        .replace(EXAMPLE, base);
    migration
        .written
        .plugin("flatten-names", "flatten-names", FLATTEN.to_owned());
    migration
        .written
        .plugin("http-forward", "http-forward", forward);
}

/// The part of a plain URL that tells where it leads.
fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    let is_http = scheme == "http" || scheme == "https";
    (is_http && !host.is_empty() && rest.chars().all(is_plain))
        .then(|| &url[..scheme.len() + "://".len() + host.len()])
}

/// The longest range among ports that are listed, such as `3000-3005`, `3000,3001` or
/// `[3000, 3001]`, and the ports that are not in it.
fn ports(text: &str) -> Result<(PortRange, Vec<u16>), String> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let items = inner.split(|c: char| c == ',' || c.is_whitespace());
    let mut listed = Vec::new();
    for item in items.filter(|item| !item.is_empty()) {
        let PortRange { first, last } = PortRange::parse(item)?;
        listed.extend(first..=last);
    }
    listed.sort_unstable();
    listed.dedup();
    let mut ranges: Vec<PortRange> = Vec::new();
    for port in listed.iter().copied() {
        match ranges.last_mut() {
            Some(range) if u32::from(range.last) + 1 == u32::from(port) => range.last = port,
            _ => ranges.push(PortRange {
                first: port,
                last: port,
            }),
        }
    }
    let longest = ranges.into_iter().rev().max_by_key(|range| range.count());
    let longest = longest.ok_or("it lists no port")?;
    listed.retain(|port| !(longest.first..=longest.last).contains(port));
    Ok((longest, listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_where_its_url_leads() {
        for (url, found) in [
            ("https://dms.example.com", Some("https://dms.example.com")),
            ("http://10.1.2.3:8069/odoo", Some("http://10.1.2.3:8069")),
            ("http://[::1]:8069", Some("http://[::1]:8069")),
            ("dms.example.com", None),
            ("ftp://dms.example.com", None),
            ("https:///odoo", None),
            ("https://user:word@dms.example.com", None),
            ("https://dms.example.com/\"x", None),
        ] {
            assert_eq!(origin(url), found, "{url}");
        }
    }

    #[test]
    fn ports_are_listed_in_several_ways() {
        for (text, range, others) in [
            ("3000-3005", "3000-3005", &[][..]),
            ("[3000, 3001,3002]", "3000-3002", &[]),
            ("3002 3001 3000", "3000-3002", &[]),
            ("3000,3002,3003", "3002-3003", &[3000]),
            ("3000", "3000-3000", &[]),
            ("3000-3001,3003-3004", "3000-3001", &[3003, 3004]),
        ] {
            let (found, left) = ports(text).unwrap();
            assert_eq!(
                (found.to_string().as_str(), &left[..]),
                (range, others),
                "{text}"
            );
        }
        for text in ["", "[]", "3000,x", "0"] {
            assert!(ports(text).is_err(), "{text}");
        }
    }
}
