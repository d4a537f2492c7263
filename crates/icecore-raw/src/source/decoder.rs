//! Decompressors, and how to see which one a file needs.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::ChunkReader;
use crate::Compression;

/// What decompresses a file. Gzip members, bzip2 streams and zstandard frames
/// may follow each other; the others are one stream.
pub(crate) enum Decoder {
    /// Gzip.
    Gzip(MultiGzDecoder<ChunkReader>),
    /// Bzip2.
    Bz2(MultiBzDecoder<ChunkReader>),
    /// Zstandard.
    Zstd(zstd::Decoder<'static, ChunkReader>),
    /// Deflate in a zlib envelope.
    Deflate(ZlibDecoder<ChunkReader>),
    /// Deflate alone.
    RawDeflate(DeflateDecoder<ChunkReader>),
    /// Brotli, which reads ahead: bytes behind its end are not seen.
    Brotli(Box<brotli::Decompressor<ChunkReader>>),
}

/// The largest window of a zstandard frame, as a power of two: 64 MiB.
const MOST_WINDOW_LOG: u32 = 26;
const BROTLI_BUFFER_BYTES: usize = 64 << 10;

impl Decoder {
    /// The decoder of this compression, which is one.
    pub(super) fn new(chunks: ChunkReader, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(MultiGzDecoder::new(chunks)),
            Compression::Bz2 => Self::Bz2(MultiBzDecoder::new(chunks)),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(chunks)?;
                decoder.window_log_max(MOST_WINDOW_LOG)?;
                Self::Zstd(decoder)
            }
            Compression::Deflate => Self::Deflate(ZlibDecoder::new(chunks)),
            Compression::RawDeflate => Self::RawDeflate(DeflateDecoder::new(chunks)),
            Compression::Brotli => {
                let decoder = brotli::Decompressor::new(chunks, BROTLI_BUFFER_BYTES);
                Self::Brotli(Box::new(decoder))
            }
            Compression::Auto | Compression::None => {
                return Err(io::Error::other("nothing to decompress"));
            }
        })
    }

    pub(super) const fn compression(&self) -> Compression {
        match self {
            Self::Gzip(_) => Compression::Gzip,
            Self::Bz2(_) => Compression::Bz2,
            Self::Zstd(_) => Compression::Zstd,
            Self::Deflate(_) => Compression::Deflate,
            Self::RawDeflate(_) => Compression::RawDeflate,
            Self::Brotli(_) => Compression::Brotli,
        }
    }

    pub(super) fn chunks(&self) -> &ChunkReader {
        match self {
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Bz2(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
            Self::Deflate(decoder) => decoder.get_ref(),
            Self::RawDeflate(decoder) => decoder.get_ref(),
            Self::Brotli(decoder) => decoder.get_ref(),
        }
    }

    /// Fails if the file goes on behind its compressed data.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let chunks = match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Bz2(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::RawDeflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
        };
        if chunks.fill_buf()?.is_empty() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "bytes behind the end of the data"))
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bz2(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Deflate(decoder) => decoder.read(buffer),
            Self::RawDeflate(decoder) => decoder.read(buffer),
            Self::Brotli(decoder) => decoder.read(buffer),
        }
    }
}

/// What the first bytes of a file say, and where these say nothing, its name.
/// Brotli has no mark: it must be named.
pub(super) fn detect(first: &[u8], name: &str) -> Compression {
    match first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Compression::Bz2,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Compression::Bz2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        // The head of zlib's usual levels; none of them is text.
        [0x78, 0x01 | 0x9c | 0xda, ..] => Compression::Deflate,
        _ => {
            let name = name.to_ascii_lowercase();
            if name.ends_with(".raw_deflate") {
                Compression::RawDeflate
            } else if name.ends_with(".deflate") {
                Compression::Deflate
            } else {
                Compression::None
            }
        }
    }
}
