//! A stored piece of a manifest: references in columns, statistics in columns.

mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, UInt8Type, UInt64Type};
use bytes::Bytes;
use futures::future::BoxFuture;
use icecore_types::{
    ChunkRef, ColumnId, Deletes, Error, Hash, ObjectId, ObjectRef, Result, RowId, SegmentId,
    SegmentLocation, SegmentRef, WriterId,
};

use crate::cache::{Key, Value};
pub(crate) use crate::chunk::write::write;
use crate::object::Footer;
use crate::statistics::{array_of, scalar_at};
use crate::{ColumnBounds, ColumnStatistics, SegmentStore, Statistics};

/// Segments of a chunk at most.
pub(crate) const MAX_SEGMENTS: usize = 4096;

/// The columns that make the references, in the order in which they are stored.
const REFERENCE: [&str; 11] = [
    "writer",
    "number",
    "rows",
    "first_row_id",
    "path",
    "size_bytes",
    "hash",
    "footer_bytes",
    "footer_hash",
    "inline",
    "deletes",
];

/// Bits of a statistics column `<id>.flags`.
const MIN_EXACT: u8 = 1;
const MAX_EXACT: u8 = 2;
const HAS_NAN: u8 = 4;

/// Up to 4,096 segments of one table, with their statistics as columns of which
/// only those that are asked for are read.
#[derive(Debug)]
pub struct Chunk {
    store: SegmentStore,
    content: Arc<ChunkContent>,
}

/// What an open chunk keeps in memory: its footer and its references.
#[derive(Debug)]
pub(crate) struct ChunkContent {
    object: ObjectRef,
    table: ObjectId,
    footer: Footer,
    references: Vec<ArrayRef>,
    rows: UInt64Array,
}

impl ChunkContent {
    pub(crate) fn memory_bytes(&self) -> usize {
        let references: usize =
            self.references.iter().map(|array| array.get_array_memory_size()).sum();
        self.footer.memory_bytes() + references
    }

    fn reference(&self, name: &str) -> Result<&ArrayRef> {
        REFERENCE
            .iter()
            .position(|column| *column == name)
            .and_then(|at| self.references.get(at))
            .ok_or_else(|| Error::internal(format_args!("a manifest chunk without {name}")))
    }

    fn number(&self, name: &str, index: usize) -> Result<Option<u64>> {
        let array =
            self.reference(name)?.as_primitive_opt::<UInt64Type>().ok_or_else(wrong_type)?;
        Ok((index < array.len() && array.is_valid(index)).then(|| array.value(index)))
    }

    fn bytes<const N: usize>(&self, name: &str, index: usize) -> Result<Option<[u8; N]>> {
        let array = self.reference(name)?.as_fixed_size_binary_opt().ok_or_else(wrong_type)?;
        if index >= array.len() || array.is_null(index) {
            return Ok(None);
        }
        array.value(index).try_into().map(Some).map_err(|_| wrong_type())
    }

    fn text(&self, name: &str, index: usize) -> Result<Option<&str>> {
        let array = self.reference(name)?.as_string_view_opt().ok_or_else(wrong_type)?;
        Ok((index < array.len() && array.is_valid(index)).then(|| array.value(index)))
    }

    fn inline(&self, index: usize) -> Result<Option<Bytes>> {
        let array = self.reference("inline")?.as_binary_view_opt().ok_or_else(wrong_type)?;
        Ok((index < array.len() && array.is_valid(index))
            .then(|| Bytes::copy_from_slice(array.value(index))))
    }

