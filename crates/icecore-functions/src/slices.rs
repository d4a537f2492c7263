//! Days of the week around a date, and the slice of time that a moment is in.

use icecore_types::{Code, Error, Result};
use icecore_values::DatePart;

const DAY: i64 = 86_400_000_000;

/// Whole days since 1970-01-01.
fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

/// The last day of the year, quarter, month or week of a moment.
pub(crate) fn last_day_of(micros: i64, part: &str) -> Result<i64> {
    let part = DatePart::parse(part)?;
    if !matches!(part, DatePart::Year | DatePart::Quarter | DatePart::Month | DatePart::Week) {
        let message = "LAST_DAY takes YEAR, QUARTER, MONTH and WEEK";
        return Err(Error::new(Code::INVALID_ARGUMENT, message));
    }
    DatePart::Day.add(part.add(part.truncate(micros)?, 1)?, -1)
}

/// 0 for Monday to 6; a name may be cut after two letters.
fn day_of_week(name: &str) -> Result<i64> {
    let name = name.trim_start().to_lowercase();
    let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    days.iter().zip(0..).find(|(day, _)| name.starts_with(**day)).map(|(_, at)| at).ok_or_else(
        || {
            let message = format!("not a day of the week name={name}");
            Error::new(Code::INVALID_ARGUMENT, message)
        },
    )
}

/// 1970-01-01 was a Thursday.
fn since_monday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// The first such day of the week after a moment's day.
pub(crate) fn next_day(micros: i64, name: &str) -> Result<i64> {
    let day = day_of(micros);
    let ahead = (day_of_week(name)? - since_monday(day) - 1).rem_euclid(7) + 1;
    DatePart::Day.add(day * DAY, ahead)
}

/// The last such day of the week before a moment's day.
pub(crate) fn previous_day(micros: i64, name: &str) -> Result<i64> {
    let day = day_of(micros);
    let back = (since_monday(day) - day_of_week(name)? - 1).rem_euclid(7) + 1;
    DatePart::Day.add(day * DAY, -back)
}

/// Slices of equal length, the first of which begins with 1970.
pub(crate) struct Slice {
    length: i64,
    part: DatePart,
    is_end: bool,
}

impl Slice {
    /// # Errors
    /// `InvalidInput` if the length is not positive, or for a part or an end
    /// that there is not.
    pub(crate) fn new(length: i64, part: &str, end: &str) -> Result<Self> {
        use DatePart::{Day, Hour, Minute, Month, Quarter, Second, Week, Year};
        let part = DatePart::parse(part)?;
        let invalid = |message: &str| Err(Error::new(Code::INVALID_ARGUMENT, message));
        if !matches!(part, Year | Quarter | Month | Week | Day | Hour | Minute | Second) {
            return invalid(
                "TIME_SLICE takes YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND",
            );
        }
        if length < 1 {
            return invalid("a slice of TIME_SLICE is at least one part long");
        }
        let is_end = match end.to_uppercase().as_str() {
            "START" => false,
            "END" => true,
            _ => return invalid("TIME_SLICE gives START or END"),
        };
        Ok(Self { length, part, is_end })
    }

    /// Where the slice of a moment begins, or ends.
    pub(crate) fn of(&self, micros: i64) -> Result<i64> {
        let origin = self.part.truncate(0)?;
        let passed = self.part.between(origin, self.part.truncate(micros)?)?;
        let start = passed - passed.rem_euclid(self.length);
        let moved = if self.is_end { start.checked_add(self.length) } else { Some(start) };
        let moved =
            moved.ok_or_else(|| Error::new(Code::OUT_OF_RANGE, "a slice ends after all time"))?;
        self.part.add(origin, moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_week_are_never_the_day_itself() {
        // A Thursday.
        assert_eq!(next_day(5, "thursday").unwrap(), 7 * DAY);
        assert_eq!(next_day(0, "FR").unwrap(), DAY);
        assert_eq!(next_day(0, "we").unwrap(), 6 * DAY);
        assert_eq!(previous_day(0, "th").unwrap(), -7 * DAY);
        assert_eq!(previous_day(DAY - 1, "We").unwrap(), -DAY);
        assert!(next_day(0, "x").is_err());
    }

    #[test]
    fn slices_hold_what_is_before_1970_too() {
        let start = |length, part, at| Slice::new(length, part, "start").unwrap().of(at).unwrap();
        assert_eq!(start(2, "day", 3 * DAY + 7), 2 * DAY);
        assert_eq!(start(2, "day", -1), -2 * DAY);
        assert_eq!(start(1, "month", 40 * DAY), 31 * DAY);
        assert_eq!(start(1, "week", 0), -3 * DAY);
        assert_eq!(Slice::new(15, "minute", "END").unwrap().of(0).unwrap(), 900_000_000);
        assert!(Slice::new(0, "day", "start").is_err() && Slice::new(1, "day", "mid").is_err());
    }
}
