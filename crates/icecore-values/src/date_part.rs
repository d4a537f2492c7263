//! Parts of dates: what EXTRACT, DATEADD, DATEDIFF and DATE_TRUNC count in.

use icecore_types::{Code, Error, Result};

use crate::calendar::{
    DAY_MICROS, MAX_MICROS, MIN_MICROS, civil, day_number, days_in_month, split, weekday,
};

/// A part of a date or time. Weeks begin on Monday.
///
/// A moment is given in microseconds since 1970-01-01 00:00:00, on the wall
/// clock that is meant.
///
/// ```
/// use icecore_values::DatePart;
/// let month = DatePart::parse("mon")?;
/// let moment = 1_359_633_600_000_000; // 2013-01-31 12:00
/// assert_eq!(month.extract(moment), 1);
/// assert_eq!(DatePart::Day.extract(month.add(moment, 1)?), 28);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// 1 to 9999.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// 1 to 53, of ISO 8601.
    Week,
    /// 1 to 31.
    Day,
    /// 0 for Sunday to 6.
    DayOfWeek,
    /// 1 for Monday to 7.
    DayOfWeekIso,
    /// 1 to 366.
    DayOfYear,
    /// The year that the ISO week belongs to.
    YearOfWeek,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 0 to 59.
    Second,
    /// 0 to 999 of a second.
    Millisecond,
    /// 0 to 999,999 of a second.
    Microsecond,
    /// 0 to 999,999,999 of a second.
    Nanosecond,
    /// Seconds since 1970.
    EpochSecond,
    /// Milliseconds since 1970.
    EpochMillisecond,
    /// Microseconds since 1970.
    EpochMicrosecond,
}

/// Every spelling of every part, as Snowflake documents them.
const SPELLINGS: [(DatePart, &[&str]); 18] = [
    (DatePart::Year, &["YEAR", "Y", "YY", "YYY", "YYYY", "YR", "YEARS", "YRS"]),
    (DatePart::Quarter, &["QUARTER", "Q", "QTR", "QTRS", "QUARTERS"]),
    (DatePart::Month, &["MONTH", "MM", "MON", "MONS", "MONTHS"]),
    (
        DatePart::Week,
        &["WEEK", "W", "WK", "WEEKOFYEAR", "WOY", "WY", "WEEKS", "WEEKISO", "WEEK_ISO"],
    ),
    (DatePart::Day, &["DAY", "D", "DD", "DAYS", "DAYOFMONTH"]),
    (DatePart::DayOfWeek, &["DAYOFWEEK", "WEEKDAY", "DOW", "DW"]),
    (DatePart::DayOfWeekIso, &["DAYOFWEEKISO", "DAYOFWEEK_ISO", "WEEKDAY_ISO", "DOW_ISO"]),
    (DatePart::DayOfYear, &["DAYOFYEAR", "YEARDAY", "DOY", "DY"]),
    (DatePart::YearOfWeek, &["YEAROFWEEK", "YEAROFWEEKISO"]),
    (DatePart::Hour, &["HOUR", "H", "HH", "HR", "HOURS", "HRS"]),
    (DatePart::Minute, &["MINUTE", "M", "MI", "MIN", "MINUTES", "MINS"]),
    (DatePart::Second, &["SECOND", "S", "SEC", "SECONDS", "SECS"]),
    (DatePart::Millisecond, &["MILLISECOND", "MS", "MSEC", "MILLISECONDS"]),
    (DatePart::Microsecond, &["MICROSECOND", "US", "USEC", "MICROSECONDS"]),
    (DatePart::Nanosecond, &["NANOSECOND", "NS", "NSEC", "NANOSEC", "NANOSECONDS"]),
    (DatePart::EpochSecond, &["EPOCH_SECOND", "EPOCH", "EPOCH_SECONDS"]),
    (DatePart::EpochMillisecond, &["EPOCH_MILLISECOND", "EPOCH_MILLISECONDS"]),
    (DatePart::EpochMicrosecond, &["EPOCH_MICROSECOND", "EPOCH_MICROSECONDS"]),
];

const SECOND: i64 = 1_000_000;

impl DatePart {
    /// Reads any of its spellings, in any case.
    ///
    /// # Errors
    /// `InvalidInput` if there is no such part.
    pub fn parse(text: &str) -> Result<Self> {
        let same = |spelling: &&str| text.eq_ignore_ascii_case(spelling);
        SPELLINGS
            .iter()
            .find(|(_, spellings)| spellings.iter().any(same))
            .map(|(part, _)| *part)
            .ok_or_else(|| {
                Error::new(Code::INVALID_ARGUMENT, format!("'{text}' is not a part of a date"))
            })
    }

