//! What DESCRIBE FILE FORMAT shows.

use icecore_types::FileFormatDefinition;

use super::FileType;

/// One line of DESCRIBE FILE FORMAT.
///
/// ```
/// use icecore_raw::{check_format, describe_format};
/// let format = check_format(&[("SKIP_HEADER".to_owned(), vec!["1".to_owned()])])?;
/// let line = describe_format(&format).into_iter().find(|line| line.property == "SKIP_HEADER");
/// let line = line.expect("every option has a line");
/// assert_eq!((line.value.as_str(), line.default), ("1", "0"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatProperty {
    /// The option's name.
    pub property: &'static str,
    /// `String`, `Integer`, `Boolean` or `List`.
    pub property_type: &'static str,
    /// Its value in this format.
    pub value: String,
    /// Its value where none is given.
    pub default: &'static str,
}

/// Name, type and default.
type Property = (&'static str, &'static str, &'static str);

const CSV: &[Property] = &[
    ("TYPE", "String", "CSV"),
    ("RECORD_DELIMITER", "String", "\\n"),
    ("FIELD_DELIMITER", "String", ","),
    ("SKIP_HEADER", "Integer", "0"),
    ("PARSE_HEADER", "Boolean", "false"),
    ("DATE_FORMAT", "String", "AUTO"),
    ("TIME_FORMAT", "String", "AUTO"),
    ("TIMESTAMP_FORMAT", "String", "AUTO"),
    ("BINARY_FORMAT", "String", "HEX"),
    ("ESCAPE", "String", "NONE"),
    ("ESCAPE_UNENCLOSED_FIELD", "String", "\\\\"),
    ("TRIM_SPACE", "Boolean", "false"),
    ("FIELD_OPTIONALLY_ENCLOSED_BY", "String", "NONE"),
    ("NULL_IF", "List", "[\\\\N]"),
    ("COMPRESSION", "String", "AUTO"),
    ("ERROR_ON_COLUMN_COUNT_MISMATCH", "Boolean", "true"),
    ("SKIP_BLANK_LINES", "Boolean", "false"),
    ("REPLACE_INVALID_CHARACTERS", "Boolean", "false"),
    ("EMPTY_FIELD_AS_NULL", "Boolean", "true"),
    ("SKIP_BYTE_ORDER_MARK", "Boolean", "true"),
    ("ENCODING", "String", "UTF8"),
    ("MULTI_LINE", "Boolean", "true"),
    ("FILE_EXTENSION", "String", ""),
];

const JSON: &[Property] = &[
    ("TYPE", "String", "JSON"),
    ("COMPRESSION", "String", "AUTO"),
    ("DATE_FORMAT", "String", "AUTO"),
    ("TIME_FORMAT", "String", "AUTO"),
    ("TIMESTAMP_FORMAT", "String", "AUTO"),
    ("BINARY_FORMAT", "String", "HEX"),
    ("TRIM_SPACE", "Boolean", "false"),
    ("MULTI_LINE", "Boolean", "true"),
    ("NULL_IF", "List", "[\\\\N]"),
    ("ENABLE_OCTAL", "Boolean", "false"),
    ("ALLOW_DUPLICATE", "Boolean", "false"),
    ("STRIP_OUTER_ARRAY", "Boolean", "false"),
    ("STRIP_NULL_VALUES", "Boolean", "false"),
    ("REPLACE_INVALID_CHARACTERS", "Boolean", "false"),
    ("IGNORE_UTF8_ERRORS", "Boolean", "false"),
    ("SKIP_BYTE_ORDER_MARK", "Boolean", "true"),
    ("FILE_EXTENSION", "String", ""),
];

const PARQUET: &[Property] = &[
    ("TYPE", "String", "PARQUET"),
    ("COMPRESSION", "String", "AUTO"),
    ("BINARY_AS_TEXT", "Boolean", "true"),
    ("USE_LOGICAL_TYPE", "Boolean", "true"),
    ("TRIM_SPACE", "Boolean", "false"),
    ("REPLACE_INVALID_CHARACTERS", "Boolean", "false"),
    ("NULL_IF", "List", "[\\\\N]"),
    ("FILE_EXTENSION", "String", ""),
];

/// Every option of the format, given or not, in a fixed order. Control
/// characters and backslashes are shown escaped.
pub fn describe_format(definition: &FileFormatDefinition) -> Vec<FormatProperty> {
    let properties = match FileType::of(definition) {
        Ok(FileType::Json) => JSON,
        Ok(FileType::Parquet) => PARQUET,
        // What is stored was checked: a type that is none of these is CSV.
        Ok(FileType::Csv) | Err(_) => CSV,
    };
    properties
        .iter()
        .map(|&(property, property_type, default)| FormatProperty {
            property,
            property_type,
            value: match definition.options.get(property) {
                None => default.to_owned(),
                Some(values) => shown(property_type, values),
            },
            default,
        })
        .collect()
}

fn shown(property_type: &str, values: &[String]) -> String {
    let escaped = |text: &String| {
        text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
    };
    let joined = values.iter().map(escaped).collect::<Vec<_>>().join(", ");
    match property_type {
        "List" => format!("[{joined}]"),
        "Boolean" => joined.to_lowercase(),
        _ => joined,
    }
}
