//! Texts of the settings with places for what is known of an upload, such as `{name}`.

use serde_json::Value;

/// The place of the file itself: a whole string of a JSON body.
pub const CONTENT: &str = "{content}";

/// What is known of an upload, or of a login. No `Debug`: it holds a password.
#[derive(Default)]
pub struct Values<'v> {
    /// The name that the application knows, and its password.
    pub account: &'v str,
    pub password: &'v str,
    /// Who is logged in here.
    pub user: &'v str,
    /// The path that the client stored under, and the name made of it.
    pub path: &'v str,
    pub name: String,
    /// In bytes.
    pub size: String,
}

impl Values<'_> {
    fn value(&self, place: &str) -> Option<&str> {
        Some(match place {
            "account" => self.account,
            "password" => self.password,
            "user" => self.user,
            "path" => self.path,
            "name" => &self.name,
            "size" => &self.size,
            _ => return None,
        })
    }

    /// `template` with its places filled, each value as `written` writes it. What is in braces and
    /// no place of ours stays.
    pub fn fill(&self, template: &str, written: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let place = after.split_once('}');
            match place.and_then(|(place, after)| Some((self.value(place)?, after))) {
                Some((value, after)) => {
                    filled.push_str(&written(value));
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    /// `template` as JSON, and where in it the content goes, if it has a place there.
    pub fn json(&self, template: &Value) -> (String, Option<usize>) {
        let (mut json, mut content) = (String::new(), None);
        self.write(template, &mut json, &mut content);
        (json, content)
    }

    fn write(&self, template: &Value, json: &mut String, content: &mut Option<usize>) {
        match template {
            Value::String(text) if text == CONTENT => {
                json.push('"');
                *content = Some(json.len());
                json.push('"');
            }
            Value::String(text) => {
                let text = self.fill(text, str::to_owned);
                json.push_str(&Value::String(text).to_string());
            }
            Value::Array(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    separate(index, json);
                    self.write(item, json, content);
                }
                json.push(']');
            }
            Value::Object(members) => {
                json.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    separate(index, json);
                    json.push_str(&Value::String(name.clone()).to_string());
                    json.push(':');
                    self.write(member, json, content);
                }
                json.push('}');
            }
            other => json.push_str(&other.to_string()),
        }
    }
}

fn separate(index: usize, json: &mut String) {
    if index > 0 {
        json.push(',');
    }
}

/// How often the content has its place in `template`.
pub fn contents(template: &Value) -> usize {
    match template {
        Value::String(text) => (text == CONTENT).into(),
        Value::Array(items) => items.iter().map(contents).sum(),
        Value::Object(members) => members.values().map(contents).sum(),
        _ => 0,
    }
}

/// As it stands in one part of a URL (RFC 3986, section 2).
pub fn in_url(value: &str) -> String {
    let mut written = String::new();
    for byte in value.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => written.push(char::from(byte)),
            false => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values<'static> {
        Values {
            account: "ann",
            password: "{name}\"",
            name: "_dir_ä b.pdf".into(),
            ..Values::default()
        }
    }

    #[test]
    fn places_are_filled_once() {
        for (template, expected) in [
            ("a {account} b", "a ann b"),
            ("{password}", "{name}\""),
            ("{other} {", "{other} {"),
            ("{{account}}", "{ann}"),
            ("", ""),
        ] {
            assert_eq!(values().fill(template, str::to_owned), expected);
        }
        let url = values().fill("https://a.example/{name}", in_url);
        assert_eq!(url, "https://a.example/_dir_%C3%A4%20b.pdf");
    }

    #[test]
    fn json_is_split_where_the_content_goes() {
        let template = json!({ "a": ["{password}", 1, null], "file": "{content}", "z": true });
        let (json, content) = values().json(&template);
        assert_eq!(json, r#"{"a":["{name}\"",1,null],"file":"","z":true}"#);
        let (before, after) = json.split_at(content.expect("it has a place"));
        assert!(before.ends_with(r#""file":""#) && after.starts_with('"'));
        // What a client calls its file is no place.
        let named = Values {
            name: CONTENT.into(),
            ..Values::default()
        };
        assert_eq!(named.json(&json!(["{name}"])).1, None);
        assert_eq!(contents(&template), 1);
    }
}
