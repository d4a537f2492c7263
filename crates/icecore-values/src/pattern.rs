//! Format strings of dates and times.

use std::fmt::Write;

use icecore_types::{Code, Error, Result};

use crate::calendar::{MONTHS, WEEKDAYS, civil, day_number, split, weekday};
use crate::moment::{Cursor, Half, Moment, clock};
use crate::number::{Fault, power};

/// A format string such as `DD/MM/YYYY HH24:MI:SS.FF3`, read once.
///
/// Elements, in any case: `YYYY`, `YY` (70 to 99 are of the twentieth century),
/// `MM`, `MON`, `MMMM`, `DD`, `DY`, `HH24`, `HH12`, `AM` or `PM`, `MI`, `SS`,
/// `FF` and `FF0` to `FF6` (digits of a second; `FF` is six), `TZH`, `TZM`.
/// Everything that is no letter stands for itself, as does text in double
/// quotes, and `T` between a date and a time.
///
/// ```
/// use icecore_values::Pattern;
/// let pattern = Pattern::parse("DD.MM.YYYY HH24:MI")?;
/// assert_eq!(pattern.write(1_357_016_400_000_000), "01.01.2013 05:00");
/// assert!(Pattern::parse("YYYY-QQ").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    elements: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Year,
    ShortYear,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    Weekday,
    Hour24,
    Hour12,
    HalfOfDay,
    Minute,
    Second,
    Fraction(usize),
    ZoneHour,
    ZoneMinute,
    Literal(String),
}

/// Longer names first, so that none hides behind its own beginning.
const NAMES: [(&str, Element); 16] = [
    ("YYYY", Element::Year),
    ("MMMM", Element::MonthName),
    ("HH24", Element::Hour24),
    ("HH12", Element::Hour12),
    ("MON", Element::ShortMonthName),
    ("TZH", Element::ZoneHour),
    ("TZM", Element::ZoneMinute),
    ("YY", Element::ShortYear),
    ("MM", Element::Month),
    ("MI", Element::Minute),
    ("DD", Element::Day),
    ("DY", Element::Weekday),
    ("AM", Element::HalfOfDay),
    ("PM", Element::HalfOfDay),
    ("SS", Element::Second),
    ("FF", Element::Fraction(6)),
];

impl Pattern {
    /// Reads a format string.
    ///
    /// # Errors
    /// `InvalidInput` for a letter that begins no element.
    pub fn parse(text: &str) -> Result<Self> {
        let mut elements = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (element, taken) = Element::first(rest).ok_or_else(|| {
                Error::new(
                    Code::INVALID_OPTION,
                    format!("unknown element in a date or time format at '{rest}' format='{text}'"),
                )
                .with_help("put text that stands for itself in double quotes")
            })?;
            debug_assert!(taken >= first.len_utf8());
            elements.push(element);
            rest = rest.get(taken..).unwrap_or_default();
        }
        if elements.is_empty() {
            return Err(Error::new(Code::INVALID_OPTION, "empty date or time format"));
        }
        Ok(Self { elements })
    }

    /// What the text says; the parts that the format lacks are those of
    /// 1970-01-01 00:00:00.
    pub(crate) fn read(&self, text: &[u8]) -> Result<Moment, Fault> {
        let mut cursor = Cursor::new(text);
        let mut parts = Parts::default();
        for element in &self.elements {
            parts.read(element, &mut cursor)?;
        }
        if !cursor.is_done() {
            return Err(Fault::NotRecognized);
        }
        parts.moment()
    }

    /// A moment in this format, given in microseconds since 1970-01-01; its
    /// zone is UTC.
    pub fn write(&self, micros: i64) -> String {
        let mut out = String::new();
        self.write_to(&mut out, micros);
        out
    }

    pub(crate) fn write_to(&self, out: &mut String, micros: i64) {
        for element in &self.elements {
            // Writing to a string does not fail.
            let _ = element.write(out, micros);
        }
    }
}

