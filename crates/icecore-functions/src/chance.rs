//! What is made of random numbers: UNIFORM and RANDSTR. The numbers themselves
//! are an argument, which RANDOM gives.

use arrow::datatypes::Float64Type;
use icecore_types::{Code, Error, Result, SqlType};

use crate::spec::Param::{Float, Integer};
use crate::spec::Spec;

/// The functions of this file.
pub(crate) static SPECS: [Spec; 2] = [
    Spec {
        name: "uniform_float",
        aliases: &[],
        params: &[Float, Float, Integer],
        optional: 0,
        result: |_| Ok(SqlType::Float),
        compute: |call| {
            let values = call.each(|row| {
                let (least, most) = (call.float(0, row)?, call.float(1, row)?);
                // 53 bits, of which each is a value of its own below 1.
                let part = (call.integer(2, row)? as u64 >> 11) as f64 / (1_u64 << 53) as f64;
                match least <= most {
                    true => Ok(least + (most - least) * part),
                    false => Err(turned("UNIFORM")),
                }
            })?;
            Ok(call.primitive::<Float64Type>(values))
        },
    },
    Spec {
        name: "randstr",
        aliases: &[],
        params: &[Integer, Integer],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| call.texts(|row| text(call.integer(0, row)?, call.integer(1, row)? as u64)),
    },
];

/// UNIFORM of integers.
pub(crate) static INTEGERS: Spec = Spec {
    name: "uniform_integer",
    aliases: &[],
    params: &[Integer, Integer, Integer],
    optional: 0,
    result: |_| Ok(SqlType::Integer),
    compute: |call| {
        call.integers(|row| {
            let (least, most) = (call.integer(0, row)?, call.integer(1, row)?);
            let values = i128::from(most) - i128::from(least) + 1;
            if values <= 0 {
                return Err(turned("UNIFORM"));
            }
            let place = (i128::from(call.integer(2, row)? as u64) * values) >> 64;
            // Between two numbers of 64 bits.
            Ok((i128::from(least) + place) as i64)
        })
    },
};

fn turned(name: &str) -> Error {
    Error::new(Code::INVALID_ARGUMENT, format!("the least value of {name} is above the greatest"))
}

/// The longest text of RANDSTR.
const MOST: i64 = 10_000;

fn text(length: i64, seed: u64) -> Result<String> {
    const SIGNS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if !(0..=MOST).contains(&length) {
        let message = format!("RANDSTR makes texts of 0 to {MOST} characters length={length}");
        return Err(Error::new(Code::INVALID_ARGUMENT, message));
    }
    let mut state = seed;
    let signs = (0..length).map(|_| {
        let at = (next_random(&mut state) >> 32) as usize % SIGNS.len();
        char::from(SIGNS.get(at).copied().unwrap_or(b'0'))
    });
    Ok(signs.collect())
}

/// The next number of SplitMix64 (Steele, Lea, Flood 2014).
///
/// ```
/// let mut state = 0;
/// assert_eq!(icecore_functions::next_random(&mut state), 0xe220_a839_7b1d_cdaf);
/// ```
pub fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
