//! The ways in which a service is asked about a user.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wharf_plugin::Failure;
use wharf_plugin::crypto::{self, Algorithm, hex};
use wharf_plugin::http::Request;

use crate::digest::{self, Nonce};
use crate::exchange::{Endpoint, Service, Verdict};

/// How a service is asked.
pub enum Kind {
    /// RFC 7617.
    Basic,
    /// RFC 7616, and 2069 before it.
    Digest,
    /// RFC 6750: the password is the token, and the name is anything.
    Bearer,
    /// The name and the digest of the password in the query.
    Webhook(Algorithm),
    /// A JSON object with both, and an answer whose status is 200 whatever it says.
    JsonRpc {
        /// What of the answer is looked at.
        field: String,
        /// What stands in it if it is a yes.
        marker: String,
    },
}

/// What a user shows the service, as it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The name.
    pub user: String,
    /// The password, the token, or the digest.
    pub secret: String,
}

impl Kind {
    /// Whether the password itself is never sent.
    pub fn is_digest(&self) -> bool {
        matches!(self, Self::Digest)
    }

    /// Whether the service judges the password alone.
    pub fn takes_any_name(&self) -> bool {
        matches!(self, Self::Bearer)
    }

    /// What can be shown of what a client typed; the inner error is why nothing can, which is a no.
    ///
    /// # Errors
    /// The host does not make such a digest.
    pub fn proof(
        &self,
        user: &str,
        password: &str,
    ) -> Result<Result<Proof, &'static str>, Failure> {
        let is_control = |text: &str| text.contains(|c: char| c.is_ascii_control());
        let secret = match self {
            Self::Basic if user.contains(':') => return Ok(Err("the name has a `:`")),
            Self::Basic | Self::Digest if is_control(user) || is_control(password) => {
                return Ok(Err("a control character is in the name or the password"));
            }
            Self::Bearer if !is_token(password) => return Ok(Err("the password is no token")),
            Self::Webhook(algorithm) => hex(&crypto::digest(*algorithm, password.as_bytes())?),
            _ => password.to_owned(),
        };
        let user = user.to_owned();
        Ok(Ok(Proof { user, secret }))
    }

    /// Asks whether it is the user.
    ///
    /// # Errors
    /// The service does not say.
    pub fn ask(
        &self,
        service: &Service,
        endpoint: &Endpoint,
        proof: &Proof,
        nonce: &mut Option<Nonce>,
    ) -> Result<Verdict, Failure> {
        let Proof { user, secret } = proof;
        match self {
            Self::Digest => digest::ask(service, endpoint, proof, nonce),
            Self::Webhook(_) => query(
                service,
                endpoint,
                &[("username", user), ("password_hash", secret)],
            ),
            Self::Basic => {
                let make = |to: &Endpoint, _| Ok(request(to).basic(user, secret));
                service.judge(service.send(endpoint, make)?)
            }
            Self::Bearer => {
                let value = format!("Bearer {secret}");
                let make = |to: &Endpoint, _| Ok(request(to).header("authorization", &value));
                service.judge(service.send(endpoint, make)?)
            }
            Self::JsonRpc { field, marker } => {
                let body = json!({ "params": { "username": user, "password": secret } });
                let make = |to: &Endpoint, _| request(to).json(&body);
                match service.judge(service.send(endpoint, make)?)? {
                    Verdict::Accepted(response) => {
                        let said: Value = response.json()?;
                        match says(&said, field, marker)? {
                            true => Ok(Verdict::Accepted(response)),
                            false => Ok(Verdict::Refused(format!("`{field}` is no {marker:?}"))),
                        }
                    }
                    refused @ Verdict::Refused(_) => Ok(refused),
                }
            }
        }
    }

    /// Asks another endpoint whether it is still the user. A webhook hears the name alone there.
    ///
    /// # Errors
    /// The service does not say.
    pub fn ask_again(
        &self,
        service: &Service,
        endpoint: &Endpoint,
        proof: &Proof,
        nonce: &mut Option<Nonce>,
    ) -> Result<Verdict, Failure> {
        match self {
            Self::Webhook(_) => query(service, endpoint, &[("username", &proof.user)]),
            _ => self.ask(service, endpoint, proof, nonce),
        }
    }
}

/// The bare request to an endpoint.
pub fn request(to: &Endpoint) -> Request {
    Request::new(&to.method, &to.url)
}

/// Asks with a query. A redirect says itself what it asks for.
fn query(
    service: &Service,
    endpoint: &Endpoint,
    pairs: &[(&str, &str)],
) -> Result<Verdict, Failure> {
    let make = |to: &Endpoint, is_redirected| {
        let pairs = if is_redirected { &[] } else { pairs };
        Ok(request(to).query(pairs))
    };
    service.judge(service.send(endpoint, make)?)
}

/// Whether the field of an answer has the marker: in a text, or as an item of a list.
///
/// # Errors
/// There is no such field: the service failed, or it is another one.
fn says(answer: &Value, field: &str, marker: &str) -> Result<bool, Failure> {
    match answer.get(field) {
        Some(Value::String(text)) => Ok(text.contains(marker)),
        Some(Value::Array(items)) => Ok(items.iter().any(|item| item == marker)),
        Some(_) => Ok(false),
        None => Err(Failure::Unavailable(format!("its answer has no `{field}`"))),
    }
}

/// RFC 6750, section 2.1.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(is_part)
}
