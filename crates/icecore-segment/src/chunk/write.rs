//! Writing a manifest chunk: one row per segment.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, FixedSizeBinaryBuilder, RecordBatch, StringViewArray, UInt8Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use icecore_types::{
    ChunkRef, ColumnId, Deletes, Error, Hash, ObjectId, ObjectRef, Result, SegmentLocation,
    SegmentRef,
};
use parquet::arrow::arrow_writer::compute_leaves;
use parquet::errors::ParquetError;

use crate::chunk::{HAS_NAN, MAX_EXACT, MAX_SEGMENTS, MIN_EXACT, REFERENCE, segment_path};
use crate::object::{Encoded, ObjectBuilder};
use crate::statistics::array_of;
use crate::{ColumnStatistics, Compression, Scalar, SegmentStore, Statistics};

type Entry = (Arc<SegmentRef>, Option<Deletes>);

/// Encodes and stores a chunk.
pub(crate) async fn write(
    store: &SegmentStore,
    table: ObjectId,
    entries: Vec<Entry>,
) -> Result<ChunkRef> {
    if !(1..=MAX_SEGMENTS).contains(&entries.len()) {
        return Err(Error::internal(format_args!(
            "a manifest chunk of {} segments",
            entries.len()
        )));
    }
    if entries.iter().any(|(segment, _)| segment.table != table) {
        return Err(Error::internal("a manifest chunk with segments of another table"));
    }
    let segments = entries.len() as u64;
    let stored_bytes = entries.iter().map(|(segment, _)| segment.stored_bytes()).sum();
    let (encoded, statistics) = tokio::task::spawn_blocking(move || encode(&entries))
        .await
        .map_err(|source| Error::internal("writing a manifest chunk").with_source(source))??;
    let name = store.next_name();
    let path = format!("manifest/{}/{name}", name.spread());
    let object = store.objects.put(path, encoded.bytes, encoded.hash).await?;
    Ok(ChunkRef {
        table,
        object,
        footer_bytes: encoded.footer_bytes,
        footer_hash: encoded.footer_hash,
        segments,
        rows: statistics.rows,
        stored_bytes,
        statistics: statistics.encode(),
    })
}

fn encode(entries: &[Entry]) -> Result<(Encoded, Statistics)> {
    let known = entries
        .iter()
        .map(|(segment, _)| Statistics::decode(&segment.statistics))
        .collect::<Result<Vec<_>>>()?;
    if !known.iter().map(|known| known.rows).eq(entries.iter().map(|(segment, _)| segment.rows)) {
        return Err(Error::corrupted("statistics of another number of rows than their segment's"));
    }
    let mut columns = references(entries)?;
    let ids: BTreeSet<ColumnId> =
        known.iter().flat_map(|known| known.columns.keys().copied()).collect();
    for id in ids {
        let column: Vec<_> = known.iter().map(|known| known.columns.get(&id)).collect();
        columns.extend(statistics_columns(id, &column));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .map_err(|source| Error::internal("a manifest chunk").with_source(source))?;
    let mut merged = Statistics::default();
    known.iter().for_each(|known| merged.merge(known));
    Ok((encode_batch(&batch)?, merged))
}

fn encode_batch(batch: &RecordBatch) -> Result<Encoded> {
    let schema: SchemaRef = Arc::new(Schema::new(batch.schema().fields().clone()));
    let mut object = ObjectBuilder::new(schema.clone(), Compression::Zstd)?;
    let writers = object.column_writers().create_column_writers(0).map_err(encoding)?;
    let mut columns = Vec::with_capacity(writers.len());
    for ((mut writer, field), array) in
        writers.into_iter().zip(schema.fields()).zip(batch.columns())
    {
        let field: &Field = field;
        for leaf in compute_leaves(field, array).map_err(encoding)? {
            writer.write(&leaf).map_err(encoding)?;
        }
        columns.push(writer.close().map_err(encoding)?);
    }
    object.append(columns, None)?;
    object.finish()
}

/// The columns of `REFERENCE`.
fn references(entries: &[Entry]) -> Result<Vec<(String, ArrayRef)>> {
    let segments = || entries.iter().map(|(segment, _)| &**segment);
    let objects = || segments().map(object);
    let number = |value: fn(&SegmentRef) -> u64| -> ArrayRef {
        Arc::new(segments().map(|segment| Some(value(segment))).collect::<UInt64Array>())
    };
    let deletes = entries
        .iter()
        .map(|(_, deletes)| deletes.as_ref().map(serde_json::to_string).transpose())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| Error::internal("deletes in a manifest chunk").with_source(source))?;
    let paths = segments().map(|segment| {
        let path = &*object(segment)?.0.path;
        (path != segment_path(segment.id)).then(|| path.to_owned())
    });
    let arrays: [ArrayRef; REFERENCE.len()] = [
        fixed(16, segments().map(|s| Some(s.id.writer().to_bits().to_be_bytes())))?,
        number(|segment| segment.id.number()),
        number(|segment| segment.rows),
        number(|segment| segment.first_row_id.get()),
        Arc::new(StringViewArray::from_iter(paths)),
        Arc::new(objects().map(|o| Some(o?.0.size_bytes)).collect::<UInt64Array>()),
        fixed(32, objects().map(|o| Some(*o?.0.hash.as_bytes())))?,
        Arc::new(objects().map(|o| Some(o?.1)).collect::<UInt64Array>()),
        fixed(32, objects().map(|o| Some(*o?.2.as_bytes())))?,
        Arc::new(BinaryViewArray::from_iter(segments().map(|segment| match &segment.location {
            SegmentLocation::Inline { bytes } => Some(bytes.as_ref()),
            SegmentLocation::Object { .. } => None,
        }))),
        Arc::new(StringViewArray::from_iter(deletes)),
    ];
    Ok(REFERENCE.iter().map(|name| (*name).to_owned()).zip(arrays).collect())
}

