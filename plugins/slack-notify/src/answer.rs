//! What an answer means: told, to be tried again, or never to be taken.

use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::http::Response;

use crate::limits::{ANSWER_BYTES, RETRY_AFTER_SECONDS};

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Told,
    /// It may be taken later, once what hinders it has passed or is mended, and not before so long.
    Later(Duration, String),
    /// It will never be taken, for this reason.
    Never(String),
}

/// Slack's words for what is wrong with a message itself. All others pass, or are an operator's to
/// mend, who can have the notice tried again then.
const OF_THE_MESSAGE: [&str; 12] = [
    "attachment_payload_limit_exceeded",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_json",
    "invalid_payload",
    "json_not_object",
    "markdown_text_conflict",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

/// What a method of Slack's answers, whatever the status.
#[derive(Deserialize)]
struct MethodAnswer {
    ok: bool,
    #[serde(default)]
    error: String,
}

/// Reads an answer; `of_method`: its body says whether it worked.
pub fn read(response: &Response, of_method: bool) -> Verdict {
    let wait = retry_after(response);
    let said = || format!("it answered {} {}", response.status, shown(&response.body));
    match response.status {
        200..300 if of_method => match response.json::<MethodAnswer>() {
            Ok(MethodAnswer { ok: true, .. }) => Verdict::Told,
            Ok(answer) if is_of_the_message(&answer.error) => Verdict::Never(said()),
            _ => Verdict::Later(wait, said()),
        },
        200..300 => Verdict::Told,
        400 if is_of_the_message(&shown(&response.body)) => Verdict::Never(said()),
        413 | 422 => Verdict::Never(said()),
        _ => Verdict::Later(wait, said()),
    }
}

fn is_of_the_message(error: &str) -> bool {
    OF_THE_MESSAGE.contains(&error)
}

/// The seconds of `Retry-After`; none where there are none.
fn retry_after(response: &Response) -> Duration {
    let seconds = response.header("retry-after").unwrap_or_default();
    let seconds: u64 = seconds.trim().parse().unwrap_or(0);
    Duration::from_secs(seconds.min(RETRY_AFTER_SECONDS))
}

/// The beginning of a body, in one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(ANSWER_BYTES)]);
    text.trim().replace(char::is_control, " ")
}
