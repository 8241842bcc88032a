//! Base64 (RFC 4648, section 4), whole or in lines as MIME has them.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of one line: 76 characters (RFC 2045, section 6.8).
pub const LINE: usize = 57;
/// What ends a line, as it stands in a JSON string.
const LINE_END: &[u8] = b"\\n";

/// How a file stands in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// In one line.
    Base64,
    /// In lines of a JSON string, with an end behind the last, too.
    Base64Lines,
}

impl Encoding {
    /// How many bytes `size` bytes become; none where they are too many to count.
    pub fn length(self, size: u64) -> Option<u64> {
        let characters = || size.div_ceil(3).checked_mul(4);
        match self {
            Self::Raw => Some(size),
            Self::Base64 => characters(),
            Self::Base64Lines => {
                let ends = size.div_ceil(LINE as u64) * LINE_END.len() as u64;
                characters()?.checked_add(ends)
            }
        }
    }

    /// The next bytes as they stand in the body; all but the last are a number of whole lines.
    pub fn encode(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Raw => bytes,
            Self::Base64 => {
                let mut encoded = Vec::with_capacity(bytes.len() / 3 * 4 + 4);
                base64(&bytes, &mut encoded);
                encoded
            }
            Self::Base64Lines => {
                let mut encoded = Vec::with_capacity(bytes.len() / LINE * 78 + 78);
                for line in bytes.chunks(LINE) {
                    base64(line, &mut encoded);
                    encoded.extend_from_slice(LINE_END);
                }
                encoded
            }
        }
    }
}

fn base64(bytes: &[u8], into: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut bits = 0;
        for place in 0..3 {
            bits = bits << 8 | u32::from(group.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let character = match place <= group.len() {
                true => ALPHABET[(bits >> (18 - 6 * place) & 0x3f) as usize],
                false => b'=',
            };
            into.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoding: Encoding, bytes: &[u8]) -> String {
        let encoded = encoding.encode(bytes.to_vec());
        let length = encoding.length(bytes.len() as u64);
        assert_eq!(length, Some(encoded.len() as u64), "{encoding:?} {bytes:?}");
        String::from_utf8(encoded).expect("it is text")
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(text(Encoding::Base64, plain.as_bytes()), encoded);
        }
        assert_eq!(text(Encoding::Base64, &[0xff, 0xef, 0xbe]), "/+++");
    }

    #[test]
    fn lines_are_those_of_python() {
        // base64.encodebytes, then json.dumps.
        for (size, lines) in [(0, 0), (1, 1), (57, 1), (58, 2), (114, 2), (115, 3)] {
            let encoded = text(Encoding::Base64Lines, &vec![b'x'; size]);
            assert_eq!(encoded.matches("\\n").count(), lines, "{size}");
            assert!(encoded.is_empty() || encoded.ends_with("\\n"), "{size}");
            let whole = encoded.replace("\\n", "");
            assert_eq!(whole, text(Encoding::Base64, &vec![b'x'; size]));
            let first = encoded.split("\\n").next().unwrap_or_default();
            assert!(first.len() <= 76, "{size}");
        }
    }
}
