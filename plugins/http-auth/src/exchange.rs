//! One question to the service: requests, redirects, and what an answer means.

use std::time::Duration;

use wharf_plugin::http::{Request, Response};
use wharf_plugin::{Failure, secrets};

/// Where a question goes.
#[derive(Clone)]
pub struct Endpoint {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The whole address.
    pub url: String,
}

/// How the service is spoken to.
pub struct Service {
    /// For each request.
    pub timeout: Duration,
    /// How many redirects are followed.
    pub redirects: u8,
    /// Statuses that are a no.
    pub denied: Vec<u16>,
    /// Names of headers, and of the secrets that are their values.
    pub headers: Vec<(String, String)>,
}

/// What the service says.
pub enum Verdict {
    /// Yes.
    Accepted(Response),
    /// No, and why, for the log.
    Refused(String),
}

impl Service {
    /// Sends what `make` makes of the endpoint and, where that leads elsewhere, of each next one.
    /// The last answer is no redirect that would be followed.
    ///
    /// # Errors
    /// There is no answer, or it leads where this must not go.
    pub fn send(
        &self,
        endpoint: &Endpoint,
        mut make: impl FnMut(&Endpoint, bool) -> Result<Request, Failure>,
    ) -> Result<Response, Failure> {
        let mut endpoint = endpoint.clone();
        for followed in 0..=self.redirects {
            let mut request = make(&endpoint, followed > 0)?.timeout(self.timeout);
            for (name, secret) in &self.headers {
                request = request.header(name, secrets::get(secret)?.expose());
            }
            let response = request.send()?;
            let location = match response.status {
                301 | 302 | 303 | 307 | 308 => response.header("location"),
                _ => None,
            };
            let Some(location) = location.filter(|_| self.redirects > 0) else {
                return Ok(response);
            };
            let url = join(&endpoint.url, location);
            if endpoint.url.starts_with("https:") && !url.starts_with("https:") {
                let why = "it redirects to where passwords would travel in clear";
                return Err(Failure::Misconfigured(why.into()));
            }
            // Another place has the answer, which is fetched there (RFC 9110, section 15.4.4).
            if response.status == 303 {
                endpoint.method = "GET".into();
            }
            endpoint.url = url;
        }
        let redirects = self.redirects;
        Err(Failure::Unavailable(format!(
            "it redirects more than {redirects} times"
        )))
    }

    /// What an answer means.
    ///
    /// # Errors
    /// It is neither yes nor no.
    pub fn judge(&self, response: Response) -> Result<Verdict, Failure> {
        let status = response.status;
        match status {
            _ if response.is_success() => Ok(Verdict::Accepted(response)),
            _ if self.denied.contains(&status) => {
                Ok(Verdict::Refused(format!("the service answered {status}")))
            }
            301 | 302 | 303 | 307 | 308 => Err(Failure::Misconfigured(format!(
                "it redirects (status {status}), which `redirects` does not let it"
            ))),
            _ => Err(Failure::Unavailable(format!("it answered {status}"))),
        }
    }
}

/// Where `location` leads from `base` (RFC 3986, section 5.2). Servers write detours out.
fn join(base: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = base.find("://").map_or(0, |at| at + 3);
    let end =
        |stops: &[char], from: usize| base[from..].find(stops).map_or(base.len(), |at| at + from);
    let (origin, path) = (end(&['/', '?', '#'], scheme), end(&['?', '#'], scheme));
    let lower = location.to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        let (scheme, rest) = location.split_once("://").unwrap_or_default();
        return format!("{}://{rest}", scheme.to_ascii_lowercase());
    }
    match location.as_bytes() {
        [] => base[..end(&['#'], scheme)].to_owned(),
        [b'/', b'/', ..] => format!("{}:{location}", base.split(':').next().unwrap_or_default()),
        [b'/', ..] => format!("{}{location}", &base[..origin]),
        [b'?', ..] => format!("{}{location}", &base[..path]),
        _ => {
            let directory = base[origin..path].rfind('/').map_or(0, |at| at + 1);
            let between = if directory == 0 { "/" } else { "" };
            format!("{}{between}{location}", &base[..origin + directory])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        for (base, location, expected) in [
            ("http://a/b/c?d", "e", "http://a/b/e"),
            ("http://a/b/c?d", "/e?f#g", "http://a/e?f"),
            ("http://a/b/c?d", "?e", "http://a/b/c?e"),
            ("http://a/b/c?d", "//e/f", "http://e/f"),
            ("http://a/b/c?d", "HTTPS://e/f", "https://e/f"),
            ("http://a", "e", "http://a/e"),
            ("http://a?x=/y", "e", "http://a/e"),
            ("http://a:8", "/", "http://a:8/"),
            ("http://a/b#c", "", "http://a/b"),
        ] {
            assert_eq!(join(base, location), expected, "{base} {location}");
        }
    }
}