impl Element {
    /// The first element of a format, and its length in bytes.
    fn first(text: &str) -> Option<(Self, usize)> {
        if let Some(quoted) = text.strip_prefix('"') {
            let end = quoted.find('"')?;
            return Some((Self::Literal(quoted[..end].to_owned()), end + 2));
        }
        for (name, element) in NAMES {
            let Some(found) = text.get(..name.len()) else { continue };
            if !found.eq_ignore_ascii_case(name) {
                continue;
            }
            if element != Self::Fraction(6) {
                return Some((element, name.len()));
            }
            return match text.as_bytes().get(2) {
                Some(digit @ b'0'..=b'6') => Some((Self::Fraction(usize::from(digit - b'0')), 3)),
                Some(b'7'..=b'9') => None,
                _ => Some((element, 2)),
            };
        }
        let first = text.chars().next()?;
        let itself = !first.is_alphanumeric() || first == 'T' || first.is_ascii_digit();
        itself.then(|| (Self::Literal(first.to_string()), first.len_utf8()))
    }

    fn write(&self, out: &mut String, micros: i64) -> std::fmt::Result {
        let (day, of_day) = split(micros);
        let date = civil(day);
        let hour = of_day / 3_600_000_000;
        match self {
            Self::Year => write!(out, "{:04}", date.year),
            Self::ShortYear => write!(out, "{:02}", date.year % 100),
            Self::Month => write!(out, "{:02}", date.month),
            Self::MonthName => out.write_str(month_name(date.month)),
            Self::ShortMonthName => out.write_str(&month_name(date.month)[..3]),
            Self::Day => write!(out, "{:02}", date.day),
            Self::Weekday => out.write_str(WEEKDAYS[weekday(day)]),
            Self::Hour24 => write!(out, "{hour:02}"),
            Self::Hour12 => write!(out, "{:02}", (hour + 11) % 12 + 1),
            Self::HalfOfDay => out.write_str(if hour < 12 { "AM" } else { "PM" }),
            Self::Minute => write!(out, "{:02}", of_day / 60_000_000 % 60),
            Self::Second => write!(out, "{:02}", of_day / 1_000_000 % 60),
            Self::Fraction(0) => Ok(()),
            Self::Fraction(digits) => {
                let unit = power(6 - *digits as u32) as i64;
                write!(out, "{:0width$}", of_day % 1_000_000 / unit, width = *digits)
            }
            Self::ZoneHour => out.write_str("+00"),
            Self::ZoneMinute => out.write_str("00"),
            Self::Literal(text) => out.write_str(text),
        }
    }
}

/// The name of a month from 1 to 12.
fn month_name(month: u32) -> &'static str {
    MONTHS.get(month.wrapping_sub(1) as usize).copied().unwrap_or("   ")
}

/// What has been read so far.
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    fraction: i64,
    half: Option<Half>,
    zone_hours: Option<i32>,
    zone_minutes: i32,
    zone_west: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            fraction: 0,
            half: None,
            zone_hours: None,
            zone_minutes: 0,
            zone_west: false,
        }
    }
}

impl Parts {
    fn read(&mut self, element: &Element, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let mut number = |least, most| cursor.digits(least, most).ok_or(Fault::NotRecognized);
        match element {
            Element::Year => self.year = number(4, 4)? as i32,
            Element::ShortYear => {
                let year = number(2, 2)? as i32;
                self.year = if year < 70 { 2000 + year } else { 1900 + year };
            }
            Element::Month => self.month = number(1, 2)?,
            Element::MonthName | Element::ShortMonthName => {
                self.month = cursor.month_name().ok_or(Fault::NotRecognized)?;
            }
            Element::Day => self.day = number(1, 2)?,
            Element::Weekday => take_one(cursor, &WEEKDAYS)?,
            Element::Hour24 | Element::Hour12 => self.hour = number(1, 2)?,
            Element::HalfOfDay => {
                let pm = !cursor.take_word("AM");
                if pm {
                    take_one(cursor, &["PM"])?;
                }
                self.half = Some(if pm { Half::Pm } else { Half::Am });
            }
            Element::Minute => self.minute = number(1, 2)?,
            Element::Second => self.second = number(1, 2)?,
            Element::Fraction(0) => {}
            Element::Fraction(_) => self.fraction = cursor.fraction(9)?,
            Element::ZoneHour => {
                self.zone_west = !cursor.take(b'+') && cursor.take(b'-');
                let hours = cursor.digits(1, 2).ok_or(Fault::NotRecognized)?;
                self.zone_hours = Some(hours as i32);
            }
            Element::ZoneMinute => self.zone_minutes = number(2, 2)? as i32,
            Element::Literal(text) => take_one(cursor, &[text])?,
        }
        Ok(())
    }

