//! Decimals: exact, of at most 38 digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use arrow::error::ArrowError;
use icecore_types::{Code, Error, Result};

use super::{ArithmeticOp, Sides, carried, division_by_zero};
use crate::number::power;
use crate::rounding::{Rounding, divide_rounded};
use crate::types::MAX_INT_DIGITS;

/// The digits of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecimalRule {
    pub(super) precision: u8,
    pub(super) scale: u8,
    /// Whether 38 digits hold every result, so that none needs a check.
    always_fits: bool,
}

const MAX_PRECISION: u8 = 38;

impl DecimalRule {
    /// Integers are shown as NUMBER(38,0), and so is their quotient: as wide.
    pub(super) const INTEGER_QUOTIENT: Self =
        Self { precision: MAX_PRECISION, scale: 6, always_fits: true };

    /// Snowflake's rules for operands of a precision and a scale
    /// (docs.snowflake.com, "Arithmetic operators").
    pub(super) fn of(op: ArithmeticOp, (p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> Self {
        let (l1, l2) = (p1.saturating_sub(s1), p2.saturating_sub(s2));
        let (leading, scale) = match op {
            ArithmeticOp::Add | ArithmeticOp::Subtract => (l1.max(l2) + 1, s1.max(s2)),
            ArithmeticOp::Multiply => (l1 + l2, (s1 + s2).min(s1.max(s2).max(12))),
            ArithmeticOp::Divide => (l1 + s2, s1.max((s1 + 6).min(12))),
            ArithmeticOp::Modulo => (l1.min(l2), s1.max(s2)),
        };
        let digits = leading + scale;
        // Without a scale and with fewer digits a number is held as Int64.
        let least = if scale == 0 { MAX_INT_DIGITS + 1 } else { 1 };
        Self {
            precision: digits.clamp(least, MAX_PRECISION),
            scale,
            always_fits: digits <= MAX_PRECISION,
        }
    }

    #[inline]
    fn holds(self, value: i128) -> bool {
        value.unsigned_abs() < power(u32::from(self.precision)).unsigned_abs()
    }

    #[cold]
    fn overflow(self) -> ArrowError {
        let (precision, scale) = (self.precision, self.scale);
        carried(Error::new(
            Code::OUT_OF_RANGE,
            format!("number out of representable range: type NUMBER({precision},{scale})"),
        ))
    }
}

/// Runs `op` on decimals of their own scales.
pub(super) fn decimals(op: ArithmeticOp, rule: DecimalRule, sides: &Sides) -> Result<ArrayRef> {
    let scales = (scale_of(&sides.left), scale_of(&sides.right));
    let values = match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => sum(op, rule, sides, scales),
        ArithmeticOp::Multiply => product(rule, sides, scales),
        ArithmeticOp::Divide => quotient(rule, sides, scales),
        ArithmeticOp::Modulo => remainder(rule, sides, scales),
    }?;
    Ok(Arc::new(values.with_data_type(DataType::Decimal128(rule.precision, rule.scale as i8))))
}

type Decimals = arrow::array::PrimitiveArray<Decimal128Type>;

fn scale_of(array: &ArrayRef) -> u32 {
    match array.data_type() {
        DataType::Decimal128(_, scale) => *scale as u32,
        _ => 0,
    }
}

/// What brings both sides to the scale of the result.
fn factors(rule: DecimalRule, (s1, s2): (u32, u32)) -> (i128, i128) {
    let scale = u32::from(rule.scale);
    (power(scale.saturating_sub(s1)), power(scale.saturating_sub(s2)))
}

fn sum(op: ArithmeticOp, rule: DecimalRule, sides: &Sides, scales: (u32, u32)) -> Result<Decimals> {
    let (f1, f2) = factors(rule, scales);
    // A subtraction adds the negative, which every decimal has.
    let f2 = if op == ArithmeticOp::Subtract { -f2 } else { f2 };
    if rule.always_fits {
        return match (f1, f2) {
            (1, 1) => sides.each::<Decimal128Type, _>(i128::wrapping_add),
            (1, -1) => sides.each::<Decimal128Type, _>(i128::wrapping_sub),
            _ => sides.each::<Decimal128Type, _>(|a, b| {
                a.wrapping_mul(f1).wrapping_add(b.wrapping_mul(f2))
            }),
        };
    }
    sides.try_each::<Decimal128Type, _>(|a, b| {
        let narrow = || a.checked_mul(f1)?.checked_add(b.checked_mul(f2)?);
        let wide = || {
            let left = i256::from_i128(a).wrapping_mul(i256::from_i128(f1));
            left.wrapping_add(i256::from_i128(b).wrapping_mul(i256::from_i128(f2))).to_i128()
        };
        narrow().or_else(wide).filter(|sum| rule.holds(*sum)).ok_or_else(|| rule.overflow())
    })
}

#[inline]
fn fits_64(value: i128) -> bool {
    value as i64 as i128 == value
}

/// A product in 128 bits, if it fits: cheap where both sides fit 64.
#[inline]
fn narrow_product(a: i128, b: i128) -> Option<i128> {
    if fits_64(a) && fits_64(b) {
        return Some(i128::from(a as i64) * i128::from(b as i64));
    }
    a.checked_mul(b)
}

fn product(rule: DecimalRule, sides: &Sides, (s1, s2): (u32, u32)) -> Result<Decimals> {
    let dropped = (s1 + s2).saturating_sub(u32::from(rule.scale));
    if dropped == 0 && rule.always_fits {
        return sides.each::<Decimal128Type, _>(i128::wrapping_mul);
    }
    let unit = power(dropped);
    let widest = dropped == 0 && rule.precision == MAX_PRECISION;
    sides.try_each::<Decimal128Type, _>(|a, b| {
        // Of two values of 64 bits the product is below 2^126, and that below 10^38.
        if widest && fits_64(a) && fits_64(b) {
            return Ok(i128::from(a as i64) * i128::from(b as i64));
        }
        let rounded = match narrow_product(a, b) {
            Some(product) if dropped == 0 => Some(product),
            Some(product) => Some(divide_rounded(product, unit, Rounding::HalfAwayFromZero)),
            None => {
                let product = i256::from_i128(a).wrapping_mul(i256::from_i128(b));
                wide_quotient(product, i256::from_i128(unit))
            }
        };
        rounded.filter(|product| rule.holds(*product)).ok_or_else(|| rule.overflow())
    })
}

/// A quotient rounded half away from zero, if 128 bits hold it.
fn wide_quotient(value: i256, divisor: i256) -> Option<i128> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.checked_rem(divisor)?.wrapping_abs();
    let half = rest.wrapping_add(rest) >= divisor.wrapping_abs();
    let step = match (half, value.is_negative() == divisor.is_negative()) {
        (false, _) => i256::ZERO,
        (true, true) => i256::ONE,
        (true, false) => i256::MINUS_ONE,
    };
    quotient.checked_add(step)?.to_i128()
}

