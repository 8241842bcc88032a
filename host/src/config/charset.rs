//! What clients write in that do not know UTF-8.

use encoding_rs::Encoding;
use wharf_protocol::line::Line;

use super::value::Value;

/// A charset in which the bytes of ASCII stand for themselves, as the commands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// The line as UTF-8. It stays as it is where it is UTF-8 already, and where it is no text of
    /// this charset either.
    pub fn read(self, line: Line) -> Line {
        if std::str::from_utf8(&line).is_ok() {
            return line;
        }
        let text = self
            .0
            .decode_without_bom_handling_and_without_replacement(&line);
        match text {
            Some(text) => Line::from(text.into_owned().into_bytes()),
            None => line,
        }
    }
}

impl Value for Charset {
    const NAME: &'static str = "a charset of clients";

    fn form() -> String {
        "write one such as \"windows-1252\", \"iso-8859-2\", \"gbk\" or \"shift_jis\"".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match Encoding::for_label(text.as_bytes()) {
            Some(encoding) if encoding.is_ascii_compatible() => Ok(Self(encoding)),
            Some(_) => Err("commands could not be read in it".to_owned()),
            None => Err("there is no such charset".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_read_in_the_charset() {
        for (charset, line, expected) in [
            ("windows-1252", &b"STOR B\xfcro.pdf"[..], "STOR Büro.pdf"),
            ("latin1", b"STOR B\xfcro.pdf", "STOR Büro.pdf"),
            ("windows-1252", "STOR Büro.pdf".as_bytes(), "STOR Büro.pdf"),
            ("gbk", b"STOR \xc9\xa8\xc3\xe8.pdf", "STOR 扫描.pdf"),
            // The second byte of this letter is a backslash in ASCII.
            ("shift_jis", b"STOR \x95\x5c.pdf", "STOR 表.pdf"),
            ("iso-8859-2", b"CWD \xb3\xf3d\xbc", "CWD łódź"),
        ] {
            let read = Charset::parse(charset)
                .unwrap()
                .read(Line::from(line.to_vec()));
            assert_eq!(&*read, expected.as_bytes(), "{charset}");
        }
    }

    #[test]
    fn what_is_no_text_either_stays_as_it_is() {
        let line = b"STOR \xff\xff.pdf";
        let read = Charset::parse("gbk")
            .unwrap()
            .read(Line::from(line.to_vec()));
        assert_eq!(&*read, line);
    }

    #[test]
    fn a_charset_has_ascii_in_it() {
        for (text, refused) in [
            ("utf-16le", "commands could not be read"),
            ("iso-2022-jp", "commands could not be read"),
            ("klingon", "no such charset"),
        ] {
            assert!(
                Charset::parse(text).unwrap_err().contains(refused),
                "{text}"
            );
        }
    }
}
