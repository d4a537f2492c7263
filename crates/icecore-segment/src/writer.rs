//! Rows to segments.
use arrow::record_batch::RecordBatch;
use icecore_types::{ByteSize, Result, SegmentRef};

/// How column chunks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard, level 1: small.
    #[default]
    Zstd,
    /// LZ4: quick to decode.
    Lz4,
}

/// How rows are cut into segments and row groups.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Rows of a segment at most, up to a row group more or less.
    pub segment_rows: usize,
    /// Bytes of a segment's rows in memory at most, up to a row group more.
    pub segment_bytes: ByteSize,
    /// Rows of a row group at most.
    pub row_group_rows: usize,
    /// Bytes of a row group's rows in memory at most, up to a batch more.
    pub row_group_bytes: ByteSize,
    /// Content up to this length stands in the record itself.
    pub inline_bytes: ByteSize,
    /// How column chunks are compressed.
    pub compression: Compression,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            segment_rows: 1 << 20,
            segment_bytes: ByteSize::mib(128),
            row_group_rows: 128 << 10,
            row_group_bytes: ByteSize::mib(32),
            inline_bytes: ByteSize::kib(16),
            compression: Compression::default(),
        }
    }
}

/// Turns batches into segments, in order, with bounded memory.
pub struct SegmentWriter {}

#[allow(unused_variables)]
impl SegmentWriter {
    /// Adds rows.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        todo!()
    }

    /// Stores what is left and names all that was written, in order.
    pub async fn finish(self) -> Result<Vec<SegmentRef>> {
        todo!()
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        todo!()
    }
}
