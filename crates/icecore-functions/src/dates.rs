//! Functions of dates and times.

use arrow::datatypes::Time64MicrosecondType;
use icecore_types::{Code, Error, Result, SqlType};
use icecore_values::{DatePart, Pattern, civil, day_number, days_in_month};

use crate::slices;
use crate::spec::Param::{Integer, Moment, Text};
use crate::spec::{Call, Shape, Spec};

const DAY: i64 = 86_400_000_000;

macro_rules! part_functions {
    ($($name:literal $aliases:expr;)*) => {
        [$(Spec {
            name: $name,
            aliases: $aliases,
            params: &[Moment],
            optional: 0,
            result: |_| Ok(SqlType::Integer),
            compute: extract,
        }),*]
    };
}

/// YEAR and its kin: each is named after its part.
pub(crate) static PARTS: [Spec; 11] = part_functions! {
    "year" &[];
    "quarter" &[];
    "month" &[];
    "week" &["weekofyear", "weekiso"];
    "yearofweek" &["yearofweekiso"];
    "day" &["dayofmonth"];
    "dayofweek" &[];
    "dayofweekiso" &[];
    "dayofyear" &[];
    "hour" &[];
    "minute" &[];
};

/// The others.
pub(crate) static SPECS: [Spec; 16] = [
    Spec {
        name: "second",
        aliases: &[],
        params: &[Moment],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: extract,
    },
    Spec {
        name: "date_part",
        aliases: &["datepart"],
        params: &[Text, Moment],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| call.integers(|row| Ok(part(call, row)?.extract(call.micros(1, row)?))),
    },
    Spec {
        name: "dateadd",
        aliases: &["timestampadd", "timeadd"],
        params: &[Text, Integer, Moment],
        optional: 0,
        result: added,
        compute: |call| {
            call.moments(|row| part(call, row)?.add(call.micros(2, row)?, call.integer(1, row)?))
        },
    },
    Spec {
        name: "datediff",
        aliases: &["timestampdiff", "timediff"],
        params: &[Text, Moment, Moment],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| {
                part(call, row)?.between(call.micros(1, row)?, call.micros(2, row)?)
            })
        },
    },
    Spec {
        name: "date_trunc",
        aliases: &["datetrunc"],
        params: &[Text, Moment],
        optional: 0,
        result: |shape| Ok(shape.ty(1)),
        compute: |call| call.moments(|row| part(call, row)?.truncate(call.micros(1, row)?)),
    },
    Spec {
        name: "last_day",
        aliases: &[],
        params: &[Moment, Text],
        optional: 1,
        result: |_| Ok(SqlType::Date),
        compute: |call| {
            call.moments(|row| match call.has(1) {
                true => slices::last_day_of(call.micros(0, row)?, call.text(1, row)?),
                false => last_day(call.micros(0, row)?),
            })
        },
    },
    Spec {
        name: "next_day",
        aliases: &[],
        params: &[Moment, Text],
        optional: 0,
        result: |_| Ok(SqlType::Date),
        compute: |call| {
            call.moments(|row| slices::next_day(call.micros(0, row)?, call.text(1, row)?))
        },
    },
    Spec {
        name: "previous_day",
        aliases: &[],
        params: &[Moment, Text],
        optional: 0,
        result: |_| Ok(SqlType::Date),
        compute: |call| {
            call.moments(|row| slices::previous_day(call.micros(0, row)?, call.text(1, row)?))
        },
    },
    Spec {
        name: "time_slice",
        aliases: &[],
        params: &[Moment, Integer, Text, Text],
        optional: 1,
        result: |shape| Ok(shape.ty(0)),
        compute: |call| {
            call.moments(|row| {
                let end = if call.has(3) { call.text(3, row)? } else { "START" };
                let slice = slices::Slice::new(call.integer(1, row)?, call.text(2, row)?, end)?;
                slice.of(call.micros(0, row)?)
            })
        },
    },
    Spec {
        name: "add_months",
        aliases: &[],
        params: &[Moment, Integer],
        optional: 0,
        result: |shape| Ok(shape.ty(0)),
        compute: |call| call.moments(|row| add_months(call.micros(0, row)?, call.integer(1, row)?)),
    },
    Spec {
        name: "dayname",
        aliases: &[],
        params: &[Moment],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| written(call, "DY"),
    },
    Spec {
        name: "monthname",
        aliases: &[],
        params: &[Moment],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| written(call, "MON"),
    },
    Spec {
        name: "date_from_parts",
        aliases: &["datefromparts"],
        params: &[Integer, Integer, Integer],
        optional: 0,
        result: |_| Ok(SqlType::Date),
        compute: |call| call.moments(|row| date_from_parts(call, row)),
    },
    Spec {
        name: "timestamp_from_parts",
        aliases: &["timestampfromparts", "timestamp_ntz_from_parts"],
        params: &[Integer, Integer, Integer, Integer, Integer, Integer, Integer],
        optional: 1,
        result: |_| Ok(SqlType::TimestampNtz),
        compute: |call| {
            call.moments(|row| {
                let day = date_from_parts(call, row)?;
                time_from_parts(call, row, 3, day)
            })
        },
    },
    Spec {
        name: "time_from_parts",
        aliases: &["timefromparts"],
        params: &[Integer, Integer, Integer, Integer],
        optional: 1,
        result: |_| Ok(SqlType::Time),
        compute: |call| {
            let micros = call.each(|row| Ok(time_from_parts(call, row, 0, 0)?.rem_euclid(DAY)))?;
            Ok(call.primitive::<Time64MicrosecondType>(micros))
        },
    },
    Spec {
        name: "months_between",
        aliases: &[],
        params: &[Moment, Moment],
        optional: 0,
        result: |_| Ok(SqlType::Float),
        compute: |call| {
            let months =
                call.each(|row| Ok(months_between(call.micros(0, row)?, call.micros(1, row)?)))?;
            Ok(call.primitive::<arrow::datatypes::Float64Type>(months))
        },
    },
];

