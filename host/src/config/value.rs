//! The kinds of values that settings have, each parsed from its text in one place.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use wharf_protocol::secret::Secret;

use super::nearest::nearest;
use super::passive::{AdvertisedAddress, PortRange};

/// What a setting may be. Its text stands in the file, in the environment or in a file of its own.
pub trait Value: Sized {
    /// How it is written in TOML. Text from elsewhere may hold any kind.
    const KIND: Kind = Kind::Text;

    /// Whether no message shows it, however wrong it is.
    const SECRET: bool = false;

    /// What it is, with its article, for the message: "a duration".
    const NAME: &'static str;

    /// How it is written, for the advice: `such as "30s"`.
    fn form() -> String;

    /// Its value.
    ///
    /// # Errors
    /// Why `text` is none, to follow a colon.
    fn parse(text: &str) -> Result<Self, String>;
}

/// How a value is written in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An integer.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// Declares an enum whose every variant has one word in the configuration.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($what:literal) {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word that the configuration has for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::config::value::Value for $name {
            const NAME: &'static str = $what;

            fn form() -> String {
                format!("write {}", [$(concat!("\"", $word, "\"")),+].join(" or "))
            }

            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::config::value::no_choice(text, &[$($word),+])),
                }
            }
        }
    };
}
pub(crate) use choices;

/// Why `text` is none of the `words`.
pub fn no_choice(text: &str, words: &[&str]) -> String {
    match nearest(text, words.iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => "there is no such choice".to_owned(),
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Boolean;
    const NAME: &'static str = "a switch";

    fn form() -> String {
        "write true or false, without quotes".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "it is neither true nor false".to_owned())
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Integer;
    const NAME: &'static str = "a count";

    fn form() -> String {
        format!(
            "write a whole number from 0 to {}, without quotes",
            Self::MAX
        )
    }

    fn parse(text: &str) -> Result<Self, String> {
        let number: i128 = text
            .parse()
            .map_err(|_| "it is no whole number".to_owned())?;
        let reason = if number < 0 {
            "it is negative"
        } else {
            "it is too large"
        };
        Self::try_from(number).map_err(|_| reason.to_owned())
    }
}

impl Value for String {
    const NAME: &'static str = "a text";

    fn form() -> String {
        "write it in quotes, in one line".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(format!("it holds the control character {control:?}")),
            None => Ok(text.to_owned()),
        }
    }
}

impl Value for PathBuf {
    const NAME: &'static str = "a path";

    fn form() -> String {
        "write it in quotes; a relative one starts at the directory of this file".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("it is empty".to_owned()),
            _ if text.contains('\0') => Err("it holds a NUL".to_owned()),
            _ => Ok(Self::from(text)),
        }
    }
}

/// Units of time in milliseconds, the longest name of a common start first.
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

impl Value for Duration {
    const NAME: &'static str = "a duration";

    fn form() -> String {
        "write numbers with a unit (ms, s, m, h, d), such as \"30s\" or \"1h30m\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut total = 0_u64;
        let mut rest = text.trim();
        loop {
            let (number, unit, behind) = quantity(rest)?;
            let (_, length) = TIMES
                .into_iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(|| format!("{unit:?} is no unit of time"))?;
            total = number
                .checked_mul(length)
                .and_then(|part| total.checked_add(part))
                .ok_or("it is too long")?;
            if behind.is_empty() {
                return Ok(Self::from_millis(total));
            }
            rest = behind;
        }
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ByteSize(pub u64);

/// Units of size in bytes.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

impl Value for ByteSize {
    const NAME: &'static str = "a size";

    fn form() -> String {
        "write a number with a unit (B, KiB, MiB, GiB, TiB), such as \"32MiB\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit, behind) = quantity(text.trim())?;
        if !behind.is_empty() {
            return Err("it goes on behind its unit".to_owned());
        }
        let (_, bytes) = SIZES
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(|| format!("{unit:?} is no unit of size"))?;
        number
            .checked_mul(bytes)
            .map(Self)
            .ok_or_else(|| "it is too large".to_owned())
    }
}

/// Splits a number and its unit off the start of `text`; a blank may stand between the two.
fn quantity(text: &str) -> Result<(u64, &str, &str), String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err("it does not start with a whole number".to_owned());
    }
    let number = number.parse().map_err(|_| "it is too large".to_owned())?;
    let rest = rest.trim_start();
    let letters = rest
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(rest.len());
    let (unit, behind) = rest.split_at(letters);
    if unit.is_empty() {
        return Err("it has no unit".to_owned());
    }
    Ok((number, unit, behind.trim_start()))
}

impl Value for PortRange {
    const NAME: &'static str = "a port range";

    fn form() -> String {
        "write the first and the last port, such as \"40000-40999\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| match text.trim().parse() {
            Ok(0) | Err(_) => Err(format!("{:?} is no port from 1 to 65535", text.trim())),
            Ok(port) => Ok(port),
        };
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err("it ends before it starts".to_owned());
        }
        Ok(Self { first, last })
    }
}

impl Value for SocketAddr {
    const NAME: &'static str = "an address to listen on";

    fn form() -> String {
        "write an IP address and a port, such as \"[::]:2121\" or \"127.0.0.1:2121\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            let reason = match text.rsplit_once(':') {
                _ if text.parse::<IpAddr>().is_ok() => "the port is missing",
                Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
                    "an IPv6 address stands in brackets before the port"
                }
                Some((_, port)) if port.parse::<u16>().is_err() => "the port is not one",
                Some(_) => "the part before the port is no IP address",
                None => "the port is missing",
            };
            reason.to_owned()
        })
    }
}

impl Value for IpNet {
    const NAME: &'static str = "a network";

    fn form() -> String {
        "write an address and the length of its prefix, such as \"10.0.0.0/8\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::from(address));
        }
        let reason = match text.split_once('/') {
            Some((address, _)) if address.parse::<IpAddr>().is_ok() => "the prefix is too long",
            _ => "its address is not one",
        };
        text.parse()
            .map(|network: Self| network.trunc())
            .map_err(|_| reason.to_owned())
    }
}

impl Value for AdvertisedAddress {
    const NAME: &'static str = "an address to advertise";

    fn form() -> String {
        "write an IP address or the name of a host, without a port".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        // RFC 1035, section 2.3.4: a name has at most 255 octets, a label 63.
        if text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err("it is neither an IP address nor a name".to_owned())
    }
}

impl Value for Secret {
    const SECRET: bool = true;
    const NAME: &'static str = "a secret";

    fn form() -> String {
        "write it in quotes, better as \"${NAME}\" or { file = \"path\" }".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

#[cfg(test)]
mod tests;
