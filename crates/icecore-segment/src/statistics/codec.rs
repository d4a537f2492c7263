//! The compact form of statistics: `docs/format.md`, "Statistics".

use bytes::Bytes;
use icecore_types::{ColumnId, Error, Result};

use crate::statistics::{ColumnStatistics, Scalar, Statistics};

/// First byte: the form. A reader refuses any other.
const FORM: u8 = 0;
/// Longest text or binary bound that is read.
const MAX_BOUND_BYTES: usize = 256;

const HAS_MIN: u8 = 1 << 3;
const HAS_MAX: u8 = 1 << 4;
const MIN_EXACT: u8 = 1 << 5;
const MAX_EXACT: u8 = 1 << 6;
const HAS_NAN: u8 = 1 << 7;
const KIND: u8 = 0b111;

pub(super) fn encode(statistics: &Statistics) -> Bytes {
    let mut out = vec![FORM];
    put_varint(&mut out, statistics.rows.into());
    put_varint(&mut out, statistics.columns.len() as u128);
    let mut previous = 0;
    for (id, column) in &statistics.columns {
        put_varint(&mut out, u128::from(id.get() - previous));
        previous = id.get();
        put_column(&mut out, column);
    }
    Bytes::from(out)
}

fn put_column(out: &mut Vec<u8>, column: &ColumnStatistics) {
    let kind = column.min.as_ref().or(column.max.as_ref()).map_or(0, kind);
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(
        kind | flag(column.min.is_some(), HAS_MIN)
            | flag(column.max.is_some(), HAS_MAX)
            | flag(column.min_exact, MIN_EXACT)
            | flag(column.max_exact, MAX_EXACT)
            | flag(column.has_nan, HAS_NAN),
    );
    put_varint(out, column.null_count.into());
    put_varint(out, column.distinct.map_or(0, |count| u128::from(count) + 1));
    put_varint(out, column.total_bytes.into());
    column.min.iter().chain(&column.max).for_each(|bound| put_scalar(out, bound));
}

fn kind(scalar: &Scalar) -> u8 {
    match scalar {
        Scalar::Boolean(_) => 1,
        Scalar::Integer(_) => 2,
        Scalar::Decimal(_) => 3,
        Scalar::Float(_) => 4,
        Scalar::Text(_) => 5,
        Scalar::Binary(_) => 6,
    }
}

fn put_scalar(out: &mut Vec<u8>, scalar: &Scalar) {
    let put_bytes = |out: &mut Vec<u8>, bytes: &[u8]| {
        put_varint(out, bytes.len() as u128);
        out.extend_from_slice(bytes);
    };
    match scalar {
        Scalar::Boolean(value) => out.push(u8::from(*value)),
        Scalar::Integer(value) => put_varint(out, zigzag(i128::from(*value))),
        Scalar::Decimal(value) => put_varint(out, zigzag(*value)),
        Scalar::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
        Scalar::Text(value) => put_bytes(out, value.as_bytes()),
        Scalar::Binary(value) => put_bytes(out, value),
    }
}

fn zigzag(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)).cast_unsigned()
}

fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn decode(bytes: &[u8]) -> Result<Statistics> {
    let mut input = Input { rest: bytes };
    read(&mut input)
        .filter(|_| input.rest.is_empty())
        .ok_or_else(|| Error::corrupted(format_args!("statistics bytes={}", bytes.len())))
}

fn read(input: &mut Input<'_>) -> Option<Statistics> {
    if input.byte()? != FORM {
        return None;
    }
    let mut statistics = Statistics { rows: input.number()?, ..Statistics::default() };
    let columns = input.number()?;
    let mut id: Option<u32> = None;
    for _ in 0..columns {
        let step = u32::try_from(input.number()?).ok()?;
        let next = match id {
            Some(previous) => previous.checked_add(step).filter(|_| step > 0)?,
            None => step,
        };
        id = Some(next);
        let column = input.column()?;
        if column.null_count > statistics.rows {
            return None;
        }
        statistics.columns.insert(ColumnId::new(next), column);
    }
    Some(statistics)
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn varint(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7F);
            if (bits << shift) >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn number(&mut self) -> Option<u64> {
        u64::try_from(self.varint()?).ok()
    }

    fn column(&mut self) -> Option<ColumnStatistics> {
        let flags = self.byte()?;
        let set = |bit: u8| flags & bit != 0;
        let kind = flags & KIND;
        let mut column = ColumnStatistics {
            null_count: self.number()?,
            min_exact: set(MIN_EXACT),
            max_exact: set(MAX_EXACT),
            has_nan: set(HAS_NAN),
            ..ColumnStatistics::default()
        };
        column.distinct = self.number()?.checked_sub(1);
        column.total_bytes = self.number()?;
        if set(HAS_MIN) {
            column.min = Some(self.scalar(kind)?);
        }
        if set(HAS_MAX) {
            column.max = Some(self.scalar(kind)?);
        }
        let ordered = match (&column.min, &column.max) {
            (Some(min), Some(max)) => min <= max,
            (None, None) => kind == 0,
            _ => true,
        };
        ordered.then_some(column)
    }

    fn scalar(&mut self, kind: u8) -> Option<Scalar> {
        Some(match kind {
            1 => Scalar::Boolean(match self.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            }),
            2 => Scalar::Integer(i64::try_from(self.signed()?).ok()?),
            3 => Scalar::Decimal(self.signed()?),
            4 => Scalar::Float(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            5 => Scalar::Text(std::str::from_utf8(self.bytes()?).ok()?.to_owned()),
            6 => Scalar::Binary(Bytes::copy_from_slice(self.bytes()?)),
            _ => return None,
        })
    }

    fn signed(&mut self) -> Option<i128> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        if length > MAX_BOUND_BYTES {
            return None;
        }
        self.take(length)
    }
}
