//! How many distinct values there are, estimated in four kilobytes.

use std::collections::BTreeMap;

use icecore_types::{Code, Error, Result};

/// Registers, as Snowflake has them: a standard error of 1.6 %.
const REGISTERS: usize = 4096;
const INDEX_BITS: u32 = 12;
/// The highest rank of the bits that are left.
const MAX_RANK: usize = 64 - INDEX_BITS as usize + 1;
/// More registers than this are stored whole.
const MAX_SPARSE: usize = 1024;
/// What a stored sketch begins with.
const SPARSE: u8 = 1;
const DENSE: u8 = 2;

/// A HyperLogLog sketch of fingerprints.
///
/// Sketches merge: that of two sets together is the merge of theirs, in any
/// order, so an aggregate of it can be kept up to date. The estimate is Ertl's
/// ("New cardinality estimation algorithms for HyperLogLog sketches", 2017),
/// which needs no correction for small or large sets.
///
/// ```
/// use icecore_values::HyperLogLog;
/// let mut sketch = HyperLogLog::default();
/// for value in 0..1000_u64 {
///     sketch.insert(icecore_values::combined([Some(value)]));
/// }
/// let stored = HyperLogLog::from_bytes(&sketch.to_bytes())?;
/// assert!((950..1050).contains(&stored.estimate()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HyperLogLog(Registers);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Registers {
    Sparse(BTreeMap<u16, u8>),
    Dense(Box<[u8; REGISTERS]>),
}

impl Default for HyperLogLog {
    fn default() -> Self {
        Self(Registers::Sparse(BTreeMap::new()))
    }
}

impl HyperLogLog {
    /// Counts a fingerprint in.
    pub fn insert(&mut self, fingerprint: u64) {
        let index = (fingerprint >> (64 - INDEX_BITS)) as u16;
        let rest = fingerprint << INDEX_BITS;
        let rank = (rest.leading_zeros() as usize + 1).min(MAX_RANK) as u8;
        self.raise(index, rank);
    }

    /// Counts all of another sketch's in.
    pub fn merge(&mut self, other: &Self) {
        match &other.0 {
            Registers::Sparse(ranks) => {
                ranks.iter().for_each(|(index, rank)| self.raise(*index, *rank));
            }
            Registers::Dense(ranks) => {
                for (index, rank) in ranks.iter().enumerate().filter(|(_, rank)| **rank > 0) {
                    self.raise(index as u16, *rank);
                }
            }
        }
    }

    fn raise(&mut self, index: u16, rank: u8) {
        match &mut self.0 {
            Registers::Sparse(ranks) => {
                let held = ranks.entry(index).or_default();
                *held = rank.max(*held);
                if ranks.len() > MAX_SPARSE {
                    let mut dense = Box::new([0; REGISTERS]);
                    for (index, rank) in ranks.iter() {
                        if let Some(held) = dense.get_mut(usize::from(*index)) {
                            *held = *rank;
                        }
                    }
                    self.0 = Registers::Dense(dense);
                }
            }
            Registers::Dense(ranks) => {
                if let Some(held) = ranks.get_mut(usize::from(index)) {
                    *held = rank.max(*held);
                }
            }
        }
    }

    /// How many distinct fingerprints there were, about.
    pub fn estimate(&self) -> u64 {
        let mut counts = [0_u32; MAX_RANK + 1];
        let mut count = |rank: u8| {
            if let Some(count) = counts.get_mut(usize::from(rank)) {
                *count += 1;
            }
        };
        match &self.0 {
            Registers::Sparse(ranks) => {
                ranks.values().for_each(|rank| count(*rank));
                (ranks.len()..REGISTERS).for_each(|_| count(0));
            }
            Registers::Dense(ranks) => ranks.iter().for_each(|rank| count(*rank)),
        }
        estimate(&counts)
    }

    /// Bytes of memory that it holds.
    pub fn size(&self) -> usize {
        match &self.0 {
            Registers::Sparse(ranks) => size_of::<Self>() + 8 * ranks.len(),
            Registers::Dense(_) => size_of::<Self>() + REGISTERS,
        }
    }

