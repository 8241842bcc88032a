//! What aioftps3's variables say of its store.

use crate::config::value::Value;

/// The store's name or address, with its port where it has one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Host(pub String);

/// What the key of a directory's marker ends with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suffix(pub String);

impl Value for Host {
    const NAME: &'static str = "a host";

    fn form() -> String {
        "write one such as s3-eu-west-1.amazonaws.com".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        match text.chars().all(is_part) {
            true => Ok(Self(text.to_owned())),
            false => Err("it is no host such as s3-eu-west-1.amazonaws.com".to_owned()),
        }
    }
}

impl Value for Suffix {
    const NAME: &'static str = "a suffix";

    fn form() -> String {
        "write one that begins with a slash".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.starts_with('/') {
            true => Ok(Self(text.to_owned())),
            false => Err("it does not begin with a slash".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_address_of_a_page() {
        for (text, is_host) in [
            ("s3-eu-west-1.amazonaws.com", true),
            ("127.0.0.1:9000", true),
            ("[::1]:9000", true),
            ("https://s3.amazonaws.com", false),
            ("s3.amazonaws.com/bucket", false),
            ("key@s3.amazonaws.com", false),
            ("s3 amazonaws", false),
        ] {
            assert_eq!(Host::parse(text).is_ok(), is_host, "{text}");
        }
        assert!(Suffix::parse("/.s3keep").is_ok());
        assert!(Suffix::parse("keep").is_err());
    }
}
