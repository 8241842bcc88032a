//! Conversations as data: what a client sends and how the server answers.
//!
//! ```text
//! == a title, after which a new connection begins
//! S: 220          the next reply, which begins like this
//! C: NOOP         a line, sent with CR LF; \r \n \t \\ and \xNN are understood
//! c: QUI          the same without CR LF
//! S.              the server closes, having said nothing more
//! ```
//!
//! Lines that begin with `#` and empty ones are for the reader.

use std::net::SocketAddr;

use crate::ftp::Ftp;

/// Hold every conversation of `text` with the server at `address`, one after the other.
pub fn play(text: &str, address: SocketAddr) {
    let mut title = "";
    let mut connection: Option<Ftp> = None;
    for (index, line) in text.lines().enumerate() {
        let place = || format!("line {} of {title:?}: {line}", index + 1);
        if let Some(name) = line.strip_prefix("== ") {
            title = name;
            connection = Some(Ftp::connect(address));
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let ftp = connection
            .as_mut()
            .unwrap_or_else(|| panic!("no title before {}", place()));
        match line.split_at(line.len().min(2)) {
            ("C:", text) => ftp.send(&[unescaped(text), b"\r\n".to_vec()].concat()),
            ("c:", text) => ftp.send(&unescaped(text)),
            ("S:", start) => {
                let reply = ftp.try_reply();
                let reply = reply.unwrap_or_else(|error| panic!("{}: {error}", place()));
                let fits = reply.lines[0].starts_with(start.trim_start());
                assert!(fits, "{}: {reply:?}", place());
            }
            ("S.", _) => {
                let codes = ftp.until_closed();
                assert!(codes.is_empty(), "{}: {codes:?}", place());
            }
            _ => panic!("nobody understands {}", place()),
        }
    }
}

/// The bytes that a line of a transcript stands for; its first space only separates.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix(' ').unwrap_or(text).bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'\\') => b'\\',
                Some(b'x') => hexadecimal([rest.next(), rest.next()]),
                other => panic!("no such escape: {other:?}"),
            },
            other => other,
        });
    }
    bytes
}

fn hexadecimal(digits: [Option<u8>; 2]) -> u8 {
    let digits = digits.map(|digit| char::from(digit.expect("\\x has two digits")));
    let value = u8::from_str_radix(&String::from_iter(digits), 16);
    value.expect("\\x has two hexadecimal digits")
}
