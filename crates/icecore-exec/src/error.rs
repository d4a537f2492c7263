//! The one bridge between our error and DataFusion's.
//!
//! Ours travels through DataFusion as `External` and is found again behind any
//! number of wrappers. DataFusion's own errors get our codes. Arrow's messages
//! print the value that failed, which a masking policy may hide: no quoted
//! text and no digit of them is repeated.

use std::error::Error as StdError;
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion_common::{Column, DataFusionError, SchemaError};
use icecore_types::{Code, Error, Name};

/// Wraps our error so that it can pass through DataFusion whole.
///
/// ```
/// use icecore_exec::{from_datafusion, to_datafusion};
/// use icecore_types::{Code, Error};
///
/// let error = Error::new(Code::NULL_NOT_ALLOWED, "null in column=ID").with_help("give a value");
/// let back = from_datafusion(to_datafusion(error).context("while inserting"));
/// assert_eq!(back.code(), Code::NULL_NOT_ALLOWED);
/// assert_eq!(back.help(), Some("give a value"));
/// ```
pub fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Our error behind DataFusion's, or our words for DataFusion's own.
///
/// ```
/// use datafusion_common::DataFusionError;
/// use icecore_exec::from_datafusion;
/// use icecore_types::Code;
///
/// let error = DataFusionError::ResourcesExhausted("no memory".into());
/// assert_eq!(from_datafusion(error).code(), Code::RESOURCES_EXHAUSTED);
/// ```
pub fn from_datafusion(error: DataFusionError) -> Error {
    ours(&error).cloned().unwrap_or_else(|| translate(&error))
}

fn ours(error: &DataFusionError) -> Option<&Error> {
    match error {
        DataFusionError::Collection(errors) => errors.iter().find_map(ours),
        DataFusionError::Shared(inner) => ours(inner),
        other => in_chain(other),
    }
}

/// The first error of ours at or behind `error`.
fn in_chain<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        match error.downcast_ref::<DataFusionError>() {
            Some(inner @ (DataFusionError::Collection(_) | DataFusionError::Shared(_))) => {
                return ours(inner);
            }
            _ => next = behind(error),
        }
    }
    None
}

/// What is wrapped. An `Arc` says of itself what its content says, so that its
/// content would be passed over.
fn behind<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<Arc<DataFusionError>>() {
        Some(shared) => Some(shared.as_ref()),
        None => error.source(),
    }
}

fn translate(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::ArrowError(error, _) => arrow(error),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            translate(inner)
        }
        DataFusionError::Shared(inner) => translate(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => translate(first),
            None => Error::internal("an empty collection of errors"),
        },
        DataFusionError::External(inner) => foreign(inner.as_ref()),
        DataFusionError::NotImplemented(what) => Error::unsupported(first_line(what)),
        DataFusionError::Plan(message) => plan(message),
        DataFusionError::SchemaError(error, _) => schema(error),
        DataFusionError::Configuration(message) => {
            Error::new(Code::INVALID_OPTION, first_line(message))
        }
        DataFusionError::Execution(message) => execution(message),
        DataFusionError::ExecutionJoin(_) => Error::internal("a task of the statement panicked"),
        DataFusionError::ResourcesExhausted(message) => {
            Error::new(Code::RESOURCES_EXHAUSTED, lower_first(message))
                .with_help("use a larger warehouse, or ask for less at once")
        }
        DataFusionError::IoError(error) => io(error),
        DataFusionError::Internal(message) => Error::internal(first_line(message)),
        other => foreign(other),
    }
}

/// An error that is neither ours nor one of DataFusion's own making.
fn foreign(error: &(dyn StdError + 'static)) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(store) = error.downcast_ref::<object_store::Error>() {
            return object_store(store);
        }
        if let Some(error) = error.downcast_ref::<ArrowError>() {
            return arrow(error);
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return io(error);
        }
        next = behind(error);
        if let Some(inner) = next.and_then(|inner| inner.downcast_ref::<DataFusionError>()) {
            return translate(inner);
        }
    }
    let text = error.to_string();
    match text.strip_prefix("SQL error: ") {
        Some(message) => Error::new(Code::SYNTAX, lower_first(first_line(message))),
        None => Error::internal(without_values(first_line(&text))),
    }
}

fn plan(message: &str) -> Error {
    let text = first_line(message);
    let contains = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let code = if contains(&["Invalid function", "No function matches", "Function "])
        && contains(&["Invalid function", "No function matches", "not found"])
    {
        Code::UNKNOWN_FUNCTION
    } else if contains(&["coerce", "argument type", "data type", "Cannot cast", "Unsupported CAST"])
    {
        Code::TYPE_MISMATCH
    } else if text.starts_with("table '") && text.contains("not found") {
        Code::OBJECT_NOT_FOUND
    } else if text.starts_with("column '") && text.contains("not found") {
        Code::INVALID_IDENTIFIER
    } else {
        Code::INVALID_STATEMENT
    };
    Error::new(code, lower_first(text))
}

