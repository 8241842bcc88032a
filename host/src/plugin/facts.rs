//! What plugins may know of a session.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::identity::Identity;
use crate::tls::TlsFacts;

/// What the `session` resource shows. Made anew whenever one of the facts changes; the notes are
/// the same throughout a login.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Unique while the host runs.
    pub id: String,
    /// The configured address of the listener.
    pub listener: String,
    /// The client.
    pub peer: SocketAddr,
    /// Our end of the connection.
    pub local: SocketAddr,
    /// `None` while the control connection is in clear.
    pub tls: Option<TlsFacts>,
    /// The name given with USER.
    pub user: Option<String>,
    /// The principal, once logged in.
    pub principal: Option<String>,
    /// The groups of the grant.
    pub groups: Vec<String>,
    /// The attributes of the grant.
    pub attributes: BTreeMap<String, String>,
    /// What plugins remember about the session.
    pub notes: Arc<SessionNotes>,
}

impl SessionFacts {
    /// The same once `identity` is logged in.
    pub fn granted(&self, identity: &Identity) -> Self {
        Self {
            principal: Some(identity.principal.clone()),
            groups: identity.groups.clone(),
            attributes: identity.attributes.clone(),
            ..self.clone()
        }
    }
}

/// What each plugin remembers about one session; it ends with the session, and what came with a
/// login ends with that. `Debug` shows nothing of it: an authenticator may remember a password.
#[derive(Default)]
pub struct SessionNotes(Mutex<HashMap<String, HashMap<String, Vec<u8>>>>);

/// Per plugin and session: room for a login's bookkeeping, and no store of files.
const MAX_NOTES: usize = 64;
/// Per plugin and session, keys included, in bytes.
const MAX_NOTE_BYTES: usize = 64 * 1024;

impl fmt::Debug for SessionNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionNotes(..)")
    }
}

impl SessionNotes {
    /// The same notes, which go on apart from these.
    pub fn copied(&self) -> Self {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Mutex::new(notes.clone()))
    }

    /// What `plugin` remembered under `key`.
    pub fn recall(&self, plugin: &str, key: &str) -> Option<Vec<u8>> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(plugin)?.get(key).cloned()
    }

    /// Keeps `value` for `plugin`; false where it would go beyond the bounds.
    pub fn remember(&self, plugin: &str, key: &str, value: Vec<u8>) -> bool {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = notes.entry(plugin.to_owned()).or_default();
        let others = own.iter().filter(|(name, _)| *name != key);
        let (count, bytes) = others.fold((0, 0), |(count, bytes), (name, value)| {
            (count + 1, bytes + name.len() + value.len())
        });
        let fits = count < MAX_NOTES && bytes + key.len() + value.len() <= MAX_NOTE_BYTES;
        if fits {
            own.insert(key.to_owned(), value);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_private_to_a_plugin_and_bounded() {
        let notes = SessionNotes::default();
        assert!(notes.remember("one", "key", b"value".to_vec()));
        assert_eq!(notes.recall("one", "key").as_deref(), Some(&b"value"[..]));
        assert_eq!(notes.recall("other", "key"), None);
        assert_eq!(format!("{notes:?}"), "SessionNotes(..)");
        assert!(!notes.remember("one", "big", vec![0; MAX_NOTE_BYTES]));
        assert!(
            notes.remember("one", "key", vec![0; MAX_NOTE_BYTES - 3]),
            "replaced, not added"
        );
        let many = (0..100)
            .filter(|n| notes.remember("other", &n.to_string(), vec![]))
            .count();
        assert_eq!(many, MAX_NOTES);
    }
}
