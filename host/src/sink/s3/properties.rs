//! What an object has beside its bytes: new ones as the sink is configured, copies as their
//! originals.

use std::collections::HashMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use wharf_protocol::timestamp::Timestamp;

use super::Store;

/// The name of the metadata that a time of modification is kept in, which rclone, Cyberduck and
/// s3fs use as well: seconds since 1970, perhaps with a fraction.
const MODIFIED: &str = "mtime";
/// What some stores keep of how an object was sent to them.
const SENT_IN_CHUNKS: &str = "aws-chunked";

/// What an object has beside its bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<DateTime>,
    pub(super) redirect: Option<String>,
    pub(super) metadata: HashMap<String, String>,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) encryption: Option<ServerSideEncryption>,
    pub(super) kms_key: Option<String>,
}

/// Sets [`Properties`] on a request that makes an object: such requests are of several types with
/// the same methods.
macro_rules! with_properties {
    ($request:expr, $properties:expr) => {{
        let properties: &$crate::sink::s3::properties::Properties = $properties;
        $request
            .set_content_type(properties.content_type.clone())
            .set_content_encoding(properties.content_encoding.clone())
            .set_content_language(properties.content_language.clone())
            .set_content_disposition(properties.content_disposition.clone())
            .set_cache_control(properties.cache_control.clone())
            .set_expires(properties.expires)
            .set_website_redirect_location(properties.redirect.clone())
            .set_metadata(Some(properties.metadata.clone()))
            .set_storage_class(properties.storage_class.clone())
            .set_server_side_encryption(properties.encryption.clone())
            .set_ssekms_key_id(properties.kms_key.clone())
    }};
}
pub(super) use with_properties;

impl Properties {
    /// Of a new object.
    pub(super) fn of_new(store: &Store) -> Self {
        Self {
            storage_class: store.storage_class(),
            encryption: store.encryption(),
            kms_key: store.settings.kms_key.clone(),
            ..Self::default()
        }
    }

    /// Of an object that is there. One that is not encrypted is from now on, where new ones are.
    pub(super) fn of(store: &Store, head: &HeadObjectOutput) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let expires = head.expires_string();
        let encodings = head.content_encoding().unwrap_or_default().split(',');
        let encodings: Vec<_> = encodings
            .map(str::trim)
            .filter(|encoding| !encoding.is_empty() && *encoding != SENT_IN_CHUNKS)
            .collect();
        let (encryption, kms_key) = match head.server_side_encryption() {
            Some(encryption) => (Some(encryption.clone()), own(head.ssekms_key_id())),
            None => (store.encryption(), store.settings.kms_key.clone()),
        };
        Self {
            content_type: own(head.content_type()),
            content_encoding: (!encodings.is_empty()).then(|| encodings.join(",")),
            content_language: own(head.content_language()),
            content_disposition: own(head.content_disposition()),
            cache_control: own(head.cache_control()),
            expires: expires.and_then(|at| DateTime::from_str(at, DateTimeFormat::HttpDate).ok()),
            redirect: own(head.website_redirect_location()),
            metadata: head.metadata().cloned().unwrap_or_default(),
            // Standard is the default, and not all stores can be told.
            storage_class: head
                .storage_class()
                .filter(|class| **class != StorageClass::Standard)
                .cloned(),
            encryption,
            kms_key,
        }
    }

    /// The same with this time of modification; without one it is the store's.
    pub(super) fn modified(mut self, modified: Option<Timestamp>) -> Self {
        self.metadata.remove(MODIFIED);
        if let Some(modified) = modified {
            self.metadata.insert(MODIFIED.to_owned(), written(modified));
        }
        self
    }
}

/// When an object was modified, as whoever stored it says.
pub(super) fn modified(head: &HeadObjectOutput) -> Option<Timestamp> {
    read(head.metadata()?.get(MODIFIED)?)
}

fn written(moment: Timestamp) -> String {
    let (mut seconds, mut nanoseconds) = (moment.unix_seconds(), moment.nanoseconds());
    let sign = if seconds < 0 { "-" } else { "" };
    if seconds < 0 && nanoseconds > 0 {
        // A fraction counts away from zero here, and forwards there.
        (seconds, nanoseconds) = (seconds + 1, 1_000_000_000 - nanoseconds);
    }
    let text = format!("{sign}{}.{nanoseconds:09}", seconds.unsigned_abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn read(text: &str) -> Option<Timestamp> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: u32 = format!("{fraction:0<9}")[..9].parse().ok()?;
    Some(match (negative, nanoseconds) {
        (false, _) => Timestamp::from_unix(seconds, nanoseconds),
        (true, 0) => Timestamp::from_unix(-seconds, 0),
        (true, _) => Timestamp::from_unix(-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_as_rclone_does() {
        for (text, seconds, nanoseconds) in [
            ("0", 0, 0),
            ("1700000000", 1_700_000_000, 0),
            ("1700000000.5", 1_700_000_000, 500_000_000),
            ("1354040105.123456789", 1_354_040_105, 123_456_789),
            ("-1", -1, 0),
            ("-0.25", -1, 750_000_000),
            ("-10.75", -11, 250_000_000),
        ] {
            let moment = Timestamp::from_unix(seconds, nanoseconds);
            assert_eq!(written(moment), text);
            assert_eq!(read(text), Some(moment), "{text}");
        }
        let precise = Timestamp::from_unix(1, 123_456_789);
        assert_eq!(read("1.1234567891234"), Some(precise));
        for text in [
            "",
            "-",
            ".5",
            "1e9",
            "1.5s",
            "yesterday",
            "99999999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