    /// As it is stored: a byte that says how, then either pairs of a register's
    /// number (two bytes, low one first, rising) and its rank, or all ranks.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Registers::Sparse(ranks) => {
                let pairs = ranks.iter().flat_map(|(index, rank)| {
                    let [low, high] = index.to_le_bytes();
                    [low, high, *rank]
                });
                std::iter::once(SPARSE).chain(pairs).collect()
            }
            Registers::Dense(ranks) => {
                std::iter::once(DENSE).chain(ranks.iter().copied()).collect()
            }
        }
    }

    /// What `to_bytes` wrote.
    ///
    /// # Errors
    /// `InvalidInput` if the bytes are no sketch.
    pub fn from_bytes(stored: &[u8]) -> Result<Self> {
        let is_rank = |rank: &u8| usize::from(*rank) <= MAX_RANK;
        match stored.split_first() {
            Some((&SPARSE, pairs)) => {
                let (pairs, rest) = pairs.as_chunks::<3>();
                let mut sketch = Self::default();
                for [low, high, rank] in pairs {
                    let index = u16::from_le_bytes([*low, *high]);
                    if usize::from(index) >= REGISTERS || *rank == 0 || !is_rank(rank) {
                        return Err(no_sketch());
                    }
                    sketch.raise(index, *rank);
                }
                if rest.is_empty() { Ok(sketch) } else { Err(no_sketch()) }
            }
            Some((&DENSE, ranks)) if ranks.iter().all(is_rank) => {
                let ranks: [u8; REGISTERS] = ranks.try_into().map_err(|_| no_sketch())?;
                Ok(Self(Registers::Dense(Box::new(ranks))))
            }
            _ => Err(no_sketch()),
        }
    }
}

fn no_sketch() -> Error {
    Error::new(Code::INVALID_ARGUMENT, "not a state of HLL_ACCUMULATE or HLL_COMBINE")
}

/// Ertl's estimate from how many registers have each rank.
fn estimate(counts: &[u32; MAX_RANK + 1]) -> u64 {
    let registers = REGISTERS as f64;
    let [zeros, middle @ .., highest] = counts;
    if f64::from(*zeros) >= registers {
        return 0;
    }
    let mut sum = registers * tau(1.0 - f64::from(*highest) / registers);
    for count in middle.iter().rev() {
        sum = 0.5 * (sum + f64::from(*count));
    }
    sum += registers * sigma(f64::from(*zeros) / registers);
    let alpha = 0.5 / std::f64::consts::LN_2;
    (alpha * registers * registers / sum).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    let (mut power, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * power;
        power += power;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut power, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        power *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * power;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::combined;

    fn sketch(values: std::ops::Range<u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::default();
        values.for_each(|value| sketch.insert(combined([Some(value)])));
        sketch
    }

    #[test]
    fn estimates_are_within_five_standard_errors() {
        for count in [0_u64, 1, 10, 100, 3_000, 10_000, 12_000, 100_000, 1_000_000] {
            let found = sketch(0..count).estimate() as f64;
            let error = (found - count as f64).abs() / (count.max(1) as f64);
            assert!(error < 0.08, "{count} {found}");
        }
        assert_eq!(sketch(0..3).estimate(), 3);
    }

    #[test]
    fn a_merge_is_the_sketch_of_both_and_repeats_change_nothing() {
        for (left, right) in [(10, 20), (500, 5_000), (5_000, 9_000), (9_000, 9_100)] {
            let mut merged = sketch(0..left);
            merged.merge(&sketch(left / 2..right));
            assert_eq!(merged, sketch(0..right), "{left} {right}");
            merged.merge(&sketch(0..right));
            assert_eq!(merged.estimate(), sketch(0..right).estimate());
        }
    }

    #[test]
    fn what_is_stored_is_read_and_nothing_else() {
        for count in [0, 5, 1_024, 100_000] {
            let sketch = sketch(0..count);
            assert_eq!(HyperLogLog::from_bytes(&sketch.to_bytes()).unwrap(), sketch, "{count}");
        }
        for wrong in [
            &[][..],
            &[3],
            &[SPARSE, 1],
            &[SPARSE, 0, 0x10, 1],
            &[SPARSE, 0, 0, 60],
            &[SPARSE, 0, 0, 0],
            &[DENSE, 1, 2],
        ] {
            assert!(HyperLogLog::from_bytes(wrong).is_err(), "{wrong:?}");
        }
        let mut ranks = vec![60; REGISTERS + 1];
        ranks[0] = DENSE;
        assert!(HyperLogLog::from_bytes(&ranks).is_err());
    }
}
