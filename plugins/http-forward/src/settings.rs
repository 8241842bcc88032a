//! The settings as they are written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use wharf_plugin::config::Period;
use wharf_plugin::{Location, Problems, paths, secrets};

use crate::answer::Accept;
use crate::base64::Encoding;
use crate::body::Form;
use crate::login::Login;
use crate::template::contents;
use crate::{Forward, Naming, ServiceAccount};

/// For each step of a request: long enough for an application to store a scan, and short enough
/// for curl, which waits 60 s for a reply.
const TIMEOUT: Duration = Duration::from_secs(45);

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    url: String,
    #[serde(default = "post")]
    method: String,
    timeout: Option<Period>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default = "root")]
    below: String,
    #[serde(default)]
    name: Naming,
    json: Option<Value>,
    #[serde(default)]
    base64_lines: bool,
    multipart: Option<Multipart>,
    #[serde(default = "octets")]
    content_type: String,
    #[serde(default)]
    accept: AcceptSettings,
    account: Option<ServiceAccount>,
    login: Option<LoginSettings>,
    spool: Option<SpoolSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Multipart {
    #[serde(default = "file")]
    file: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptSettings {
    #[serde(default)]
    status: Vec<u16>,
    member: Option<String>,
    #[serde(default)]
    contains: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginSettings {
    url: String,
    json: Value,
    accept: Option<AcceptSettings>,
    root: Place,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    sink: String,
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpoolSettings {
    sink: String,
    prefix: String,
    account: Option<ServiceAccount>,
}

/// Where uploads wait for an application that is away.
pub struct Spool {
    pub place: Location,
    /// Who hands them over then.
    pub account: Option<ServiceAccount>,
}

impl Settings {
    /// The plugin, or everything that is wrong with its settings.
    pub fn resolve(self) -> Result<Forward, Problems> {
        let mut problems = Problems::new();
        self.check(&mut problems);
        let accept = self.accept.clone().resolve();
        let login = self.login.map(|login| Login {
            accept: login.accept.unwrap_or(self.accept).resolve(),
            url: login.url,
            json: login.json,
            root: Location::new(login.root.sink, login.root.prefix),
        });
        let spool = self.spool.map(|spool| Spool {
            place: Location::new(spool.sink, spool.prefix),
            account: spool.account,
        });
        let form = match (self.json, self.multipart) {
            (Some(template), _) => Form::Json {
                template,
                encoding: match self.base64_lines {
                    true => Encoding::Base64Lines,
                    false => Encoding::Base64,
                },
            },
            (None, Some(multipart)) => Form::Multipart {
                field: multipart.file,
                content_type: self.content_type,
                fields: multipart.fields,
            },
            (None, None) => Form::Raw {
                content_type: self.content_type,
            },
        };
        problems.or(Forward {
            url: self.url,
            method: self.method,
            timeout: self.timeout.map_or(TIMEOUT, |timeout| timeout.0),
            headers: self.headers,
            below: self.below,
            naming: self.name,
            form,
            accept,
            account: self.account,
            login,
            spool,
        })
    }

    fn check(&self, problems: &mut Problems) {
        let login_url = self.login.as_ref().map(|login| &login.url);
        let urls = [Some(&self.url), login_url].into_iter().flatten();
        for (key, url) in ["url", "login.url"].into_iter().zip(urls) {
            let host = url.strip_prefix("https://");
            let host = host.or_else(|| url.strip_prefix("http://"));
            if host.is_none_or(str::is_empty) {
                problems.add(key, "is not an address such as \"https://example.com/in\"");
            }
            if url.contains("{password}") {
                problems.add(key, "holds the password, and addresses stand in logs");
            }
        }
        if !paths::is_path(&self.below) {
            problems.add("below", "is not an absolute path such as \"/scans\"");
        }
        if self.json.is_some() && self.multipart.is_some() {
            problems.add(
                "multipart",
                "and json are both there: it is one or the other",
            );
        }
        if self.json.as_ref().is_some_and(|json| contents(json) != 1) {
            problems.add(
                "json",
                "has to have \"{content}\" once, where the file goes",
            );
        }
        if self
            .login
            .as_ref()
            .is_some_and(|login| contents(&login.json) > 0)
        {
            problems.add("login.json", "holds \"{content}\", and a login has none");
        }
        self.check_spool(problems);
        self.check_secrets(problems);
    }

    /// What is missing is told now, not when the first file comes.
    fn check_secrets(&self, problems: &mut Problems) {
        let headers = self.headers.iter();
        let mut named: Vec<_> = headers
            .map(|(name, secret)| (format!("headers.{name}"), secret))
            .collect();
        let spool = self.spool.as_ref().and_then(|spool| spool.account.as_ref());
        for (key, account) in [
            ("account.password", self.account.as_ref()),
            ("spool.account.password", spool),
        ] {
            named.extend(account.map(|account| (key.to_owned(), &account.password)));
        }
        for (key, secret) in named {
            if secrets::get(secret) == Err(secrets::Error::NotGranted) {
                problems.add(key, "is not named under `[allow] secrets`");
            }
        }
    }

    /// A password is kept nowhere but in a session, so that who hands over later needs one.
    fn check_spool(&self, problems: &mut Problems) {
        let Some(spool) = &self.spool else { return };
        if !paths::is_key(&spool.prefix) || spool.prefix.is_empty() {
            problems.add("spool.prefix", "is not a directory such as \"spool\"");
        }
        if self.login.is_some() && self.account.is_none() && spool.account.is_none() {
            let text = "is missing: passwords of users are not kept for it";
            problems.add("spool.account", text);
        }
    }
}

impl AcceptSettings {
    fn resolve(self) -> Accept {
        Accept {
            status: self.status,
            member: self.member,
            contains: self.contains,
            reason: self.reason,
        }
    }
}

fn post() -> String {
    "POST".into()
}

fn root() -> String {
    "/".into()
}

fn octets() -> String {
    "application/octet-stream".into()
}

fn file() -> String {
    "file".into()
}
