//! Requests and answers of HTTP, as far as a proxy has to know them.

use std::io::{self, BufRead, ErrorKind, Read};

/// The head of a request or an answer, with the empty line at its end.
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(super) fn read(source: &mut impl BufRead) -> io::Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if source.read_until(b'\n', &mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self(head))
    }

    /// The first line.
    pub(super) fn line(&self) -> String {
        let head = String::from_utf8_lossy(&self.0);
        head.lines().next().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.0);
        let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
        pairs.find_map(|(key, value)| {
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.header(name)
            .is_some_and(|said| said.eq_ignore_ascii_case(value))
    }

    /// The body as it travels; none where there may be none.
    pub(super) fn body(&self, source: &mut impl BufRead, may_have: bool) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if !may_have {
            return Ok(body);
        }
        if self.says("transfer-encoding", "chunked") {
            while !body.ends_with(b"\r\n0\r\n\r\n") && body != b"0\r\n\r\n" {
                let start = body.len();
                source.read_until(b'\n', &mut body)?;
                let size = String::from_utf8_lossy(&body[start..]).trim().to_owned();
                let size = u64::from_str_radix(&size, 16).map_err(|_| ErrorKind::InvalidData)?;
                source.take(size + 2).read_to_end(&mut body)?;
            }
        } else if let Some(length) = self.header("content-length") {
            let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
            source.take(length).read_to_end(&mut body)?;
        }
        Ok(body)
    }
}
