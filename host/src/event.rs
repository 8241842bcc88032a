//! What happened, as plugins are told of it.

mod kind;
mod temporary;

use serde::{Deserialize, Serialize};

pub use kind::{Kind, KindPattern};
pub use temporary::is_temporary;

/// One thing that happened. The outbox keeps it as JSON, and plugins and operators see the same
/// fields. It holds no password, token or key: nothing of a credential but the name given with
/// USER ever gets here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Stays the same when it is delivered again, and is that of no other event, also after the
    /// host was restarted.
    pub id: String,
    /// What kind of thing.
    pub kind: Kind,
    /// Milliseconds since 1970 in UTC.
    pub at_ms: u64,
    /// The id of the session, as in the log.
    pub session: String,
    /// Counts up within the session.
    pub sequence: u64,
    /// The name of the listener.
    pub listener: String,
    /// The client's address and port.
    pub peer: String,
    /// Who was logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The virtual path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where that leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The virtual path after a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// Where that leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_place: Option<Place>,
    /// Of an upload the size of the whole file, of a failed one and of a download the bytes moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Those that somebody asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<Checksum>,
    /// How long it took; of a logout how long the user was logged in.
    pub elapsed_ms: u64,
    /// None: it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Those of the grant, and what else there is to tell, whose names begin with `wharf.`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, String)>,
}

/// A place in a configured sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name of the sink.
    pub sink: String,
    /// Relative to the sink's root, as in the contract with plugins.
    pub key: String,
}

/// A checksum of a whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// `crc32`, `md5`, `sha1`, `sha256` or `sha512`.
    pub algorithm: String,
    /// In lower-case hexadecimal.
    pub hex: String,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The code of the FTP reply.
    pub reply: u16,
    /// The whole cause, as in the log.
    pub message: String,
}

/// The longest cause that an event carries, in bytes: with it the largest event stays a small part
/// of a batch.
const MAX_MESSAGE: usize = 16 * 1024;

impl Fault {
    /// A fault whose message is cut where it is longer than any cause should be.
    pub fn new(reply: u16, mut message: String) -> Self {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Self { reply, message }
    }
}

#[cfg(test)]
impl Event {
    /// An event of `alice`.
    pub(crate) fn example(kind: Kind, session: &str, sequence: u64) -> Self {
        Self {
            id: format!("{session}.{sequence}"),
            kind,
            at_ms: 1_700_000_000_000 + sequence,
            session: session.to_owned(),
            sequence,
            listener: "[::]:2121".to_owned(),
            peer: "192.0.2.1:1025".to_owned(),
            principal: Some("alice".to_owned()),
            path: Some(format!("/{sequence}")),
            place: None,
            new_path: None,
            new_place: None,
            size: Some(sequence),
            checksums: Vec::new(),
            elapsed_ms: 1,
            fault: None,
            attributes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cause_is_cut_between_two_letters() {
        let fault = Fault::new(451, "é".repeat(MAX_MESSAGE));
        assert_eq!(fault.message, "é".repeat(MAX_MESSAGE / 2));
        let fault = Fault::new(451, format!("x{}", "é".repeat(MAX_MESSAGE)));
        assert_eq!(fault.message.len(), MAX_MESSAGE - 1);
    }
}
