//! Keys on their way through XML, which cannot hold every character that a key may have.
//!
//! A listing asks the store to encode them like a URL; a removal of many names none that XML cannot
//! hold.

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

/// A page of objects with their keys as they are.
pub(super) fn decoded(mut page: ListObjectsV2Output) -> ListObjectsV2Output {
    if page.encoding_type == Some(EncodingType::Url) {
        for object in page.contents.iter_mut().flatten() {
            object.key = object.key.take().and_then(|key| decode(&key));
        }
        for common in page.common_prefixes.iter_mut().flatten() {
            common.prefix = common.prefix.take().and_then(|prefix| decode(&prefix));
        }
    }
    page
}

/// A page of uploads with their keys as they are.
pub(super) fn decoded_uploads(mut page: ListMultipartUploadsOutput) -> ListMultipartUploadsOutput {
    if page.encoding_type == Some(EncodingType::Url) {
        for upload in page.uploads.iter_mut().flatten() {
            upload.key = upload.key.take().and_then(|key| decode(&key));
        }
        page.next_key_marker = page.next_key_marker.and_then(|key| decode(&key));
    }
    page
}

/// Whether XML can hold `key` (XML 1.0, section 2.2).
pub(super) fn is_text(key: &str) -> bool {
    key.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..))
}

/// `None` for what stands for no text: no key is like that.
fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_they_were() {
        for (encoded, key) in [
            ("a/b", Some("a/b")),
            ("a+b%2Bc%20d", Some("a b+c d")),
            ("%01%7F%25", Some("\u{1}\u{7f}%")),
            ("%c3%BC", Some("ü")),
            ("ü", Some("ü")),
            ("%FF", None),
            ("%4", None),
            ("%zz", None),
        ] {
            assert_eq!(decode(encoded).as_deref(), key, "{encoded}");
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_known() {
        for (key, expected) in [
            ("a b/ü\u{1F6A2}<&>\t", true),
            ("a\u{1}b", false),
            ("\u{1f}", false),
            ("\u{FFFF}", false),
        ] {
            assert_eq!(is_text(key), expected, "{key:?}");
        }
    }
}
