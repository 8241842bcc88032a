//! What a client may still send of TLS after CCC.

/// The first bytes of the records in which a close_notify comes: an alert of TLS 1.2, and of TLS
/// 1.3, where it looks like data (RFC 8446 section 5.1). No command begins like them.
const RECORDS: [u8; 2] = [0x15, 0x17];

/// Takes the client's close_notify out of what comes in clear: some clients answer ours with one,
/// and some do not (RFC 4217 section 12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterTls {
    /// Within the five bytes before a record, of which the last two are its length.
    Header { seen: u8, length: u16 },
    /// Within a record, of which so many bytes are left.
    Record(u16),
    /// A command has come.
    Over,
}

impl AfterTls {
    /// Nothing has come yet.
    pub(super) const START: Self = Self::Header { seen: 0, length: 0 };

    /// What of `bytes` is in clear.
    pub(super) fn strip<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let Some((&first, rest)) = bytes.split_first() {
            *self = match *self {
                Self::Header { seen: 0, .. } if !RECORDS.contains(&first) => Self::Over,
                Self::Header { seen: 4, length } => {
                    bytes = rest;
                    Self::Record(length << 8 | u16::from(first))
                }
                Self::Header { seen, .. } => {
                    bytes = rest;
                    Self::Header {
                        seen: seen + 1,
                        length: u16::from(first),
                    }
                }
                Self::Record(0) => Self::START,
                Self::Record(left) => {
                    bytes = rest;
                    Self::Record(left - 1)
                }
                Self::Over => return bytes,
            };
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_notify_is_taken_out_and_a_command_is_not() {
        let record = |kind: u8, body: &[u8]| {
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&[kind, 3, 3][..], &length, body].concat()
        };
        let old = record(0x15, &[7; 26]);
        let new = record(0x17, b"\x15\r\n0123456789abcdef");
        let long = record(0x17, &[b'\n'; 300]);
        for before in [&b""[..], &old, &new, &long, &[&long[..], &old].concat()] {
            let sent = [before, b"PWD\r\n\x17\x03\x03\x00\x02"].concat();
            for step in [1, 3, 5, sent.len()] {
                let mut after = AfterTls::START;
                let clear: Vec<u8> = sent
                    .chunks(step)
                    .flat_map(|chunk| after.strip(chunk).to_vec())
                    .collect();
                assert_eq!(clear, b"PWD\r\n\x17\x03\x03\x00\x02", "{step}");
            }
        }
    }
}
