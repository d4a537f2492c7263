//! How far apart texts, places and numbers are, and in which bucket.

use arrow::datatypes::Float64Type;
use icecore_types::{Code, Error, Result, SqlType};

use crate::spec::Param::{Float, Integer, Text};
use crate::spec::Spec;

/// The functions of this file.
pub(crate) static SPECS: [Spec; 6] = [
    Spec {
        name: "editdistance",
        aliases: &[],
        params: &[Text, Text, Integer],
        optional: 1,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| {
                let distance = edits(call.text(0, row)?, call.text(1, row)?);
                let most = if call.has(2) { call.integer(2, row)?.max(0) } else { i64::MAX };
                Ok(distance.min(most))
            })
        },
    },
    Spec {
        name: "jarowinkler_similarity",
        aliases: &[],
        params: &[Text, Text],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| {
                let (left, right) = (call.text(0, row)?, call.text(1, row)?);
                let similarity = jaro_winkler(&left.to_lowercase(), &right.to_lowercase());
                Ok((similarity * 100.0) as i64)
            })
        },
    },
    Spec {
        name: "haversine",
        aliases: &[],
        params: &[Float, Float, Float, Float],
        optional: 0,
        result: |_| Ok(SqlType::Float),
        compute: |call| {
            let kilometres = call.each(|row| {
                let at = |index| call.float(index, row);
                Ok(haversine((at(0)?, at(1)?), (at(2)?, at(3)?)))
            })?;
            Ok(call.primitive::<Float64Type>(kilometres))
        },
    },
    Spec {
        name: "width_bucket",
        aliases: &[],
        params: &[Float, Float, Float, Integer],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| {
                let bounds = (call.float(1, row)?, call.float(2, row)?);
                bucket(call.float(0, row)?, bounds, call.integer(3, row)?)
            })
        },
    },
    Spec {
        name: "space",
        aliases: &[],
        params: &[Integer],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| {
                let count = call.integer(0, row)?.max(0);
                if count > i64::from(u32::MAX) / 256 {
                    let message = format!("text is too long for SPACE count={count}");
                    return Err(Error::new(Code::OUT_OF_RANGE, message));
                }
                Ok(" ".repeat(count as usize))
            })
        },
    },
    Spec {
        name: "insert",
        aliases: &[],
        params: &[Text, Integer, Integer, Text],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| {
                let text = call.text(0, row)?;
                let (start, count) = (call.integer(1, row)?, call.integer(2, row)?);
                inserted(text, start, count, call.text(3, row)?)
            })
        },
    },
];

/// Levenshtein's distance, in characters.
fn edits(left: &str, right: &str) -> i64 {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<i64> = (0..=right.len() as i64).collect();
    for (at, letter) in left.chars().enumerate() {
        let mut corner = at as i64;
        let mut before = corner + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(before);
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = corner + i64::from(*other != letter);
            before = replaced.min(before + 1).min(above + 1);
            corner = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Jaro's similarity, nearer to 1 for up to four letters in common in front.
fn jaro_winkler(left: &str, right: &str) -> f64 {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let reach = (left.len().max(right.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; right.len()];
    let mut common = Vec::new();
    for (at, letter) in left.iter().enumerate() {
        let places = right.iter().zip(taken.iter_mut()).enumerate();
        let near = places.skip(at.saturating_sub(reach)).take_while(|(to, _)| *to <= at + reach);
        let free = near.into_iter().find(|(_, (other, taken))| !**taken && *other == letter);
        if let Some((_, (_, taken))) = free {
            *taken = true;
            common.push(*letter);
        }
    }
    if common.is_empty() {
        return 0.0;
    }
    let of_right = right.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(letter, _)| letter);
    let moved = common.iter().zip(of_right).filter(|(left, right)| left != right).count() / 2;
    let matches = common.len() as f64;
    let jaro = (matches / left.len() as f64
        + matches / right.len() as f64
        + (matches - moved as f64) / matches)
        / 3.0;
    let prefix = left.iter().zip(&right).take(4).take_while(|(left, right)| left == right).count();
    jaro + prefix as f64 * 0.1 * (1.0 - jaro)
}

/// Kilometres between two places in degrees, on a sphere of 6,371 km.
fn haversine((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let chord =
        half(lat1, lat2) + lat1.to_radians().cos() * lat2.to_radians().cos() * half(lon1, lon2);
    2.0 * 6371.0 * chord.sqrt().min(1.0).asin()
}

/// The bucket of a value among `count` of one width; 0 below them, one more above.
fn bucket(value: f64, (low, high): (f64, f64), count: i64) -> Result<i64> {
    if count < 1 || low >= high || low.is_nan() || high.is_nan() || !(high - low).is_finite() {
        let message = format!("invalid buckets min={low} max={high} count={count}");
        return Err(Error::new(Code::INVALID_ARGUMENT, message));
    }
    Ok(match value {
        value if value < low => 0,
        value if value >= high || value.is_nan() => count.saturating_add(1),
        value => (((value - low) / (high - low) * count as f64) as i64).min(count - 1) + 1,
    })
}

/// Text in place of `count` characters from `start` on, which counts from 1.
fn inserted(text: &str, start: i64, count: i64, new: &str) -> Result<String> {
    let (Ok(start), Ok(count)) = (usize::try_from(start), usize::try_from(count)) else {
        let message = format!("invalid place in INSERT start={start} count={count}");
        return Err(Error::new(Code::INVALID_ARGUMENT, message));
    };
    let skipped = start.saturating_sub(1);
    let before = text.chars().take(skipped);
    let after = text.chars().skip(skipped.saturating_add(count));
    Ok(before.chain(new.chars()).chain(after).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_the_fewest() {
        for (left, right, expected) in
            [("future", "past", 6), ("", "abc", 3), ("äb", "äb", 0), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(left, right), expected, "{left} {right}");
            assert_eq!(edits(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn winkler_s_own_examples() {
        for (left, right, expected) in
            [("MARTHA", "MARHTA", 0.9611), ("DIXON", "DICKSONX", 0.8133), ("a", "b", 0.0)]
        {
            assert!((jaro_winkler(left, right) - expected).abs() < 1e-4, "{left} {right}");
        }
    }

    #[test]
    fn buckets_have_an_open_end_and_two_neighbours() {
        for (value, expected) in [(-1.0, 0), (0.0, 1), (1.9, 1), (2.0, 2), (9.99, 5), (10.0, 6)] {
            assert_eq!(bucket(value, (0.0, 10.0), 5).unwrap(), expected, "{value}");
        }
        assert!(bucket(1.0, (1.0, 1.0), 5).is_err() && bucket(1.0, (0.0, 1.0), 0).is_err());
    }

    #[test]
    fn new_york_to_los_angeles() {
        assert!((haversine((40.7127, -74.0059), (34.0500, -118.2500)) - 3936.385).abs() < 0.01);
    }
}
