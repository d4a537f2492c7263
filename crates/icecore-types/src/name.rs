//! Names as the dialect has them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// One identifier as it is compared: an unquoted one is upper case already.
/// Never empty, at most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

impl Name {
    /// The name that an unquoted identifier means.
    pub fn unquoted(text: &str) -> Self {
        Self(text.to_uppercase().into())
    }

    /// The name that a quoted identifier means: the text as it stands.
    pub fn quoted(text: &str) -> Self {
        Self(text.into())
    }

    /// Reads an identifier as SQL would: `t` is T, `"t"` is t.
    ///
    /// # Errors
    /// `InvalidInput` if it is empty, too long, or not one identifier.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = QualifiedName::split(text)?;
        match (parts.pop(), parts.is_empty()) {
            (Some(name), true) => Ok(name),
            _ => Err(invalid(text)),
        }
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be written without quotes.
    pub fn is_plain(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
            && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '$')
    }
}

fn invalid(text: &str) -> Error {
    Error::new(Code::SYNTAX, format!("not an identifier: '{text}'")).with_help(
        "quote it with double quotes if it has other characters than letters, digits, _ and $",
    )
}

impl fmt::Display for Name {
    /// As SQL writes it: with quotes where they are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            f.write_str(&self.0)
        } else {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        }
    }
}

/// A name with the parts before it: `db.schema.name`, `schema.name` or `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The database, or for a schema's own name nothing.
    pub database: Option<Name>,
    /// The schema, or for a database's own name nothing.
    pub schema: Option<Name>,
    /// The object itself.
    pub name: Name,
}

impl QualifiedName {
    /// A name alone.
    pub fn bare(name: Name) -> Self {
        Self { database: None, schema: None, name }
    }

    /// From one to three parts, outermost first.
    ///
    /// # Errors
    /// `InvalidInput` for any other number of parts.
    pub fn from_parts(parts: Vec<Name>) -> Result<Self> {
        let mut rest = parts.into_iter().rev();
        let (name, schema, database) = (rest.next(), rest.next(), rest.next());
        match (name, rest.next()) {
            (Some(name), None) => Ok(Self { database, schema, name }),
            _ => Err(Error::new(Code::SYNTAX, "a name has one to three parts")
                .with_help("write database.schema.object")),
        }
    }

    /// Reads a dotted name as SQL would.
    ///
    /// # Errors
    /// `InvalidInput` if a part is no identifier or there are more than three.
    pub fn parse(text: &str) -> Result<Self> {
        Self::from_parts(Self::split(text)?)
    }

    fn split(text: &str) -> Result<Vec<Name>> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        loop {
            let (part, after) =
                if rest.starts_with('"') { quoted(rest, text)? } else { plain(rest, text)? };
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(parts),
                None => return Err(invalid(text)),
            }
        }
    }
}

fn checked(name: Name, whole: &str) -> Result<Name> {
    if name.0.is_empty() || name.0.chars().count() > 255 {
        return Err(invalid(whole));
    }
    Ok(name)
}

fn quoted<'a>(rest: &'a str, whole: &str) -> Result<(Name, &'a str)> {
    let mut end = 1;
    let bytes = rest.as_bytes();
    while let Some(found) = rest.get(end..).and_then(|tail| tail.find('"')) {
        end += found;
        if bytes.get(end + 1) == Some(&b'"') {
            end += 2;
            continue;
        }
        let text = rest.get(1..end).unwrap_or_default().replace("\"\"", "\"");
        return Ok((checked(Name::quoted(&text), whole)?, rest.get(end + 1..).unwrap_or_default()));
    }
    Err(invalid(whole))
}

fn plain<'a>(rest: &'a str, whole: &str) -> Result<(Name, &'a str)> {
    let end =
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '$') {
        return Err(invalid(whole));
    }
    Ok((checked(Name::unquoted(text), whole)?, after))
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        fmt::Display::fmt(&self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_quote() {
        let name = QualifiedName::parse(r#"db."we.ird"" one".t$1"#).unwrap();
        assert_eq!(name.schema.as_ref().map(Name::as_str), Some("we.ird\" one"));
        assert_eq!(name.name.as_str(), "T$1");
        assert_eq!(name.to_string(), r#"DB."we.ird"" one".T$1"#);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", "a.", ".a", "a.b.c.d", "\"a", "a b", "1a", "\"\"", "a\"b\"", &"x".repeat(256)]
        {
            assert!(QualifiedName::parse(text).is_err(), "{text}");
        }
    }
}
