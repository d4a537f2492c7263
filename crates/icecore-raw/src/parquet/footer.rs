//! The footer of a Parquet file, checked before it is decoded and after.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use icecore_types::{Code, Error, Result};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};

use super::pages::PageSource;
use super::thrift::{Fault, check_footer};
use super::{damaged, unreadable};

const MAGIC: &[u8] = b"PAR1";
/// A footer is at most this long.
const MOST_FOOTER_BYTES: u64 = 32 << 20;
/// A file has at most so many columns, nested ones counted one by one.
const MOST_COLUMNS: usize = 10_000;
/// Rows of a row group.
const MOST_GROUP_ROWS: i64 = 1 << 32;

/// What a file says of itself.
pub(crate) struct Footer {
    arrow: ArrowReaderMetadata,
    length: u64,
}

impl Footer {
    /// Reads and checks it.
    ///
    /// # Errors
    /// The store's; `InvalidInput` for a file that is no Parquet file;
    /// `ResourcesExhausted` for one whose footer is too large.
    pub(super) fn read(source: &PageSource) -> Result<Self> {
        let length = source.length();
        let tail = source.bytes(length.saturating_sub(8), length.min(8))?;
        let Some((size, MAGIC)) = tail.split_first_chunk::<4>().filter(|_| length >= 12) else {
            return Err(damaged("it does not end as a parquet file does"));
        };
        let size = u64::from(u32::from_le_bytes(*size));
        if size > length - 12 {
            return Err(damaged("its footer is longer than the file"));
        }
        if size > MOST_FOOTER_BYTES {
            return Err(Error::new(
                Code::RESOURCES_EXHAUSTED,
                format!("the footer of a parquet file has bytes={size} most={MOST_FOOTER_BYTES}"),
            ));
        }
        let bytes = source.bytes(length - 8 - size, size)?;
        check_footer(&bytes).map_err(|fault| match fault {
            Fault::Truncated => damaged("its footer ends too early"),
            Fault::Malformed => damaged("its footer is malformed"),
        })?;
        let metadata = ParquetMetaDataReader::decode_metadata(&bytes).map_err(unreadable)?;
        let columns = metadata.file_metadata().schema_descr().num_columns();
        if columns > MOST_COLUMNS {
            return Err(Error::new(
                Code::RESOURCES_EXHAUSTED,
                format!("a parquet file has columns={columns} most={MOST_COLUMNS}"),
            ));
        }
        Ok(Self { arrow: arrow_metadata(Arc::new(metadata))?, length })
    }

    /// For Parquet's readers.
    pub(super) const fn arrow(&self) -> &ArrowReaderMetadata {
        &self.arrow
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.arrow.metadata()
    }

    /// The top-level fields.
    pub(crate) fn fields(&self) -> &arrow::datatypes::Fields {
        self.arrow.schema().fields()
    }

    /// The leaf that a top-level field is; none if it is nested.
    pub(super) fn leaf_of(&self, field: usize) -> Option<usize> {
        let schema = self.metadata().file_metadata().schema_descr();
        (0..schema.num_columns()).find(|leaf| {
            schema.get_column_root_idx(*leaf) == field && {
                let column = schema.column(*leaf);
                column.path().parts().len() == 1 && column.max_rep_level() == 0
            }
        })
    }

    pub(super) fn row_groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// Whether one of these leaves has pages encoded by prefixes.
    pub(super) fn has_prefixes(&self, leaves: &[usize]) -> bool {
        let groups = self.metadata().row_groups().iter();
        groups
            .flat_map(|group| leaves.iter().filter_map(|leaf| group.columns().get(*leaf)))
            .any(|column| column.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY))
    }

    /// Checks what a row group says of these leaves, and gives its rows.
    ///
    /// # Errors
    /// `InvalidInput` for places outside the file, `Unsupported` for a
    /// compression that is not read.
    pub(super) fn check_row_group(&self, group: usize, leaves: &[usize]) -> Result<u64> {
        let metadata = self.metadata().row_groups().get(group);
        let metadata = metadata.ok_or_else(|| damaged("a row group is missing"))?;
        if !(0..=MOST_GROUP_ROWS).contains(&metadata.num_rows()) {
            return Err(damaged("a row group has an impossible number of rows"));
        }
        for leaf in leaves {
            let column = metadata.columns().get(*leaf);
            self.check_column(column.ok_or_else(|| damaged("a row group has fewer columns"))?)?;
        }
        Ok(metadata.num_rows() as u64)
    }

    fn check_column(&self, column: &ColumnChunkMetaData) -> Result<()> {
        let offsets = [Some(column.data_page_offset()), column.dictionary_page_offset()];
        let outside = |offset: &i64| u64::try_from(*offset).map_or(true, |at| at > self.length);
        let size = column.compressed_size();
        if size < 0 || offsets.iter().flatten().any(outside) {
            return Err(damaged("a column is outside the file"));
        }
        let (start, size) = column.byte_range();
        if start.checked_add(size).is_none_or(|end| end > self.length) {
            return Err(damaged("a column is outside the file"));
        }
        match column.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::ZSTD(_)
            | Compression::LZ4_RAW => Ok(()),
            other => Err(Error::unsupported(format_args!("parquet compression {other}"))
                .with_help("uncompressed, SNAPPY, ZSTD and LZ4_RAW are read")),
        }
    }
}

/// The schema in the Arrow types that are read: texts and bytes as views, whose
/// values share their page; moments of 96 bits to the microsecond. What the
/// writer says of Arrow is not looked at.
fn arrow_metadata(metadata: Arc<ParquetMetaData>) -> Result<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain =
        ArrowReaderMetadata::try_new(Arc::clone(&metadata), options.clone()).map_err(unreadable)?;
    let schema = metadata.file_metadata().schema_descr();
    let roots: Vec<Option<PhysicalType>> = schema
        .root_schema()
        .get_fields()
        .iter()
        .map(|field| field.is_primitive().then(|| field.get_physical_type()))
        .collect();
    let field = |(index, field): (usize, &Arc<Field>)| -> Field {
        let physical = roots.get(index).copied().flatten();
        let read_as = match (field.data_type(), physical) {
            (DataType::Utf8, _) => DataType::Utf8View,
            (DataType::Binary, _) => DataType::BinaryView,
            (DataType::Timestamp(TimeUnit::Nanosecond, zone), Some(PhysicalType::INT96)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            (other, _) => other.clone(),
        };
        field.as_ref().clone().with_data_type(read_as)
    };
    let fields: Vec<Field> = plain.schema().fields().iter().enumerate().map(field).collect();
    let read_as = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
    ArrowReaderMetadata::try_new(metadata, options.with_schema(read_as)).map_err(unreadable)
}
