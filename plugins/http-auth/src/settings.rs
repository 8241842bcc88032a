//! The settings as they are written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::config::Period;
use wharf_plugin::crypto::Algorithm;
use wharf_plugin::{Problems, View, secrets};

use crate::answer::Parts;
use crate::exchange::{Endpoint, Service};
use crate::kind::Kind;
use crate::{HttpAuth, Recheck};

/// Of one request; a few of them fit into the deadline of a call.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The most redirects that are followed: each costs the client a round trip more.
const MAX_REDIRECTS: u8 = 10;

/// What of a grant the service may say.
const PARTS: &[&str] = &[
    "principal",
    "sink",
    "root",
    "mounts",
    "home",
    "permissions",
    "rules",
    "limits",
    "groups",
    "attributes",
    "welcome",
];

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    kind: WrittenKind,
    url: String,
    method: Option<String>,
    timeout: Option<Period>,
    #[serde(default)]
    redirects: u8,
    denied: Option<Vec<u16>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    require_tls: bool,
    /// Of a webhook.
    password_hash: Option<WrittenHash>,
    /// Of JSON-RPC.
    success: Option<Success>,
    recheck: Option<WrittenRecheck>,
    answer: Option<Answer>,
    #[serde(default)]
    grant: View,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum WrittenKind {
    Basic,
    Digest,
    Bearer,
    Webhook,
    JsonRpc,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenHash {
    Md5,
    #[serde(alias = "sha")]
    Sha1,
    Sha256,
    Sha512,
    #[serde(rename = "sha512-256")]
    Sha512_256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Success {
    #[serde(default = "result")]
    field: String,
    #[serde(default = "ok")]
    contains: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRecheck {
    every: Period,
    url: Option<String>,
    method: Option<String>,
    #[serde(default)]
    on_failure: OnFailure,
}

/// What becomes of a session about which nobody can decide.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum OnFailure {
    #[default]
    End,
    Keep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    grant: Vec<String>,
    #[serde(default)]
    at: String,
}

impl Settings {
    /// The plugin, or everything that is wrong with its settings.
    pub fn resolve(self) -> Result<HttpAuth, Problems> {
        let mut problems = Problems::new();
        let kind = self.kind(&mut problems);
        let is_json_rpc = self.kind == WrittenKind::JsonRpc;
        let login = endpoint(
            ("url", self.url),
            ("method", self.method),
            if is_json_rpc { "POST" } else { "GET" },
            &mut problems,
        );
        // A web application's "bad request" is a no to what it was sent.
        let refusals = if is_json_rpc {
            vec![400, 401, 403]
        } else {
            vec![401, 403]
        };
        let denied = self.denied.unwrap_or(refusals);
        if let Some(status) = denied.iter().find(|status| !(400..500).contains(*status)) {
            let message = format!("holds {status}, which is no refusal: those are 400 to 499");
            problems.add("denied", message);
        }
        if self.redirects > MAX_REDIRECTS {
            problems.add("redirects", format!("is more than {MAX_REDIRECTS}"));
        }
        for (name, secret) in &self.headers {
            if secrets::get(secret) == Err(secrets::Error::NotGranted) {
                let message = "is not named under `[allow] secrets`";
                problems.add(format!("headers.{name}"), message);
            }
        }
        let recheck = self
            .recheck
            .map(|written| written.resolve(&login, &mut problems));
        let mut parts = self
            .answer
            .map(|written| written.resolve(&mut problems))
            .unwrap_or_default();
        parts.must_name = kind.takes_any_name() && parts.may_say("principal");
        parts.must_root = self.grant.root.is_none() && parts.may_say("root");
        self.grant.check("grant", &mut problems);
        problems.or(HttpAuth {
            kind,
            service: Service {
                timeout: self.timeout.map_or(TIMEOUT, |timeout| timeout.0),
                redirects: self.redirects,
                denied,
                headers: self.headers.into_iter().collect(),
            },
            login,
            recheck,
            require_tls: self.require_tls,
            view: self.grant,
            parts,
        })
    }

    fn kind(&self, problems: &mut Problems) -> Kind {
        if self.password_hash.is_some() && self.kind != WrittenKind::Webhook {
            problems.add("password-hash", "is for the kind \"webhook\"");
        }
        if self.success.is_some() && self.kind != WrittenKind::JsonRpc {
            problems.add("success", "is for the kind \"json-rpc\"");
        }
        match self.kind {
            WrittenKind::Basic => Kind::Basic,
            WrittenKind::Digest => Kind::Digest,
            WrittenKind::Bearer => Kind::Bearer,
            WrittenKind::Webhook => Kind::Webhook(match self.password_hash {
                Some(WrittenHash::Md5) => Algorithm::Md5,
                Some(WrittenHash::Sha1) => Algorithm::Sha1,
                Some(WrittenHash::Sha512) => Algorithm::Sha512,
                Some(WrittenHash::Sha512_256) => Algorithm::Sha512_256,
                Some(WrittenHash::Sha256) | None => Algorithm::Sha256,
            }),
            WrittenKind::JsonRpc => Kind::JsonRpc {
                field: self
                    .success
                    .as_ref()
                    .map_or_else(result, |it| it.field.clone()),
                marker: self
                    .success
                    .as_ref()
                    .map_or_else(ok, |it| it.contains.clone()),
            },
        }
    }
}

impl WrittenRecheck {
    fn resolve(self, login: &Endpoint, problems: &mut Problems) -> Recheck {
        if self.every.0 < Duration::from_secs(1) {
            problems.add("recheck.every", "is too short: at least \"1s\"");
        }
        if self.method.is_some() && self.url.is_none() {
            problems.add(
                "recheck.method",
                "is that of `recheck.url`, which is missing",
            );
        }
        let endpoint = self.url.map(|url| {
            let method = ("recheck.method", self.method);
            endpoint(("recheck.url", url), method, &login.method, problems)
        });
        Recheck {
            every: self.every.0,
            endpoint,
            keeps_undecided: self.on_failure == OnFailure::Keep,
        }
    }
}

impl Answer {
    fn resolve(self, problems: &mut Problems) -> Parts {
        for name in &self.grant {
            if !PARTS.contains(&name.as_str()) {
                let message = format!("holds {name:?}, and there are {}", PARTS.join(", "));
                problems.add("answer.grant", message);
            }
        }
        let at = self.at.split('.').filter(|key| !key.is_empty());
        Parts {
            at: at.map(str::to_owned).collect(),
            names: self.grant,
            ..Parts::default()
        }
    }
}

/// Where a question goes, if it is an address at all.
fn endpoint(
    (url_key, url): (&str, String),
    (method_key, method): (&str, Option<String>),
    default: &str,
    problems: &mut Problems,
) -> Endpoint {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.starts_with(['/', '?'])) {
        problems.add(
            url_key,
            "is not an address such as \"https://example.com/login\"",
        );
    }
    let method = method.map_or_else(|| default.to_owned(), |it| it.to_ascii_uppercase());
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        problems.add(method_key, "is not a method such as \"POST\"");
    }
    Endpoint { method, url }
}

fn result() -> String {
    "result".into()
}

fn ok() -> String {
    "200 OK".into()
}
