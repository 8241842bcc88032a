//! For the tests of the host: does in every role what the names of files say.
//!
//! A name of the form `ROLE-DEED-…` in the last part of a path asks the role for a deed, such as
//! `gate-refuse-a.txt`; `deed.rs` has those of all roles, each role's module its own. Who has no
//! path is asked by the user's name, the client's address or a setting. Whatever has another name
//! is left as it is.

mod authenticator;
mod deed;
mod events;
mod filter;
mod gate;
mod guard;
mod mapper;
mod sessions;
mod sink;

use std::collections::BTreeMap;

use serde::Deserialize;
use wharf_plugin::{Lifecycle, Operations, Problems, config};

/// The settings.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// What `http` asks.
    url: String,
    /// What `followed` asks, which tells it to ask elsewhere.
    redirecting: String,
    /// How long `http` takes at most.
    wait_ms: u64,
    /// The deed when an instance starts.
    start: String,
    /// The deed when a client connects.
    connect: String,
    /// The same for the clients with these addresses.
    connect_from: BTreeMap<String, String>,
    /// The deed when a session is looked at again.
    revalidate: String,
    /// The deed when events are delivered.
    deliver: String,
    /// Kinds of events; without any, all.
    kinds: Vec<String>,
    /// How much the gate reads: a number of bytes, or all that there is.
    content: Option<Amount>,
    /// Checksums that the gate wants.
    checksums: Vec<String>,
    /// What a user sees.
    mounts: Vec<Mounted>,
}

/// How much of an upload is read.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Amount {
    Head(u32),
    All(All),
}

/// The word for everything.
#[derive(Clone, Copy, Deserialize)]
enum All {
    #[serde(rename = "all")]
    All,
}

/// A mount as it is written.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Mounted {
    directory: String,
    sink: String,
    #[serde(default)]
    key: String,
    allow: Option<Operations>,
    #[serde(default)]
    dynamic: bool,
}

/// The plugin.
struct Obliging {
    settings: Settings,
}

wharf_plugin::export!(
    Obliging: Authenticator
        + SessionGuard
        + PathMapper
        + ListingFilter
        + StorageGuard
        + UploadGate
        + StorageEvents
        + StorageSink
);

impl Lifecycle for Obliging {
    fn start() -> Result<Self, Problems> {
        let settings: Settings = config::parse()?;
        if let Err(failure) = deed::perform(&settings.start, &settings) {
            let mut problems = Problems::new();
            problems.add("start", failure.to_string());
            return Err(problems);
        }
        Ok(Self { settings })
    }
}

/// The deed that the last part of a path, or a name, asks this role for.
fn asked<'a>(path: &'a str, role: &str) -> Option<&'a str> {
    let name = path.rsplit('/').next()?;
    let rest = name.strip_prefix(role)?.strip_prefix('-')?;
    rest.split(['-', '.']).next()
}
