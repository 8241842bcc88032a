//! What happens once, to one request.

use super::message::Message;
use super::{BUSY, DENIED};

/// What happens once, at the next request that begins like this one: `PUT` and a part of its
/// target.
pub struct Trap {
    method: &'static str,
    part: String,
    pub(super) before: Event,
    pub(super) behind: Event,
    pub(super) loses: Option<Event>,
    pub(super) refuses: Option<&'static [u8]>,
    pub(super) trickles: bool,
}

pub(super) type Event = Box<dyn FnOnce() + Send>;

impl Trap {
    /// At the next request of this method whose target has this part.
    pub fn at(method: &'static str, part: &str) -> Self {
        Self {
            method,
            part: part.to_owned(),
            before: Box::new(|| {}),
            behind: Box::new(|| {}),
            loses: None,
            refuses: None,
            trickles: false,
        }
    }

    /// It is refused, as who has no right to it is.
    pub fn refuse(self) -> Self {
        Self {
            refuses: Some(DENIED),
            ..self
        }
    }

    /// It is answered 503, as a server does that has too much to do.
    pub fn throttle(self) -> Self {
        Self {
            refuses: Some(BUSY),
            ..self
        }
    }

    /// Its body comes so slowly that nobody waits for its end, and is not handed on, or that of its
    /// answer does.
    pub fn trickle(self) -> Self {
        Self {
            trickles: true,
            ..self
        }
    }

    /// This happens before it is handed on.
    pub fn before(self, event: impl FnOnce() + Send + 'static) -> Self {
        let before = Box::new(event);
        Self { before, ..self }
    }

    /// This happens when the server has answered it, and before the client hears that.
    pub fn behind(self, event: impl FnOnce() + Send + 'static) -> Self {
        let behind = Box::new(event);
        Self { behind, ..self }
    }

    /// Its answer is lost, and then this happens.
    pub fn lose(self, event: impl FnOnce() + Send + 'static) -> Self {
        let loses: Option<Event> = Some(Box::new(event));
        Self { loses, ..self }
    }

    pub(super) fn is_for(&self, request: &Message) -> bool {
        let line = request.line();
        let target = line.strip_prefix(self.method);
        target.is_some_and(|target| target.contains(&self.part))
    }
}
