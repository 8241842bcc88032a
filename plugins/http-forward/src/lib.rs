//! Hands uploads to a web application, and keeps nothing.

mod answer;
mod base64;
mod body;
mod login;
mod settings;
mod spool;
mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::http::Request;
use wharf_plugin::{
    Content, Demands, Denial, DenialReason, Disposition, Failure, Lifecycle, Location, Problems,
    Session, Staged, Upload, UploadGate, config, crypto, log, metrics, secrets, sinks,
};

use crate::answer::{Accept, Verdict};
use crate::base64::LINE;
use crate::body::Form;
use crate::login::Login;
use crate::settings::Spool;
use crate::template::{Values, in_url};

/// What is read and sent at once, in bytes: whole lines of base64, which together are less than the
/// 1 MiB that the host takes.
const PIECE: usize = LINE * 12_000;

/// Where uploads go, and how.
struct Forward {
    url: String,
    method: String,
    /// For each step of a request.
    timeout: Duration,
    /// Names of headers, and of the secrets that are their values.
    headers: BTreeMap<String, String>,
    /// The virtual directory whose uploads are handed over.
    below: String,
    naming: Naming,
    form: Form,
    accept: Accept,
    /// Who hands over; else the user himself.
    account: Option<ServiceAccount>,
    login: Option<Login>,
    spool: Option<Spool>,
}

/// What the application calls a file.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Naming {
    /// The whole path with `_` for each `/`: `/dir/scan.pdf` is `_dir_scan.pdf`.
    #[default]
    Path,
    /// The last part of the path.
    Base,
}

/// An account of the application that is no user's.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceAccount {
    user: String,
    /// The name of the secret.
    password: String,
}

/// A name and a password that the application knows. No `Debug`.
#[derive(Default)]
struct Account {
    name: String,
    password: String,
}

/// A file to be handed over.
struct Document<'d> {
    path: &'d str,
    user: &'d str,
    size: u64,
    /// The same whenever it is tried again.
    key: &'d str,
    content: Source<'d>,
}

/// Where the bytes of a file are.
enum Source<'s> {
    Staged(&'s Staged<'s>),
    Spooled(&'s Location),
}

wharf_plugin::export!(Forward: Authenticator + UploadGate + StorageEvents);

impl Lifecycle for Forward {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if self.url.starts_with("http:") {
            warnings.add("url", "is not encrypted: files can be read on their way");
        }
        if let Some(login) = &self.login
            && login.url.starts_with("http:")
        {
            warnings.add(
                "login.url",
                "is not encrypted: passwords can be read on their way",
            );
        }
        warnings
    }
}

impl UploadGate for Forward {
    fn needs(&self) -> Demands {
        let demands = Demands::new().content(Content::All);
        match self.spool {
            Some(_) => demands.relocates(),
            None => demands,
        }
    }

    fn commit(
        &self,
        session: &Session<'_>,
        upload: &Upload,
        content: &Staged<'_>,
    ) -> Result<Disposition, Failure> {
        if upload.quarantined || !self.is_ours(&upload.path) {
            return Ok(Disposition::Publish);
        }
        let user = session.principal().unwrap_or_default();
        let account = self.account_of(session, &user)?;
        let key = crypto::hex(&crypto::random(16));
        let document = Document {
            path: &upload.path,
            user: &user,
            size: content.size(),
            key: &key,
            content: Source::Staged(content),
        };
        let failure = match self.hand_over(&document, &account) {
            Ok(Verdict::Accepted) => return Ok(Disposition::Consume),
            Ok(Verdict::Refused { reason, large }) => {
                return Ok(Disposition::Discard(denial(reason, large)));
            }
            Err(failure) => failure,
        };
        match (&self.spool, failure) {
            (Some(spool), Failure::Unavailable(why) | Failure::TimedOut(why)) => {
                log::warn(
                    "an upload is spooled",
                    &[("path", &upload.path), ("why", &why)],
                );
                Ok(Disposition::Quarantine(spool.place.join(&key)))
            }
            (_, failure) => Err(failure),
        }
    }
}

