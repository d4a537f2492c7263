use proptest::prelude::*;

use super::*;

#[test]
fn integers() {
    for (text, expected) in [
        ("0", Ok(0)),
        ("-7", Ok(-7)),
        ("+7", Ok(7)),
        (" 42 ", Ok(42)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err(Fault::OutOfRange)),
        ("1.5", Ok(2)),
        ("-1.5", Ok(-2)),
        ("1.49", Ok(1)),
        ("1e3", Ok(1000)),
        ("15e-1", Ok(2)),
        ("4e-1", Ok(0)),
        ("5e-1", Ok(1)),
        ("5e-2", Ok(0)),
        ("0e999999999999999999999", Ok(0)),
        ("1e999999999999999999999", Err(Fault::OutOfRange)),
        ("1e-999999999999999999999", Ok(0)),
        ("", Err(Fault::NotRecognized)),
        (" ", Err(Fault::NotRecognized)),
        ("-", Err(Fault::NotRecognized)),
        (".", Err(Fault::NotRecognized)),
        ("NA", Err(Fault::NotRecognized)),
        ("1 2", Err(Fault::NotRecognized)),
        ("1e", Err(Fault::NotRecognized)),
        ("1,000", Err(Fault::NotRecognized)),
        ("0x10", Err(Fault::NotRecognized)),
        ("--1", Err(Fault::NotRecognized)),
    ] {
        assert_eq!(integer(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn decimals() {
    for (text, precision, scale, expected) in [
        ("1.5", 10, 2, Ok(150)),
        (".5", 10, 2, Ok(50)),
        ("5.", 10, 2, Ok(500)),
        ("-0.005", 10, 2, Ok(-1)),
        ("0.0049999", 10, 2, Ok(0)),
        ("99.995", 4, 2, Err(Fault::OutOfRange)),
        ("99.994", 4, 2, Ok(9999)),
        (
            "12345678901234567890123456789012345678",
            38,
            0,
            Ok(12345678901234567890123456789012345678),
        ),
        ("123456789012345678901234567890123456789", 38, 0, Err(Fault::OutOfRange)),
        ("99999999999999999999999999999999999999.5", 38, 0, Err(Fault::OutOfRange)),
        ("0.00000000000000000000000000000000000001", 38, 37, Ok(0)),
        ("1.2.3", 10, 2, Err(Fault::NotRecognized)),
        ("1.23e1", 10, 2, Ok(1230)),
    ] {
        assert_eq!(fixed(text.as_bytes(), precision, scale), expected, "{text:?}");
    }
}

#[test]
fn floats() {
    assert_eq!(float(b" 1.5 "), Ok(1.5));
    assert_eq!(float(b"-inf"), Ok(f64::NEG_INFINITY));
    assert!(float(b"NaN").unwrap().is_nan());
    assert_eq!(float(b"1e400"), Err(Fault::OutOfRange));
    assert_eq!(float(b"1.5x"), Err(Fault::NotRecognized));
}

proptest! {
    #[test]
    fn an_integer_reads_as_it_was_written(value: i64) {
        prop_assert_eq!(integer(value.to_string().as_bytes()), Ok(value));
    }

    #[test]
    fn integers_agree_with_the_standard_library(text in "[+-]?[0-9]{1,20}") {
        let expected = text.parse::<i64>().map_err(|_| Fault::OutOfRange);
        prop_assert_eq!(integer(text.as_bytes()), expected);
    }

    /// Against the schoolbook: write the number with more digits than the
    /// scale, and round the integer of its smallest unit.
    #[test]
    fn decimals_round_half_away_from_zero(unscaled in -10_i128.pow(30)..10_i128.pow(30), digits in 0_u32..12, scale in 0_u8..8) {
        let sign = if unscaled < 0 { "-" } else { "" };
        let (whole, fraction) = (unscaled.abs() / power(digits), unscaled.abs() % power(digits));
        let text = match digits {
            0 => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{fraction:0width$}", width = digits as usize),
        };
        let expected = if u32::from(scale) >= digits {
            unscaled * power(u32::from(scale) - digits)
        } else {
            let step = power(digits - u32::from(scale));
            let away = (unscaled.abs() + step / 2) / step;
            if unscaled < 0 { -away } else { away }
        };
        prop_assert_eq!(fixed(text.as_bytes(), 38, scale), Ok(expected));
    }

    #[test]
    fn no_text_breaks_it(text in ".{0,24}", scale in 0_u8..38) {
        let _ = (integer(text.as_bytes()), fixed(text.as_bytes(), 38, scale), float(text.as_bytes()));
    }
}
