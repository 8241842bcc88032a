//! Days and moments of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In seconds.
const DAY: u64 = 86_400;

/// A day of the calendar, from 1970 to 9999, in UTC. Its text form is `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u32,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

/// A text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDate;

impl fmt::Display for NoDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day is written as \"2030-12-31\"")
    }
}

impl std::error::Error for NoDate {}

impl Date {
    /// The day of a moment; what comes after 9999 is its last day.
    pub fn of(moment: SystemTime) -> Self {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (mut days, mut year) = (since.as_secs() / DAY, 1970);
        while days >= days_in_year(year) {
            if year == 9999 {
                days = days_in_year(year) - 1;
                break;
            }
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        let day = u32::try_from(days).unwrap_or_default() + 1;
        Self { year, month, day }
    }

    /// The midnight that it begins with.
    pub fn start(self) -> SystemTime {
        let years: u64 = (1970..self.year).map(days_in_year).sum();
        let months: u64 = (1..self.month)
            .map(|month| days_in_month(self.year, month))
            .sum();
        let days = years + months + u64::from(self.day) - 1;
        UNIX_EPOCH + Duration::from_secs(days * DAY)
    }

    /// The midnight that it ends with.
    pub fn end(self) -> SystemTime {
        self.start() + Duration::from_secs(DAY)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let shape = |(index, byte): (usize, u8)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 10 || !text.bytes().enumerate().all(shape) {
            return Err(NoDate);
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u32>();
        let (Ok(year), Ok(month), Ok(day)) = (number(0..4), number(5..7), number(8..10)) else {
            return Err(NoDate);
        };
        let there_is = year >= 1970
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&u64::from(day));
        there_is.then_some(Self { year, month, day }).ok_or(NoDate)
    }
}

/// A moment as RFC 3339 writes it, to the millisecond: `2030-12-31T23:59:59.999Z`.
pub fn rfc3339(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % DAY;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let date = Date::of(moment);
    let millisecond = since.subsec_millis();
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Whether the year has a 29th of February.
fn leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u32) -> u64 {
    if leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u32, month: u32) -> u64 {
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
    fn days_are_written_and_read() {
        for (text, end) in [
            ("1970-01-01", 86_400),
            ("2000-02-29", 951_868_800),
            ("2026-12-31", 1_798_761_600),
            ("9999-12-31", 253_402_300_800),
        ] {
            let date: Date = text.parse().unwrap();
            let end = UNIX_EPOCH + Duration::from_secs(end);
            assert_eq!(date.to_string(), text);
            assert_eq!(date.end(), end, "{text}");
            assert_eq!(Date::of(date.start()), date, "{text}");
            assert_eq!(Date::of(end - Duration::from_millis(1)), date, "{text}");
        }
        for text in [
            "2100-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-1-1",
            "2026-01-01-01",
            "+026-01-01",
            "1969-12-31",
            "tomorrow",
            "ä026-01-01",
            "",
        ] {
            assert_eq!(text.parse::<Date>(), Err(NoDate), "{text}");
        }
    }

    #[test]
    fn moments_are_written_to_the_millisecond() {
        let moment = UNIX_EPOCH + Duration::from_millis(1_798_761_599_007);
        assert_eq!(rfc3339(moment), "2026-12-31T23:59:59.007Z");
        assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert!(rfc3339(far).starts_with("9999-12-31T"));
    }
}
