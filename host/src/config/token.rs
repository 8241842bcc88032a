//! The token that a request to the admin endpoint has to show.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wharf_protocol::secret::Secret;

use super::value::Value;

/// The shortest token, in characters: nobody guesses 16 random ones, however often he asks.
const TOKEN_CHARS_MIN: usize = 16;

/// What a request has to show, as it stands behind `Authorization: Bearer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// Whether `given` is it, in a time that tells neither how much of it is right nor how long it
    /// is.
    pub fn matches(&self, given: &str) -> bool {
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        bool::from(digest(self.0.expose()).ct_eq(&digest(given)))
    }
}

impl Value for Token {
    const SECRET: bool = true;
    const NAME: &'static str = "a token";

    fn form() -> String {
        "write 16 visible characters or more, better as \"${NAME}\" or { file = \"path\" }".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        // Anything else cannot stand in a header.
        match text.chars().all(|c| c.is_ascii_graphic()) {
            true if text.len() >= TOKEN_CHARS_MIN => Ok(Self(Secret::new(text))),
            true => Err(format!("it has fewer than {TOKEN_CHARS_MIN} characters")),
            false => Err("it holds more than visible ASCII characters".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_itself_and_nothing_else() {
        let token = Token::parse("0123456789abcdef").unwrap();
        assert!(token.matches("0123456789abcdef"));
        for other in [
            "",
            "0123456789abcdeF",
            "0123456789abcdef0",
            "0123456789abcde",
        ] {
            assert!(!token.matches(other), "{other}");
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn what_is_guessed_or_cannot_be_sent_is_no_token() {
        for (text, refused) in [
            ("0123456789abcde", "fewer than 16"),
            ("0123456789 abcdef", "visible ASCII"),
            ("0123456789abcdé", "visible ASCII"),
            ("", "fewer than 16"),
        ] {
            assert!(Token::parse(text).unwrap_err().contains(refused), "{text}");
        }
    }
}