    fn segment(&self, index: usize) -> Result<SegmentRef> {
        let missing = || Error::corrupted(format_args!("a manifest chunk without segment {index}"));
        let number = |name| self.number(name, index)?.ok_or_else(missing);
        let writer = self.bytes::<16>("writer", index)?.ok_or_else(missing)?;
        let id =
            SegmentId::new(WriterId::from_bits(u128::from_be_bytes(writer)), number("number")?);
        let rows = number("rows")?;
        let location = match self.inline(index)? {
            Some(bytes) => SegmentLocation::Inline { bytes },
            None => {
                let hash = |name| self.bytes::<32>(name, index)?.ok_or_else(missing);
                let path = match self.text("path", index)? {
                    Some(path) => Arc::from(path),
                    None => Arc::from(segment_path(id)),
                };
                SegmentLocation::Object {
                    object: ObjectRef {
                        path,
                        size_bytes: number("size_bytes")?,
                        hash: Hash::from_bytes(hash("hash")?),
                    },
                    footer_bytes: number("footer_bytes")?,
                    footer_hash: Hash::from_bytes(hash("footer_hash")?),
                }
            }
        };
        Ok(SegmentRef {
            id,
            table: self.table,
            rows,
            first_row_id: RowId::new(number("first_row_id")?),
            location,
            statistics: Statistics { rows, ..Statistics::default() }.encode(),
        })
    }
}

/// The path below the account's folder that a segment's object has.
pub(crate) fn segment_path(id: SegmentId) -> String {
    format!("segment/{}/{id}.parquet", id.spread())
}

fn wrong_type() -> Error {
    Error::corrupted("a manifest chunk with a column of another type")
}

/// Reads the footer and the references of a chunk.
pub(crate) fn load<'a>(
    store: &'a SegmentStore,
    chunk: &'a ChunkRef,
) -> BoxFuture<'a, Result<Value>> {
    Box::pin(async move {
        let bytes = store.objects.get_end(&chunk.object, chunk.footer_bytes).await?;
        let footer = Footer::read(&bytes, chunk.object.size_bytes, chunk.footer_hash)?;
        let columns = REFERENCE.iter().map(|name| footer.column(name));
        let columns = columns
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::corrupted("a manifest chunk without its references"))?;
        let references = store.load_columns(&chunk.object, &footer, 0, columns).await?;
        let references =
            references.into_iter().map(Value::into_array).collect::<Result<Vec<_>>>()?;
        let mut content = ChunkContent {
            object: chunk.object.clone(),
            table: chunk.table,
            footer,
            references,
            rows: UInt64Array::from(Vec::<u64>::new()),
        };
        let rows = content.reference("rows")?.as_primitive_opt().ok_or_else(wrong_type)?.clone();
        content.rows = rows;
        if content.rows.len() as u64 != chunk.segments {
            return Err(Error::corrupted("a manifest chunk with another number of segments"));
        }
        Ok(Value::Chunk(Arc::new(content)))
    })
}

impl Chunk {
    pub(crate) fn new(store: SegmentStore, content: Arc<ChunkContent>) -> Self {
        Self { store, content }
    }

    /// How many segments it has.
    pub fn len(&self) -> usize {
        self.content.rows.len()
    }

    /// Whether it has none; a stored chunk has at least one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segment at `index`. Its `statistics` hold the number of rows and no
    /// column: ask [`Chunk::bounds`], or the segment when it is open.
    ///
    /// # Errors
    /// `Corrupted` if there is none or if it cannot be read.
    pub fn segment(&self, index: usize) -> Result<Arc<SegmentRef>> {
        self.content.segment(index).map(Arc::new)
    }

    /// The deletes of the segment at `index` when the chunk was written.
    ///
    /// # Errors
    /// `Corrupted` if they cannot be read.
    pub fn deletes(&self, index: usize) -> Result<Option<Deletes>> {
        let text = self.content.text("deletes", index)?;
        text.map(serde_json::from_str).transpose().map_err(|source| {
            Error::corrupted("the deletes in a manifest chunk").with_source(source)
        })
    }

    /// The bounds of one column, an entry per segment: reads this column's
    /// statistics alone.
    ///
    /// # Errors
    /// `Corrupted` if stored bytes are not those that were written,
    /// `Unavailable` if the store does not answer.
    pub async fn bounds(&self, column: ColumnId, data_type: &DataType) -> Result<ColumnBounds> {
        let [nulls, mins, maxes] = self.read(column, ["nulls", "min", "max"]).await?;
        let array = |stored: Option<ArrayRef>| {
            let scalars: Vec<_> =
                (0..self.len()).map(|index| scalar_at(stored.as_ref()?, index)).collect();
            array_of(scalars.iter().map(Option::as_ref), data_type)
        };
        let null_counts = match nulls {
            Some(nulls) => nulls.as_primitive_opt().ok_or_else(wrong_type)?.clone(),
            None => UInt64Array::new_null(self.len()),
        };
        Ok(ColumnBounds {
            mins: array(mins),
            maxes: array(maxes),
            null_counts,
            rows: self.content.rows.clone(),
        })
    }

