//! Tests of timestamps, against the calendar and against themselves.

use proptest::prelude::*;

use super::*;

fn ls_date(timestamp: Timestamp, now: Timestamp) -> String {
    let mut out = Vec::new();
    timestamp.write_ls_date(now, &mut out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn digits_both_ways() {
    for (text, seconds, nanoseconds) in [
        ("19700101000000", 0, 0),
        ("20240822134501", 1_724_334_301, 0),
        ("20000229235959", 951_868_799, 0),
        ("19691231235959", -1, 0),
        ("10000101000000", -30_610_224_000, 0),
        ("99991231235959", 253_402_300_799, 0),
        ("20240822134501.5", 1_724_334_301, 500_000_000),
        ("20240822134501.000000001", 1_724_334_301, 1),
        ("20240822134501.1234567899", 1_724_334_301, 123_456_789),
    ] {
        let timestamp = Timestamp::from_unix(seconds, nanoseconds);
        assert_eq!(Timestamp::parse(text), Some(timestamp), "{text}");
        assert_eq!(timestamp.to_string(), text[..14]);
    }
    assert_eq!(
        Timestamp::parse("20161231235960"),
        Timestamp::parse("20161231235959")
    );
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "2024",
        "2024082213450",
        "202408221345011",
        "20240822134501.",
        "20240822134501.x",
        "20240822134501.1.1",
        "20230229000000",
        "20240431000000",
        "20241301000000",
        "20240001000000",
        "20240100000000",
        "20240101240000",
        "20240101006000",
        "20240101000061",
        "09991231235959",
        "+0240822134501",
        "2024 822134501",
        "２０２４",
        "2024082213450é",
        "é024082213450",
    ] {
        assert_eq!(Timestamp::parse(text), None, "{text}");
    }
}

#[test]
fn what_cannot_be_written_is_clamped() {
    for (seconds, expected) in [(i64::MIN, "10000101000000"), (i64::MAX, "99991231235959")] {
        assert_eq!(Timestamp::from_unix(seconds, 5).to_string(), expected);
    }
}

#[test]
fn dates_as_ls_shows_them() {
    let now = Timestamp::parse("20240822134501").expect("a time");
    for (text, expected) in [
        ("20240822134501", "Aug 22 13:45"),
        ("20240801000000", "Aug  1 00:00"),
        ("20240223000000", "Feb 23 00:00"),
        ("20240221000000", "Feb 21  2024"),
        ("20240822134502", "Aug 22  2024"),
        ("20991231235959", "Dec 31  2099"),
        ("19700101000000", "Jan  1  1970"),
    ] {
        let timestamp = Timestamp::parse(text).expect("a time");
        assert_eq!(ls_date(timestamp, now), expected, "{text}");
    }
}

#[test]
fn system_time_before_the_epoch() {
    let moment = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
    assert_eq!(
        Timestamp::from(moment),
        Timestamp::from_unix(-2, 500_000_000)
    );
    assert_eq!(SystemTime::from(Timestamp::from(moment)), moment);
}

proptest! {
    #[test]
    fn every_timestamp_is_read_back(seconds in SECONDS) {
        let timestamp = Timestamp::from_unix(seconds, 0);
        prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Some(timestamp));
        prop_assert_eq!(Timestamp::from(SystemTime::from(timestamp)), timestamp);
        prop_assert_eq!(ls_date(timestamp, Timestamp::EPOCH).len(), 12);
    }

    #[test]
    fn any_text_is_a_time_or_none(text in any::<String>()) {
        let _ = Timestamp::parse(&text);
    }
}
