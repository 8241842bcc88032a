//! Calendar days as they are written in settings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The end of the day written as `YYYY-MM-DD`, in UTC.
pub fn end_of_day(text: &str) -> Option<SystemTime> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = text.len() == 10
        && parts.next().is_none()
        && (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    valid.then(|| {
        let years = (1970..year).map(|year| if leap(year) { 366 } else { 365 });
        let months = (1..month).map(|month| days_in_month(year, month));
        let days = years.chain(months).sum::<u32>() + day;
        UNIX_EPOCH + Duration::from_secs(u64::from(days) * 86_400)
    })
}

/// Whether the year has a 29th of February.
fn leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// How many days a month has.
fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight() {
        for (text, expected) in [
            ("1970-01-01", Some(86_400)),
            ("2000-02-29", Some(951_868_800)),
            ("2026-12-31", Some(1_798_761_600)),
            ("2100-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-1-1", None),
            ("2026-01-01-01", None),
            ("+026-01-01", None),
            ("4294967295-01-01", None),
            ("tomorrow", None),
            ("", None),
        ] {
            let expected = expected.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(end_of_day(text), expected, "{text}");
        }
    }
}
