//! One document: checked as a whole, its members given one by one.

use std::borrow::Cow;
use std::collections::HashSet;

/// Brackets that may be open at the same time.
const MOST_DEPTH: usize = 256;
/// Members that the objects of a document have at most, together.
const MOST_KEYS: usize = 10_000;

/// What is wrong with a document, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// What a value is, without its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    /// `true` or `false`.
    Word,
    Number,
    Text,
    Object,
    Array,
}

/// A value as it stands in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: Kind,
    /// Its first byte.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
}

/// Reads a document from its first byte to its last.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    keys: usize,
    allow_duplicate: bool,
}

type Parsed<T> = Result<T, Malformed>;

impl<'a> Parser<'a> {
    pub(super) const fn new(text: &'a str, allow_duplicate: bool) -> Self {
        Self { text, at: 0, depth: 0, keys: 0, allow_duplicate }
    }

    /// Checks the whole document and gives the members of the object that it
    /// is, in order. For anything else, no member; what it is is returned.
    pub(super) fn document(
        &mut self,
        mut member: impl FnMut(Cow<'a, str>, Value),
    ) -> Parsed<Value> {
        self.blanks();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => {
                self.object(&mut member)?;
                Value { kind: Kind::Object, start, end: self.at }
            }
            _ => self.value()?,
        };
        self.blanks();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.wrong("something stands behind the document")),
        }
    }

    /// Opens the brackets that `close` ends, and says whether anything is in
    /// them.
    pub(super) fn enter(&mut self, close: u8) -> Parsed<bool> {
        if self.depth == MOST_DEPTH {
            return Err(self.wrong("more than 256 brackets are open"));
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        self.goes_on_unless(close)
    }

    /// Behind something in brackets: takes the comma, or what closes them, and
    /// says whether there is more.
    pub(super) fn goes_on(&mut self, close: u8) -> Parsed<bool> {
        self.blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.blanks();
            return Ok(true);
        }
        if !self.goes_on_unless(close)? {
            return Ok(false);
        }
        Err(self.wrong(if close == b'}' {
            "an object goes on with a comma or ends with }"
        } else {
            "an array goes on with a comma or ends with ]"
        }))
    }

    fn goes_on_unless(&mut self, close: u8) -> Parsed<bool> {
        let closes = self.take(close);
        self.depth -= usize::from(closes);
        Ok(!closes)
    }

    /// The name of a member, and the colon behind it.
    pub(super) fn name(&mut self) -> Parsed<Cow<'a, str>> {
        let at = self.at;
        self.keys += 1;
        if self.keys > MOST_KEYS {
            return Err(Malformed { at, what: "more than 10000 members" });
        }
        let name = self.string()?;
        self.blanks();
        if !self.take(b':') {
            return Err(self.wrong("a colon is missing behind a name"));
        }
        self.blanks();
        Ok(name)
    }

    /// Whether an array has a place here without a value in it.
    pub(super) fn is_empty_place(&self) -> bool {
        matches!(self.peek(), Some(b',' | b']'))
    }

    fn object(&mut self, member: &mut impl FnMut(Cow<'a, str>, Value)) -> Parsed<()> {
        let mut seen = HashSet::new();
        let mut again = self.enter(b'}')?;
        while again {
            let at = self.at;
            let name = self.name()?;
            if !self.allow_duplicate && !seen.insert(name.clone()) {
                return Err(Malformed { at, what: "a name stands twice in an object" });
            }
            let value = self.value()?;
            member(name, value);
            again = self.goes_on(b'}')?;
        }
        Ok(())
    }

    fn array(&mut self) -> Parsed<()> {
        let mut again = self.enter(b']')?;
        while again {
            if !self.is_empty_place() {
                self.value()?;
            }
            again = self.goes_on(b']')?;
        }
        Ok(())
    }

    /// A value as it stands in the document.
    pub(super) fn raw(&self, value: Value) -> &'a str {
        self.text.get(value.start..value.end).unwrap_or_default()
    }

    /// Takes a value, and checks everything in it.
    pub(super) fn value(&mut self) -> Parsed<Value> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => {
                self.object(&mut |_, _| {})?;
                Kind::Object
            }
            Some(b'[') => {
                self.array()?;
                Kind::Array
            }
            Some(b'"') => {
                self.string()?;
                Kind::Text
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Word)?,
            Some(b'f') => self.word("false", Kind::Word)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return Err(self.wrong("no value starts like this")),
            None => return Err(self.wrong("the document ends too early")),
        };
        Ok(Value { kind, start, end: self.at })
    }

    fn word(&mut self, word: &str, kind: Kind) -> Parsed<Kind> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.wrong("no value starts like this"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Parsed<Kind> {
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || (leading_zero && digits > 1) {
            return Err(self.wrong("not a number"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.wrong("not a number"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.wrong("not a number"));
            }
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> usize {
        let before = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - before
    }

    /// A string with its escapes resolved.
    pub(super) fn string(&mut self) -> Parsed<Cow<'a, str>> {
        if !self.take(b'"') {
            return Err(self.wrong("a name in quotes is missing"));
        }
        let start = self.at;
        let mut decoded: Option<String> = None;
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            let plain = self.text.get(from..self.at).unwrap_or_default();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match decoded {
                        None => Cow::Borrowed(
                            self.text.get(start..from + plain.len()).unwrap_or_default(),
                        ),
                        Some(mut decoded) => {
                            decoded.push_str(plain);
                            Cow::Owned(decoded)
                        }
                    });
                }
                Some(b'\\') => {
                    let decoded = decoded.get_or_insert_default();
                    decoded.push_str(plain);
                    self.at += 1;
                    let character = self.escape()?;
                    decoded.push(character);
                }
                Some(_) => return Err(self.wrong("a control character in a string")),
                None => return Err(self.wrong("a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.wrong("no character is escaped like this"));
            }
        })
    }

    fn unicode(&mut self) -> Parsed<char> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with(b"\\u") => {
                self.at += 2;
                match self.hex()? {
                    second @ 0xdc00..=0xdfff => {
                        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                    }
                    _ => return Err(self.wrong("half of a character")),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.wrong("half of a character"))
    }

    fn hex(&mut self) -> Parsed<u32> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(code)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }
}
