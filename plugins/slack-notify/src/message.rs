//! Notices as Slack and the log server of s3-sftp read them.

use serde::Serialize;
use wharf_plugin::Event;

use crate::template::Template;

/// How a kind of outcome looks.
#[derive(Debug)]
pub struct Look {
    /// What is said.
    pub text: Template,
    /// The title of the one field.
    pub title: String,
    /// A word or a number that Slack knows.
    pub color: String,
}

impl Look {
    /// The attachment that tells of `event`.
    pub fn attachment(&self, event: &Event) -> Attachment<'_> {
        let text = self.text.render(event);
        Attachment {
            color: &self.color,
            fallback: text.clone(),
            text,
            fields: [Field {
                title: &self.title,
                value: "",
                short: false,
            }],
            mrkdwn_in: [],
        }
    }
}

/// What an incoming webhook and chat.postMessage take.
#[derive(Serialize)]
pub struct Message<'a> {
    /// Where it goes; a webhook knows that itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'a str>,
    /// Neither a name in clear nor an address in a file's name means anything.
    parse: &'static str,
    link_names: bool,
    unfurl_links: bool,
    unfurl_media: bool,
    /// A notice each.
    attachments: Vec<Attachment<'a>>,
}

impl<'a> Message<'a> {
    /// A message of these notices.
    pub fn new(channel: Option<&'a str>, attachments: Vec<Attachment<'a>>) -> Self {
        Self {
            channel,
            parse: "none",
            link_names: false,
            unfurl_links: false,
            unfurl_media: false,
            attachments,
        }
    }
}

/// A notice with a colour at its side.
#[derive(Serialize)]
pub struct Attachment<'a> {
    color: &'a str,
    /// For a phone's notification.
    fallback: String,
    text: String,
    fields: [Field<'a>; 1],
    /// What is formatted by its asterisks and underscores: nothing, as names have them too.
    mrkdwn_in: [&'static str; 0],
}

#[derive(Serialize)]
struct Field<'a> {
    title: &'a str,
    value: &'a str,
    short: bool,
}

/// What the log server of s3-sftp takes, its keys in this order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogMessage<'a> {
    /// The token.
    pub auth: &'a str,
    /// `Success` or `Fail`.
    pub action: &'static str,
    /// What is said.
    pub log_message: String,
}
