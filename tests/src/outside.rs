//! Files that are outside this machine's, in what `cargo xtask test` has started beside the tests.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use crate::client::{Endpoint, Security};
use crate::ftp::Ftp;
use crate::server::Server;
use crate::settings::{ENCODED, Listener, PASSWORD};

/// The user whose files are there.
pub const USER: &str = "bob";

/// The table of `static-users` that leads [`USER`] to the root of this sink.
pub fn user_of(sink: &str) -> String {
    format!("[config.users.{USER}]\npassword = \"{ENCODED}\"\nsink = \"{sink}\"\nroot = \"\"\n")
}

/// What a real client is told, to be [`USER`].
pub fn endpoint(server: &Server, security: Security) -> Endpoint {
    Endpoint {
        user: USER.to_owned(),
        ..server.endpoint(security)
    }
}

/// A session of [`USER`], for bytes as they are.
pub fn session(server: &Server) -> Ftp {
    let mut ftp = Ftp::greeted(server.address(Listener::EXPLICIT));
    ftp.log_in(USER, PASSWORD);
    ftp.command("TYPE I", 200);
    ftp
}

/// What the test command says.
pub(crate) fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

/// A name that no other test uses, in this run or another.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = UNIX_EPOCH.elapsed().expect("it is later than 1970");
    format!("{:x}-{count}", now.as_nanos())
}
