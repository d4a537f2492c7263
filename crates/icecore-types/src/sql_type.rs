//! Declared types.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Code, Error, Result};

/// A type as a column declares it.
///
/// ```
/// use icecore_types::SqlType;
/// assert_eq!(SqlType::parse("bigint")?, SqlType::Integer);
/// assert_eq!(SqlType::Integer.to_string(), "NUMBER(38,0)");
/// assert_eq!(SqlType::parse("varchar")?.to_string(), "VARCHAR(16777216)");
/// assert!(SqlType::parse("variant").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// INT, BIGINT and kin: shown as NUMBER(38,0), held in 64 bits.
    Integer,
    /// NUMBER(p,s): 1 to 38 digits, of which `scale` after the point.
    Number {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// FLOAT and kin: 64 bits.
    Float,
    /// VARCHAR(n) and kin: at most `length` characters.
    Varchar {
        /// Characters, 1 to 16,777,216.
        length: u32,
    },
    /// BINARY(n): at most `length` bytes.
    Binary {
        /// Bytes, 1 to 8,388,608.
        length: u32,
    },
    /// BOOLEAN.
    Boolean,
    /// DATE.
    Date,
    /// TIME, to the microsecond.
    Time,
    /// TIMESTAMP_NTZ: a wall clock's reading without a zone.
    TimestampNtz,
    /// TIMESTAMP_LTZ: a moment.
    TimestampLtz,
}

impl SqlType {
    /// The longest VARCHAR, which is the default.
    pub const MAX_VARCHAR: u32 = 16_777_216;
    /// The longest BINARY, which is the default.
    pub const MAX_BINARY: u32 = 8_388_608;
    /// VARCHAR without a length.
    pub const TEXT: SqlType = SqlType::Varchar { length: Self::MAX_VARCHAR };

    /// Reads a type as a column definition writes it.
    ///
    /// # Errors
    /// `Unsupported` for a type that the engine does not have, `InvalidInput`
    /// for a precision, scale or length out of range.
    pub fn parse(text: &str) -> Result<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let (name, arguments) = match upper.split_once('(') {
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').ok_or_else(|| bad(text))?;
                (
                    name.trim().to_owned(),
                    inner
                        .split(',')
                        .map(|a| a.trim().parse())
                        .collect::<Result<Vec<u32>, _>>()
                        .map_err(|_| bad(text))?,
                )
            }
            None => (upper.clone(), Vec::new()),
        };
        Self::build(&name.split_whitespace().collect::<Vec<_>>().join(" "), &arguments, text)
    }

    fn build(name: &str, arguments: &[u32], text: &str) -> Result<Self> {
        let plain = |ty: Self| if arguments.is_empty() { Ok(ty) } else { Err(bad(text)) };
        match name {
            "INTEGER" | "INT" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
                plain(Self::Integer)
            }
            "NUMBER" | "DECIMAL" | "NUMERIC" | "DEC" => Self::number(arguments, text),
            "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "DOUBLE PRECISION" | "REAL" => {
                plain(Self::Float)
            }
            "VARCHAR" | "STRING" | "TEXT" | "NVARCHAR" | "NVARCHAR2" | "CHAR VARYING"
            | "NCHAR VARYING" | "CHARACTER VARYING" => {
                Self::sized(arguments, Self::MAX_VARCHAR, text)
                    .map(|length| Self::Varchar { length: length.unwrap_or(Self::MAX_VARCHAR) })
            }
            "CHAR" | "CHARACTER" | "NCHAR" => Self::sized(arguments, Self::MAX_VARCHAR, text)
                .map(|length| Self::Varchar { length: length.unwrap_or(1) }),
            "BINARY" | "VARBINARY" => Self::sized(arguments, Self::MAX_BINARY, text)
                .map(|length| Self::Binary { length: length.unwrap_or(Self::MAX_BINARY) }),
            "BOOLEAN" | "BOOL" => plain(Self::Boolean),
            "DATE" => plain(Self::Date),
            "TIME" => Self::fractional(arguments, Self::Time, text),
            "TIMESTAMP_NTZ"
            | "TIMESTAMPNTZ"
            | "TIMESTAMP WITHOUT TIME ZONE"
            | "TIMESTAMP"
            | "DATETIME" => Self::fractional(arguments, Self::TimestampNtz, text),
            "TIMESTAMP_LTZ" | "TIMESTAMPLTZ" | "TIMESTAMP WITH LOCAL TIME ZONE" => {
                Self::fractional(arguments, Self::TimestampLtz, text)
            }
            other => Err(Error::unsupported(format_args!("data type {other}"))),
        }
    }

    fn number(arguments: &[u32], text: &str) -> Result<Self> {
        let (precision, scale) = match arguments {
            [] => (38, 0),
            [precision] => (*precision, 0),
            [precision, scale] => (*precision, *scale),
            _ => return Err(bad(text)),
        };
        if !(1..=38).contains(&precision) || scale > precision || scale > 37 {
            return Err(bad(text).with_help(
                "a NUMBER has 1 to 38 digits and a scale from 0 to 37, at most its precision",
            ));
        }
        Ok(Self::Number { precision: precision as u8, scale: scale as u8 })
    }

    fn sized(arguments: &[u32], max: u32, text: &str) -> Result<Option<u32>> {
        match arguments {
            [] => Ok(None),
            [length] if (1..=max).contains(length) => Ok(Some(*length)),
            _ => Err(bad(text).with_help(format!("a length is from 1 to {max}"))),
        }
    }

    fn fractional(arguments: &[u32], ty: Self, text: &str) -> Result<Self> {
        match arguments {
            [] | [6] => Ok(ty),
            [0..=9] => Err(Error::unsupported(format_args!(
                "{text}: only microseconds, precision 6, are kept"
            ))),
            _ => Err(bad(text)),
        }
    }

    /// The text that reads back as the same type, which tells INT from NUMBER.
    pub fn declaration(&self) -> String {
        match self {
            Self::Integer => "INTEGER".to_owned(),
            other => other.to_string(),
        }
    }

    /// Whether it is a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Integer | Self::Number { .. } | Self::Float)
    }
}

