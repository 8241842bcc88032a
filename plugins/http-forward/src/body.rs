//! The body of a request: what stands before the file, the file, and what stands behind it.

use std::collections::BTreeMap;

use serde_json::Value;
use wharf_plugin::crypto;

use crate::base64::Encoding;
use crate::template::Values;

/// How the application wants an upload.
pub enum Form {
    /// JSON with the file in base64.
    Json { template: Value, encoding: Encoding },
    /// The file, and nothing else.
    Raw { content_type: String },
    /// `multipart/form-data` (RFC 7578).
    Multipart {
        field: String,
        content_type: String,
        fields: BTreeMap<String, String>,
    },
}

/// A body that waits for its file.
pub struct Body {
    pub content_type: String,
    pub before: String,
    pub encoding: Encoding,
    pub after: String,
}

impl Form {
    /// The body for an upload.
    pub fn body(&self, values: &Values<'_>) -> Body {
        match self {
            Self::Json { template, encoding } => {
                let (mut before, content) = values.json(template);
                let after = before.split_off(content.unwrap_or(before.len()));
                Body {
                    content_type: "application/json".into(),
                    before,
                    encoding: *encoding,
                    after,
                }
            }
            Self::Raw { content_type } => Body {
                content_type: content_type.clone(),
                before: String::new(),
                encoding: Encoding::Raw,
                after: String::new(),
            },
            Self::Multipart {
                field,
                content_type,
                fields,
            } => multipart(field, content_type, fields, values),
        }
    }
}

impl Body {
    /// Its length with a file of `size` bytes.
    pub fn length(&self, size: u64) -> Option<u64> {
        let around = (self.before.len() + self.after.len()) as u64;
        self.encoding.length(size)?.checked_add(around)
    }
}

fn multipart(
    field: &str,
    content_type: &str,
    fields: &BTreeMap<String, String>,
    values: &Values<'_>,
) -> Body {
    // Nobody can have put it into the file.
    let boundary = format!("wharf-{}", crypto::hex(&crypto::random(16)));
    let mut before = String::new();
    for (name, template) in fields {
        let (name, value) = (quoted(name), values.fill(template, str::to_owned));
        before += &format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    let (field, name) = (quoted(field), quoted(&values.name));
    before += &format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         content-type: {content_type}\r\n\r\n"
    );
    Body {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        before,
        encoding: Encoding::Raw,
        after: format!("\r\n--{boundary}--\r\n"),
    }
}

/// As browsers write a name within quotes (WHATWG HTML, multipart/form-data encoding algorithm).
fn quoted(name: &str) -> String {
    let name = name.replace('"', "%22");
    name.replace('\r', "%0D").replace('\n', "%0A")
}
