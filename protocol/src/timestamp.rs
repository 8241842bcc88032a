//! Points in time as FTP writes them: always UTC, always with four digits of year.

use std::time::{Duration, SystemTime};

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// 1000-01-01 00:00:00 and 9999-12-31 23:59:59: outside of it a year has no four digits, which
/// clients take as a broken line.
const SECONDS: std::ops::RangeInclusive<i64> = -30_610_224_000..=253_402_300_799;

/// Half a Gregorian year: how long `ls` shows the time of day.
const RECENT_SECONDS: i64 = 31_556_952 / 2;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A point in time from the year 1000 to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// 1970-01-01 00:00:00
    pub const EPOCH: Self = Self {
        seconds: 0,
        nanoseconds: 0,
    };

    /// Seconds since [`Self::EPOCH`] (before it: negative), and nanoseconds after that second,
    /// below 10⁹. What lies outside of the representable years becomes their first or last second.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        match SECONDS.contains(&seconds) && nanoseconds < 1_000_000_000 {
            true => Self {
                seconds,
                nanoseconds,
            },
            false => Self {
                seconds: seconds.clamp(*SECONDS.start(), *SECONDS.end()),
                nanoseconds: 0,
            },
        }
    }

    /// Seconds since [`Self::EPOCH`].
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after [`Self::unix_seconds`].
    pub fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Reads `YYYYMMDDHHMMSS`, perhaps followed by `.` and a fraction (RFC 3659 section 2.3).
    ///
    /// A leap second counts as the second before it. `None` where it is no such time, or a day
    /// that no calendar holds.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
            None => (text, 0),
        };
        if whole.len() != 14 {
            return None;
        }
        let second = match digits(whole.get(12..)?)? {
            60 => 59,
            second => second,
        };
        let clock = Time::from_hms(
            u8::try_from(digits(whole.get(8..10)?)?).ok()?,
            u8::try_from(digits(whole.get(10..12)?)?).ok()?,
            u8::try_from(second).ok()?,
        );
        let month = Month::try_from(u8::try_from(digits(whole.get(4..6)?)?).ok()?).ok()?;
        let day = u8::try_from(digits(whole.get(6..8)?)?).ok()?;
        let year = i32::try_from(digits(whole.get(..4)?)?).ok()?;
        let date = Date::from_calendar_date(year, month, day).ok()?;
        let seconds = PrimitiveDateTime::new(date, clock.ok()?)
            .assume_utc()
            .unix_timestamp();
        SECONDS.contains(&seconds).then_some(Self {
            seconds,
            nanoseconds: fraction,
        })
    }

    /// Appends `YYYYMMDDHHMMSS`, as MDTM, MFMT and the fact `modify` have it.
    pub fn write_digits(self, out: &mut Vec<u8>) {
        let (date, clock) = self.civil();
        let (year, month, day) = date.to_calendar_date();
        push_number::<10>(out, u64::from(year.unsigned_abs()), 4, b'0');
        for part in [
            u8::from(month),
            day,
            clock.hour(),
            clock.minute(),
            clock.second(),
        ] {
            push_number::<10>(out, u64::from(part), 2, b'0');
        }
    }

    /// Appends the twelve columns of `ls -l`: `Aug  2 13:45` within the half year before `now`,
    /// else `Aug  2  2024`.
    ///
    /// What lies after `now` gets a year, since clients take a time of day for the past.
    pub fn write_ls_date(self, now: Self, out: &mut Vec<u8>) {
        let (date, clock) = self.civil();
        let (year, month, day) = date.to_calendar_date();
        out.extend_from_slice(MONTHS[usize::from(u8::from(month)) - 1].as_bytes());
        out.push(b' ');
        push_number::<10>(out, u64::from(day), 2, b' ');
        if (now.seconds - RECENT_SECONDS..=now.seconds).contains(&self.seconds) {
            out.push(b' ');
            push_number::<10>(out, u64::from(clock.hour()), 2, b'0');
            out.push(b':');
            push_number::<10>(out, u64::from(clock.minute()), 2, b'0');
        } else {
            push_number::<10>(out, u64::from(year.unsigned_abs()), 6, b' ');
        }
    }

    fn civil(self) -> (Date, Time) {
        // Every second of `SECONDS` is a valid `OffsetDateTime`, so the epoch is never shown.
        let moment =
            OffsetDateTime::from_unix_timestamp(self.seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        (moment.date(), moment.time())
    }
}

impl std::fmt::Display for Timestamp {
    /// As [`Timestamp::write_digits`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut digits = Vec::with_capacity(14);
        self.write_digits(&mut digits);
        f.write_str(&String::from_utf8_lossy(&digits))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        let (seconds, nanoseconds) = match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (i128::from(after.as_secs()), after.subsec_nanos()),
            Err(before) => {
                let nanoseconds = before.duration().as_nanos().cast_signed();
                let floor = (-nanoseconds).div_euclid(1_000_000_000);
                let rest = (-nanoseconds).rem_euclid(1_000_000_000);
                (floor, u32::try_from(rest).unwrap_or(0))
            }
        };
        let limit = if seconds < 0 { i64::MIN } else { i64::MAX };
        Self::from_unix(i64::try_from(seconds).unwrap_or(limit), nanoseconds)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        let seconds = Duration::from_secs(timestamp.seconds.unsigned_abs());
        let whole = match timestamp.seconds < 0 {
            true => Self::UNIX_EPOCH - seconds,
            false => Self::UNIX_EPOCH + seconds,
        };
        whole + Duration::from_nanos(u64::from(timestamp.nanoseconds))
    }
}

/// Appends `number` in base `RADIX`, at most 16, padded on the left to `width`. Listings call it
/// often, and it takes a fraction of the time of `write!`.
pub(crate) fn push_number<const RADIX: u64>(
    out: &mut Vec<u8>,
    mut number: u64,
    width: usize,
    padding: u8,
) {
    // u64::MAX has 22 digits in base 8, the lowest in use.
    let mut buffer = [0_u8; 22];
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b"0123456789abcdef"[(number % RADIX) as usize];
        number /= RADIX;
        if number == 0 {
            break;
        }
    }
    let digits = &buffer[start..];
    out.extend(std::iter::repeat_n(
        padding,
        width.saturating_sub(digits.len()),
    ));
    out.extend_from_slice(digits);
}

/// The value of a text of nothing but digits.
fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// The nanoseconds of a decimal fraction of any length; what is finer is cut off.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let known = fraction.get(..9).unwrap_or(fraction);
    let scale = 10_u32.pow(9 - u32::try_from(known.len()).ok()?);
    Some(known.parse::<u32>().ok()? * scale)
}

#[cfg(test)]
mod tests;
