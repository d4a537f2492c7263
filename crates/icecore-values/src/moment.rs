//! Dates, times and timestamps from text that follows no given format.

use crate::calendar::{DAY_MICROS, MAX_MICROS, MIN_MICROS, MONTHS, day_number, split};
use crate::number::{Fault, power};

/// A date and a time as text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since 1970-01-01.
    pub(crate) day: i32,
    /// Microseconds since midnight.
    pub(crate) micros: i64,
    /// The zone, in minutes east of UTC, if the text names one.
    pub(crate) offset_minutes: Option<i32>,
}

impl Moment {
    /// What a wall clock shows: the zone is dropped.
    pub(crate) fn wall_clock(self) -> i64 {
        i64::from(self.day) * DAY_MICROS + self.micros
    }

    /// The moment in UTC, which is also the zone of text that names none.
    pub(crate) fn in_utc(self) -> Result<i64, Fault> {
        let offset = i64::from(self.offset_minutes.unwrap_or(0)) * 60_000_000;
        let micros = self.wall_clock() - offset;
        if (MIN_MICROS..=MAX_MICROS).contains(&micros) {
            Ok(micros)
        } else {
            Err(Fault::OutOfRange)
        }
    }
}

/// A position in text. Each method takes what it names, or leaves it.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text.trim_ascii() }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn take_any(&mut self, bytes: &[u8]) -> Option<u8> {
        match self.rest {
            [first, rest @ ..] if bytes.contains(first) => {
                self.rest = rest;
                Some(*first)
            }
            _ => None,
        }
    }

    /// A word, in any case.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let found = self.rest.get(..word.len());
        let same = found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()));
        if same {
            self.rest = &self.rest[word.len()..];
        }
        same
    }

    /// From `least` to `most` digits.
    pub(crate) fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let mut value = 0_u32;
        let mut count = 0;
        for byte in self.rest.iter().take(most) {
            if !byte.is_ascii_digit() {
                break;
            }
            value = value * 10 + u32::from(byte - b'0');
            count += 1;
        }
        if count < least {
            return None;
        }
        self.rest = &self.rest[count..];
        Some(value)
    }

    /// Digits after a point, at most nine, as microseconds.
    pub(crate) fn fraction(&mut self, most: usize) -> Result<i64, Fault> {
        let before = self.rest.len();
        let value = i64::from(self.digits(1, most.min(9)).ok_or(Fault::NotRecognized)?);
        let count = before - self.rest.len();
        if count <= 6 {
            return Ok(value * power(6 - count as u32) as i64);
        }
        let finer = power(count as u32 - 6) as i64;
        if value % finer == 0 { Ok(value / finer) } else { Err(Fault::TooFine) }
    }

    /// The number of the month whose English name, short or long, comes next.
    pub(crate) fn month_name(&mut self) -> Option<u32> {
        let number = MONTHS.iter().position(|name| {
            self.rest
                .get(..3)
                .is_some_and(|three| three.eq_ignore_ascii_case(&name.as_bytes()[..3]))
        })?;
        if !self.take_word(MONTHS[number]) {
            self.rest = &self.rest[3..];
        }
        Some(number as u32 + 1)
    }

    /// `+01`, `+0100` or `+01:00`, as minutes.
    pub(crate) fn offset(&mut self) -> Option<i32> {
        let sign = self.take_any(b"+-")?;
        let hours = self.digits(1, 2)?;
        let minutes =
            if self.take(b':') { self.digits(2, 2)? } else { self.digits(2, 2).unwrap_or(0) };
        if hours > 14 || minutes > 59 {
            return None;
        }
        let minutes = (hours * 60 + minutes) as i32;
        Some(if sign == b'-' { -minutes } else { minutes })
    }

    fn spaces(&mut self) {
        while self.take(b' ') {}
    }

    fn date(&mut self) -> Option<i32> {
        let start = *self;
        if let Some(day) = self.year_first() {
            return Some(day);
        }
        *self = start;
        if let Some(day) = self.month_first() {
            return Some(day);
        }
        *self = start;
        self.named_month()
    }

    /// 2013-01-31
    fn year_first(&mut self) -> Option<i32> {
        let year = self.digits(4, 4)?;
        if !self.take(b'-') {
            return None;
        }
        let month = self.digits(1, 2)?;
        if !self.take(b'-') {
            return None;
        }
        day_number(year as i32, month, self.digits(1, 2)?)
    }

    /// 1/31/2013
    fn month_first(&mut self) -> Option<i32> {
        let month = self.digits(1, 2)?;
        if !self.take(b'/') {
            return None;
        }
        let day = self.digits(1, 2)?;
        if !self.take(b'/') {
            return None;
        }
        day_number(self.digits(4, 4)? as i32, month, day)
    }

    /// 31-JAN-2013
    fn named_month(&mut self) -> Option<i32> {
        let day = self.digits(1, 2)?;
        if !self.take(b'-') {
            return None;
        }
        let month = self.month_name()?;
        if !self.take(b'-') {
            return None;
        }
        day_number(self.digits(4, 4)? as i32, month, day)
    }

    /// 13:05, 13:05:59, 13:05:59.123456, or 01:05:59 PM
    fn time(&mut self) -> Result<i64, Fault> {
        let hour = self.digits(1, 2).ok_or(Fault::NotRecognized)?;
        if !self.take(b':') {
            return Err(Fault::NotRecognized);
        }
        let minute = self.digits(1, 2).ok_or(Fault::NotRecognized)?;
        let (mut second, mut micros) = (0, 0);
        if self.take(b':') {
            second = self.digits(1, 2).ok_or(Fault::NotRecognized)?;
            if self.take(b'.') {
                micros = self.fraction(9)?;
            }
        }
        let half = self.half_of_day();
        clock(hour, minute, second, half).map(|whole| whole + micros)
    }

    fn half_of_day(&mut self) -> Option<Half> {
        let start = *self;
        self.spaces();
        if self.take_word("AM") {
            return Some(Half::Am);
        }
        if self.take_word("PM") {
            return Some(Half::Pm);
        }
        *self = start;
        None
    }

    fn zone(&mut self) -> Option<i32> {
        self.spaces();
        if self.take_word("UTC") || self.take_word("GMT") || self.take_word("Z") {
            return Some(0);
        }
        self.offset()
    }
}

