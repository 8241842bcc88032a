//! Events as a web service reads them.

use serde::Serialize;
use wharf_plugin::clock::rfc3339;
use wharf_plugin::crypto::{self, Algorithm, hex};
use wharf_plugin::{Event, Location};

/// One request's worth.
pub struct Message<'a> {
    /// Stays the same when the same events are told again.
    pub id: String,
    /// What is sent.
    pub body: Body<'a>,
}

/// What is sent: one event, or a list of them.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Body<'a> {
    /// All events of a batch.
    Batch {
        /// In order.
        events: Vec<Told<'a>>,
    },
    /// One of them.
    Single(Box<Told<'a>>),
}

/// An event; what it has not is left out.
#[derive(Serialize)]
pub struct Told<'a> {
    id: &'a str,
    kind: &'a str,
    at: String,
    session: &'a str,
    sequence: u64,
    listener: &'a str,
    peer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_place: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    checksums: Map<'a>,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    attributes: Map<'a>,
}

type Map<'a> = std::collections::BTreeMap<&'a str, &'a str>;

#[derive(Serialize)]
struct Place<'a> {
    sink: &'a str,
    key: &'a str,
}

#[derive(Serialize)]
struct Fault<'a> {
    reply: u16,
    message: &'a str,
}

impl<'a> Message<'a> {
    /// The events in one request; `batch` makes them a list, even of one.
    pub fn of(events: &'a [Event], batch: bool) -> Self {
        match events {
            [event] if !batch => Self {
                id: event.id.clone(),
                body: Body::Single(Box::new(event.into())),
            },
            _ => Self {
                id: id(events),
                body: Body::Batch {
                    events: events.iter().map(Into::into).collect(),
                },
            },
        }
    }
}

/// What names this list of events and no other.
fn id(events: &[Event]) -> String {
    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    let digest = crypto::digest(Algorithm::Sha256, ids.join("\n").as_bytes());
    // A host without digests leaves the events' own names.
    digest.map_or_else(|_| ids.join("."), |digest| hex(&digest[..16]))
}

impl<'a> From<&'a Event> for Told<'a> {
    fn from(event: &'a Event) -> Self {
        let place = |Location { sink, key }: &'a Location| Place { sink, key };
        let checksum = |it: &'a wharf_plugin::Checksum| (it.algorithm.as_str(), it.hex.as_str());
        let attribute = |(name, value): &'a (String, String)| (name.as_str(), value.as_str());
        Self {
            id: &event.id,
            kind: &event.kind,
            at: rfc3339(event.at),
            session: &event.session,
            sequence: event.sequence,
            listener: &event.listener,
            peer: &event.peer,
            principal: event.principal.as_deref(),
            path: event.path.as_deref(),
            place: event.place.as_ref().map(place),
            new_path: event.new_path.as_deref(),
            new_place: event.new_place.as_ref().map(place),
            size: event.size,
            checksums: event.checksums.iter().map(checksum).collect(),
            elapsed_ms: u64::try_from(event.elapsed.as_millis()).unwrap_or(u64::MAX),
            fault: event.fault.as_ref().map(|fault| Fault {
                reply: fault.reply,
                message: &fault.message,
            }),
            attributes: event.attributes.iter().map(attribute).collect(),
        }
    }
}