fn object(segment: &SegmentRef) -> Option<(&ObjectRef, u64, Hash)> {
    match &segment.location {
        SegmentLocation::Object { object, footer_bytes, footer_hash } => {
            Some((object, *footer_bytes, *footer_hash))
        }
        SegmentLocation::Inline { .. } => None,
    }
}

fn fixed<const N: usize>(
    width: i32,
    values: impl Iterator<Item = Option<[u8; N]>>,
) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    for value in values {
        match value {
            Some(value) => builder.append_value(value).map_err(|source| {
                Error::internal("a column of a manifest chunk").with_source(source)
            })?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The statistics of one table column as columns: the three that pruning asks
/// for first, beside each other. A bound of another kind than most is dropped,
/// which only makes it unknown.
fn statistics_columns(
    id: ColumnId,
    column: &[Option<&ColumnStatistics>],
) -> Vec<(String, ArrayRef)> {
    let each = |value: fn(&ColumnStatistics) -> Option<u64>| -> ArrayRef {
        Arc::new(column.iter().map(|known| value((*known)?)).collect::<UInt64Array>())
    };
    let known = || column.iter().copied();
    let first = known().flatten().find_map(|known| known.min.as_ref().or(known.max.as_ref()));
    let mut columns = vec![("nulls", each(|known| Some(known.null_count)))];
    if let Some(stored) = first.map(stored_type) {
        let column = known().map(|known| known?.min.as_ref()).collect::<Vec<_>>();
        columns.push(("min", array_of(column.into_iter(), &stored)));
        let column = known().map(|known| known?.max.as_ref()).collect::<Vec<_>>();
        columns.push(("max", array_of(column.into_iter(), &stored)));
    }
    columns
        .push(("flags", Arc::new(known().map(|known| known.map(flags)).collect::<UInt8Array>())));
    columns.push(("distinct", each(|known| known.distinct)));
    columns.push(("bytes", each(|known| Some(known.total_bytes))));
    let name = id.stored_name();
    columns.into_iter().map(|(column, array)| (format!("{name}.{column}"), array)).collect()
}

fn flags(column: &ColumnStatistics) -> u8 {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    flag(column.min_exact, MIN_EXACT)
        | flag(column.max_exact, MAX_EXACT)
        | flag(column.has_nan, HAS_NAN)
}

/// Decimals keep their digits and leave their point to the table's column.
fn stored_type(scalar: &Scalar) -> DataType {
    match scalar {
        Scalar::Boolean(_) => DataType::Boolean,
        Scalar::Integer(_) => DataType::Int64,
        Scalar::Decimal(_) => DataType::Decimal128(38, 0),
        Scalar::Float(_) => DataType::Float64,
        Scalar::Text(_) => DataType::Utf8View,
        Scalar::Binary(_) => DataType::BinaryView,
    }
}

fn encoding(source: ParquetError) -> Error {
    Error::internal("a manifest chunk cannot be encoded").with_source(source)
}
