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
    /// It will be taken later, perhaps, and not before so long.
    Later(Duration, String),
    /// It will never be taken, for this reason.
    Never(String),
}

/// Errors of chat.postMessage that pass; with the others, asking again is of no use.
const PASSING: [&str; 6] = [
    "ratelimited",
    "rate_limited",
    "fatal_error",
    "internal_error",
    "request_timeout",
    "service_unavailable",
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
            Ok(answer) if PASSING.contains(&answer.error.as_str()) => Verdict::Later(wait, said()),
            Ok(_) => Verdict::Never(said()),
            Err(_) => Verdict::Later(wait, said()),
        },
        200..300 => Verdict::Told,
        408 | 429 | 500.. => Verdict::Later(wait, said()),
        _ => Verdict::Never(said()),
    }
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
