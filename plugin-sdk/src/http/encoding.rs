//! How names, values and credentials stand in a request.

use super::Request;

impl Request {
    /// Adds names and values to the query of the address, behind those that it has.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let fragment = self.url.find('#').unwrap_or(self.url.len());
        self.url.truncate(fragment);
        if !pairs.is_empty() {
            self.url.push(match self.url.contains('?') {
                true => '&',
                false => '?',
            });
            self.url += &encoded(pairs);
        }
        self
    }

    /// Sends names and values as a web form does, with its content type.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(pairs))
    }

    /// Says who asks (RFC 7617). A name with a `:` cannot be told from its password.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let credentials = base64(format!("{user}:{password}").as_bytes());
        self.header("authorization", format!("Basic {credentials}"))
    }
}

/// Names and values as a query and a form have them.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", percent(name), percent(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A text with everything escaped that is not unreserved (RFC 3986, section 2.3).
pub fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(byte.into());
            }
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

/// Bytes in base64, padded (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() {
                digit.into()
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_client_types_arrives_as_it_was() {
        let request = Request::get("https://example.com/a?b=c#d").query(&[("e", "f g&h=ä+")]);
        assert_eq!(
            request.url,
            "https://example.com/a?b=c&e=f%20g%26h%3D%C3%A4%2B"
        );
        let request = Request::get("https://example.com").query(&[]);
        assert_eq!(request.url, "https://example.com");
        let request = Request::post("https://example.com").form(&[("a b", "\r\n"), ("c", "")]);
        assert_eq!(request.body, b"a%20b=%0D%0A&c=");
    }

    #[test]
    fn credentials_are_encoded() {
        // RFC 7617, section 2; RFC 4648, section 10.
        let request = Request::get("").basic("Aladdin", "open sesame");
        assert_eq!(request.headers[0].1, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xbe]), "/+++");
    }
}
