//! The settings as they are written.

use std::time::Duration;

use serde::Deserialize;
use wharf_plugin::config::Period;
use wharf_plugin::{Problems, secrets};

use crate::message::Look;
use crate::template::Template;
use crate::{SlackNotify, Via};

/// Shorter than the deadline of a call, so that the log tells that the service was slow.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a bot posts unless the settings say otherwise.
const POST_MESSAGE: &str = "https://slack.com/api/chat.postMessage";

/// The `[config]` table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    via: Way,
    secret: String,
    channel: Option<String>,
    url: Option<String>,
    #[serde(default = "uploads")]
    events: Vec<String>,
    timeout: Option<Period>,
    #[serde(default)]
    success: LookSettings,
    #[serde(default)]
    failure: LookSettings,
}

#[derive(Clone, Copy, Deserialize)]
enum Way {
    #[serde(rename = "webhook")]
    Webhook,
    #[serde(rename = "bot")]
    Bot,
    #[serde(rename = "s3-sftp")]
    S3Sftp,
}

/// `[config.success]` and `[config.failure]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookSettings {
    text: Option<String>,
    title: Option<String>,
    color: Option<String>,
}

impl Settings {
    /// The plugin, or everything that is wrong with its settings.
    pub fn resolve(self) -> Result<SlackNotify, Problems> {
        let mut problems = Problems::new();
        if self.events.is_empty() {
            problems.add("events", "names no kind; \"*\" is all of them");
        }
        if secrets::get(&self.secret) == Err(secrets::Error::NotGranted) {
            problems.add("secret", "is not named under `[allow] secrets`");
        }
        let via = via(self.via, self.url, self.channel, &mut problems);
        let success = self.success.resolve("success", &SUCCESS, &mut problems);
        let failure = self.failure.resolve("failure", &FAILURE, &mut problems);
        problems.or(SlackNotify {
            via,
            secret: self.secret,
            events: self.events,
            timeout: self.timeout.map_or(TIMEOUT, |timeout| timeout.0),
            success,
            failure,
            progress: Default::default(),
        })
    }
}

/// Where messages go; what is not for this way is wrong.
fn via(way: Way, url: Option<String>, channel: Option<String>, problems: &mut Problems) -> Via {
    if url.as_deref().is_some_and(|url| !is_address(url)) {
        problems.add("url", "is not an address such as \"https://example.com/\"");
    }
    if channel.is_some() && !matches!(way, Way::Bot) {
        problems.add("channel", "is for `via = \"bot\"` alone");
    }
    match way {
        Way::Webhook => {
            if url.is_some() {
                problems.add(
                    "url",
                    "is the secret of an incoming webhook: name it in `secret`",
                );
            }
            Via::Webhook
        }
        Way::Bot => {
            if channel.as_deref().is_none_or(str::is_empty) {
                problems.add("channel", "is missing: where does the bot post?");
            }
            Via::Bot {
                url: url.unwrap_or_else(|| POST_MESSAGE.to_owned()),
                channel: channel.unwrap_or_default(),
            }
        }
        Way::S3Sftp => {
            if url.is_none() {
                problems.add("url", "is missing: where is the log server?");
            }
            Via::S3Sftp {
                url: url.unwrap_or_default(),
            }
        }
    }
}

/// Whether it is an address that HTTP leads to.
pub fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://");
    let host = host.or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
}

/// What is said of an outcome where the settings are silent: text, title, colour.
const SUCCESS: [&str; 3] = [
    "Successful upload to {sink}: {path} ({size}) by {user}",
    "SFTP Success",
    "good",
];
const FAILURE: [&str; 3] = [
    "{user} could not store {path}: {error}",
    "SFTP Error",
    "danger",
];

impl LookSettings {
    fn resolve(self, section: &str, silent: &[&str; 3], problems: &mut Problems) -> Look {
        let [text, title, color] = silent.map(str::to_owned);
        let text = self.text.unwrap_or(text);
        let color = self.color.unwrap_or(color);
        let text = Template::parse(&text).unwrap_or_else(|problem| {
            problems.add(format!("{section}.text"), problem);
            Template::default()
        });
        if !is_color(&color) {
            let message = "is neither good, warning or danger nor such as \"#439FE0\"";
            problems.add(format!("{section}.color"), message);
        }
        Look {
            text,
            title: self.title.unwrap_or(title),
            color,
        }
    }
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#');
    let is_number = digits.is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    is_number || ["good", "warning", "danger"].contains(&text)
}

fn uploads() -> Vec<String> {
    ["upload", "upload-failed", "upload-aborted"]
        .map(str::to_owned)
        .into()
}
