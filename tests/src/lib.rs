//! The bench on which the real `wharf` binary is tested: servers of their own in directories of
//! their own, real clients, and a client that says exactly what it is told.
//!
//! What goes wrong here fails the test that asked for it, so everything panics with its reason.

pub mod auth_service;
pub mod binaries;
pub mod client;
pub mod content;
pub mod example;
pub mod faults;
pub mod ftp;
pub mod home;
pub mod log;
pub mod metrics;
pub mod neighbours;
pub mod openspp;
pub mod outside;
pub mod ports;
pub mod process;
pub mod relay;
pub mod server;
pub mod settings;
pub mod store;
pub mod tls;
pub mod transcript;
pub mod web;
pub mod webdav;

use std::thread;
use std::time::{Duration, Instant};

/// After this long without a sign of life a test fails instead of hanging. No test passes or fails
/// by how fast something was below it: slow machines that do much else are given plenty.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How long a client waits, in seconds: less than [`PATIENCE`], so that it says itself what it has
/// waited for.
pub(crate) const CLIENT_PATIENCE: u64 = PATIENCE.as_secs() - 20;

/// Wait until something is so that no event tells of, such as what the file system shows.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        pause();
    }
}

/// Rest between two looks at something.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no reactor here, and nothing to wait on"
)]
pub fn pause() {
    thread::sleep(Duration::from_millis(5));
}