    /// Its first spelling.
    pub fn name(self) -> &'static str {
        SPELLINGS
            .iter()
            .find(|(part, _)| *part == self)
            .and_then(|(_, spellings)| spellings.first().copied())
            .unwrap_or_default()
    }

    /// Whether it is a time of the day, which a DATE does not have.
    pub fn is_of_time(self) -> bool {
        matches!(
            self,
            Self::Hour
                | Self::Minute
                | Self::Second
                | Self::Millisecond
                | Self::Microsecond
                | Self::Nanosecond
        )
    }

    /// This part of a moment.
    pub fn extract(self, micros: i64) -> i64 {
        let (day, of_day) = split(micros);
        let date = civil(day);
        match self {
            Self::Year => i64::from(date.year),
            Self::Quarter => i64::from((date.month - 1) / 3 + 1),
            Self::Month => i64::from(date.month),
            Self::Week => iso_week(day).1,
            Self::YearOfWeek => iso_week(day).0,
            Self::Day => i64::from(date.day),
            Self::DayOfWeek => (weekday(day) as i64 + 1) % 7,
            Self::DayOfWeekIso => weekday(day) as i64 + 1,
            Self::DayOfYear => i64::from(day - first_of_year(day) + 1),
            Self::Hour => of_day / (3600 * SECOND),
            Self::Minute => of_day / (60 * SECOND) % 60,
            Self::Second => of_day / SECOND % 60,
            Self::Millisecond => of_day % SECOND / 1000,
            Self::Microsecond => of_day % SECOND,
            Self::Nanosecond => of_day % SECOND * 1000,
            Self::EpochSecond => micros.div_euclid(SECOND),
            Self::EpochMillisecond => micros.div_euclid(1000),
            Self::EpochMicrosecond => micros,
        }
    }

    /// The beginning of the part that a moment is in.
    ///
    /// # Errors
    /// `InvalidInput` for a part that is no span of time, such as DAYOFWEEK.
    pub fn truncate(self, micros: i64) -> Result<i64> {
        let (day, _) = split(micros);
        let date = civil(day);
        let month = |month: u32| day_number(date.year, month, 1).unwrap_or(day);
        let day = match self {
            Self::Year => month(1),
            Self::Quarter => month((date.month - 1) / 3 * 3 + 1),
            Self::Month => month(date.month),
            Self::Week => day - weekday(day) as i32,
            Self::Day => day,
            _ => return Ok(micros - micros.rem_euclid(self.span()?)),
        };
        Ok(i64::from(day) * DAY_MICROS)
    }

    /// A moment `count` parts later. A day that the month reached does not have
    /// becomes its last day.
    ///
    /// # Errors
    /// `InvalidInput` for a part that is no span of time, for a moment outside
    /// the years 1 to 9999, and for nanoseconds that make no microsecond.
    pub fn add(self, micros: i64, count: i64) -> Result<i64> {
        let moved = match self {
            Self::Year => add_months(micros, count.saturating_mul(12)),
            Self::Quarter => add_months(micros, count.saturating_mul(3)),
            Self::Month => add_months(micros, count),
            Self::Nanosecond if count % 1000 != 0 => {
                return Err(Error::new(Code::INVALID_VALUE, "timestamp finer than a microsecond"));
            }
            Self::Nanosecond => micros.checked_add(count / 1000),
            _ => count.checked_mul(self.span()?).and_then(|span| micros.checked_add(span)),
        };
        moved.filter(|moved| (MIN_MICROS..=MAX_MICROS).contains(moved)).ok_or_else(|| {
            Error::new(Code::OUT_OF_RANGE, "date is not between the years 1 and 9999")
        })
    }

    /// How many times the part begins after `from` and up to `to`.
    ///
    /// # Errors
    /// `InvalidInput` for a part that is no span of time.
    pub fn between(self, from: i64, to: i64) -> Result<i64> {
        let months = |micros: i64| {
            let date = civil(split(micros).0);
            i64::from(date.year) * 12 + i64::from(date.month) - 1
        };
        Ok(match self {
            Self::Year => months(to).div_euclid(12) - months(from).div_euclid(12),
            Self::Quarter => months(to).div_euclid(3) - months(from).div_euclid(3),
            Self::Month => months(to) - months(from),
            Self::Week => (self.truncate(to)? - self.truncate(from)?).div_euclid(7 * DAY_MICROS),
            Self::Nanosecond => (to - from) * 1000,
            _ => {
                let span = self.span()?;
                to.div_euclid(span) - from.div_euclid(span)
            }
        })
    }

    /// Its length in microseconds, where every one has the same.
    fn span(self) -> Result<i64> {
        Ok(match self {
            Self::Week => 7 * DAY_MICROS,
            Self::Day => DAY_MICROS,
            Self::Hour => 3600 * SECOND,
            Self::Minute => 60 * SECOND,
            Self::Second => SECOND,
            Self::Millisecond => 1000,
            Self::Microsecond | Self::Nanosecond => 1,
            other => {
                return Err(Error::new(
                    Code::INVALID_ARGUMENT,
                    format!("{} is not a span of time", other.name()),
                ));
            }
        })
    }
}

