//! Texts for clients and operators: made safe to show, made readable.

/// As much of a text as fits into the line of a reply.
const MAX_SHOWN: usize = 400;

/// `text` as one line for a client: without line breaks and other control characters, bounded.
pub fn one_line(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    let line = line.trim();
    line[..line.floor_char_boundary(MAX_SHOWN)].to_owned()
}

/// `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reply_can_be_forged() {
        assert_eq!(one_line("no\r\n230 yes\0\n"), "no  230 yes");
        assert_eq!(one_line(&"é".repeat(300)).len(), MAX_SHOWN);
    }
}
