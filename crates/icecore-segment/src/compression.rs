//! How the bytes of columns are made fewer.

use parquet::basic::ZstdLevel;

/// How column chunks are compressed.
///
/// ```
/// use icecore_segment::{Compression, WriteOptions};
/// assert_eq!(WriteOptions::default().compression, Compression::Lz4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard, level 1: TPC-H lineitem takes 25 bytes a row instead of 33.
    Zstd,
    /// LZ4: TPC-H lineitem is decoded in less than half the time.
    #[default]
    Lz4,
}

impl Compression {
    pub(crate) fn parquet(self) -> parquet::basic::Compression {
        match self {
            Self::Zstd => {
                parquet::basic::Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default())
            }
            Self::Lz4 => parquet::basic::Compression::LZ4_RAW,
        }
    }
}
