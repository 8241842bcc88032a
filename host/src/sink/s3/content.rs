//! What an object holds, as far as a store tells it without being read: by that an upload whose
//! answer was lost is known again.

use aws_sdk_s3::types::CompletedPart;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

/// The size and digests of an object. A store with keys of its own for encryption has other entity
/// tags than MD5 sums; the checksums are the same then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    size: u64,
    entity_tag: Option<String>,
    crc32: Option<String>,
}

impl Content {
    /// Of an object that is stored at once.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            entity_tag: Some(hex(&Md5::digest(bytes))),
            crc32: Some(STANDARD.encode(crc32fast::hash(bytes).to_be_bytes())),
        }
    }

    /// Of an object of `size` bytes in parts, whose digests are those of all digests in their
    /// order, and the number of parts.
    pub(super) fn of_parts(parts: &[CompletedPart], size: u64) -> Self {
        let tag = |part: &CompletedPart| unhex(unquoted(part.e_tag()?));
        let tags: Option<Vec<_>> = parts.iter().map(tag).collect();
        let sum = |part: &CompletedPart| STANDARD.decode(part.checksum_crc32()?).ok();
        let sums: Option<Vec<_>> = parts.iter().map(sum).collect();
        let count = parts.len();
        Self {
            size,
            entity_tag: tags.map(|tags| format!("{}-{count}", hex(&Md5::digest(tags.concat())))),
            crc32: sums.map(|sums| {
                let sum = crc32fast::hash(&sums.concat()).to_be_bytes();
                format!("{}-{count}", STANDARD.encode(sum))
            }),
        }
    }

    /// Whether an object of which this is told holds the same.
    pub(super) fn is(
        &self,
        size: Option<i64>,
        entity_tag: Option<&str>,
        crc32: Option<&str>,
    ) -> bool {
        let same = |own: &Option<String>, told: Option<&str>| {
            let told = told.map(unquoted);
            own.is_some() && own.as_deref() == told
        };
        size.and_then(|size| u64::try_from(size).ok()) == Some(self.size)
            && (same(&self.entity_tag, entity_tag) || same(&self.crc32, crc32))
    }
}

fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of an MD5 sum; `None` for a tag that is none.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    (0..16)
        .map(|byte| u8::from_str_radix(&text[2 * byte..2 * byte + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(tag: &str, crc32: Option<&str>) -> CompletedPart {
        CompletedPart::builder()
            .e_tag(tag)
            .set_checksum_crc32(crc32.map(str::to_owned))
            .build()
    }

    #[test]
    fn an_object_is_known_by_its_size_and_one_of_its_digests() {
        let content = Content::of_bytes(b"abc");
        const TAG: &str = "\"900150983cd24fb0d6963f7d28e17f72\"";
        for (size, tag, crc32, expected) in [
            (Some(3), Some(TAG), None, true),
            (Some(3), Some(TAG.trim_matches('"')), None, true),
            (
                Some(3),
                Some("\"of a key of the store\""),
                Some("NSRBwg=="),
                true,
            ),
            (Some(3), Some("\"of a key of the store\""), None, false),
            (Some(3), None, None, false),
            (Some(4), Some(TAG), Some("NSRBwg=="), false),
            (None, Some(TAG), None, false),
            (Some(3), Some(TAG), Some("another"), true),
        ] {
            assert_eq!(content.is(size, tag, crc32), expected, "{size:?} {tag:?}");
        }
    }

    #[test]
    fn digests_of_parts_are_digests_of_digests() {
        // 5 MiB of `x` and one `y`, as a store told them.
        let parts = [
            part("\"4f08eef4096726bff1125e1b1b734644\"", None),
            part("415290769594460e2e485922904f345d", None),
        ];
        let content = Content::of_parts(&parts, 5_242_881);
        assert_eq!(content.crc32, None);
        let told = Some("\"0c62823571cff39c8dddcc6a74e2569f-2\"");
        assert!(content.is(Some(5_242_881), told, None));
        let odd = Content::of_parts(&[part("\"not a sum\"", Some("NSRBwg=="))], 3);
        assert_eq!(
            (odd.entity_tag, odd.crc32.as_deref()),
            (None, Some("Rf3kaw==-1"))
        );
    }
}
