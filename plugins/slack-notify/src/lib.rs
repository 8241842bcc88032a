//! Tells a Slack channel what was stored, and what was not.

mod answer;
mod limits;
mod message;
mod progress;
mod settings;
mod template;

use std::time::Duration;

use wharf_plugin::http::Request;
use wharf_plugin::secrets::{self, Secret};
use wharf_plugin::{Event, Failure, Lifecycle, Problems, StorageEvents, config, log, metrics};

use crate::answer::Verdict;
use crate::message::{LogMessage, Look, Message};
use crate::progress::Progress;

/// Where notices go, and how they look.
struct SlackNotify {
    via: Via,
    /// The name of the secret: the webhook's address, or the token.
    secret: String,
    /// The kinds that are told.
    events: Vec<String>,
    timeout: Duration,
    success: Look,
    failure: Look,
    progress: Progress,
}

/// Who is told.
#[derive(Debug)]
enum Via {
    /// An incoming webhook, whose address is the secret.
    Webhook,
    /// `chat.postMessage`, as a bot.
    Bot { url: String, channel: String },
    /// The log server of s3-sftp.
    S3Sftp { url: String },
}

wharf_plugin::export!(SlackNotify: StorageEvents);

impl Lifecycle for SlackNotify {
    fn start() -> Result<Self, Problems> {
        config::parse::<settings::Settings>()?.resolve()
    }

    fn warnings(&self) -> Problems {
        let mut warnings = Problems::new();
        if let Via::Bot { url, .. } | Via::S3Sftp { url } = &self.via
            && url.starts_with("http:")
        {
            warnings.add("url", "is not encrypted, and the token goes there");
        }
        warnings
    }
}

impl StorageEvents for SlackNotify {
    fn subscribe(&self) -> Vec<String> {
        self.events.clone()
    }

    fn deliver(&self, batch: &[Event]) -> Result<(), Failure> {
        if let Some(left) = self.progress.rests() {
            let text = format!(
                "it asked to be left alone for {} s more",
                left.as_secs() + 1
            );
            return Err(Failure::Unavailable(text));
        }
        let at_once = match self.via {
            Via::S3Sftp { .. } => 1,
            Via::Webhook | Via::Bot { .. } => limits::NOTICES,
        };
        for events in self.progress.untold(batch).chunks(at_once) {
            self.tell(events)?;
            self.progress.add(events);
        }
        self.progress.finish(batch);
        Ok(())
    }
}

impl SlackNotify {
    /// Sends one message, and sees what became of it.
    fn tell(&self, events: &[&Event]) -> Result<(), Failure> {
        let request = self.request(events, &secrets::get(&self.secret)?)?;
        let response = request.timeout(self.timeout).send()?;
        let (count, status) = (events.len() as u64, response.status.to_string());
        metrics::count("told", count, &[("status", &status)]);
        match answer::read(&response, matches!(self.via, Via::Bot { .. })) {
            Verdict::Told => Ok(()),
            Verdict::Later(wait, why) => {
                self.progress.rest(wait);
                Err(Failure::Unavailable(why))
            }
            Verdict::Never(why) => {
                for event in events {
                    let path = event.path.as_deref().unwrap_or_default();
                    let fields = [("event", event.id.as_str()), ("path", path), ("why", &why)];
                    log::error(
                        "a notice was refused for good, and is not told again",
                        &fields,
                    );
                }
                Ok(())
            }
        }
    }

    fn request(&self, events: &[&Event], secret: &Secret) -> Result<Request, Failure> {
        let secret = secret.expose().trim();
        let attachments = |channel| {
            let all = events
                .iter()
                .map(|event| self.look(event).attachment(event));
            Message::new(channel, all.collect())
        };
        match &self.via {
            Via::Webhook if settings::is_address(secret) => {
                Request::post(secret).json(&attachments(None))
            }
            Via::Webhook => Err(Failure::Misconfigured(
                "the secret is not the address of a webhook".to_owned(),
            )),
            Via::Bot { url, channel } => Ok(Request::post(url)
                .header("authorization", format!("Bearer {secret}"))
                .json(&attachments(Some(channel)))?),
            Via::S3Sftp { url } => {
                let [event] = events else {
                    return Err(Failure::Internal("it takes one event at a time".to_owned()));
                };
                Request::post(url).json(&LogMessage {
                    auth: secret,
                    action: if event.fault.is_none() {
                        "Success"
                    } else {
                        "Fail"
                    },
                    log_message: self.look(event).text.render(event),
                })
            }
        }
    }

    fn look(&self, event: &Event) -> &Look {
        match event.fault {
            None => &self.success,
            Some(_) => &self.failure,
        }
    }
}

#[cfg(test)]
mod tests;
