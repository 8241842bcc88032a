//! TYPE A: line ends travel as CR LF (RFC 959 section 3.1.1.1), whatever the chunks.
//!
//! The storage keeps lines that end in LF. A CR that is no part of a line end stays where it is, in
//! both directions.

/// From the storage to the network: LF becomes CR LF.
///
/// An LF after a CR stays as it is, so that a file which was stored with CR LF is not sent with
/// CR CR LF; vsftpd and ProFTPD do the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToNetwork {
    /// The last byte of the chunk before was a CR.
    after_return: bool,
}

impl ToNetwork {
    /// Appends to `out` what `chunk` becomes: at most twice its length.
    pub fn convert(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut written = 0;
        for position in memchr::memchr_iter(b'\n', chunk) {
            let after_return = match position {
                0 => self.after_return,
                _ => chunk[position - 1] == b'\r',
            };
            if !after_return {
                out.extend_from_slice(&chunk[written..position]);
                out.extend_from_slice(b"\r\n");
                written = position + 1;
            }
        }
        out.extend_from_slice(&chunk[written..]);
        if let Some(&last) = chunk.last() {
            self.after_return = last == b'\r';
        }
    }
}

/// From the network to the storage: CR LF becomes LF.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromNetwork {
    /// The last byte of the chunk before was a CR, which is held back until it is known what
    /// follows.
    held_return: bool,
}

impl FromNetwork {
    /// Appends to `out` what `chunk` becomes: at most one byte more than its length.
    pub fn convert(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Some(&first) = chunk.first() else { return };
        if self.held_return && first != b'\n' {
            out.push(b'\r');
        }
        self.held_return = chunk.ends_with(b"\r");
        let chunk = &chunk[..chunk.len() - usize::from(self.held_return)];
        let mut written = 0;
        // Only a CR right before an LF is dropped, so the LFs need not be looked at.
        for position in memchr::memchr_iter(b'\r', chunk) {
            if chunk.get(position + 1) == Some(&b'\n') {
                out.extend_from_slice(&chunk[written..position]);
                written = position + 1;
            }
        }
        out.extend_from_slice(&chunk[written..]);
    }

    /// Appends what was held back, at the end of the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_return) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to_network(bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut converter = ToNetwork::default();
        let mut out = Vec::new();
        bytes
            .chunks(chunk)
            .for_each(|chunk| converter.convert(chunk, &mut out));
        out
    }

    fn from_network(bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut converter = FromNetwork::default();
        let mut out = Vec::new();
        bytes
            .chunks(chunk)
            .for_each(|chunk| converter.convert(chunk, &mut out));
        converter.finish(&mut out);
        out
    }

    #[test]
    fn line_ends() {
        for (stored, sent) in [
            (&b""[..], &b""[..]),
            (b"a", b"a"),
            (b"a\nb", b"a\r\nb"),
            (b"\n\n", b"\r\n\r\n"),
            (b"a\r\nb\n", b"a\r\nb\r\n"),
            (b"a\rb", b"a\rb"),
            (b"\r\r\n\r", b"\r\r\n\r"),
        ] {
            for chunk in 1..=4 {
                assert_eq!(
                    to_network(stored, chunk),
                    sent,
                    "{stored:?} in chunks of {chunk}"
                );
            }
        }
        for (received, stored) in [
            (&b""[..], &b""[..]),
            (b"a\r\nb", b"a\nb"),
            (b"a\nb", b"a\nb"),
            (b"\r\n\r\n", b"\n\n"),
            (b"a\r", b"a\r"),
            (b"a\rb", b"a\rb"),
            (b"\r\r\n", b"\r\n"),
            (b"\r\r", b"\r\r"),
        ] {
            for chunk in 1..=4 {
                assert_eq!(
                    from_network(received, chunk),
                    stored,
                    "{received:?} by {chunk}"
                );
            }
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![2 => Just(b'\r'), 2 => Just(b'\n'), 3 => any::<u8>()];
        proptest::collection::vec(byte, 0..200)
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes in bytes(), chunk in 1_usize..50) {
            prop_assert_eq!(to_network(&bytes, chunk), to_network(&bytes, usize::MAX));
            prop_assert_eq!(from_network(&bytes, chunk), from_network(&bytes, usize::MAX));
        }

        #[test]
        fn a_text_comes_back(bytes in bytes(), chunk in 1_usize..50) {
            let text: Vec<u8> = bytes.into_iter().filter(|&byte| byte != b'\r').collect();
            prop_assert_eq!(from_network(&to_network(&text, chunk), chunk), text);
        }

        #[test]
        fn every_line_is_sent_with_one_line_end(bytes in bytes()) {
            let sent = to_network(&bytes, 7);
            prop_assert!(sent.len() <= 2 * bytes.len());
            let bare = sent.iter().enumerate()
                .any(|(at, &byte)| byte == b'\n' && (at == 0 || sent[at - 1] != b'\r'));
            prop_assert!(!bare);
        }
    }
}
