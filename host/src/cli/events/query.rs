//! What is listed, as it stands in the URL of the question.

use crate::outbox::Filter;

/// What stands behind `?`.
pub fn encoded(filter: &Filter, after: Option<u64>, limit: usize) -> String {
    let parts = [
        ("plugin", filter.plugin.as_deref().map(percent_encoded)),
        ("kind", filter.kind.map(|kind| kind.name().to_owned())),
        ("dead", filter.dead.map(|dead| dead.to_string())),
        ("after", after.map(|after| after.to_string())),
        ("limit", Some(limit.to_string())),
    ];
    let given = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    given.collect::<Vec<_>>().join("&")
}

/// `text` as it stands in a URL (RFC 3986 section 2.1).
fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    #[test]
    fn a_query_says_what_is_wanted() {
        assert_eq!(encoded(&Filter::default(), None, 7), "limit=7");
        let filter = Filter {
            plugin: Some("ä b&c".to_owned()),
            kind: Some(Kind::LoginFailed),
            dead: Some(true),
        };
        let expected = "plugin=%C3%A4%20b%26c&kind=login-failed&dead=true&after=3&limit=10";
        assert_eq!(encoded(&filter, Some(3), 10), expected);
    }
}
