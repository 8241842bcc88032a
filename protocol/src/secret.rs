//! Text that must reach nothing but the authenticator.

use std::fmt;

/// A password or another secret of a client. `Debug` never shows it, and its bytes are overwritten
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_bytes())
    }

    /// The secret itself, for whoever verifies it. Never log what this returns.
    pub fn expose(&self) -> &str {
        // Built from a `String` and never written to since, so this is always `Ok`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether there is nothing in it, which is a legal password.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Keeps the compiler from seeing that nobody reads the zeros.
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_in_any_form() {
        let secret = Secret::new("correct horse");
        for shown in [
            format!("{secret:?}"),
            format!("{secret:#?}"),
            format!("{:?}", Some(&secret)),
        ] {
            assert!(!shown.contains("horse"), "{shown}");
        }
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn an_empty_secret_is_legal() {
        assert!(Secret::new("").is_empty());
        assert_eq!(Secret::new(""), Secret::new(String::new()));
    }
}