    /// All segments with all their statistics and deletes, as they were given
    /// to be written: what folding chunks into one needs.
    ///
    /// # Errors
    /// As [`Chunk::bounds`].
    pub async fn segments(&self) -> Result<Vec<(Arc<SegmentRef>, Option<Deletes>)>> {
        let known = self.statistics().await?;
        let segments = known.into_iter().enumerate().map(|(index, statistics)| {
            let mut segment = self.content.segment(index)?;
            segment.statistics = statistics.encode();
            Ok((Arc::new(segment), self.deletes(index)?))
        });
        segments.collect()
    }

    /// The statistics of all columns, one per segment.
    ///
    /// # Errors
    /// As [`Chunk::bounds`].
    pub async fn statistics(&self) -> Result<Vec<Statistics>> {
        let rows = self.content.rows.values().iter();
        let mut known: Vec<_> =
            rows.map(|rows| Statistics { rows: *rows, ..Statistics::default() }).collect();
        let names = self.content.footer.schema().fields().iter();
        let ids: Vec<ColumnId> = names
            .filter_map(|field| field.name().strip_suffix(".nulls")?.parse().ok())
            .map(ColumnId::new)
            .collect();
        for id in ids {
            let columns = ["nulls", "min", "max", "flags", "distinct", "bytes"];
            let columns = self.read(id, columns).await?;
            for (index, statistics) in known.iter_mut().enumerate() {
                if let Some(column) = column_statistics(&columns, index) {
                    statistics.columns.insert(id, column);
                }
            }
        }
        Ok(known)
    }

    /// Reads columns of one column's statistics, through the cache; none where
    /// the chunk has no such column.
    async fn read<const N: usize>(
        &self,
        column: ColumnId,
        names: [&str; N],
    ) -> Result<[Option<ArrayRef>; N]> {
        let content = &self.content;
        let stored = column.stored_name();
        let numbers = names.map(|name| content.footer.column(&format!("{stored}.{name}")));
        let present: Vec<usize> = numbers.iter().flatten().copied().collect();
        let path: Arc<str> = Arc::from(self.store.objects.path(&content.object.path)?.as_ref());
        let keys: Vec<Key> =
            present.iter().map(|number| Key::ChunkColumn(path.clone(), *number)).collect();
        let load = |missing: Vec<usize>| -> BoxFuture<'_, _> {
            let missing = missing.iter().filter_map(|index| present.get(*index).copied()).collect();
            Box::pin(self.store.load_columns(&content.object, &content.footer, 0, missing))
        };
        let mut values = self.store.cache().get_all(&keys, load).await?.into_iter();
        let mut arrays = [const { None }; N];
        for (array, number) in arrays.iter_mut().zip(numbers) {
            if number.is_some() {
                *array = values.next().map(Value::into_array).transpose()?;
            }
        }
        Ok(arrays)
    }
}

fn column_statistics(columns: &[Option<ArrayRef>; 6], index: usize) -> Option<ColumnStatistics> {
    let [nulls, min, max, flags, distinct, bytes] = columns;
    let number = |column: &Option<ArrayRef>| {
        let array = column.as_ref()?.as_primitive_opt::<UInt64Type>()?;
        array.is_valid(index).then(|| array.value(index))
    };
    let flags = flags.as_ref()?.as_primitive_opt::<UInt8Type>()?;
    let flags = flags.is_valid(index).then(|| flags.value(index))?;
    let bound = |column: &Option<ArrayRef>| scalar_at(column.as_ref()?, index);
    Some(ColumnStatistics {
        null_count: number(nulls)?,
        min: bound(min),
        max: bound(max),
        min_exact: flags & MIN_EXACT != 0,
        max_exact: flags & MAX_EXACT != 0,
        has_nan: flags & HAS_NAN != 0,
        distinct: number(distinct),
        total_bytes: number(bytes)?,
    })
}