fn schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let error = Error::new(
                Code::INVALID_IDENTIFIER,
                format!("invalid identifier '{}'", sql(field)),
            );
            match valid_fields.as_slice() {
                [] => error,
                fields => {
                    // Names of the engine's own say what nobody asked.
                    let own = |field: &&Column| {
                        let of = field.relation.as_ref().map(|of| of.table()).unwrap_or_default();
                        field.name.starts_with('\0') || of.starts_with('\0')
                    };
                    let fields = fields.iter().filter(|field| !own(field));
                    let names: Vec<_> = fields.take(20).map(sql).collect();
                    error.with_help(format!("columns that are there: {}", names.join(", ")))
                }
            }
        }
        SchemaError::AmbiguousReference { field } => {
            Error::new(Code::INVALID_STATEMENT, format!("ambiguous column name '{}'", sql(field)))
                .with_help("put the table's name or alias in front of it")
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::new(
            Code::INVALID_STATEMENT,
            format!("duplicate column name '{}'", Name::quoted(name)),
        )
        .with_help("give one of them an alias"),
    }
}

/// A column as SQL would write it.
fn sql(column: &Column) -> String {
    let name = Name::quoted(&column.name);
    match &column.relation {
        Some(relation) => format!("{}.{name}", Name::quoted(relation.table())),
        None => name.to_string(),
    }
}

fn execution(message: &str) -> Error {
    let lower = message.to_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        division_by_zero()
    } else if lower.contains("subquery returned more than one row") {
        Error::new(Code::SUBQUERY_ROWS, "single-row subquery returns more than one row")
            .with_help("aggregate it, or use IN or EXISTS")
    } else if lower.contains("overflow") || lower.contains("out of range") {
        out_of_range()
    } else {
        Error::new(Code::INVALID_VALUE, lower_first(&without_values(first_line(message))))
    }
}

fn arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => foreign(inner.as_ref()),
        ArrowError::NotYetImplemented(what) => Error::unsupported(without_values(what)),
        ArrowError::DivideByZero => division_by_zero(),
        ArrowError::ArithmeticOverflow(_) => out_of_range(),
        ArrowError::CastError(message)
        | ArrowError::ParseError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::InvalidArgumentError(message) => value(message),
        ArrowError::MemoryError(message) => {
            Error::new(Code::RESOURCES_EXHAUSTED, lower_first(message))
        }
        ArrowError::DictionaryKeyOverflowError
        | ArrowError::RunEndIndexOverflowError
        | ArrowError::OffsetOverflowError(_) => {
            Error::new(Code::RESOURCES_EXHAUSTED, "a column of one batch is too large")
                .with_help("lower the batch size")
        }
        ArrowError::IoError(_, error) => io(error),
        ArrowError::CsvError(message) | ArrowError::JsonError(message) => {
            Error::new(Code::MALFORMED_RECORD, lower_first(&without_values(message)))
        }
        ArrowError::IpcError(_) | ArrowError::ParquetError(_) | ArrowError::AvroError(_) => {
            Error::corrupted("stored columns cannot be decoded")
        }
        ArrowError::SchemaError(message) | ArrowError::CDataInterface(message) => {
            Error::internal(without_values(message))
        }
    }
}

/// A value that could not be cast, parsed or computed with: told by its target
/// type, which is all of the message that may be repeated.
fn value(message: &str) -> Error {
    let lower = message.to_lowercase();
    let has = |word: &str| lower.contains(word);
    let text = has("string") || has("parse") || has("parsing") || has("'");
    let number = ["int8", "int16", "int32", "int64", "float", "decimal", "number"];
    let outside = ["overflow", "too large", "too small", "out of range", "can't cast value"];
    if outside.iter().any(|words| has(words)) {
        out_of_range()
    } else if text && has("timestamp") {
        Error::new(Code::NOT_A_TIMESTAMP, "a value is not a timestamp")
    } else if text && has("date") {
        Error::new(Code::NOT_A_DATE, "a value is not a date")
    } else if text && has("time") {
        Error::new(Code::NOT_A_TIME, "a value is not a time")
    } else if text && has("boolean") {
        Error::new(Code::NOT_A_BOOLEAN, "a value is not a boolean")
    } else if text && number.iter().any(|word| has(word)) {
        Error::new(Code::NOT_A_NUMBER, "a value is not a number")
    } else {
        Error::new(Code::INVALID_VALUE, lower_first(&without_values(first_line(message))))
    }
}

fn division_by_zero() -> Error {
    Error::new(Code::DIVISION_BY_ZERO, "division by zero")
}

fn out_of_range() -> Error {
    Error::new(Code::OUT_OF_RANGE, "a number is out of the range of its type")
        .with_help("cast to a wider type, for example NUMBER(38,0)")
}

fn object_store(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => {
            Error::new(Code::FILE_NOT_FOUND, format!("object store operation failed path={path}"))
        }
        other => Error::new(
            Code::STORE_UNAVAILABLE,
            format!("object store operation failed: {}", first_line(&other.to_string())),
        ),
    }
}

fn io(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::new(Code::RESOURCES_EXHAUSTED, "the disk is full")
        }
        kind => Error::new(Code::STORE_UNAVAILABLE, format!("input or output failed: {kind}")),
    }
}

/// Without hints and backtraces, which come after the first line.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim()
}

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        // A word in capitals is a name or an abbreviation and stays.
        (Some(first), second) if second.is_none_or(|c| !c.is_uppercase()) => {
            first.to_lowercase().chain(message.chars().skip(1)).collect()
        }
        _ => message.to_owned(),
    }
}

/// The message with quoted text and digits left out.
fn without_values(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut quote = None;
    for c in message.chars() {
        match quote {
            Some(end) if c == end => {
                quote = None;
                kept.push_str("..");
                kept.push(c);
            }
            Some(_) => {}
            None => {
                if matches!(c, '\'' | '"' | '`') {
                    quote = Some(c);
                }
                if !c.is_ascii_digit() {
                    kept.push(c);
                }
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
