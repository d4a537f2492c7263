//! Moments.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// A moment in microseconds since 1970-01-01 00:00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, for example `2013-01-01T00:00:00Z`.
    ///
    /// # Errors
    /// `InvalidInput` if the text is anything else.
    pub fn parse(text: &str) -> Result<Self> {
        DateTime::parse_from_rfc3339(text).map(|moment| Self(moment.timestamp_micros())).map_err(
            |source| {
                Error::new(Code::NOT_A_TIMESTAMP, format!("not an RFC 3339 timestamp: '{text}'"))
                    .with_help("write it as 2013-01-01T00:00:00Z")
                    .with_source(source)
            },
        )
    }

    /// The moment `after` later; the end of time if there is none.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `before` earlier; the beginning of time if there is none.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(before.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar's moment, if it has one.
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(moment) => f.write_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} us", self.0),
        }
    }
}

/// Reads how far a simulated clock is moved on: `+25h`, `+1d12h`, `+90m`,
/// `+30s`, `+250ms`. The units are d, h, m, s, ms and us.
///
/// ```
/// use icecore_types::parse_advance;
/// assert_eq!(parse_advance("+1d12h")?.as_secs(), 36 * 3600);
/// assert!(parse_advance("-1h").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
///
/// # Errors
/// `InvalidInput` if the text is anything else.
pub fn parse_advance(text: &str) -> Result<Duration> {
    let bad = || {
        Error::new(Code::INVALID_OPTION, format!("not a way to move the clock on: '{text}'"))
            .with_help("write it as +25h, +1d12h, +90m, +30s or +250ms")
    };
    let mut rest = text.trim().strip_prefix('+').ok_or_else(bad)?;
    let mut micros = 0_u64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (count, from_unit) = rest.split_at(unit_at);
        let next_at = from_unit.find(|c: char| c.is_ascii_digit()).unwrap_or(from_unit.len());
        let (unit, after) = from_unit.split_at(next_at);
        let part = count.parse::<u64>().ok().zip(micros_of(unit));
        let part = part.and_then(|(count, unit)| count.checked_mul(unit)).ok_or_else(bad)?;
        micros = micros.checked_add(part).ok_or_else(bad)?;
        rest = after;
    }
    if micros == 0 { Err(bad()) } else { Ok(Duration::from_micros(micros)) }
}

fn micros_of(unit: &str) -> Option<u64> {
    match unit {
        "d" => Some(86_400_000_000),
        "h" => Some(3_600_000_000),
        "m" => Some(60_000_000),
        "s" => Some(1_000_000),
        "ms" => Some(1_000),
        "us" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advance_is_a_sum_of_parts() {
        for (text, micros) in [
            ("+25h", 90_000_000_000),
            (" +1d1h1m1s1ms1us ", 90_061_001_001),
            ("+90m", 5_400_000_000),
        ] {
            assert_eq!(parse_advance(text).unwrap(), Duration::from_micros(micros), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_advance() {
        for text in [
            "",
            "+",
            "25h",
            "-1h",
            "+h",
            "+25",
            "+1x",
            "+0s",
            "+1 h",
            "+99999999999999999999s",
            "+9999999999d",
        ] {
            assert!(parse_advance(text).is_err(), "{text}");
        }
    }
}