fn first_of_year(day: i32) -> i32 {
    day_number(civil(day).year, 1, 1).unwrap_or(day)
}

/// The year and the number of the ISO week: the one of its Thursday.
fn iso_week(day: i32) -> (i64, i64) {
    let thursday = day - weekday(day) as i32 + 3;
    let first = first_of_year(thursday);
    (i64::from(civil(thursday).year), i64::from((thursday - first) / 7 + 1))
}

fn add_months(micros: i64, count: i64) -> Option<i64> {
    let (day, of_day) = split(micros);
    let date = civil(day);
    let months = (i64::from(date.year) * 12 + i64::from(date.month) - 1).checked_add(count)?;
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    let month = months.rem_euclid(12) as u32 + 1;
    let day = day_number(year, month, date.day.min(days_in_month(year, month)))?;
    Some(i64::from(day) * DAY_MICROS + of_day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Datelike, Months, NaiveDateTime, Timelike};
    use proptest::prelude::*;

    fn chrono_of(micros: i64) -> NaiveDateTime {
        DateTime::from_timestamp_micros(micros).unwrap().naive_utc()
    }

    #[test]
    fn every_spelling_names_its_part() {
        for (part, spellings) in SPELLINGS {
            for spelling in spellings {
                assert_eq!(DatePart::parse(&spelling.to_lowercase()).unwrap(), part);
            }
        }
        assert!(DatePart::parse("fortnight").is_err());
    }

    #[test]
    fn boundaries_are_counted_and_not_durations() {
        let new_year = 1_356_998_400_000_000; // 2013-01-01
        for part in [DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Hour] {
            assert_eq!(part.between(new_year - 1, new_year).unwrap(), 1, "{part:?}");
            assert_eq!(part.between(new_year, new_year + 1).unwrap(), 0, "{part:?}");
            assert_eq!(part.between(new_year, new_year - 1).unwrap(), -1, "{part:?}");
        }
        // 2013-01-01 was a Tuesday: the week began in the old year.
        assert_eq!(DatePart::Week.between(new_year - 1, new_year).unwrap(), 0);
        assert!(DatePart::DayOfWeek.between(0, 1).is_err());
        assert!(DatePart::DayOfYear.truncate(0).is_err());
    }

    #[test]
    fn the_end_of_time_is_an_error() {
        assert!(DatePart::Year.add(0, 10_000).is_err());
        assert!(DatePart::Day.add(0, i64::MAX).is_err());
        assert!(DatePart::Month.add(0, i64::MIN).is_err());
        assert!(DatePart::Nanosecond.add(0, 1).is_err());
        assert_eq!(DatePart::Nanosecond.add(0, 2000).unwrap(), 2);
    }

    proptest! {
        #[test]
        fn parts_agree_with_chrono(micros in MIN_MICROS..=MAX_MICROS) {
            let moment = chrono_of(micros);
            for (part, expected) in [
                (DatePart::Year, i64::from(moment.year())),
                (DatePart::Month, i64::from(moment.month())),
                (DatePart::Day, i64::from(moment.day())),
                (DatePart::DayOfYear, i64::from(moment.ordinal())),
                (DatePart::DayOfWeek, i64::from(moment.weekday().num_days_from_sunday())),
                (DatePart::Week, i64::from(moment.iso_week().week())),
                (DatePart::YearOfWeek, i64::from(moment.iso_week().year())),
                (DatePart::Hour, i64::from(moment.hour())),
                (DatePart::Second, i64::from(moment.second())),
                (DatePart::Nanosecond, i64::from(moment.nanosecond())),
            ] {
                prop_assert_eq!(part.extract(micros), expected, "{:?}", part);
            }
        }

        #[test]
        fn months_agree_with_chrono(micros in MIN_MICROS..=MAX_MICROS, count in 0_u32..100) {
            let later = DatePart::Month.add(micros, count.into());
            let expected = chrono_of(micros).checked_add_months(Months::new(count)).filter(|m| m.year() <= 9999);
            prop_assert_eq!(later.ok().map(chrono_of), expected);
        }

        /// A truncated moment is not after it, begins its part, and no boundary lies between.
        #[test]
        fn truncation_and_counting_agree(micros in MIN_MICROS + 7 * DAY_MICROS..=MAX_MICROS) {
            use DatePart::*;
            for part in [Year, Quarter, Month, Week, Day, Hour, Minute, Second, Millisecond, Microsecond] {
                let start = part.truncate(micros).unwrap();
                prop_assert!(start <= micros);
                prop_assert_eq!(part.truncate(start).unwrap(), start);
                prop_assert_eq!(part.between(start, micros).unwrap(), 0);
                if start > MIN_MICROS {
                    prop_assert_eq!(part.between(start - 1, micros).unwrap(), 1, "{:?}", part);
                }
            }
        }
    }
}
