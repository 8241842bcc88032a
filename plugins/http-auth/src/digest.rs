//! HTTP Digest access authentication (RFC 7616), the side that knows the password.

mod challenge;

use serde::{Deserialize, Serialize};
use wharf_plugin::Failure;
use wharf_plugin::crypto::{self, hex};
use wharf_plugin::http::{Request, Response, percent};

use self::challenge::{Challenge, Protection};
use crate::exchange::{Endpoint, Service, Verdict};
use crate::kind::{Proof, request};

/// Questions about one login: with what is left from before, with a new nonce, and once more if
/// that is stale already.
const ATTEMPTS: u8 = 3;

/// A challenge and how often it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce {
    challenge: Challenge,
    /// The same for all answers to one challenge: what a session's key is made of stays.
    cnonce: String,
    count: u32,
}

/// Asks about a user, with the nonce of an earlier question if there is one; leaves the one that
/// the next question may use.
///
/// # Errors
/// The service asks for no digest, or does not say.
pub fn ask(
    service: &Service,
    endpoint: &Endpoint,
    proof: &Proof,
    nonce: &mut Option<Nonce>,
) -> Result<Verdict, Failure> {
    // Whoever refuses an answer to an old nonce may mean the nonce.
    let mut is_old = nonce.is_some();
    for _ in 0..ATTEMPTS {
        let make = |to: &Endpoint, _| answered(request(to), nonce.as_mut(), proof);
        let response = service.send(endpoint, make)?;
        if response.status != 401 {
            return match nonce {
                Some(_) => service.judge(response),
                None => Err(unprotected(&response)),
            };
        }
        let may_answer = nonce.is_none() || is_old;
        *nonce = match Challenge::first(&response) {
            Some(challenge) if may_answer || challenge.stale => Some(Nonce::new(challenge)),
            None if nonce.is_none() => {
                let why = "it asks for no digest that is known here";
                return Err(Failure::Misconfigured(why.into()));
            }
            _ => return Ok(Verdict::Refused("the service answered 401".into())),
        };
        is_old = false;
    }
    Err(Failure::Unavailable(
        "it takes none of its own nonces".into(),
    ))
}

/// What is wrong where no digest is asked for: everybody is let in there, or nobody is judged.
fn unprotected(response: &Response) -> Failure {
    let status = response.status;
    match response.is_success() {
        true => Failure::Misconfigured(format!("it answers {status} to whoever asks")),
        false => Failure::Unavailable(format!("it answered {status} and asked for no digest")),
    }
}

/// The request with the answer to the challenge, if there is one.
fn answered(
    request: Request,
    nonce: Option<&mut Nonce>,
    proof: &Proof,
) -> Result<Request, Failure> {
    let Some(nonce) = nonce else {
        return Ok(request);
    };
    nonce.count += 1;
    let authorization = nonce.authorization(&request, proof)?;
    Ok(request.header("authorization", authorization))
}

impl Nonce {
    fn new(challenge: Challenge) -> Self {
        Self {
            challenge,
            cnonce: hex(&crypto::random(16)),
            count: 0,
        }
    }

    /// The value of the header (RFC 7616, section 3.4).
    fn authorization(&self, request: &Request, proof: &Proof) -> Result<String, Failure> {
        let Self {
            challenge, cnonce, ..
        } = self;
        let uri = uri(&request.url);
        let response = self.response(request, uri, proof)?;
        let mut value = format!(
            "Digest {}, realm={}, uri={}, nonce={}, response=\"{response}\"",
            self.user(proof)?,
            quoted(&challenge.realm),
            quoted(uri),
            quoted(&challenge.nonce),
        );
        if let Some(protection) = challenge.protection {
            value += &format!(
                ", qop={}, nc={:08x}, cnonce=\"{cnonce}\"",
                protection.name(),
                self.count
            );
        }
        if let Some(algorithm) = &challenge.algorithm {
            value += &format!(", algorithm={algorithm}");
        }
        if let Some(opaque) = &challenge.opaque {
            value += &format!(", opaque={}", quoted(opaque));
        }
        Ok(value)
    }

    /// Who it is (section 3.4.4), in a form that a header can hold.
    fn user(&self, proof: &Proof) -> Result<String, Failure> {
        let Self { challenge, .. } = self;
        if challenge.userhash {
            let hash = self.hash(format!("{}:{}", proof.user, challenge.realm).as_bytes())?;
            return Ok(format!("username=\"{hash}\", userhash=true"));
        }
        Ok(match challenge.is_utf8 && !proof.user.is_ascii() {
            // RFC 8187.
            true => format!("username*=UTF-8''{}", percent(&proof.user)),
            // Services of before know no other form, and take the bytes as browsers send them.
            false => format!("username={}", quoted(&proof.user)),
        })
    }

    /// What proves the password (section 3.4.1; RFC 2069, section 2.1.2 without a protection).
    fn response(&self, request: &Request, uri: &str, proof: &Proof) -> Result<String, Failure> {
        let Self {
            challenge,
            cnonce,
            count,
        } = self;
        let Challenge { realm, nonce, .. } = challenge;
        let secret = format!("{}:{realm}:{}", proof.user, proof.secret);
        let mut key = self.hash(secret.as_bytes())?;
        if challenge.is_session {
            key = self.hash(format!("{key}:{nonce}:{cnonce}").as_bytes())?;
        }
        let mut what = format!("{}:{uri}", request.method);
        if challenge.protection == Some(Protection::Integrity) {
            what += &format!(":{}", self.hash(&request.body)?);
        }
        let what = self.hash(what.as_bytes())?;
        let signed = match challenge.protection {
            Some(protection) => {
                let name = protection.name();
                format!("{key}:{nonce}:{count:08x}:{cnonce}:{name}:{what}")
            }
            None => format!("{key}:{nonce}:{what}"),
        };
        self.hash(signed.as_bytes())
    }

    fn hash(&self, data: &[u8]) -> Result<String, Failure> {
        Ok(hex(&crypto::digest(self.challenge.hash.algorithm(), data)?))
    }
}

/// What is asked for at the origin, as the request line has it.
fn uri(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    let behind_scheme = url.find("://").map_or(0, |at| at + 3);
    match url[behind_scheme..].find(['/', '?']) {
        Some(at) => &url[behind_scheme + at..],
        None => "/",
    }
}

/// RFC 9110, section 5.6.4.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
