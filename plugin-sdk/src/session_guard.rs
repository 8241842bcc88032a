//! The role that watches over sessions.

use crate::{Denial, Failure, Grant, Lifecycle, Session};

/// Watches over sessions: who may connect, and who may stay.
pub trait SessionGuard: Lifecycle {
    /// A client connected and was not greeted yet; TLS is up only where it is implicit. `None`
    /// lets it in, which is the default.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`]. Unless the operator says otherwise, the client
    /// is told to come back.
    fn connect(&self, session: &Session<'_>) -> Result<Option<Denial>, Failure> {
        let _ = session;
        Ok(None)
    }

    /// A user is logged in, and as much time has passed as
    /// [`Grant::revalidate_every`](crate::Grant::revalidate_every) says. By default nothing
    /// changes.
    ///
    /// # Errors
    /// No decision could be made: see [`Failure`]. Unless the operator says otherwise, the session
    /// ends.
    fn revalidate(&self, session: &Session<'_>) -> Result<Ruling, Failure> {
        let _ = session;
        Ok(Ruling::Keep)
    }
}

/// What becomes of a session.
#[derive(Debug)]
pub enum Ruling {
    /// Nothing changes.
    Keep,
    /// From now on this grant holds.
    Replace(Grant),
    /// The session ends, running transfers included: with 530 if the reason is the credentials or
    /// the account, else with 421.
    End(Denial),
}
