//! Statistics from the arrays that are written.

use arrow::array::{
    Array, ArrayRef, AsArray, GenericByteViewArray, MAX_INLINE_VIEW_LEN, PrimitiveArray,
};
use arrow::compute;
use arrow::datatypes::{
    ArrowPrimitiveType, ByteViewType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use bytes::Bytes;
use icecore_types::{Error, Result};

use crate::statistics::{ColumnStatistics, Scalar, Sketch};

/// Longer bounds are cut, the minimum down and the maximum up.
const MAX_BOUND_BYTES: usize = 64;

/// Gathers the statistics of one column, array by array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector {
    statistics: ColumnStatistics,
    rows: u64,
    sketch: Sketch,
}

impl Collector {
    /// Adds the values of `array`.
    ///
    /// # Errors
    /// `Internal` if segments do not hold its type.
    pub(crate) fn add(&mut self, array: &ArrayRef) -> Result<()> {
        let (min, max) = self.scan(array)?;
        let rows = array.len() as u64;
        let part = ColumnStatistics {
            null_count: array.null_count() as u64,
            min_exact: min.is_some() && !is_zero_float(&min),
            max_exact: max.is_some() && !is_zero_float(&max),
            has_nan: has_nan(array),
            distinct: None,
            total_bytes: value_bytes(array),
            min,
            max,
        };
        if self.rows == 0 {
            self.statistics = part;
        } else {
            self.statistics.merge(self.rows, &part, rows);
        }
        self.rows += rows;
        Ok(())
    }

    /// What was gathered: with bounds cut to length, and the sketch that the
    /// distinct count came from.
    pub(crate) fn finish(self) -> (ColumnStatistics, Sketch) {
        let mut statistics = self.statistics;
        if let Some(cut) = statistics.min.as_ref().and_then(cut_down) {
            (statistics.min, statistics.min_exact) = (Some(cut), false);
        }
        if let Some(cut) = statistics.max.as_ref().and_then(cut_up) {
            (statistics.max, statistics.max_exact) = (cut, false);
        }
        let values = self.rows.saturating_sub(statistics.null_count);
        statistics.distinct = Some(self.sketch.count().min(values));
        (statistics, self.sketch)
    }

    fn scan(&mut self, array: &ArrayRef) -> Result<(Option<Scalar>, Option<Scalar>)> {
        let integer = |value: i64| Scalar::Integer(value);
        Ok(match array.data_type() {
            DataType::Boolean => {
                let array = array.as_boolean();
                array.iter().flatten().for_each(|value| self.sketch.add(u64::from(value)));
                (
                    compute::min_boolean(array).map(Scalar::Boolean),
                    compute::max_boolean(array).map(Scalar::Boolean),
                )
            }
            DataType::Int64 => self.primitive::<Int64Type>(array, |v| v as u64, integer),
            DataType::UInt64 => self.row_ids(array.as_primitive()),
            DataType::Date32 => {
                self.primitive::<Date32Type>(array, |v| v as u64, |v| integer(i64::from(v)))
            }
            DataType::Time64(TimeUnit::Microsecond) => {
                self.primitive::<Time64MicrosecondType>(array, |v| v as u64, integer)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.primitive::<TimestampMicrosecondType>(array, |v| v as u64, integer)
            }
            DataType::Decimal128(..) => self.primitive::<Decimal128Type>(
                array,
                |v| (v as u64) ^ ((v >> 64) as u64).rotate_left(32),
                Scalar::Decimal,
            ),
            DataType::Float64 => self.floats(array.as_primitive()),
            DataType::Utf8View => {
                let array = array.as_string_view();
                self.views(array);
                let text = |value: &str| Scalar::Text(value.to_owned());
                (
                    compute::min_string_view(array).map(text),
                    compute::max_string_view(array).map(text),
                )
            }
            DataType::BinaryView => {
                let array = array.as_binary_view();
                self.views(array);
                let binary = |value: &[u8]| Scalar::Binary(Bytes::copy_from_slice(value));
                (
                    compute::min_binary_view(array).map(binary),
                    compute::max_binary_view(array).map(binary),
                )
            }
            other => return Err(Error::internal(format_args!("a segment holds no {other}"))),
        })
    }

