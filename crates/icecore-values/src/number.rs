//! Numbers from text.

/// Why text is no number of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is none of this type at all.
    NotRecognized,
    /// It is one that the type cannot hold.
    OutOfRange,
    /// It has digits that the type would lose.
    TooFine,
}

pub(crate) const POWERS: [i128; 39] = {
    let mut powers = [1_i128; 39];
    let mut index = 1;
    while index < 39 {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// 10 to this power; the largest there is for more than 38.
pub(crate) fn power(exponent: u32) -> i128 {
    POWERS.get(exponent as usize).copied().unwrap_or(POWERS[38])
}

/// A whole number of 64 bits; digits after the point are rounded half away
/// from zero.
pub(crate) fn integer(text: &[u8]) -> Result<i64, Fault> {
    if let Some(value) = short_integer(text) {
        return Ok(value);
    }
    let value = fixed(text, 19, 0)?;
    i64::try_from(value).map_err(|_| Fault::OutOfRange)
}

/// The common case: a sign and up to 18 digits, nothing else.
#[inline]
fn short_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// A number of `precision` digits, `scale` of them after the point, as an
/// integer of its smallest unit; further digits are rounded half away from zero.
pub(crate) fn fixed(text: &[u8], precision: u8, scale: u8) -> Result<i128, Fault> {
    let value = match short_fixed(text, scale) {
        Some(value) => i128::from(value),
        None => long_fixed(text, scale)?,
    };
    if value.unsigned_abs() >= power(u32::from(precision)).unsigned_abs() {
        return Err(Fault::OutOfRange);
    }
    Ok(value)
}

/// The common case: at most 18 digits with those of the scale, no exponent and
/// no rounding.
#[inline]
fn short_fixed(text: &[u8], scale: u8) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() + scale as usize > 18 {
        return None;
    }
    let mut value = 0_i64;
    let mut after_point = None;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + i64::from(digit);
            after_point = after_point.map(|count: u8| count + 1);
        } else if *byte == b'.' && after_point.is_none() && digits.len() > 1 {
            after_point = Some(0);
        } else {
            return None;
        }
    }
    let missing = scale.checked_sub(after_point.unwrap_or(0))?;
    let value = value * power(u32::from(missing)) as i64;
    Some(if negative { -value } else { value })
}

/// The parts of `[+-] digits [. digits] [e [+-] digits]`, spaces around it.
struct Literal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Literal<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(rest);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => split_digits(rest),
            _ => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// An exponent, held to what no number of 38 digits can reach.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = (value * 10 + i64::from(byte - b'0')).min(1_000_000_000_000);
    }
    Some(if negative { -value } else { value })
}

fn long_fixed(text: &[u8], scale: u8) -> Result<i128, Fault> {
    let literal = Literal::read(text).ok_or(Fault::NotRecognized)?;
    let digits = literal.whole.iter().chain(literal.fraction).copied();
    let zeros = digits.clone().take_while(|digit| *digit == b'0').count();
    let total = literal.whole.len() + literal.fraction.len();
    if zeros == total {
        return Ok(0);
    }
    // How many of the digits, from the first, stand before the last unit kept.
    let kept = literal.whole.len() as i64 + literal.exponent + i64::from(scale) - zeros as i64;
    if kept > 38 {
        return Err(Fault::OutOfRange);
    }
    if kept < 0 {
        return Ok(0);
    }
    let mut significant = digits.skip(zeros);
    let mut value = 0_i128;
    for _ in 0..kept {
        value = value * 10 + significant.next().map_or(0, |digit| i128::from(digit - b'0'));
    }
    if significant.next().is_some_and(|digit| digit >= b'5') {
        value += 1;
    }
    Ok(if literal.negative { -value } else { value })
}

/// A number of 64 bits of floating point; `inf` and `nan` in any case.
pub(crate) fn float(text: &[u8]) -> Result<f64, Fault> {
    let text = std::str::from_utf8(text.trim_ascii()).map_err(|_| Fault::NotRecognized)?;
    let value: f64 = text.parse().map_err(|_| Fault::NotRecognized)?;
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(Fault::OutOfRange);
    }
    Ok(value)
}

/// Whether text says yes or no.
pub(crate) fn boolean(text: &[u8]) -> Result<bool, Fault> {
    let text = text.trim_ascii();
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(&["true", "t", "yes", "y", "on", "1"]) {
        Ok(true)
    } else if is(&["false", "f", "no", "n", "off", "0"]) {
        Ok(false)
    } else {
        Err(Fault::NotRecognized)
    }
}

#[cfg(test)]
mod tests;
