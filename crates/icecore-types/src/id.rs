//! Ids: each its own type, so that one cannot stand for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Code, Error};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with these 128 bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// Its 128 bits.
            pub const fn to_bits(self) -> u128 {
                self.0.as_u128()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::parse_str(text).map(Self).map_err(|_| {
                    Error::new(Code::INVALID_ARGUMENT, concat!("not a ", stringify!($name)))
                })
            }
        }
    };
}

uuid_id! {
    /// A catalog object: database, schema, table, view, stage, file format.
    /// It stays the same through rename, drop and undrop.
    ObjectId
}
uuid_id! {
    /// One statement, as `LAST_QUERY_ID()` returns it.
    QueryId
}
uuid_id! {
    /// One transaction, before and after it has a version.
    TransactionId
}
uuid_id! {
    /// One opening of a store for writing: the prefix of every name it makes.
    WriterId
}
uuid_id! {
    /// An account: one log.
    AccountId
}

impl ObjectId {
    /// The id of the copy of `self` inside the clone `root`: the same on every
    /// replay, so that a clone of a container is one record of constant size.
    #[must_use]
    pub fn within_clone(self, root: ObjectId) -> ObjectId {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(root.0.as_bytes());
        bytes[16..].copy_from_slice(self.0.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
        Self(Uuid::from_bytes(id))
    }
}

/// A segment: the writer that made it and that writer's counter. Unique for
/// ever, never derived from content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentId {
    writer: WriterId,
    number: u64,
}

impl SegmentId {
    /// The `number`-th name of `writer`.
    pub const fn new(writer: WriterId, number: u64) -> Self {
        Self { writer, number }
    }

    /// Who made it.
    pub const fn writer(self) -> WriterId {
        self.writer
    }

    /// The writer's counter.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Two hexadecimal digits that spread names over folders.
    pub fn spread(self) -> String {
        let mixed =
            (self.writer.to_bits() as u64 ^ self.number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{:02x}", mixed >> 56)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.writer, self.number)
    }
}

/// A column of a table for ever; its name is only a view of it. Numbered from
/// 1 within a table; 0 is the hidden row id of rewritten rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnId(u32);

impl ColumnId {
    /// The hidden column that keeps the row ids of rewritten rows.
    pub const ROW_ID: ColumnId = ColumnId(0);

    /// The id with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The name of the column in a stored segment.
    pub fn stored_name(self) -> String {
        self.0.to_string()
    }
}

/// A row of a table for ever: rewritten rows keep theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(u64);

impl RowId {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_inside_a_clone_are_stable_and_distinct() {
        let (a, b) = (ObjectId::from_bits(1), ObjectId::from_bits(2));
        assert_eq!(a.within_clone(b), a.within_clone(b));
        assert_ne!(a.within_clone(b), b.within_clone(a));
        assert_ne!(a.within_clone(b), a);
    }

    #[test]
    fn text_round_trips() {
        let id = QueryId::from_bits(0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string().parse::<QueryId>().ok(), Some(id));
        assert!("nonsense".parse::<QueryId>().is_err());
    }
}
