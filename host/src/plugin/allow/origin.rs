//! Where a plugin may send HTTP requests: schemes, hosts and ports, and nothing of a path.

use std::fmt;
use std::net::IpAddr;

use crate::config::value::Value;

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Under TLS.
    Https,
}

impl Scheme {
    /// The port that a URL without one means.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme that `text` names, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(&scheme.to_string()))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// One origin of `[allow] http`, or all origins below a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// `auth.example.com`, in lower case.
    Name(String),
    /// `*.example.com`: what ends in `.example.com`, and not `example.com` itself.
    Below(String),
    /// `192.0.2.1` or `[2001:db8::1]`
    Address(IpAddr),
}

impl OriginPattern {
    /// Whether a URL of `scheme`, `host` and `port` belongs to it. An IPv6 address stands in
    /// brackets.
    pub fn matches(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_host = match &self.host {
            HostPattern::Name(name) => host.eq_ignore_ascii_case(name),
            HostPattern::Below(suffix) => is_below(host, suffix),
            HostPattern::Address(address) => literal(host) == Some(*address),
        };
        is_host && self.scheme == scheme && self.port == port
    }

    /// Whether requests to it go under TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }
}

/// Whether `host` has at least one label before `.suffix`.
fn is_below(host: &str, suffix: &str) -> bool {
    let at = host.len().checked_sub(suffix.len());
    let split = at.and_then(|at| host.split_at_checked(at));
    split.is_some_and(|(front, back)| {
        let label = front.strip_suffix('.').unwrap_or_default();
        back.eq_ignore_ascii_case(suffix) && !label.is_empty() && literal(host).is_none()
    })
}

/// The address that `host` is, where it is one: IPv6 in brackets, as in a URL.
pub fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => Some(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
        None => Some(IpAddr::V4(host.parse().ok()?)),
    }
}

impl Value for OriginPattern {
    const NAME: &'static str = "an origin";

    fn form() -> String {
        "write scheme and host, such as \"https://auth.example.com\" or \
         \"https://*.example.com:8443\""
            .to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, authority) = text
            .split_once("://")
            .ok_or("it does not begin with http:// or https://")?;
        let scheme = Scheme::parse(scheme).ok_or("its scheme is neither http nor https")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('@') {
            return Err("it names a user, and an origin has none".to_owned());
        }
        if let Some(part) = authority.find(['/', '?', '#', '\\']) {
            let behind = &authority[part..];
            return Err(format!(
                "it goes on with {behind:?}; an origin ends with its host or port"
            ));
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => scheme.port(),
            Some(digits) => port_of(digits)?,
        };
        let host = HostPattern::parse(host)?;
        Ok(Self { scheme, host, port })
    }
}

/// Splits `host:port`; the colons of an IPv6 address stand in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or("its [ has no ]")? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    match (port.strip_prefix(':'), port.is_empty()) {
        (Some(port), _) => Ok((host, Some(port))),
        (None, true) => Ok((host, None)),
        (None, false) => Err("what is behind its ] is no port".to_owned()),
    }
}