    fn moment(&self) -> Result<Moment, Fault> {
        let day = day_number(self.year, self.month, self.day).ok_or(Fault::NotRecognized)?;
        let micros = clock(self.hour, self.minute, self.second, self.half)? + self.fraction;
        let offset = self.zone_hours.map(|hours| hours * 60 + self.zone_minutes);
        if offset.is_some_and(|minutes| minutes > 14 * 60 || self.zone_minutes > 59) {
            return Err(Fault::NotRecognized);
        }
        let offset_minutes = offset.map(|minutes| if self.zone_west { -minutes } else { minutes });
        Ok(Moment { day, micros, offset_minutes })
    }
}

fn take_one(cursor: &mut Cursor<'_>, words: &[&str]) -> Result<(), Fault> {
    let found = words.iter().any(|word| cursor.take_word(word));
    if found { Ok(()) } else { Err(Fault::NotRecognized) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{MAX_MICROS, MIN_MICROS};
    use proptest::prelude::*;

    fn read(format: &str, text: &str) -> Result<i64, Fault> {
        Pattern::parse(format).unwrap().read(text.as_bytes())?.in_utc()
    }

    #[test]
    fn formats_read() {
        let moment = 1_357_016_400_000_000;
        for (format, text) in [
            ("YYYY-MM-DD HH24:MI:SS", "2013-01-01 05:00:00"),
            ("yyyy-mm-ddThh24:mi:ss.ff", "2013-01-01T05:00:00.000"),
            ("DD/MM/YY HH12:MI AM", "1/1/13 5:00 am"),
            ("MON DD YYYY HH24", "Jan 01 2013 05"),
            ("DD MMMM YYYY HH24", "01 January 2013 05"),
            ("DY DD-MON-YYYY HH24", "Tue 01-JAN-2013 05"),
            ("YYYYMMDDHH24MISS", "20130101050000"),
            ("YYYY-MM-DD HH24:MI TZH:TZM", "2013-01-01 06:30 +01:30"),
            ("\"on\" YYYY-MM-DD \"at\" HH24", "on 2013-01-01 at 05"),
        ] {
            assert_eq!(read(format, text), Ok(moment), "{format} {text}");
        }
    }

    #[test]
    fn what_a_format_does_not_match() {
        for (format, text) in [
            ("YYYY-MM-DD", "2013-01-01 05"),
            ("YYYY-MM-DD", "2013/01/01"),
            ("DD/MM/YYYY", "2013-01-01"),
            ("HH12 AM", "13 PM"),
            ("YYYY-MM-DD", ""),
            ("TZH", "+15"),
        ] {
            assert!(read(format, text).is_err(), "{format} {text}");
        }
    }

    #[test]
    fn unknown_elements_are_refused() {
        for format in ["", "Q", "YYYY-QQ", "FF9", "HH", "abc", "\"open", "YYYYY"] {
            assert!(Pattern::parse(format).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in MIN_MICROS..=MAX_MICROS) {
            for format in ["YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZHTZM", "DD MMMM YYYY HH12:MI:SS.FF PM"] {
                let pattern = Pattern::parse(format).unwrap();
                let text = pattern.write(micros);
                prop_assert_eq!(pattern.read(text.as_bytes()).unwrap().in_utc(), Ok(micros), "{}", text);
            }
        }

        #[test]
        fn no_format_breaks_it(format in "[YMDHSFT0-9a-z\"./ :-]{0,12}", text in ".{0,12}") {
            if let Ok(pattern) = Pattern::parse(&format) {
                let _ = pattern.read(text.as_bytes());
            }
        }
    }
}