/// As `wide_quotient`, within 128 bits and cheap within 64; `b` is not zero.
#[inline]
fn narrow_quotient(a: i128, b: i128) -> i128 {
    let (a_small, b_small) = (a as i64, b as i64);
    if fits_64(a) && fits_64(b) && a_small != i64::MIN {
        let (quotient, rest) = (a_small / b_small, a_small % b_small);
        let half = rest.unsigned_abs() >= b_small.unsigned_abs().div_ceil(2);
        return i128::from(quotient + if half { a_small.signum() * b_small.signum() } else { 0 });
    }
    // Damaged bytes can hold the one value whose quotient by -1 overflows.
    let (quotient, rest) = (a.wrapping_div(b), a.wrapping_rem(b));
    let half = rest.unsigned_abs() >= b.unsigned_abs().div_ceil(2);
    quotient.wrapping_add(if half { a.signum() * b.signum() } else { 0 })
}

/// The mean of `count` decimals whose sum is `sum`, with `digits` more digits
/// after the point than they have, rounded half away from zero; none if there
/// are no decimals or 38 digits do not hold it.
///
/// ```
/// assert_eq!(icecore_values::mean(200, 3, 2), Some(6667));
/// assert_eq!(icecore_values::mean(200, 0, 2), None);
/// ```
pub fn mean(sum: i128, count: u64, digits: u32) -> Option<i128> {
    let unit = i256::from_i128(10).checked_pow(digits)?;
    let divisor = i128::from(count);
    let narrow = || Some(narrow_quotient(sum.checked_mul(unit.to_i128()?)?, divisor));
    let wide = || wide_quotient(i256::from_i128(sum).checked_mul(unit)?, i256::from_i128(divisor));
    if count == 0 {
        return None;
    }
    let limit = power(u32::from(MAX_PRECISION)).unsigned_abs();
    narrow().or_else(wide).filter(|mean| mean.unsigned_abs() < limit)
}

fn quotient(rule: DecimalRule, sides: &Sides, (s1, s2): (u32, u32)) -> Result<Decimals> {
    let exponent = (u32::from(rule.scale) + s2).saturating_sub(s1);
    let wide_unit = i256::from_i128(10).checked_pow(exponent).unwrap_or(i256::MAX);
    // Ten to the 38th is the largest power that 128 bits hold.
    let unit = (exponent <= 38).then(|| power(exponent));
    sides.try_each::<Decimal128Type, _>(|a, b| {
        if b == 0 {
            return Err(division_by_zero());
        }
        let narrow = unit.and_then(|unit| narrow_product(a, unit)).map(|a| narrow_quotient(a, b));
        let wide = || {
            let value = i256::from_i128(a).checked_mul(wide_unit)?;
            wide_quotient(value, i256::from_i128(b))
        };
        narrow.or_else(wide).filter(|value| rule.holds(*value)).ok_or_else(|| rule.overflow())
    })
}

fn remainder(rule: DecimalRule, sides: &Sides, scales: (u32, u32)) -> Result<Decimals> {
    let (f1, f2) = factors(rule, scales);
    sides.try_each::<Decimal128Type, _>(|a, b| {
        if b == 0 {
            return Err(division_by_zero());
        }
        let narrow = || a.checked_mul(f1)?.checked_rem(b.checked_mul(f2)?);
        let wide = || {
            let left = i256::from_i128(a).wrapping_mul(i256::from_i128(f1));
            left.checked_rem(i256::from_i128(b).wrapping_mul(i256::from_i128(f2)))?.to_i128()
        };
        narrow().or_else(wide).ok_or_else(|| rule.overflow())
    })
}
