//! Lets in whom a service lets in that answers as an external authentication of Pure-FTPd does.

mod answer;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::config::Period;
use wharf_plugin::http::{Request, Response};
use wharf_plugin::{
    Authenticator, Credential, Denial, Failure, Lifecycle, Password, Problems, Session, Step, View,
    config, log, secrets,
};

use crate::answer::{Account, Answer};

/// Of the request; shorter than the deadline of a call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where users are asked about.
struct ExtAuth {
    url: String,
    timeout: Duration,
    /// Names of headers, and of the secrets that are their values.
    headers: BTreeMap<String, String>,
    /// Where the directories of the answers begin: what the sink shows as its root.
    base: String,
    /// What the answers do not say.
    view: View,
}

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: String,
    timeout: Option<Period>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    base: String,
    #[serde(default)]
    grant: View,
}

wharf_plugin::export!(ExtAuth: Authenticator);

impl Lifecycle for ExtAuth {
    fn start() -> Result<Self, Problems> {
        let settings: Settings = config::parse()?;
        let mut problems = Problems::new();
        let host = settings.url.strip_prefix("https://");
        let host = host.or_else(|| settings.url.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) {
            problems.add(
                "url",
                "is not an address such as \"https://example.com/ftp\"",
            );
        }
        for (name, secret) in &settings.headers {
            if secrets::get(secret) == Err(secrets::Error::NotGranted) {
                let message = "is not named under `[allow] secrets`";
                problems.add(format!("headers.{name}"), message);
            }
        }
        if !settings.base.is_empty() && !settings.base.starts_with('/') {
            problems.add("base", "is not an absolute path such as \"/srv/ftp\"");
        }
        settings.grant.check("grant", &mut problems);
        problems.or(Self {
            url: settings.url,
            timeout: settings.timeout.map_or(TIMEOUT, |timeout| timeout.0),
            headers: settings.headers,
            base: settings.base.trim_end_matches('/').to_owned(),
            view: settings.grant,
        })
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.url.starts_with("http:") {
            warnings.add(
                "url",
                "is not encrypted, and passwords travel to it in clear",
            );
        }
        warnings
    }
}

impl Authenticator for ExtAuth {
    fn answer(
        &self,
        session: &Session<'_>,
        user: &str,
        credential: Credential,
        _continuation: &[u8],
    ) -> Result<Step, Failure> {
        let Credential::Password(password) = credential else {
            return Ok(Step::Deny(Denial::credentials()));
        };
        let response = self.asked(session, user, &password)?;
        if response.status != 200 {
            return Err(Failure::Unavailable(format!(
                "it answered {}",
                response.status
            )));
        }
        match Answer::read(&response.body).map_err(Failure::Unavailable)? {
            Answer::Unknown => Ok(Step::Pass),
            Answer::Refused => Ok(Step::Deny(Denial::credentials())),
            Answer::Accepted(account) => self.granted(user, account),
        }
    }
}

impl ExtAuth {
    fn asked(
        &self,
        session: &Session<'_>,
        user: &str,
        password: &Password,
    ) -> Result<Response, Failure> {
        let (local, peer) = (session.local(), session.peer());
        let mut request = Request::post(&self.url).timeout(self.timeout).form(&[
            ("AUTHD_ACCOUNT", user),
            ("AUTHD_PASSWORD", password.expose()),
            ("AUTHD_LOCAL_IP", &local.address.to_string()),
            ("AUTHD_LOCAL_PORT", &local.port.to_string()),
            ("AUTHD_REMOTE_IP", &peer.address.to_string()),
            ("AUTHD_ENCRYPTED", if session.secure() { "1" } else { "0" }),
            (
                "AUTHD_CLIENT_SNI_NAME",
                &session.server_name().unwrap_or_default(),
            ),
        ]);
        for (name, secret) in &self.headers {
            request = request.header(name, secrets::get(secret)?.expose());
        }
        Ok(request.send()?)
    }

    fn granted(&self, user: &str, account: Account) -> Result<Step, Failure> {
        for line in &account.unmapped {
            let fields = [("user", user), ("line", line)];
            log::warn("the service grants what nobody here keeps to", &fields);
        }
        let view = account.view(&self.base).map_err(Failure::Unavailable)?;
        let view = view.or(&self.view);
        // Who has no directory would be shown those of all.
        if view.root.is_none() {
            let text = "its answer has no `dir`, and `grant.root` is not set";
            return Err(Failure::Unavailable(text.into()));
        }
        Ok(match view.grant(user) {
            Ok(grant) => Step::Grant(grant),
            Err(denial) => Step::Deny(denial),
        })
    }
}

#[cfg(test)]
mod tests;
