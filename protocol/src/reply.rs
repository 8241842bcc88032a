//! Replies: a code by meaning, a text, and how both go over the wire.

mod code;
mod refusal;

use std::borrow::Cow;
use std::fmt;

pub use code::Code;
pub use refusal::Situation;

/// Bytes kept of a text that a plugin or an operator wrote. Clients read reply lines into small
/// buffers (4 KiB is common), and no message for a person is longer.
const FOREIGN_TEXT_MAX: usize = 1024;

/// One reply of the server (RFC 959 section 4.2).
///
/// No line of it holds a CR, LF or NUL, whoever wrote the text, so nothing can pose as a reply.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: Code,
    /// Lines before the last one; none in a reply of a single line.
    leading: Vec<String>,
    last: String,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            leading: Vec::new(),
            last: single_line(text.into()),
        }
    }

    /// A reply with a text from a plugin or an operator, if there is one, else with `ours`. The
    /// text is cut to a bound; its line breaks become lines of the reply.
    pub fn foreign(code: Code, text: Option<String>, ours: &str) -> Self {
        let Some(mut text) = text else {
            return Self::new(code, ours);
        };
        text.truncate(text.floor_char_boundary(FOREIGN_TEXT_MAX));
        let mut lines: Vec<String> = text.lines().map(|line| single_line(line.into())).collect();
        let last = lines.pop().unwrap_or_default();
        Self {
            code,
            leading: lines,
            last,
        }
    }

    /// A reply of several lines: `first`, then `inner` each after one space (which FEAT and MLST
    /// need and everybody else bears, RFC 2389 section 3.2), then `last`.
    pub fn lines<I>(code: Code, first: impl Into<String>, inner: I, last: impl Into<String>) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut leading = vec![single_line(first.into())];
        leading.extend(inner.into_iter().map(|line| single_line(line.into())));
        Self {
            code,
            leading,
            last: single_line(last.into()),
        }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code.number()
    }

    /// Whether another reply to the same command follows.
    pub fn is_preliminary(&self) -> bool {
        self.code.is_preliminary()
    }

    /// The bytes to send, CR LF at the end of each line.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

/// As it goes over the wire.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        for (index, line) in self.leading.iter().enumerate() {
            match index {
                0 => write!(f, "{code}-{line}\r\n")?,
                _ => write!(f, " {line}\r\n")?,
            }
        }
        write!(f, "{code} {}\r\n", self.last)
    }
}

/// A line of a reply that does not end with it (RFC 959 section 4.2).
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyLine {
    code: Code,
    text: String,
}

impl ReplyLine {
    /// A line of a reply with `code`.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: single_line(text.into()),
        }
    }

    /// The bytes to send, CR LF at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

/// As it goes over the wire.
impl fmt::Display for ReplyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}\r\n", self.code.number(), self.text)
    }
}

impl fmt::Debug for ReplyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyLine({:?})", self.to_string())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({:?})", self.to_string())
    }
}

/// `path` between quotes, its own quotes doubled (RFC 959 appendix II).
pub(crate) fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\"\""))
}

fn single_line(text: String) -> String {
    match without_breaks(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    }
}

fn without_breaks(text: &str) -> Cow<'_, str> {
    const BREAKS: [char; 3] = ['\r', '\n', '\0'];
    match text.contains(BREAKS) {
        true => Cow::Owned(text.replace(BREAKS, " ")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_on_the_wire() {
        let feat = Reply::lines(Code::SystemStatus, "Features:", ["UTF8", "EPSV"], "End");
        let table = [
            (Reply::new(Code::Okay, "Okay"), "200 Okay\r\n"),
            (feat, "211-Features:\r\n UTF8\r\n EPSV\r\n211 End\r\n"),
            (Reply::foreign(Code::Ready, None, "Wharf"), "220 Wharf\r\n"),
            (
                Reply::foreign(Code::Ready, Some("a\r\nb\n\nc\n".into()), ""),
                "220-a\r\n b\r\n \r\n220 c\r\n",
            ),
            (
                Reply::foreign(Code::Ready, Some(String::new()), "x"),
                "220 \r\n",
            ),
            (
                Reply::new(Code::Path, quoted("/a\"b")),
                "257 \"/a\"\"b\"\r\n",
            ),
        ];
        for (reply, wire) in table {
            assert_eq!(reply.to_string(), wire);
        }
    }

    #[test]
    fn no_text_can_pose_as_another_reply() {
        let evil = "no\r\n230 Logged in\0";
        let replies = [
            Reply::new(Code::NotLoggedIn, evil),
            Reply::lines(Code::NotLoggedIn, evil, [evil], evil),
            Reply::foreign(Code::NotLoggedIn, Some(evil.into()), ""),
        ];
        for reply in replies {
            let wire = reply.to_string();
            assert!(!wire.contains('\0'));
            for line in wire.split_terminator("\r\n") {
                assert!(
                    !line.contains(['\r', '\n']) && !line.starts_with("230"),
                    "{line:?}"
                );
            }
        }
    }

    #[test]
    fn a_foreign_text_is_cut_at_a_character() {
        let reply = Reply::foreign(Code::Ready, Some("ä".repeat(FOREIGN_TEXT_MAX)), "");
        assert_eq!(reply.to_bytes().len(), "220 \r\n".len() + FOREIGN_TEXT_MAX);
    }
}