fn port_of(digits: &str) -> Result<u16, String> {
    match digits.parse() {
        Ok(port @ 1..) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(format!("{digits:?} is no port from 1 to 65535")),
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self, String> {
        if let Some(address) = literal(host) {
            return Ok(Self::Address(address));
        }
        let lower = host.to_ascii_lowercase();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        if name == "*" {
            return Err("it allows every host; name the hosts that are needed".to_owned());
        }
        let (below, name) = match name.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        if name.contains('*') {
            let reason = "a * stands for whole labels in front, as in *.example.com";
            return Err(reason.to_owned());
        }
        let is_label = |label: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            (1..=63).contains(&label.len()) && label.bytes().all(known)
        };
        // RFC 1035, section 2.3.4: a name has at most 255 octets, a label 63.
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err("its host is neither a name nor an address".to_owned());
        }
        // What resolvers take for an IPv4 address, such as 127.1 or 0x7f.0.0.1, is no name.
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("its host is no name, and no address in its usual form".to_owned());
        }
        Ok(match below {
            true => Self::Below(name.to_owned()),
            false => Self::Name(name.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Places = &'static [(Scheme, &'static str, u16)];

    #[test]
    fn an_origin_is_its_scheme_host_and_port() {
        let cases: [(&str, Places, Places); 5] = [
            (
                "https://Auth.Example.com",
                &[
                    (Scheme::Https, "auth.example.com", 443),
                    (Scheme::Https, "AUTH.example.com.", 443),
                ],
                &[
                    (Scheme::Http, "auth.example.com", 443),
                    (Scheme::Https, "auth.example.com", 8443),
                    (Scheme::Https, "auth.example.com.evil.example", 443),
                    (Scheme::Https, "xauth.example.com", 443),
                    (Scheme::Https, "example.com", 443),
                ],
            ),
            (
                "https://*.idp.example:8443",
                &[
                    (Scheme::Https, "a.idp.example", 8443),
                    (Scheme::Https, "a.b.idp.example", 8443),
                ],
                &[
                    (Scheme::Https, "idp.example", 8443),
                    (Scheme::Https, ".idp.example", 8443),
                    (Scheme::Https, "evilidp.example", 8443),
                    (Scheme::Https, "a.idp.example", 443),
                    (Scheme::Https, "\u{e9}idp.example", 8443),
                ],
            ),
            (
                "http://192.0.2.1/",
                &[(Scheme::Http, "192.0.2.1", 80)],
                &[
                    (Scheme::Http, "192.0.2.2", 80),
                    (Scheme::Http, "192.513", 80),
                ],
            ),
            (
                "http://[2001:DB8::1]:8080",
                &[(Scheme::Http, "[2001:db8:0::1]", 8080)],
                &[
                    (Scheme::Http, "2001:db8::1", 8080),
                    (Scheme::Http, "[::1]", 8080),
                ],
            ),
            (
                "http://localhost:9",
                &[(Scheme::Http, "localhost", 9)],
                &[(Scheme::Http, "127.0.0.1", 9), (Scheme::Http, "", 9)],
            ),
        ];
        for (text, inside, outside) in cases {
            let pattern = OriginPattern::parse(text).unwrap();
            for (scheme, host, port) in inside {
                assert!(
                    pattern.matches(*scheme, host, *port),
                    "{text} {host}:{port}"
                );
            }
            for (scheme, host, port) in outside {
                assert!(
                    !pattern.matches(*scheme, host, *port),
                    "{text} {host}:{port}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_reason() {
        let cases = [
            ("auth.example.com", "does not begin with http://"),
            ("ftp://example.com", "neither http nor https"),
            ("*://example.com", "neither http nor https"),
            ("https://", "neither a name nor an address"),
            ("https://*", "every host"),
            ("https://*:443", "every host"),
            ("https://*foo.example", "whole labels"),
            ("https://a.*.example", "whole labels"),
            ("https://*.*.example", "whole labels"),
            ("https://a.example/path", "goes on with \"/path\""),
            ("https://a.example?q", "goes on with \"?q\""),
            ("https://a.example#f", "goes on with \"#f\""),
            ("https://a.example//", "goes on with \"/\""),
            ("https://me:pw@a.example", "names a user"),
            ("https://a.example:0", "no port"),
            ("https://a.example:", "no port"),
            ("https://a.example:+80", "no port"),
            ("https://a.example:99999", "no port"),
            ("https://[::1", "has no ]"),
            ("https://[::1]8", "no port"),
            ("https://[x]", "neither a name nor an address"),
            ("https://a..example", "neither a name nor an address"),
            ("https://a b", "neither a name nor an address"),
            ("http://127.1", "usual form"),
            ("http://0x7f.0.0.1", "usual form"),
            ("http://2130706433", "usual form"),
        ];
        for (text, reason) in cases {
            let error = OriginPattern::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