fn extract(call: &Call) -> Result<arrow::array::ArrayRef> {
    let part = DatePart::parse(call.name)?;
    call.integers(|row| Ok(part.extract(call.micros(0, row)?)))
}

/// The part that the first argument names.
fn part(call: &Call, row: usize) -> Result<DatePart> {
    DatePart::parse(call.text(0, row)?)
}

/// A DATE stays one as long as whole days are added; the part must be a
/// constant, because the type follows from it.
fn added(shape: &Shape<'_>) -> Result<SqlType> {
    let part = shape.text(0).ok_or_else(|| {
        Error::new(Code::INVALID_ARGUMENT, "the part of DATEADD must be a constant")
    })?;
    let of_time = DatePart::parse(part)?.is_of_time();
    Ok(match shape.ty(2) {
        SqlType::Date if of_time => SqlType::TimestampNtz,
        other => other,
    })
}

fn last_day(micros: i64) -> Result<i64> {
    let date = civil(micros.div_euclid(DAY) as i32);
    let last = day_number(date.year, date.month, days_in_month(date.year, date.month));
    last.map(|day| i64::from(day) * DAY).ok_or_else(out_of_range)
}

/// As DATEADD, but the last day of a month stays the last day.
fn add_months(micros: i64, count: i64) -> Result<i64> {
    let moved = DatePart::Month.add(micros, count)?;
    let of_day = micros.rem_euclid(DAY);
    if last_day(micros)? == micros - of_day { Ok(last_day(moved)? + of_day) } else { Ok(moved) }
}

/// Whole months if both are on the same or the last day, else with 31sts of a month.
fn months_between(left: i64, right: i64) -> f64 {
    let parts = |micros: i64| {
        let date = civil(micros.div_euclid(DAY) as i32);
        let is_last = date.day == days_in_month(date.year, date.month);
        (i64::from(date.year) * 12 + i64::from(date.month), date.day, is_last)
    };
    let ((m1, d1, last1), (m2, d2, last2)) = (parts(left), parts(right));
    let months = (m1 - m2) as f64;
    if d1 == d2 || (last1 && last2) {
        return months;
    }
    let days = (f64::from(d1) - f64::from(d2))
        + (left.rem_euclid(DAY) - right.rem_euclid(DAY)) as f64 / DAY as f64;
    months + days / 31.0
}

fn written(call: &Call, format: &str) -> Result<arrow::array::ArrayRef> {
    let pattern = Pattern::parse(format)?;
    call.texts(|row| Ok(pattern.write(call.micros(0, row)?)))
}

/// Months and days beyond their range move on to the next or back.
fn date_from_parts(call: &Call, row: usize) -> Result<i64> {
    let year = i32::try_from(call.integer(0, row)?).map_err(|_| out_of_range())?;
    let start = day_number(year, 1, 1).ok_or_else(out_of_range)?;
    let months = call.integer(1, row)?.checked_sub(1).ok_or_else(out_of_range)?;
    let month = DatePart::Month.add(i64::from(start) * DAY, months)?;
    let days = call.integer(2, row)?.checked_sub(1).ok_or_else(out_of_range)?;
    DatePart::Day.add(month, days)
}

fn time_from_parts(call: &Call, row: usize, first: usize, start: i64) -> Result<i64> {
    let hours = DatePart::Hour.add(start, call.integer(first, row)?)?;
    let minutes = DatePart::Minute.add(hours, call.integer(first + 1, row)?)?;
    let seconds = DatePart::Second.add(minutes, call.integer(first + 2, row)?)?;
    if !call.has(first + 3) {
        return Ok(seconds);
    }
    DatePart::Nanosecond.add(seconds, call.integer(first + 3, row)?)
}

fn out_of_range() -> Error {
    Error::new(Code::OUT_OF_RANGE, "date is not between the years 1 and 9999")
}