impl Forward {
    fn is_ours(&self, path: &str) -> bool {
        let rest = match self.below.as_str() {
            "/" => Some(path),
            below => path.strip_prefix(below),
        };
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Who hands an upload over: the configured account, or the user with the password that he
    /// logged in with, if he did that here.
    fn account_of(&self, session: &Session<'_>, user: &str) -> Result<Account, Failure> {
        if let Some(account) = &self.account {
            return account.with_password();
        }
        if self.login.is_none() {
            return Ok(Account::default());
        }
        let password = session.recall(&login::note(user)).ok_or_else(|| {
            Failure::Misconfigured("the user did not log in with the application".into())
        })?;
        Ok(Account {
            name: user.to_owned(),
            password: String::from_utf8_lossy(&password).into_owned(),
        })
    }

    /// Sends a file, and says what the application made of it.
    fn hand_over(&self, document: &Document<'_>, account: &Account) -> Result<Verdict, Failure> {
        let values = Values {
            account: &account.name,
            password: &account.password,
            user: document.user,
            path: document.path,
            name: self.naming.name(document.path),
            size: document.size.to_string(),
        };
        let body = self.form.body(&values);
        let url = values.fill(&self.url, in_url);
        let mut request = Request::new(&self.method, url)
            .timeout(self.timeout)
            .header("content-type", &body.content_type)
            .header("idempotency-key", document.key);
        for (name, secret) in &self.headers {
            request = request.header(name, secrets::get(secret)?.expose());
        }
        let length = body.length(document.size);
        let mut exchange = request.body(body.before).begin(length)?;
        let mut offset = 0;
        // A server that has answered already wants no more.
        let mut wanted = true;
        while wanted && offset < document.size {
            let piece = document.content.piece(offset)?;
            offset += piece.len() as u64;
            wanted = !piece.is_empty() && exchange.push(&body.encoding.encode(piece))?;
        }
        if wanted {
            wanted = exchange.push(body.after.as_bytes())?;
        }
        let response = exchange.finish()?;
        let status = response.status.to_string();
        metrics::count("handed_over", 1, &[("status", &status)]);
        match self.accept.judge(&response, &account.password)? {
            // What it has not read it cannot have stored, whatever it says.
            Verdict::Accepted if !wanted => {
                let text = "it answered before it had all of the file";
                Err(Failure::Unavailable(text.into()))
            }
            verdict => Ok(verdict),
        }
    }
}

impl Naming {
    fn name(self, path: &str) -> String {
        match self {
            Self::Path => path.replace('/', "_"),
            Self::Base => path.rsplit('/').next().unwrap_or(path).to_owned(),
        }
    }
}

impl ServiceAccount {
    fn with_password(&self) -> Result<Account, Failure> {
        Ok(Account {
            name: self.user.clone(),
            password: secrets::get(&self.password)?.expose().to_owned(),
        })
    }
}

impl Source<'_> {
    /// The bytes from `offset`: a whole piece, but for the last.
    fn piece(&self, offset: u64) -> Result<Vec<u8>, Failure> {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE {
            let (at, length) = (offset + piece.len() as u64, (PIECE - piece.len()) as u32);
            let more = match self {
                Self::Staged(content) => content.read(at, length)?,
                Self::Spooled(place) => sinks::read(place, at, length)?,
            };
            if more.is_empty() {
                break;
            }
            piece.extend(more);
        }
        Ok(piece)
    }
}

/// The application will not have it: 552, which clients do not try again.
fn denial(reason: Option<String>, large: bool) -> Denial {
    let denial = Denial::new(match large {
        true => DenialReason::TooLarge,
        false => DenialReason::Quota,
    });
    match reason {
        Some(reason) => denial
            .text(format!("The application refused the file: {reason}"))
            .detail(format!("the application: {reason}")),
        None => denial.text("The application refused the file."),
    }
}

#[cfg(test)]
mod tests;
