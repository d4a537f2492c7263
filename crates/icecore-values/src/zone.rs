//! Times of one zone as times of another.

use arrow::array::timezone::Tz;
use chrono::{DateTime, LocalResult, TimeDelta, TimeZone};
use icecore_types::{Code, Error, Result};

/// A time on the clocks of zone `from`, in microseconds since 1970, as it is at
/// that moment on those of zone `to`. Zones have IANA's names, or are offsets
/// such as `+02:00`.
///
/// An hour that there is twice means the first of the two, and a time that
/// clocks skip is as much later as they skip.
///
/// # Errors
/// `InvalidInput` for a zone that is not known, and beyond the years that there
/// are.
///
/// ```
/// let noon = 12 * 3_600_000_000_i64;
/// let there = icecore_values::convert_zone(noon, "UTC", "Asia/Tokyo")?;
/// assert_eq!(there, 21 * 3_600_000_000);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn convert_zone(micros: i64, from: &str, to: &str) -> Result<i64> {
    let (from, to) = (zone(from)?, zone(to)?);
    let outside = || Error::new(Code::OUT_OF_RANGE, "a time beyond the years that there are");
    let local = DateTime::from_timestamp_micros(micros).ok_or_else(outside)?.naive_utc();
    let moment = match from.from_local_datetime(&local) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => moment.naive_utc(),
        LocalResult::None => {
            // The offset of the day before still holds when clocks are put on.
            let before = local.checked_sub_signed(TimeDelta::days(1)).ok_or_else(outside)?;
            let offset = from
                .from_local_datetime(&before)
                .earliest()
                .map(|moment| before - moment.naive_utc())
                .ok_or_else(outside)?;
            local - offset
        }
    };
    Ok(to.from_utc_datetime(&moment).naive_local().and_utc().timestamp_micros())
}

fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(Code::INVALID_ARGUMENT, format!("unknown time zone: '{name}'"))
            .with_help("write a name such as 'America/New_York'")
    })
}

#[cfg(test)]
mod tests {
    use super::convert_zone;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn summer_time_begins_and_ends() {
        // 2024-03-31T02:30 is skipped in Berlin: clocks say 03:30 then, which is 01:30 in UTC.
        let skipped = 1_711_852_200_000_000;
        assert_eq!(convert_zone(skipped, "Europe/Berlin", "UTC").unwrap(), skipped - HOUR);
        // 2024-10-27T02:30 is there twice: the first is in summer time.
        let twice = 1_729_996_200_000_000;
        assert_eq!(convert_zone(twice, "Europe/Berlin", "UTC").unwrap(), twice - 2 * HOUR);
        assert_eq!(convert_zone(0, "UTC", "America/New_York").unwrap(), -5 * HOUR);
        assert!(convert_zone(0, "UTC", "Mars/Base").is_err());
    }
}
