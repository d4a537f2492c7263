//! The calendar: days since 1970-01-01 and what a person calls them.
//!
//! The proleptic Gregorian calendar from 0001-01-01 to 9999-12-31, by the
//! arithmetic of Howard Hinnant's `chrono-Compatible Low-Level Date Algorithms`.

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// 0001-01-01, in days since 1970-01-01.
pub const MIN_DAY: i32 = -719_162;
/// 9999-12-31, in days since 1970-01-01.
pub const MAX_DAY: i32 = 2_932_896;
/// 0001-01-01 00:00:00, in microseconds since 1970-01-01.
pub const MIN_MICROS: i64 = MIN_DAY as i64 * DAY_MICROS;
/// 9999-12-31 23:59:59.999999, in microseconds since 1970-01-01.
pub const MAX_MICROS: i64 = MAX_DAY as i64 * DAY_MICROS + DAY_MICROS - 1;

/// A day as a person writes it.
///
/// ```
/// use icecore_values::{Civil, civil, day_number};
/// assert_eq!(civil(15_706), Civil { year: 2013, month: 1, day: 1 });
/// assert_eq!(day_number(2013, 1, 1), Some(15_706));
/// assert_eq!(day_number(2013, 2, 29), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999 for a day of the dialect.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

/// The day this many days after 1970-01-01.
pub fn civil(day_number: i32) -> Civil {
    let shifted = i64::from(day_number) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    let year = (year_of_era + era * 400 + i64::from(month <= 2)) as i32;
    Civil { year, month, day }
}

/// Days since 1970-01-01, if there is such a day from year 1 to 9999.
pub fn day_number(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month as i32 + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The length of a month; 31 for a month that is none.
pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The day and the microsecond of the day of a moment.
pub(crate) fn split(micros: i64) -> (i32, i64) {
    (micros.div_euclid(DAY_MICROS) as i32, micros.rem_euclid(DAY_MICROS))
}

/// English names, as the dialect's `MON` and `MMMM` write them.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// 0 for Monday.
pub(crate) fn weekday(day_number: i32) -> usize {
    // 1970-01-01 was a Thursday.
    (i64::from(day_number) + 3).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn every_day_agrees_with_chrono() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut date = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let mut number = MIN_DAY;
        while date.year() <= 9999 {
            debug_assert_eq!((date - epoch).num_days(), i64::from(number));
            let expected = Civil { year: date.year(), month: date.month(), day: date.day() };
            assert_eq!(civil(number), expected);
            assert_eq!(day_number(date.year(), date.month(), date.day()), Some(number));
            assert_eq!(weekday(number), date.weekday().num_days_from_monday() as usize);
            number += 1;
            date = date.succ_opt().unwrap();
        }
        assert_eq!(number - 1, MAX_DAY);
    }

    #[test]
    fn days_that_are_none() {
        for (year, month, day) in
            [(0, 1, 1), (10_000, 1, 1), (2013, 0, 1), (2013, 13, 1), (2013, 4, 31), (1900, 2, 29)]
        {
            assert_eq!(day_number(year, month, day), None, "{year}-{month}-{day}");
        }
    }
}
