//! Sizes and times as they are written in `wharf.toml`, and therefore in plugins' settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A size in bytes, written as `"32MiB"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A time, written as `"90s"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

/// Units of size in bytes.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

/// Units of time in milliseconds.
const TIMES: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// No size, or no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoQuantity(&'static str);

impl fmt::Display for NoQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoQuantity {}

impl FromStr for ByteSize {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let size = quantity(text, SIZES).map(Self);
        size.ok_or(NoQuantity(
            "a size is a number and a unit, such as \"32MiB\"",
        ))
    }
}

impl FromStr for Period {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let period = quantity(text, TIMES).map(|ms| Self(Duration::from_millis(ms)));
        period.ok_or(NoQuantity("a time is a number and a unit, such as \"90s\""))
    }
}

/// A number and its unit, multiplied; a blank may stand between the two.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, value) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*value)
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Reads a text in its own form.
pub(crate) fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_the_host_reads_them() {
        for (text, expected) in [
            ("0B", Some(0)),
            ("32MiB", Some(32 << 20)),
            ("2 gb", Some(2_000_000_000)),
            ("32", None),
            ("MiB", None),
            ("1 MiB more", None),
            ("99999999TiB", None),
            ("", None),
        ] {
            let size = text.parse::<ByteSize>().ok().map(|size| size.0);
            assert_eq!(size, expected, "{text}");
        }
        for (text, expected) in [("90s", Some(90_000)), ("5 m", Some(300_000)), ("s", None)] {
            let time = text.parse::<Period>().ok();
            assert_eq!(
                time,
                expected.map(Duration::from_millis).map(Period),
                "{text}"
            );
        }
        let error = serde_json::from_str::<ByteSize>("\"large\"").unwrap_err();
        assert!(
            error.to_string().starts_with("a size is a number"),
            "{error}"
        );
    }
}
