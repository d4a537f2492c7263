use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::*;

fn day(year: i32, month: u32, day: u32) -> i32 {
    day_number(year, month, day).unwrap()
}

#[test]
fn dates() {
    for (text, expected) in [
        ("2013-01-31", Ok(day(2013, 1, 31))),
        ("2013-1-3", Ok(day(2013, 1, 3))),
        (" 2013-01-31 ", Ok(day(2013, 1, 31))),
        ("1/31/2013", Ok(day(2013, 1, 31))),
        ("31-Jan-2013", Ok(day(2013, 1, 31))),
        ("31-JANUARY-2013", Ok(day(2013, 1, 31))),
        ("2013-01-31T10:00:00Z", Ok(day(2013, 1, 31))),
        ("86400", Ok(1)),
        ("0001-01-01", Ok(crate::MIN_DAY)),
        ("9999-12-31", Ok(crate::MAX_DAY)),
        ("0000-01-01", Err(Fault::NotRecognized)),
        ("2013-02-29", Err(Fault::NotRecognized)),
        ("2013-13-01", Err(Fault::NotRecognized)),
        ("13-01-31", Err(Fault::NotRecognized)),
        ("2013-01-31x", Err(Fault::NotRecognized)),
        ("2013-01", Err(Fault::NotRecognized)),
        ("", Err(Fault::NotRecognized)),
        ("NA", Err(Fault::NotRecognized)),
        ("99999999999999999999", Err(Fault::OutOfRange)),
    ] {
        assert_eq!(date(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn times() {
    let hour = 3_600_000_000;
    for (text, expected) in [
        ("13:00", Ok(13 * hour)),
        ("13:00:00.000001", Ok(13 * hour + 1)),
        ("13:00:00.123000000", Ok(13 * hour + 123_000)),
        ("1:00 PM", Ok(13 * hour)),
        ("12:00AM", Ok(0)),
        ("23:59:59.999999", Ok(24 * hour - 1)),
        ("24:00:00", Err(Fault::NotRecognized)),
        ("13:00 PM", Err(Fault::NotRecognized)),
        ("13", Ok(13_000_000)),
        ("13:60", Err(Fault::NotRecognized)),
        ("13:00:00.0000001", Err(Fault::TooFine)),
        ("13:00:00.", Err(Fault::NotRecognized)),
    ] {
        assert_eq!(time(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn timestamps_and_their_zones() {
    let base = i64::from(day(2013, 1, 1)) * DAY_MICROS;
    let five = 5 * 3_600_000_000;
    for (text, wall, utc) in [
        ("2013-01-01 05:00:00", five, five),
        ("2013-01-01T05:00:00Z", five, five),
        ("2013-01-01 05:00:00 +0500", five, 0),
        ("2013-01-01T05:00:00+05:00", five, 0),
        ("2013-01-01 05:00:00 -05", five, 2 * five),
        ("2013-01-01 05:00", five, five),
        ("2013-01-01", 0, 0),
    ] {
        let moment = timestamp(text.as_bytes()).unwrap();
        assert_eq!(moment.wall_clock() - base, wall, "{text:?}");
        assert_eq!(moment.in_utc().unwrap() - base, utc, "{text:?}");
    }
    for text in ["2013-01-01 05:00:00 +99", "2013-01-01 ", "2013-01-01 x", "2013-01-01 05"] {
        let read = timestamp(text.as_bytes());
        assert_eq!(read.is_ok(), text == "2013-01-01 ", "{text:?}");
    }
    let edge = timestamp(b"0001-01-01 00:00:00 +0100").unwrap();
    assert_eq!(edge.in_utc(), Err(Fault::OutOfRange));
}

#[test]
fn whole_numbers_are_moments() {
    for text in ["1357016400", "1357016400000", "1357016400000000", "1357016400000000000"] {
        let moment = timestamp(text.as_bytes()).unwrap();
        assert_eq!(moment.wall_clock(), 1_357_016_400_000_000, "{text}");
    }
    assert_eq!(timestamp(b"1357016400000000001"), Err(Fault::TooFine));
}

proptest! {
    #[test]
    fn dates_agree_with_chrono(days in 0_u64..3_652_059) {
        let expected = NaiveDate::from_ymd_opt(1, 1, 1).unwrap().checked_add_days(Days::new(days)).unwrap();
        prop_assert_eq!(date(expected.format("%Y-%m-%d").to_string().as_bytes()), Ok(crate::MIN_DAY + days as i32));
        prop_assert_eq!(date(expected.format("%d-%b-%Y").to_string().as_bytes()), Ok(crate::MIN_DAY + days as i32));
    }

    #[test]
    fn timestamps_agree_with_chrono(micros in MIN_MICROS..=MAX_MICROS) {
        let shown = chrono::DateTime::from_timestamp_micros(micros).unwrap().format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string();
        prop_assert_eq!(timestamp(shown.as_bytes()).unwrap().in_utc(), Ok(micros));
    }

    #[test]
    fn no_text_breaks_it(text in ".{0,32}") {
        let _ = (date(text.as_bytes()), time(text.as_bytes()), timestamp(text.as_bytes()));
    }

    #[test]
    fn no_digits_break_it(text in "[0-9: TZ+./-]{0,32}") {
        let _ = (date(text.as_bytes()), time(text.as_bytes()), timestamp(text.as_bytes()));
    }
}