/// Before or after noon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Am,
    Pm,
}

/// Microseconds since midnight.
pub(crate) fn clock(hour: u32, minute: u32, second: u32, half: Option<Half>) -> Result<i64, Fault> {
    let hour = match half {
        None => hour,
        Some(_) if hour == 0 || hour > 12 => return Err(Fault::NotRecognized),
        Some(Half::Am) => hour % 12,
        Some(Half::Pm) => hour % 12 + 12,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Fault::NotRecognized);
    }
    Ok((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1_000_000)
}

/// Days since 1970-01-01. A time after the date is read and dropped.
pub(crate) fn date(text: &[u8]) -> Result<i32, Fault> {
    if let Some(day) = plain_date(text) {
        return Ok(day);
    }
    timestamp(text).map(|moment| moment.day)
}

/// Exactly `YYYY-MM-DD`.
#[inline]
fn plain_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
    let mut bad = 0;
    let mut digit = |byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        bad |= u32::from(digit > 9);
        u32::from(digit)
    };
    let year = digit(y1) * 1000 + digit(y2) * 100 + digit(y3) * 10 + digit(y4);
    let month = digit(m1) * 10 + digit(m2);
    let day = digit(d1) * 10 + digit(d2);
    if bad != 0 {
        return None;
    }
    day_number(year as i32, month, day)
}

/// Microseconds since midnight.
pub(crate) fn time(text: &[u8]) -> Result<i64, Fault> {
    let mut cursor = Cursor::new(text);
    if let Some(epoch) = epoch_micros(text) {
        return epoch.map(|micros| split(micros).1);
    }
    let micros = cursor.time()?;
    if cursor.is_done() { Ok(micros) } else { Err(Fault::NotRecognized) }
}

/// A date, alone or followed by `T` or a space, a time, and a zone; or a whole
/// number of seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(crate) fn timestamp(text: &[u8]) -> Result<Moment, Fault> {
    if let Some(epoch) = epoch_micros(text) {
        let (day, micros) = split(epoch?);
        return Ok(Moment { day, micros, offset_minutes: None });
    }
    let mut cursor = Cursor::new(text);
    let day = cursor.date().ok_or(Fault::NotRecognized)?;
    let mut moment = Moment { day, micros: 0, offset_minutes: None };
    if cursor.is_done() {
        return Ok(moment);
    }
    if cursor.take_any(b"Tt ").is_none() {
        return Err(Fault::NotRecognized);
    }
    cursor.spaces();
    moment.micros = cursor.time()?;
    if !cursor.is_done() {
        moment.offset_minutes = Some(cursor.zone().ok_or(Fault::NotRecognized)?);
    }
    if cursor.is_done() { Ok(moment) } else { Err(Fault::NotRecognized) }
}

/// The unit of a whole number follows from its size: below 31,536,000,000 it is
/// seconds, below a thousand times that milliseconds, and so on, as Snowflake's
/// TO_TIMESTAMP documents it.
fn epoch_micros(text: &[u8]) -> Option<Result<i64, Fault>> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(crate::number::integer(text).and_then(of_magnitude))
}

const MAX_SECONDS: u64 = 31_536_000_000;

fn of_magnitude(value: i64) -> Result<i64, Fault> {
    let size = value.unsigned_abs();
    let micros = if size < MAX_SECONDS {
        value.checked_mul(1_000_000)
    } else if size < MAX_SECONDS * 1000 {
        value.checked_mul(1000)
    } else if size < MAX_SECONDS * 1_000_000 {
        Some(value)
    } else if value % 1000 == 0 {
        Some(value / 1000)
    } else {
        return Err(Fault::TooFine);
    };
    micros.filter(|micros| (MIN_MICROS..=MAX_MICROS).contains(micros)).ok_or(Fault::OutOfRange)
}

#[cfg(test)]
mod tests;
