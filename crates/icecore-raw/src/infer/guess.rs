//! The narrowest type that holds all values that were seen.

use arrow::array::StringViewArray;
use icecore_types::SqlType;
use icecore_values::{ParseOptions, parse_texts};

/// What values were, so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Guess {
    numbers: bool,
    /// Digits before and after the point, at most.
    whole: usize,
    scale: usize,
    reals: bool,
    booleans: bool,
    dates: bool,
    times: bool,
    timestamps: bool,
    texts: bool,
    binaries: bool,
    nested: bool,
}

/// Digits of a NUMBER.
const MOST_DIGITS: usize = 38;

impl Guess {
    /// Of a column whose type is known; none: nested.
    pub(super) fn of_type(ty: Option<SqlType>, binary_as_text: bool) -> Self {
        let mut guess = Self::default();
        match ty {
            None => guess.nested = true,
            Some(SqlType::Integer) => (guess.numbers, guess.whole) = (true, MOST_DIGITS),
            Some(SqlType::Number { precision, scale }) => {
                guess.numbers = true;
                guess.scale = usize::from(scale);
                guess.whole = usize::from(precision - scale);
            }
            Some(SqlType::Float) => guess.reals = true,
            Some(SqlType::Varchar { .. }) => guess.texts = true,
            Some(SqlType::Binary { .. }) if binary_as_text => guess.texts = true,
            Some(SqlType::Binary { .. }) => guess.binaries = true,
            Some(SqlType::Boolean) => guess.booleans = true,
            Some(SqlType::Date) => guess.dates = true,
            Some(SqlType::Time) => guess.times = true,
            Some(SqlType::TimestampNtz | SqlType::TimestampLtz) => guess.timestamps = true,
        }
        guess
    }

    /// A nested value was seen.
    pub(super) const fn see_nested(&mut self) {
        self.nested = true;
    }

    /// A text was seen.
    pub(super) fn see(&mut self, text: &str) {
        if self.texts || self.nested {
            return;
        }
        let text = text.trim();
        if let Some((whole, scale)) = digits(text) {
            self.numbers = true;
            self.whole = self.whole.max(whole);
            self.scale = self.scale.max(scale);
        } else if is_real(text) {
            self.reals = true;
        } else if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            self.booleans = true;
        } else if text.contains('-') && !text.contains(':') && is_a(text, SqlType::Date) {
            self.dates = true;
        } else if text.contains(':') && !text.contains('-') && is_a(text, SqlType::Time) {
            self.times = true;
        } else if text.contains('-') && is_a(text, SqlType::TimestampNtz) {
            self.timestamps = true;
        } else {
            self.texts = true;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.numbers |= other.numbers;
        self.whole = self.whole.max(other.whole);
        self.scale = self.scale.max(other.scale);
        self.reals |= other.reals;
        self.booleans |= other.booleans;
        self.dates |= other.dates;
        self.times |= other.times;
        self.timestamps |= other.timestamps;
        self.texts |= other.texts;
        self.binaries |= other.binaries;
        self.nested |= other.nested;
    }

    /// The type as a column declares it.
    pub(super) fn sql_type(&self) -> String {
        let kinds = [
            self.numbers || self.reals,
            self.booleans,
            self.dates || self.timestamps,
            self.times,
            self.texts,
            self.binaries,
        ];
        let one = kinds.iter().filter(|kind| **kind).count() == 1;
        match self {
            _ if self.nested => "VARIANT".to_owned(),
            _ if !one || self.texts => "TEXT".to_owned(),
            Self { reals: true, .. } => "REAL".to_owned(),
            Self { numbers: true, whole, scale, .. } => number(*whole, *scale),
            Self { booleans: true, .. } => "BOOLEAN".to_owned(),
            Self { timestamps: true, .. } => "TIMESTAMP_NTZ".to_owned(),
            Self { dates: true, .. } => "DATE".to_owned(),
            Self { times: true, .. } => "TIME".to_owned(),
            Self { binaries: true, .. } => "BINARY".to_owned(),
            _ => "TEXT".to_owned(),
        }
    }
}

fn number(whole: usize, scale: usize) -> String {
    let precision = (whole + scale).max(1);
    match precision {
        ..=MOST_DIGITS => format!("NUMBER({precision}, {scale})"),
        // Whole numbers of any length beside a few digits behind a point.
        _ if whole == MOST_DIGITS && scale < MOST_DIGITS => {
            format!("NUMBER({MOST_DIGITS}, {scale})")
        }
        _ => "REAL".to_owned(),
    }
}

/// Digits before and after the point of a plain number.
fn digits(text: &str) -> Option<(usize, usize)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').len();
    (whole + fraction.len() <= MOST_DIGITS).then_some((whole, fraction.len()))
}

fn is_real(text: &str) -> bool {
    let numeric =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    text.bytes().all(numeric) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_a(text: &str, ty: SqlType) -> bool {
    let texts = StringViewArray::from(vec![text]);
    parse_texts(&texts, &ty, &ParseOptions::default()).1.is_empty()
}
