//! Thrift's compact protocol as far as sizes need to be checked: what is
//! claimed is compared with the bytes that are there before anything is
//! allocated for it.

/// Structures within each other.
const MOST_DEPTH: u8 = 24;

/// Why bytes are no structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They end too early.
    Truncated,
    /// They cannot be one.
    Malformed,
}

/// The type of a value, as its four bits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    True,
    False,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Type {
    const fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Self::True,
            2 => Self::False,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            _ => return None,
        })
    }
}

/// Walks over the bytes of a structure.
pub(super) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Walker<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).copied().ok_or(Fault::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Malformed)
    }

    /// An integer of 16, 32 or 64 bits.
    pub(super) fn integer(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Gives each field of a structure to `field`, which takes its value.
    pub(super) fn fields(
        &mut self,
        mut field: impl FnMut(&mut Self, i64, Type) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Fault::Malformed);
        }
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head & 0x0f == 0 {
                self.depth -= 1;
                return Ok(());
            }
            let ty = Type::of(head & 0x0f).ok_or(Fault::Malformed)?;
            id = match head >> 4 {
                0 => self.integer()?,
                step => id + i64::from(step),
            };
            field(self, id, ty)?;
        }
    }

    /// The type and number of a list's elements, of which each takes a byte at
    /// least.
    pub(super) fn list(&mut self) -> Result<(Type, usize), Fault> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        let count = usize::try_from(count).map_err(|_| Fault::Malformed)?;
        if count > self.left() {
            return Err(Fault::Truncated);
        }
        match Type::of(head & 0x0f) {
            Some(ty) => Ok((ty, count)),
            None if count == 0 => Ok((Type::Byte, 0)),
            None => Err(Fault::Malformed),
        }
    }

    fn pass(&mut self, count: usize) -> Result<(), Fault> {
        if count > self.left() {
            return Err(Fault::Truncated);
        }
        self.at += count;
        Ok(())
    }

    /// Passes over a field's value.
    pub(super) fn skip(&mut self, ty: Type) -> Result<(), Fault> {
        match ty {
            Type::True | Type::False => Ok(()),
            Type::Byte => self.pass(1),
            Type::Integer => self.varint().map(drop),
            Type::Double => self.pass(8),
            Type::Binary => {
                let length = self.varint()?;
                self.pass(usize::try_from(length).map_err(|_| Fault::Malformed)?)
            }
            Type::List => {
                let (ty, count) = self.list()?;
                self.elements(ty, count)
            }
            Type::Map => {
                let count = usize::try_from(self.varint()?).map_err(|_| Fault::Malformed)?;
                if count > self.left() {
                    return Err(Fault::Truncated);
                }
                if count == 0 {
                    return Ok(());
                }
                let types = self.byte()?;
                let key = Type::of(types >> 4).ok_or(Fault::Malformed)?;
                let value = Type::of(types & 0x0f).ok_or(Fault::Malformed)?;
                for _ in 0..count {
                    self.elements(key, 1)?;
                    self.elements(value, 1)?;
                }
                Ok(())
            }
            Type::Struct => self.fields(|walker, _, ty| walker.skip(ty)),
        }
    }

    /// Passes over elements, whose truth values are bytes.
    fn elements(&mut self, ty: Type, count: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Fault::Malformed);
        }
        for _ in 0..count {
            match ty {
                Type::True | Type::False => self.pass(1)?,
                ty => self.skip(ty)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// What the head of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHead {
    pub(super) uncompressed_bytes: i64,
    pub(super) compressed_bytes: i64,
    pub(super) values: i64,
    pub(super) encoding: i64,
    pub(super) is_dictionary: bool,
}

impl PageHead {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut head = Self::default();
        Walker::new(bytes).fields(|walker, id, ty| match (id, ty) {
            (2, Type::Integer) => walker.integer().map(|value| head.uncompressed_bytes = value),
            (3, Type::Integer) => walker.integer().map(|value| head.compressed_bytes = value),
            (5 | 7 | 8, Type::Struct) => {
                head.is_dictionary |= id == 7;
                let encoding_id = if id == 8 { 4 } else { 2 };
                walker.fields(|walker, field, ty| match (field, ty) {
                    (1, Type::Integer) => walker.integer().map(|value| head.values = value),
                    (field, Type::Integer) if field == encoding_id => {
                        walker.integer().map(|value| head.encoding = value)
                    }
                    _ => walker.skip(ty),
                })
            }
            _ => walker.skip(ty),
        })?;
        Ok(head)
    }
}

/// Schema elements of a file at most, and how deep they may nest.
const MOST_ELEMENTS: usize = 100_000;
const MOST_SCHEMA_DEPTH: usize = 64;

/// Checks the bytes of a footer: every list is as long as its bytes allow, and
/// the schema is a tree of bounded depth.
pub(super) fn check_footer(bytes: &[u8]) -> Result<(), Fault> {
    Walker::new(bytes).fields(|walker, id, ty| match (id, ty) {
        (2, Type::List) => schema(walker),
        _ => walker.skip(ty),
    })
}

fn schema(walker: &mut Walker<'_>) -> Result<(), Fault> {
    let (ty, count) = walker.list()?;
    if ty != Type::Struct || count > MOST_ELEMENTS {
        return Err(Fault::Malformed);
    }
    // How many children each open group still waits for.
    let mut open: Vec<usize> = Vec::new();
    for element in 0..count {
        let mut children = 0_i64;
        walker.fields(|walker, id, ty| match (id, ty) {
            (5, Type::Integer) => walker.integer().map(|value| children = value),
            _ => walker.skip(ty),
        })?;
        let children = usize::try_from(children).map_err(|_| Fault::Malformed)?;
        match open.last_mut() {
            Some(waiting) => *waiting -= 1,
            // A second root.
            None if element > 0 => return Err(Fault::Malformed),
            None => {}
        }
        if children > count - element - 1 {
            return Err(Fault::Malformed);
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > MOST_SCHEMA_DEPTH {
            return Err(Fault::Malformed);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    if open.is_empty() { Ok(()) } else { Err(Fault::Malformed) }
}