    fn primitive<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        bits: impl Fn(T::Native) -> u64,
        scalar: impl Fn(T::Native) -> Scalar,
    ) -> (Option<Scalar>, Option<Scalar>) {
        let array: &PrimitiveArray<T> = array.as_primitive();
        self.each(array, bits);
        (compute::min(array).map(&scalar), compute::max(array).map(&scalar))
    }

    fn each<T: ArrowPrimitiveType>(
        &mut self,
        array: &PrimitiveArray<T>,
        bits: impl Fn(T::Native) -> u64,
    ) {
        if array.null_count() == 0 {
            array.values().iter().for_each(|value| self.sketch.add(bits(*value)));
        } else {
            array.iter().flatten().for_each(|value| self.sketch.add(bits(value)));
        }
    }

    /// Row ids beyond a signed integer have no bound; none is ever assigned.
    fn row_ids(&mut self, array: &PrimitiveArray<UInt64Type>) -> (Option<Scalar>, Option<Scalar>) {
        self.each(array, |value| value);
        match (compute::min(array), compute::max(array).map(i64::try_from)) {
            (Some(min), Some(Ok(max))) => {
                (Some(Scalar::Integer(min.cast_signed())), Some(Scalar::Integer(max)))
            }
            _ => (None, None),
        }
    }

    /// A zero becomes the zero that lies further out, so that the bounds hold
    /// whether or not -0.0 is below 0.0. NaN has no place in the order: with
    /// one, nothing is known.
    fn floats(&mut self, array: &PrimitiveArray<Float64Type>) -> (Option<Scalar>, Option<Scalar>) {
        self.each(array, |value| if value == 0.0 { 0 } else { value.to_bits() });
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in array.iter().flatten() {
            if value.is_nan() {
                return (None, None);
            }
            min = min.min(value);
            max = max.max(value);
        }
        if array.len() == array.null_count() {
            return (None, None);
        }
        let (min, max) = (if min == 0.0 { -0.0 } else { min }, if max == 0.0 { 0.0 } else { max });
        (Some(Scalar::Float(min)), Some(Scalar::Float(max)))
    }

    /// A short text is its own view; only a long one is looked up.
    fn views<T: ByteViewType + ?Sized>(&mut self, array: &GenericByteViewArray<T>) {
        for (index, view) in array.views().iter().enumerate() {
            if array.is_null(index) {
                continue;
            }
            if *view as u32 <= MAX_INLINE_VIEW_LEN {
                self.sketch.add((*view as u64) ^ ((*view >> 64) as u64).rotate_left(29));
            } else {
                let bytes: &[u8] = array.value(index).as_ref();
                self.sketch.add_bytes(bytes);
            }
        }
    }
}

fn is_zero_float(bound: &Option<Scalar>) -> bool {
    matches!(bound, Some(Scalar::Float(0.0)))
}

fn has_nan(array: &ArrayRef) -> bool {
    array
        .as_primitive_opt::<Float64Type>()
        .is_some_and(|array| array.iter().flatten().any(f64::is_nan))
}

/// Bytes of the values alone: what a table of them would take in memory, shared
/// buffers and spare room left out.
pub(crate) fn value_bytes(array: &dyn Array) -> u64 {
    match array.data_type() {
        DataType::Boolean => (array.len() as u64).div_ceil(8),
        DataType::Utf8View => array.as_string_view().total_bytes_len() as u64,
        DataType::BinaryView => array.as_binary_view().total_bytes_len() as u64,
        other => (other.primitive_width().unwrap_or(0) as u64) * array.len() as u64,
    }
}

/// A shorter bound below `bound`; none if it is short enough.
fn cut_down(bound: &Scalar) -> Option<Scalar> {
    match bound {
        Scalar::Text(text) if text.len() > MAX_BOUND_BYTES => {
            Some(Scalar::Text(prefix(text).to_owned()))
        }
        Scalar::Binary(bytes) if bytes.len() > MAX_BOUND_BYTES => {
            Some(Scalar::Binary(bytes.slice(..MAX_BOUND_BYTES)))
        }
        _ => None,
    }
}

/// A shorter bound above `bound`, or that there is none; none if it is short
/// enough.
fn cut_up(bound: &Scalar) -> Option<Option<Scalar>> {
    match bound {
        Scalar::Text(text) if text.len() > MAX_BOUND_BYTES => {
            Some(text_after(prefix(text)).map(Scalar::Text))
        }
        Scalar::Binary(bytes) if bytes.len() > MAX_BOUND_BYTES => {
            Some(bytes_after(bytes.slice(..MAX_BOUND_BYTES).to_vec()).map(Scalar::Binary))
        }
        _ => None,
    }
}

/// The whole characters among the first bytes.
fn prefix(text: &str) -> &str {
    let end = (0..=MAX_BOUND_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The least text of the same length or shorter above all that begin with
/// `prefix`.
fn text_after(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(other as u32 + 1),
        };
        if let Some(next) = next.filter(|next| text.len() + next.len_utf8() <= MAX_BOUND_BYTES) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn bytes_after(mut bytes: Vec<u8>) -> Option<Bytes> {
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(Bytes::from(bytes));
        }
    }
    None
}
