//! Where keys stand on the server, and what its answers call them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a part of a path as it is: RFC 3986, section 2.3. Everything else is encoded.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The root of what the plugin keeps.
#[derive(Debug)]
pub struct Address {
    /// Such as `https://cloud.example.com`.
    origin: String,
    /// The parts of the path, decoded.
    base: Vec<String>,
}

impl Address {
    /// Reads the address that an operator wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let scheme = ["https://", "http://"]
            .into_iter()
            .find(|scheme| url.starts_with(scheme))
            .ok_or("is not an address such as \"https://cloud.example.com/dav/\"")?;
        let (host, path) = split_host(&url[scheme.len()..]);
        if host.is_empty() {
            return Err("names no server");
        }
        if host.contains('@') {
            return Err("holds credentials; they belong into `user` and `[allow] secrets`");
        }
        if path.contains(['?', '#']) {
            return Err("has more than a path");
        }
        Ok(Self {
            origin: format!("{scheme}{host}"),
            base: parts(path).ok_or("is not UTF-8 once it is decoded")?,
        })
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_clear(&self) -> bool {
        self.origin.starts_with("http:")
    }

    /// Where the file of this key stands.
    pub fn file(&self, key: &str) -> String {
        let mut url = self.origin.clone();
        let base = self.base.iter().map(String::as_str);
        for part in base.chain(key.split('/')).filter(|part| !part.is_empty()) {
            url.push('/');
            url.extend(utf8_percent_encode(part, PART));
        }
        url
    }

    /// Where the directory of this key stands: RFC 4918, section 5.2 wants the slash at its end.
    pub fn directory(&self, key: &str) -> String {
        self.file(key) + "/"
    }

    /// How many parts the path of this key has.
    pub fn depth(&self, key: &str) -> usize {
        let parts = key.split('/').filter(|part| !part.is_empty());
        self.base.len() + parts.count()
    }

    /// What is behind the server's name in one of these addresses.
    pub fn path<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(&self.origin).unwrap_or(url)
    }
}

/// The directory of a key and its name in it.
pub fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// The decoded parts of the path that a server names, whether it writes the whole address or its
/// path alone, and however it encodes. `None` where it is not UTF-8.
pub fn parts(href: &str) -> Option<Vec<String>> {
    let rest = href
        .strip_prefix("https://")
        .or_else(|| href.strip_prefix("http://"));
    let path = rest.map_or(href, |rest| split_host(rest).1);
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned()))
        .collect()
}

/// The server's name, and the path with its slash.
fn split_host(address: &str) -> (&str, &str) {
    address.split_at(address.find('/').unwrap_or(address.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_whatever_it_holds() {
        let address = Address::parse("https://h:8443/dav/bob%20b/").unwrap();
        for (key, expected) in [
            ("", ""),
            ("a/b.txt", "/a/b.txt"),
            ("100 %#?", "/100%20%25%23%3F"),
            ("\u{1f6a2}/\u{e9}", "/%F0%9F%9A%A2/%C3%A9"),
            ("a\\b;c=d&e+f:g", "/a%5Cb%3Bc%3Dd%26e%2Bf%3Ag"),
            ("%2F", "/%252F"),
        ] {
            let url = format!("https://h:8443/dav/bob%20b{expected}");
            assert_eq!(address.file(key), url);
            assert_eq!(address.directory(key), format!("{url}/"));
            let named = parts(&url).unwrap();
            assert_eq!(named.len(), address.depth(key), "{key}");
            let kept: Vec<_> = key.split('/').filter(|part| !part.is_empty()).collect();
            assert_eq!(named[2..], kept);
        }
    }

    #[test]
    fn servers_write_paths_in_many_ways() {
        let expected = ["dav", "a b", "\u{e9}%"].map(str::to_owned);
        for href in [
            "/dav/a%20b/%C3%A9%25",
            "/dav/a b/\u{e9}%25/",
            "//dav//a%20b/%c3%a9%",
            "http://elsewhere:1/dav/a%20b/%c3%A9%25",
            "https://h/dav/a%20b/%C3%A9%25/",
        ] {
            assert_eq!(parts(href).unwrap(), expected, "{href}");
        }
        assert_eq!(parts("http://h").unwrap(), [""; 0]);
        assert_eq!(parts("/a%2Fb").unwrap(), ["a/b"]);
        assert_eq!(parts("/%FF"), None);
    }

    #[test]
    fn an_address_is_one_or_is_refused() {
        for wrong in [
            "",
            "cloud.example.com",
            "ftp://h/",
            "https://",
            "https:///dav",
            "https://bob:secret@h/",
            "https://h/?a",
            "https://h/%FF",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
        let address = Address::parse("http://h").unwrap();
        assert!(address.is_clear());
        assert_eq!(address.directory(""), "http://h/");
        assert_eq!(address.path("http://h/a%20b"), "/a%20b");
    }
}