fn bad(text: &str) -> Error {
    Error::new(Code::INVALID_STATEMENT, format!("not a data type: '{text}'"))
}

impl fmt::Display for SqlType {
    /// As results and DESCRIBE show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("NUMBER(38,0)"),
            Self::Number { precision, scale } => write!(f, "NUMBER({precision},{scale})"),
            Self::Float => f.write_str("FLOAT"),
            Self::Varchar { length } => write!(f, "VARCHAR({length})"),
            Self::Binary { length } => write!(f, "BINARY({length})"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Date => f.write_str("DATE"),
            Self::Time => f.write_str("TIME(6)"),
            Self::TimestampNtz => f.write_str("TIMESTAMP_NTZ(6)"),
            Self::TimestampLtz => f.write_str("TIMESTAMP_LTZ(6)"),
        }
    }
}

impl Serialize for SqlType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.declaration())
    }
}

impl<'de> Deserialize<'de> for SqlType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_reads_back() {
        for text in [
            "INT",
            "NUMBER",
            "NUMBER(18,0)",
            "NUMBER(38,37)",
            "FLOAT",
            "CHAR",
            "VARCHAR(5)",
            "BINARY",
            "BOOLEAN",
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP_LTZ(6)",
        ] {
            let ty = SqlType::parse(text).unwrap();
            assert_eq!(SqlType::parse(&ty.declaration()).unwrap(), ty, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_held_is_refused() {
        for text in [
            "NUMBER(39,0)",
            "NUMBER(5,6)",
            "VARCHAR(0)",
            "VARCHAR(16777217)",
            "INT(3)",
            "TIMESTAMP(9)",
            "VARIANT",
            "TIMESTAMP_TZ",
            "NUMBER(",
            "NUMBER(-1)",
        ] {
            assert!(SqlType::parse(text).is_err(), "{text}");
        }
    }
}
