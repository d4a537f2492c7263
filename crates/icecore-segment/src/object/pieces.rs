//! Bytes that are written one after the other and stay where they are written:
//! nothing is moved to make room for more.

use std::io::{self, Write};
use std::ops::Range;

use bytes::Bytes;
use icecore_types::Hash;
use object_store::PutPayload;

/// All pieces but the last have this length.
const PIECE_BYTES: usize = 1 << 20;

/// An object that grows.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    full: Vec<Bytes>,
    last: Vec<u8>,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.full.len() * PIECE_BYTES + self.last.len()
    }

    /// The bytes of a range, in order; none if it ends beyond the object.
    pub(super) fn range(&self, range: Range<usize>) -> Option<impl Iterator<Item = &[u8]>> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let pieces = self.all().enumerate().skip(range.start / PIECE_BYTES);
        Some(pieces.map_while(move |(index, piece)| {
            let begin = index * PIECE_BYTES;
            let start = range.start.saturating_sub(begin);
            let end = range.end.checked_sub(begin)?.min(piece.len());
            piece.get(start..end).filter(|bytes| !bytes.is_empty())
        }))
    }

    pub(super) fn hash(&self) -> Hash {
        Hash::of_all(self.all())
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.full.iter().map(AsRef::as_ref).chain([self.last.as_slice()])
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.len() == PIECE_BYTES {
            let next = Vec::with_capacity(PIECE_BYTES);
            self.full.push(std::mem::replace(&mut self.last, next).into());
        }
        let room = PIECE_BYTES - self.last.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.last.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Pieces> for PutPayload {
    fn from(pieces: Pieces) -> Self {
        pieces.full.into_iter().chain([pieces.last.into()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_object() {
        let whole: Vec<u8> = (0..3 * PIECE_BYTES + 5).map(|at| (at % 251) as u8).collect();
        let mut pieces = Pieces::default();
        for part in whole.chunks(300_007) {
            pieces.write_all(part).unwrap();
        }
        assert_eq!((pieces.len(), pieces.hash()), (whole.len(), Hash::of(&whole)));
        let edges = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 7, whole.len()];
        for start in edges {
            for end in edges {
                let found =
                    pieces.range(start..end).map(|parts| parts.flatten().copied().collect());
                let expected: Option<Vec<u8>> = whole.get(start..end).map(<[u8]>::to_vec);
                assert_eq!(found, expected, "{start}..{end}");
            }
        }
        assert!(pieces.range(0..whole.len() + 1).is_none());
        let payload = PutPayload::from(pieces);
        assert_eq!(payload.iter().flatten().copied().collect::<Vec<u8>>(), whole);
    }
}
