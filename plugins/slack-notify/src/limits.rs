//! What bounds a message, each with its reason.

/// Bytes of one name, path or cause: the longest path that the host takes, and no more.
pub const VALUE_BYTES: usize = 4096;

/// Bytes of one notice's text before it is cut: Slack asks for no more than 4,000 characters.
pub const TEXT_BYTES: usize = 4000;

/// Notices in one message: Slack asks for no more than 20 attachments.
pub const NOTICES: usize = 20;

/// Events that are remembered as told: a few batches, each of which failed in its middle.
pub const REMEMBERED: usize = 1000;

/// Bytes of an answer that go into the log: Slack answers with a word.
pub const ANSWER_BYTES: usize = 200;

/// Seconds that a service may ask to be left alone, so that no answer silences this for good.
pub const RETRY_AFTER_SECONDS: u64 = 3600;
