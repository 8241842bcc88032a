//! Write a Wharf plugin in Rust: implement one trait per role, add one macro line.
//!
//! A plugin is a type. [`Lifecycle`] makes it from its settings, a role's trait answers the host's
//! questions, and [`export!`] names the roles:
//!
//! ```
//! use wharf_plugin::{
//!     Authenticator, Credential, Denial, Failure, Grant, Operations, Session, Step,
//! };
//!
//! /// Lets in whoever knows the word, to look and to fetch.
//! #[derive(Default)]
//! struct Doorman;
//!
//! impl Authenticator for Doorman {
//!     fn answer(
//!         &self,
//!         _session: &Session<'_>,
//!         user: &str,
//!         credential: Credential,
//!         _continuation: &[u8],
//!     ) -> Result<Step, Failure> {
//!         Ok(match credential {
//!             Credential::Password(word) if word.matches("sesame") => {
//!                 let grant = Grant::new(user).root("local", "cave");
//!                 Step::Grant(grant.allow("/**", Operations::READ))
//!             }
//!             _ => Step::Deny(Denial::credentials()),
//!         })
//!     }
//! }
//!
//! wharf_plugin::export!(Doorman: Authenticator);
//! ```
//!
//! | role | asked |
//! |---|---|
//! | [`Authenticator`] | who logs in, and what is granted |
//! | [`SessionGuard`] | who may connect, and who may stay |
//! | [`PathMapper`] | where a path leads |
//! | [`ListingFilter`] | what a listing shows |
//! | [`StorageGuard`] | whether an operation may be done, and where |
//! | [`UploadGate`] | what becomes of an upload before anybody sees it |
//! | [`StorageEvents`] | told what happened |
//! | [`StorageSink`] | a whole storage back end |
//!
//! Build it as a `cdylib` for `wasm32-unknown-unknown`: the host makes the component itself.
//!
//! - **"No" is not "I cannot tell".** [`Denial`] refuses the client; [`Failure`] says that no
//!   decision could be made, and the client is told to come back, not that it was wrong.
//! - **Instances come and go.** What must outlive a call belongs to the host: a prompt's
//!   continuation, what a session remembers.
//! - **A panic** ends the instance, never the host; its message reaches the host's log.
//! - **Tests are ordinary.** Built natively, the crate talks to the host in [`testing`].

mod authenticator;
pub mod clock;
pub mod config;
pub mod crypto;
mod export;
mod grant;
pub mod http;
mod lifecycle;
mod listing_filter;
pub mod log;
pub mod metrics;
mod operations;
mod path_mapper;
pub mod paths;
pub mod secrets;
mod session;
mod session_guard;
pub mod sinks;
pub mod state;
mod storage;
mod storage_events;
mod storage_guard;
mod storage_sink;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod upload_gate;
mod verdict;
mod view;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use authenticator::{Authenticator, Credential, Password, Prompt, Step};
pub use grant::Grant;
pub use lifecycle::{Lifecycle, Problem, Problems};
pub use listing_filter::ListingFilter;
pub use operations::{Operations, UnknownOperation};
pub use path_mapper::{Mount, PathMapper, Resolution};
pub use session::{Endpoint, Session};
pub use session_guard::{Ruling, SessionGuard};
pub use storage::{Checksum, Entry, EntryKind, Location, Operation, StorageError};
pub use storage_events::{Event, Fault, StorageEvents};
pub use storage_guard::{Decision, Intent, StorageGuard};
pub use storage_sink::{Feature, Incoming, Reader, Start, StorageSink};
pub use upload_gate::{Content, Demands, Disposition, Staged, Upload, UploadGate};
pub use verdict::{Denial, DenialReason, Failure};
pub use view::{View, ViewLimits, ViewMount, ViewRule};

/// What [`export!`] expands to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::export::Instance;
    #[cfg(target_arch = "wasm32")]
    pub use crate::wasm::bindings;
}

/// Holds the plugin of the README to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Holds the plugins of the pages on roles to compile, and runs their tests.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($name:ident $path:literal,)*) => {
            $(#[doc = include_str!(concat!("../../docs/plugins/", $path))] struct $name;)*
        };
    }

    pages! {
        Overview "README.md",
        Authenticator "authenticator.md",
        SessionGuard "session-guard.md",
        PathMapper "path-mapper.md",
        ListingFilter "listing-filter.md",
        StorageGuard "storage-guard.md",
        UploadGate "upload-gate.md",
        StorageEvents "storage-events.md",
        StorageSink "storage-sink.md",
        Lifecycle "lifecycle.md",
    }
}

// The one seam between the crate and its host: the imports of the component or, natively, the
// fake of `testing`. Both sides have the same functions with the same types.
#[cfg(not(target_arch = "wasm32"))]
use testing::host;
#[cfg(target_arch = "wasm32")]
use wasm::host;
