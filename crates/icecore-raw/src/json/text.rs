//! A nested value as JSON text.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use super::parse::{Kind, Malformed, Parser};
use crate::JsonFormat;

/// Appends the value that `text` is: without blanks between its parts, and with
/// what the format says of null and of names that stand twice.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn render(text: &str, format: &JsonFormat, out: &mut String) -> Result<(), Malformed> {
    Renderer { parser: Parser::new(text, true), format, out }.value().map(drop)
}

struct Renderer<'a> {
    parser: Parser<'a>,
    format: &'a JsonFormat,
    out: &'a mut String,
}

impl Renderer<'_> {
    fn value(&mut self) -> Result<Kind, Malformed> {
        match self.parser.peek() {
            Some(b'{') => self.object().map(|()| Kind::Object),
            Some(b'[') => self.array().map(|()| Kind::Array),
            Some(b'"') => {
                let text = self.parser.string()?;
                quoted(&text, self.out);
                Ok(Kind::Text)
            }
            _ => {
                let value = self.parser.value()?;
                self.out.push_str(self.parser.raw(value));
                Ok(value.kind)
            }
        }
    }

    fn object(&mut self) -> Result<(), Malformed> {
        let start = self.out.len() + 1;
        // Where each member is written. A name that comes again counts: the
        // earlier member is taken out at the end.
        let mut members: Vec<Option<Range<usize>>> = Vec::new();
        let mut places = HashMap::new();
        let mut repeated = false;
        let mut again = self.parser.enter(b'}')?;
        self.out.push('{');
        while again {
            let from = self.out.len();
            let name = self.parser.name()?;
            quoted(&name, self.out);
            self.out.push(':');
            let kind = self.value()?;
            if let Some(earlier) = places.insert(name, members.len()) {
                repeated = true;
                members.get_mut(earlier).map(Option::take);
            }
            if kind == Kind::Null && self.format.strip_null_values {
                self.out.truncate(from);
                members.push(None);
            } else {
                self.out.push(',');
                members.push(Some(from..self.out.len()));
            }
            again = self.parser.goes_on(b'}')?;
        }
        if repeated {
            let written = self.out.split_off(start);
            for range in members.into_iter().flatten() {
                let range = range.start - start..range.end - start;
                self.out.push_str(written.get(range).unwrap_or_default());
            }
        }
        self.end('}');
        Ok(())
    }

    fn array(&mut self) -> Result<(), Malformed> {
        let mut again = self.parser.enter(b']')?;
        self.out.push('[');
        while again {
            let from = self.out.len();
            // A place without a value is null.
            let kind = if self.parser.is_empty_place() {
                self.out.push_str("null");
                Kind::Null
            } else {
                self.value()?
            };
            if kind == Kind::Null && self.format.strip_null_values {
                self.out.truncate(from);
            }
            self.out.push(',');
            again = self.parser.goes_on(b']')?;
        }
        self.end(']');
        Ok(())
    }

    /// Closes, in the place of the last comma if there is one.
    fn end(&mut self, bracket: char) {
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.out.push(bracket);
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
