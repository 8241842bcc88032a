//! Every verb, once: its names, its syntax, and when it is allowed.

use std::fmt;

/// A verb of the control connection.
pub struct Verb {
    /// In capitals, as replies and HELP show it.
    pub name: &'static str,
    /// Other spellings with the same meaning.
    pub aliases: &'static [&'static str],
    /// What follows the verb, as HELP shows it; empty where nothing may.
    pub arguments: &'static str,
    /// Whether it is refused with 530 before login.
    pub needs_login: bool,
    /// Whether it is allowed in clear where the listener demands TLS.
    pub in_clear: bool,
    /// Whether it is acted on at once while a transfer is under way; the others wait for its end.
    pub at_once: bool,
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Verb {
    /// Names are unique.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Verb {}
