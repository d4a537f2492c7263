//! The numbered errors of the dialect.

use crate::ErrorKind;

/// A numbered error: Snowflake's code, its SQLSTATE, and the kind that says
/// what a caller should do about it.
///
/// ```
/// use icecore_types::{Code, ErrorKind};
/// assert_eq!(Code::OBJECT_NOT_FOUND.number(), "002003");
/// assert_eq!(Code::OBJECT_NOT_FOUND.sqlstate(), "42S02");
/// assert_eq!(Code::OBJECT_NOT_FOUND.kind(), ErrorKind::NotFound);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    number: &'static str,
    sqlstate: &'static str,
    kind: ErrorKind,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $sqlstate:literal $kind:ident;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code =
                Code { number: $number, sqlstate: $sqlstate, kind: ErrorKind::$kind };)*
        }
    };
}

codes! {
    /// A statement that does not parse.
    SYNTAX = "001003" "42000" InvalidInput;
    /// A statement that parses and cannot mean anything: a compilation error.
    INVALID_STATEMENT = "002028" "42601" InvalidInput;
    /// A dimension that is not of the grain of the metric it is asked for with.
    INVALID_DIMENSION = "010234" "42601" InvalidInput;
    /// A window metric without the dimensions that it needs.
    MISSING_WINDOW_DIMENSION = "010260" "42601" InvalidInput;
    /// A name of a column that is not there.
    INVALID_IDENTIFIER = "000904" "42000" InvalidInput;
    /// A function that is not there, or not with these arguments.
    UNKNOWN_FUNCTION = "002140" "42601" InvalidInput;
    /// Operands or columns whose types do not go together.
    TYPE_MISMATCH = "002016" "22000" InvalidInput;
    /// A different number of columns or values than the target has.
    COLUMN_COUNT = "002020" "21S01" InvalidInput;
    /// An option with a value it cannot have, or that is not there.
    INVALID_OPTION = "001420" "22023" InvalidInput;
    /// An argument of a table function that cannot be used.
    INVALID_ARGUMENT = "002018" "22023" InvalidInput;
    /// A statement longer or deeper than the limits allow.
    TOO_COMPLEX = "000603" "54001" InvalidInput;
    /// An object that is missing or that the role may not see.
    OBJECT_NOT_FOUND = "002003" "42S02" NotFound;
    /// An operation on an object that is missing or not of this kind.
    OPERATION_IMPOSSIBLE = "002043" "02000" NotFound;
    /// A statement id that nothing is known of.
    STATEMENT_NOT_FOUND = "000709" "02000" NotFound;
    /// A file that is not in its stage.
    FILE_NOT_FOUND = "091016" "02000" NotFound;
    /// The name is taken.
    ALREADY_EXISTS = "002002" "42710" AlreadyExists;
    /// The role lacks a privilege on an object that it can see.
    INSUFFICIENT_PRIVILEGES = "003001" "42501" Denied;
    /// A role that the user does not have, or that is no role to be in.
    ROLE_NOT_ASSIGNED = "003013" "42501" Denied;
    /// A grant that others rest on.
    DEPENDENT_GRANT = "003036" "23001" InvalidInput;
    /// A user, a password, a key or a token that does not fit.
    LOGIN_FAILED = "390100" "08001" Denied;
    /// A token that is not known, has ended or may not be used so.
    TOKEN_INVALID = "394400" "08001" Denied;
    /// A signed text that no key of the user signed, or not for now and here.
    JWT_INVALID = "390144" "08001" Denied;
    /// An address that the network policy keeps out.
    ADDRESS_REFUSED = "390422" "08001" Denied;
    /// No history: outside the retention, or before the object was made.
    TIME_TRAVEL_UNAVAILABLE = "000707" "02000" SnapshotExpired;
    /// A construct that the engine refuses because it does not have it.
    UNSUPPORTED = "000002" "0A000" Unsupported;
    /// Text that is not a number.
    NOT_A_NUMBER = "100038" "22018" InvalidInput;
    /// Text that is not a boolean.
    NOT_A_BOOLEAN = "100037" "22018" InvalidInput;
    /// Text that is not a date.
    NOT_A_DATE = "100040" "22007" InvalidInput;
    /// Text that is not a time.
    NOT_A_TIME = "100108" "22007" InvalidInput;
    /// Text that is not a timestamp.
    NOT_A_TIMESTAMP = "100035" "22007" InvalidInput;
    /// Text that is not binary in the chosen encoding.
    NOT_BINARY = "100115" "22000" InvalidInput;
    /// A number that its type cannot hold.
    OUT_OF_RANGE = "100039" "22003" InvalidInput;
    /// Division by zero.
    DIVISION_BY_ZERO = "100051" "22012" InvalidInput;
    /// NULL in a column that does not take it.
    NULL_NOT_ALLOWED = "100072" "22000" InvalidInput;
    /// A string longer than its column.
    STRING_TOO_LONG = "100078" "22000" InvalidInput;
    /// A record of a file with more or fewer fields than the table has columns.
    FIELD_COUNT = "100080" "22000" InvalidInput;
    /// A record of a file that is not well formed.
    MALFORMED_RECORD = "100016" "22000" InvalidInput;
    /// A file that cannot be read as its format.
    UNREADABLE_FILE = "100069" "22000" InvalidInput;
    /// A scalar subquery that returned more than one row.
    SUBQUERY_ROWS = "090150" "22000" InvalidInput;
    /// Any other value that cannot be used.
    INVALID_VALUE = "100071" "22000" InvalidInput;
    /// A row that does not pass an expectation of its table.
    EXPECTATION_VIOLATED = "370010" "23514" InvalidInput;
    /// Somebody else changed what this statement read.
    CONFLICT = "000625" "57014" Conflict;
    /// The store could not be reached or refused.
    STORE_UNAVAILABLE = "370001" "58030" Unavailable;
    /// It is not known whether a commit took effect.
    COMMIT_OUTCOME_UNKNOWN = "370002" "58030" CommitOutcomeUnknown;
    /// Stored bytes that are not what was written.
    CORRUPTED = "370003" "58030" Corrupted;
    /// A store written by another version of the engine.
    UNKNOWN_FORMAT = "370004" "58030" Unsupported;
    /// More memory, disk or size than the limit allows.
    RESOURCES_EXHAUSTED = "300005" "53000" ResourcesExhausted;
    /// More memory than the warehouse has left, for what cannot be spilled.
    OUT_OF_MEMORY = "370011" "53200" ResourcesExhausted;
    /// The statement was cancelled.
    CANCELLED = "000604" "57014" Cancelled;
    /// A defect of the engine.
    INTERNAL = "300002" "XX000" Internal;
}

impl Code {
    /// Snowflake's six digits, for example `002003`.
    pub const fn number(self) -> &'static str {
        self.number
    }

    /// The five characters of SQLSTATE, for example `42S02`.
    pub const fn sqlstate(self) -> &'static str {
        self.sqlstate
    }

    /// What a caller should do.
    pub const fn kind(self) -> ErrorKind {
        self.kind
    }
}
