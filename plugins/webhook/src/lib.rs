//! Tells a web service what happened, as signed JSON.

mod message;
mod settings;

use std::time::{Duration, UNIX_EPOCH};

use wharf_plugin::crypto::{self, Algorithm, hex};
use wharf_plugin::http::Request;
use wharf_plugin::{
    Event, Failure, Lifecycle, Problems, StorageEvents, clock, config, log, metrics, secrets,
};

use crate::message::Message;

/// Where events go, and how.
struct Webhook {
    url: String,
    /// The name of the secret that requests are signed with.
    secret: Option<String>,
    /// The kinds that are told.
    events: Vec<String>,
    /// Whether a batch is one request.
    batch: bool,
    timeout: Duration,
    /// Statuses after which it makes no sense to try again.
    permanent: Vec<u16>,
    /// Names of headers, and of the secrets that are their values.
    headers: Vec<(String, String)>,
}

wharf_plugin::export!(Webhook: StorageEvents);

impl Lifecycle for Webhook {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.secret.is_none() {
            warnings.add(
                "secret",
                "is missing, so nobody can tell who sent a request",
            );
        }
        if self.url.starts_with("http:") {
            warnings.add("url", "is not encrypted, and events tell who stores what");
        }
        warnings
    }
}

impl StorageEvents for Webhook {
    fn subscribe(&self) -> Vec<String> {
        self.events.clone()
    }

    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        if self.batch {
            return self.tell(batch);
        }
        batch
            .iter()
            .try_for_each(|event| self.tell(std::slice::from_ref(event)))
    }
}

impl Webhook {
    /// Sends one request, and sees what became of it.
    fn tell(&self, events: &[Event]) -> Result<(), Failure> {
        let message = Message::of(events, self.batch);
        let request = Request::post(&self.url)
            .timeout(self.timeout)
            .json(&message.body)?
            .header("idempotency-key", &message.id);
        let response = self.authorized(request)?.send()?;
        let (count, status) = (events.len() as u64, response.status.to_string());
        metrics::count("told", count, &[("status", &status)]);
        if response.is_success() {
            return Ok(());
        }
        if self.permanent.contains(&response.status) {
            let fields = [("event", message.id.as_str()), ("status", &status)];
            log::error("refused for good, and not told again", &fields);
            return Ok(());
        }
        Err(Failure::Unavailable(format!("it answered {status}")))
    }

    /// Adds the headers that are secrets, and the signature.
    fn authorized(&self, mut request: Request) -> Result<Request, Failure> {
        for (name, secret) in &self.headers {
            request = request.header(name, secrets::get(secret)?.expose());
        }
        let Some(secret) = &self.secret else {
            return Ok(request);
        };
        let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = now.as_secs().to_string();
        let signed = [timestamp.as_bytes(), b".", &request.body].concat();
        let key = secrets::get(secret)?;
        let signature = crypto::hmac(Algorithm::Sha256, key.expose().as_bytes(), &signed)?;
        let value = format!("t={timestamp},v1={}", hex(&signature));
        Ok(request.header("wharf-signature", value))
    }
}

#[cfg(test)]
mod tests;
