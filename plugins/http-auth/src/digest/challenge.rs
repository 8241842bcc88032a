//! What a service asks of whoever wants to prove a password (RFC 7616, section 3.3).

use serde::{Deserialize, Serialize};
use wharf_plugin::crypto::Algorithm;
use wharf_plugin::http::Response;

/// One challenge of the scheme Digest that can be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What the password is for.
    pub realm: String,
    /// What it is proved with.
    pub nonce: String,
    /// Handed back as it is.
    pub opaque: Option<String>,
    /// As it was written; it is handed back where there was one.
    pub algorithm: Option<String>,
    /// What that is.
    pub hash: Hash,
    /// Whether the key is made once for all questions (`-sess`).
    pub is_session: bool,
    /// Nothing where the service is of the time of RFC 2069.
    pub protection: Option<Protection>,
    /// Whether the name is hashed, too.
    pub userhash: bool,
    /// Whether it says that it takes UTF-8 (`charset`), as services since RFC 7616 do.
    pub is_utf8: bool,
    /// Whether it was the nonce that was refused, and not the password.
    pub stale: bool,
}

/// What of a request is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// `auth`
    Authentication,
    /// `auth-int`
    Integrity,
}

impl Protection {
    /// Of those that are offered, the one that every service gets right.
    fn offered(names: &str) -> Option<Self> {
        let is_offered = |it: &Self| {
            let mut names = names.split(',').map(str::trim);
            names.any(|name| name.eq_ignore_ascii_case(it.name()))
        };
        [Self::Authentication, Self::Integrity]
            .into_iter()
            .find(is_offered)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Integrity => "auth-int",
        }
    }
}

/// The digests that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hash {
    /// What is meant where nothing is said.
    Md5,
    /// SHA-256.
    Sha256,
    /// Not registered, and met all the same.
    Sha512,
    /// SHA-512/256.
    Sha512_256,
}

impl Hash {
    /// As the host knows it.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Md5 => Algorithm::Md5,
            Self::Sha256 => Algorithm::Sha256,
            Self::Sha512 => Algorithm::Sha512,
            Self::Sha512_256 => Algorithm::Sha512_256,
        }
    }

    /// The digest, and whether its key is made once (section 6.1).
    fn named(name: &str) -> Option<(Self, bool)> {
        let name = name.to_ascii_lowercase();
        let (name, is_session) = match name.strip_suffix("-sess") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let hash = match name {
            "md5" => Self::Md5,
            "sha-256" => Self::Sha256,
            "sha-512" => Self::Sha512,
            "sha-512-256" => Self::Sha512_256,
            _ => return None,
        };
        Some((hash, is_session))
    }
}

impl Challenge {
    /// The first that can be answered: the service names first what it prefers (section 3.7).
    pub fn first(response: &Response) -> Option<Self> {
        let is_challenge =
            |(name, _): &&(String, String)| name.eq_ignore_ascii_case("www-authenticate");
        let values = response.headers.iter().filter(is_challenge);
        let mut all = values.flat_map(|(_, value)| schemes(value));
        all.find_map(
            |(scheme, parameters)| match scheme.eq_ignore_ascii_case("digest") {
                true => Self::of(&parameters),
                false => None,
            },
        )
    }

    fn of(parameters: &[(String, String)]) -> Option<Self> {
        let value = |wanted: &str| {
            let mut all = parameters.iter();
            let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str())
        };
        let is = |name, text| value(name).is_some_and(|value| value.eq_ignore_ascii_case(text));
        let (hash, is_session) = Hash::named(value("algorithm").unwrap_or("MD5"))?;
        let protection = match value("qop") {
            // Its key would be made of what travels only with a protection.
            None if is_session => return None,
            None => None,
            Some(offered) => Some(Protection::offered(offered)?),
        };
        Some(Self {
            realm: value("realm")?.to_owned(),
            nonce: value("nonce")?.to_owned(),
            opaque: value("opaque").map(str::to_owned),
            algorithm: value("algorithm").map(str::to_owned),
            hash,
            is_session,
            protection,
            userhash: is("userhash", "true"),
            is_utf8: is("charset", "UTF-8"),
            stale: is("stale", "true"),
        })
    }
}

/// The schemes of one header, each with its parameters (RFC 9110, section 11.6.1). What cannot be
/// read is passed over.
fn schemes(mut text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut schemes: Vec<(String, Vec<_>)> = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        if text.is_empty() {
            return schemes;
        }
        let end = text.find([' ', '\t', ',', '=']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        match rest.trim_start().strip_prefix('=') {
            Some(rest) => {
                let (value, rest) = value(rest.trim_start());
                if let Some((_, parameters)) = schemes.last_mut() {
                    parameters.push((name.to_owned(), value));
                }
                text = rest;
            }
            None => {
                schemes.push((name.to_owned(), Vec::new()));
                text = rest;
            }
        }
    }
}

/// A value, quoted or not, and what stands behind it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_come() {
        let parameters = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
            pairs.iter().map(owned).collect()
        };
        let text = r#"Newauth realm="a, \"b\"", type=1, Basic realm="simple",,Digest qop = auth"#;
        let expected = [
            (
                "Newauth".to_owned(),
                parameters(&[("realm", "a, \"b\""), ("type", "1")]),
            ),
            ("Basic".to_owned(), parameters(&[("realm", "simple")])),
            ("Digest".to_owned(), parameters(&[("qop", "auth")])),
        ];
        assert_eq!(schemes(text), expected);
        for odd in [
            "",
            ",",
            "=",
            "a=",
            "\"",
            "Negotiate abc==",
            "Digest realm=\"open",
        ] {
            schemes(odd);
        }
    }

    #[test]
    fn the_first_that_can_be_answered_is() {
        for (headers, expected) in [
            (
                &["Digest realm=r, nonce=n"][..],
                Some((Hash::Md5, false, None)),
            ),
            (
                &[
                    "Basic realm=r",
                    "Digest realm=r, nonce=n, algorithm=sha-512-256-SESS, qop=auth",
                ],
                Some((Hash::Sha512_256, true, Some(Protection::Authentication))),
            ),
            (
                &["Digest realm=r, nonce=n, algorithm=SHA3, qop=auth, \
                   Digest realm=r, nonce=n, algorithm=SHA-256, qop=\"auth-int\""],
                Some((Hash::Sha256, false, Some(Protection::Integrity))),
            ),
            (
                &["Digest realm=r, nonce=n, qop=\"auth-int, auth\""],
                Some((Hash::Md5, false, Some(Protection::Authentication))),
            ),
            (&["Digest realm=r, nonce=n, algorithm=MD5-sess"], None),
            (&["Digest realm=r, nonce=n, qop=other"], None),
            (&["Digest nonce=n, qop=auth"], None),
            (&["Bearer"], None),
            (&[], None),
        ] {
            let mut response = Response::new(401);
            for value in headers {
                let header = ("WWW-Authenticate".to_owned(), (*value).to_owned());
                response.headers.push(header);
            }
            let found = Challenge::first(&response);
            let found = found.map(|it| (it.hash, it.is_session, it.protection));
            assert_eq!(found, expected, "{headers:?}");
        }
    }
}
