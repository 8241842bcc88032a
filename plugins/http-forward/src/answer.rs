//! What an application's answer means: taken, refused, or no decision.

use serde_json::Value;
use wharf_plugin::Failure;
use wharf_plugin::http::Response;

/// Of a reason that a client is shown, in characters.
const MAX_REASON: usize = 200;

/// Statuses of a client's fault that say nothing of this upload: wrong address or credentials of
/// ours, or a server that is busy.
const NO_DECISION: [u16; 8] = [401, 404, 405, 407, 408, 421, 425, 429];

/// How the application says yes and no.
#[derive(Default)]
pub struct Accept {
    /// Statuses that may mean yes; every 2xx where there is none.
    pub status: Vec<u16>,
    /// The member of a JSON answer that has to hold `contains`, dotted.
    pub member: Option<String>,
    pub contains: String,
    /// The member that tells why not, dotted.
    pub reason: Option<String>,
}

/// What the application said.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has it.
    Accepted,
    /// It will not have it, with its own words, and whether it is too large.
    Refused { reason: Option<String>, large: bool },
}

impl Accept {
    /// What `response` means. No `secret` shows in a reason.
    ///
    /// # Errors
    /// It is no decision.
    pub fn judge(&self, response: &Response, secret: &str) -> Result<Verdict, Failure> {
        let json = serde_json::from_slice(&response.body).ok();
        let status = response.status;
        let refused = || Verdict::Refused {
            reason: self.reason(json.as_ref(), secret),
            large: status == 413,
        };
        let may_be_yes = match self.status.is_empty() {
            true => response.is_success(),
            false => self.status.contains(&status),
        };
        if !may_be_yes {
            return match (400..500).contains(&status) && !NO_DECISION.contains(&status) {
                true => Ok(refused()),
                false => Err(Failure::Unavailable(format!("it answered {status}"))),
            };
        }
        let Some(member) = &self.member else {
            return Ok(Verdict::Accepted);
        };
        let found = json.as_ref().and_then(|json| lookup(json, member));
        let said = found.map(text).ok_or_else(|| {
            Failure::Unavailable(format!("it answered {status} without {member} in JSON"))
        })?;
        Ok(match said.contains(&self.contains) {
            true => Verdict::Accepted,
            false => refused(),
        })
    }

    /// The application's words, as one short line.
    fn reason(&self, json: Option<&Value>, secret: &str) -> Option<String> {
        let reason = text(lookup(json?, self.reason.as_ref()?)?);
        let leaks = !secret.is_empty() && reason.contains(secret);
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let reason: String = reason.chars().map(shown).take(MAX_REASON).collect();
        let reason = reason.trim();
        (!leaks && !reason.is_empty()).then(|| reason.to_owned())
    }
}

fn lookup<'j>(json: &'j Value, dotted: &str) -> Option<&'j Value> {
    dotted
        .split('.')
        .try_fold(json, |json, name| json.get(name))
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openspp() -> Accept {
        Accept {
            status: vec![200],
            member: Some("result".into()),
            contains: "200 OK".into(),
            reason: Some("result".into()),
        }
    }

    #[test]
    fn yes_no_and_no_decision_are_told_apart() {
        // The status and the body; whether it is a yes, a no with its reason, or no decision.
        let cases: &[(u16, &str, Option<Option<&str>>)] = &[
            (200, r#"{"result": "200 OK"}"#, Some(None)),
            (200, r#"{"result": ["200 OK", 7]}"#, Some(None)),
            (
                200,
                r#"{"result": "Unsuccessful"}"#,
                Some(Some("Unsuccessful")),
            ),
            (
                200,
                "{\"result\": \"a\\r\\n226 b\"}",
                Some(Some("a  226 b")),
            ),
            (200, r#"{"result": "no, hunter2"}"#, Some(Some(""))),
            (200, r#"{"error": {}}"#, None),
            (200, "<html>200 OK</html>", None),
            (400, r#"{"result": "200 OK"}"#, Some(Some("200 OK"))),
            (400, "", Some(Some(""))),
            (413, "", Some(Some(""))),
            (201, r#"{"result": "200 OK"}"#, None),
            (302, "", None),
            (401, "", None),
            (404, "", None),
            (429, "", None),
            (500, r#"{"result": "200 OK"}"#, None),
        ];
        for (status, body, expected) in cases {
            let response = Response::new(*status).body(*body);
            let found = openspp().judge(&response, "hunter2");
            let expected = expected.map(|reason| match reason {
                None => Verdict::Accepted,
                Some(reason) => Verdict::Refused {
                    reason: (!reason.is_empty()).then(|| reason.to_owned()),
                    large: *status == 413,
                },
            });
            assert_eq!(found.ok(), expected, "{status} {body}");
        }
        let plain = Accept::default().judge(&Response::new(204), "");
        assert_eq!(plain, Ok(Verdict::Accepted));
    }
}
