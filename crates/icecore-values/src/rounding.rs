//! Rounding of numbers to a number of digits, without a detour over floats.

use icecore_types::{Code, Error, Result};

use crate::number::power;

/// Which neighbour a number moves to.
///
/// ```
/// use icecore_values::{Rounding, round_integer};
/// assert_eq!(round_integer(1250, -2, Rounding::HalfAwayFromZero)?, 1300);
/// assert_eq!(round_integer(-1250, -2, Rounding::Floor)?, -1300);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// The nearest; of two as near, the one farther from zero: ROUND.
    HalfAwayFromZero,
    /// The one below: FLOOR.
    Floor,
    /// The one above: CEIL.
    Ceiling,
    /// The one nearer to zero: TRUNC.
    TowardZero,
}

/// The quotient of two integers, rounded; `divisor` is positive.
pub(crate) fn divide_rounded(value: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let step = match rounding {
        Rounding::TowardZero => 0,
        Rounding::Floor => -i128::from(rest < 0),
        Rounding::Ceiling => i128::from(rest > 0),
        Rounding::HalfAwayFromZero => {
            i128::from(rest.unsigned_abs() >= (divisor.unsigned_abs()).div_ceil(2)) * value.signum()
        }
    };
    quotient + step
}

/// A decimal of `scale` digits after the point, rounded to `digits` of them
/// (negative: to tens, hundreds), still as a decimal of `scale` digits.
///
/// # Errors
/// `InvalidInput`, 100039, if the result has more than 38 digits.
pub fn round_decimal(value: i128, scale: i8, digits: i64, rounding: Rounding) -> Result<i128> {
    let dropped = i64::from(scale).saturating_sub(digits);
    if dropped <= 0 || value == 0 {
        return Ok(value);
    }
    let exponent = u32::try_from(dropped).unwrap_or(u32::MAX);
    let (quotient, unit) = if exponent > 38 {
        let away = match rounding {
            Rounding::Floor => value < 0,
            Rounding::Ceiling => value > 0,
            Rounding::HalfAwayFromZero | Rounding::TowardZero => false,
        };
        if away {
            return Err(out_of_range());
        }
        (0, 1)
    } else {
        (divide_rounded(value, power(exponent), rounding), power(exponent))
    };
    quotient
        .checked_mul(unit)
        .filter(|result| result.unsigned_abs() < power(38).unsigned_abs())
        .ok_or_else(out_of_range)
}

/// An integer, rounded to tens, hundreds and so on if `digits` is negative.
///
/// # Errors
/// `InvalidInput`, 100039, if the result has more than 64 bits.
pub fn round_integer(value: i64, digits: i64, rounding: Rounding) -> Result<i64> {
    if digits >= 0 {
        return Ok(value);
    }
    let rounded = round_decimal(i128::from(value), 0, digits, rounding)?;
    i64::try_from(rounded).map_err(|_| out_of_range())
}

/// A float, rounded to `digits` digits after the point.
pub fn round_float(value: f64, digits: i64, rounding: Rounding) -> f64 {
    let round = |value: f64| match rounding {
        Rounding::HalfAwayFromZero => value.round(),
        Rounding::Floor => value.floor(),
        Rounding::Ceiling => value.ceil(),
        Rounding::TowardZero => value.trunc(),
    };
    let exponent = i32::try_from(digits.clamp(-400, 400)).unwrap_or(0);
    if exponent == 0 {
        return round(value);
    }
    let unit = 10_f64.powi(exponent.abs());
    let scaled = if exponent > 0 { value * unit } else { value / unit };
    if !scaled.is_finite() || !unit.is_finite() {
        // So many digits that nothing is rounded, or so few that nothing stays.
        return if exponent > 0 { value } else { 0.0 };
    }
    let rounded = round(scaled);
    if exponent > 0 { rounded / unit } else { rounded * unit }
}

fn out_of_range() -> Error {
    Error::new(Code::OUT_OF_RANGE, "rounded number has more than 38 digits or 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_and_signs() {
        use Rounding::*;
        for (value, digits, rounding, expected) in [
            (125, 1, HalfAwayFromZero, 130),
            (-125, 1, HalfAwayFromZero, -130),
            (124, 1, HalfAwayFromZero, 120),
            (121, 1, Ceiling, 130),
            (-129, 1, Ceiling, -120),
            (-121, 1, Floor, -130),
            (129, 1, TowardZero, 120),
            (-129, 1, TowardZero, -120),
            (125, 2, HalfAwayFromZero, 125),
            (125, 5, Floor, 125),
            (49, -1, HalfAwayFromZero, 0),
            (500, -1, HalfAwayFromZero, 1000),
        ] {
            assert_eq!(round_decimal(value, 2, digits, rounding).unwrap(), expected, "{value}");
        }
        assert!(round_decimal(1, 0, -40, Ceiling).is_err());
        assert_eq!(round_decimal(i128::from(i64::MAX), 0, -100, HalfAwayFromZero).unwrap(), 0);
        assert!(round_integer(i64::MAX, -1, Ceiling).is_err());
    }

    #[test]
    fn floats_round_away_from_zero_at_a_tie() {
        assert_eq!(round_float(2.5, 0, Rounding::HalfAwayFromZero), 3.0);
        assert_eq!(round_float(-2.5, 0, Rounding::HalfAwayFromZero), -3.0);
        assert_eq!(round_float(1234.5, -2, Rounding::HalfAwayFromZero), 1200.0);
        assert_eq!(round_float(1.25, 1, Rounding::TowardZero), 1.2);
        assert_eq!(round_float(1e300, 400, Rounding::Floor), 1e300);
    }

    proptest! {
        #[test]
        fn neighbours_are_at_most_one_unit_away(value: i64, digits in -18_i64..0) {
            let unit = power((-digits) as u32);
            let value = i128::from(value);
            let floor = round_decimal(value, 0, digits, Rounding::Floor).unwrap();
            let ceiling = round_decimal(value, 0, digits, Rounding::Ceiling).unwrap();
            let nearest = round_decimal(value, 0, digits, Rounding::HalfAwayFromZero).unwrap();
            let inward = round_decimal(value, 0, digits, Rounding::TowardZero).unwrap();
            prop_assert!(floor <= value && value <= ceiling && ceiling - floor <= unit);
            prop_assert!((nearest - value).abs() * 2 <= unit);
            prop_assert_eq!(inward, if value < 0 { ceiling } else { floor });
            for rounded in [floor, ceiling, nearest, inward] {
                prop_assert_eq!(rounded % unit, 0);
            }
        }
    }
}
