//! Option lists.

use std::fmt;

use icecore_types::{Code, Error, Result};

use crate::{OptionValue, Options};

impl Options {
    /// Adds an option. The key is made upper case.
    ///
    /// # Errors
    /// `InvalidInput` if the key is there already.
    pub fn insert(&mut self, key: &str, value: OptionValue) -> Result<()> {
        let key = key.to_uppercase();
        if self.get(&key).is_some() {
            return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
        }
        self.0.push((key, value));
        Ok(())
    }

    /// The value of an option; the key is upper case.
    pub fn get(&self, key: &str) -> Option<&OptionValue> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    /// Takes an option out.
    pub fn remove(&mut self, key: &str) -> Option<OptionValue> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// The options in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for OptionValue {
    /// As SQL writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Number(text) => f.write_str(text),
            Self::Text(text) => quoted(text, f),
            Self::Secret(_) => f.write_str("(..)"),
            Self::Boolean(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
            Self::List(texts) => {
                f.write_str("(")?;
                for (i, text) in texts.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    quoted(text, f)?;
                }
                f.write_str(")")
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
