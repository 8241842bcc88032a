//! A host to test plugins against: natively built, the crate talks to this one.
//!
//! ```
//! use wharf_plugin::http::{Request, Response};
//! use wharf_plugin::{config, log, testing};
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     url: String,
//! }
//!
//! testing::set_config(r#"{ "url": "https://example.com/hello" }"#);
//! testing::answer_http("GET", "https://example.com/hello", Ok(Response::new(200).body("ahoy")));
//!
//! let settings: Settings = config::parse().unwrap();
//! let answer = Request::get(settings.url).send().unwrap();
//! log::info("said", &[("what", str::from_utf8(&answer.body).unwrap())]);
//!
//! assert_eq!(testing::http_requests()[0].method, "GET");
//! assert_eq!(testing::logged(), ["Info said what=ahoy"]);
//! ```
//!
//! What is set and recorded belongs to the thread, so tests may run side by side.
//!
//! | what | how it is played |
//! |---|---|
//! | clock | the real one until [`set_now`] stops it; [`advance`] moves it |
//! | passwords | `$SCHEME$…$PASSWORD`: the scheme follows the first `$`, the password the last |
//! | digests, HMAC, one-time codes | computed; [`totp`] is the code of the moment |
//! | random bytes | the same in every run |
//! | HTTP | [`answer_http`] for a method and an address; nothing else is allowed |
//! | state | in memory, until its time is over; [`fail_state`] makes it fail |
//! | secrets | those of [`set_secret`] |
//! | sinks | in memory: [`put_file`], [`file()`] |
//! | an upload's content | [`staged`] |
//! | logs, metrics | recorded: [`logged`], [`metrics`] |

mod crypto;
mod files;
mod network;
mod records;
mod session;
mod state;

pub use self::crypto::{totp, verified};
pub use self::files::{file, put_file, staged};
pub use self::network::{answer_http, answer_http_early, http_requests, set_secret};
pub use self::records::{advance, logged, metrics, set_config, set_now};
pub use self::session::Client;
pub use self::state::fail_state;

/// The same functions and types as the imports of the component.
pub(crate) mod host {
    pub(crate) use super::crypto::host::*;
    pub(crate) use super::files::host::*;
    pub(crate) use super::network::host::*;
    pub(crate) use super::records::host::*;
    pub(crate) use super::session::host::*;
    pub(crate) use super::state::host::*;
}
