//! Addresses of data connections, as PORT, EPRT and the replies to PASV and EPSV spell them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use thiserror::Error;

use crate::effect::Family;

/// Why an argument of EPRT is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtendedAddressError {
    /// It is not `|protocol|address|port|`.
    #[error("not an address of RFC 2428")]
    Syntax,
    /// The protocol is neither 1 nor 2.
    #[error("unsupported network protocol")]
    Protocol,
}

/// Reads `h1,h2,h3,h4,p1,p2` (RFC 959 section 4.1.2); `None` where it is not that, or port 0.
pub fn parse_port(text: &str) -> Option<SocketAddrV4> {
    let mut bytes = [0; 6];
    let mut fields = text.split(',');
    for byte in &mut bytes {
        *byte = number(fields.next()?)?;
    }
    let [a, b, c, d, high, low] = bytes;
    let port = u16::from_be_bytes([high, low]);
    (fields.next().is_none() && port != 0)
        .then(|| SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

/// Reads `|1|192.0.2.1|40000|` or `|2|2001:db8::1|40000|`, with any printable ASCII character in
/// the place of `|` (RFC 2428 section 2).
pub fn parse_extended(text: &str) -> Result<SocketAddr, ExtendedAddressError> {
    let delimiter = text.chars().next().filter(char::is_ascii_graphic);
    let delimiter = delimiter.ok_or(ExtendedAddressError::Syntax)?;
    let fields: [&str; 5] = collect(text.split(delimiter)).ok_or(ExtendedAddressError::Syntax)?;
    let ["", protocol, address, port, ""] = fields else {
        return Err(ExtendedAddressError::Syntax);
    };
    let protocol = number(protocol).ok_or(ExtendedAddressError::Syntax)?;
    let family = family(protocol).ok_or(ExtendedAddressError::Protocol)?;
    let address = match family {
        Family::V4 => address.parse::<Ipv4Addr>().map(IpAddr::V4),
        Family::V6 => address.parse::<Ipv6Addr>().map(IpAddr::V6),
    };
    match (address, number::<u16>(port)) {
        (Ok(address), Some(port)) if port != 0 => Ok(SocketAddr::new(address, port)),
        _ => Err(ExtendedAddressError::Syntax),
    }
}

/// The network protocol of that number (RFC 2428 section 2).
pub fn family(protocol: u32) -> Option<Family> {
    match protocol {
        1 => Some(Family::V4),
        2 => Some(Family::V6),
        _ => None,
    }
}

/// The text of a 227. Clients look for the six numbers between parentheses.
pub fn passive_text(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})")
}

/// The text of a 229. Clients look for exactly `(|||port|)`.
pub fn extended_passive_text(port: u16) -> String {
    format!("Entering Extended Passive Mode (|||{port}|)")
}

/// A number of nothing but digits, which `str::parse` alone does not ask for.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// The items, where there are exactly `N`.
fn collect<'a, const N: usize>(items: impl Iterator<Item = &'a str>) -> Option<[&'a str; N]> {
    // One more than wanted shows that there are too many; nothing is read beyond it.
    items.take(N + 1).collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port() {
        for (text, expected) in [
            ("192,0,2,1,156,64", Some("192.0.2.1:40000")),
            ("127,0,0,1,0,1", Some("127.0.0.1:1")),
            ("255,255,255,255,255,255", Some("255.255.255.255:65535")),
            ("127,0,0,1,0,0", None),
            ("256,0,0,1,1,1", None),
            ("127,0,0,1,1", None),
            ("127,0,0,1,1,1,1", None),
            ("127,0,0,1,1,1,", None),
            ("+1,0,0,1,1,1", None),
            ("-1,0,0,1,1,1", None),
            ("1,,0,1,1,1", None),
            (" 1,0,0,1,1,1", None),
            ("", None),
        ] {
            let expected = expected.map(|address| address.parse().expect("an address"));
            assert_eq!(parse_port(text), expected, "{text}");
        }
    }

    #[test]
    fn eprt() {
        for (text, expected) in [
            ("|1|192.0.2.1|40000|", "192.0.2.1:40000"),
            ("|2|2001:db8::1|40000|", "[2001:db8::1]:40000"),
            ("!1!192.0.2.1!40000!", "192.0.2.1:40000"),
            ("d1d127.0.0.1d65535d", "127.0.0.1:65535"),
        ] {
            assert_eq!(
                parse_extended(text),
                Ok(expected.parse().expect("an address")),
                "{text}"
            );
        }
        for text in [
            "",
            "|",
            "||||",
            "|1|192.0.2.1|40000",
            "|1|192.0.2.1|0|",
            "|1|192.0.2.1|65536|",
            "|1|::1|40000|",
            "|2|127.0.0.1|40000|",
            "|2|fe80::1%eth0|40000|",
            "||127.0.0.1|1|",
            "|1|127.0.0.1|1||",
            "x|1|127.0.0.1|1|",
            " 1 127.0.0.1 1 ",
            "é1é127.0.0.1é1é",
            "|1|127.0.0.1|+1|",
            "|-1|127.0.0.1|1|",
        ] {
            assert_eq!(
                parse_extended(text),
                Err(ExtendedAddressError::Syntax),
                "{text}"
            );
        }
        for text in ["|3|127.0.0.1|1|", "|0|127.0.0.1|1|"] {
            assert_eq!(
                parse_extended(text),
                Err(ExtendedAddressError::Protocol),
                "{text}"
            );
        }
    }

    #[test]
    fn texts_that_clients_search() {
        let address = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 40_000);
        assert_eq!(
            passive_text(address),
            "Entering Passive Mode (192,0,2,1,156,64)"
        );
        assert_eq!(
            extended_passive_text(40_000),
            "Entering Extended Passive Mode (|||40000|)"
        );
    }
}
