//! What can be wrong with a semantic view or a query of one.

use icecore_types::{Code, Error, Name};

/// A definition or a query that cannot mean anything.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_STATEMENT, message)
}

/// A name that is none of the model's.
pub(crate) fn unknown(name: impl std::fmt::Display) -> Error {
    Error::new(Code::INVALID_IDENTIFIER, format!("invalid identifier '{name}'"))
}

/// A name that is several of the model's.
pub(crate) fn ambiguous(name: impl std::fmt::Display) -> Error {
    Error::new(
        Code::INVALID_STATEMENT,
        format!("SQL compilation error: Ambiguous column name '{name}'."),
    )
    .with_help("write the table before the name, or give one of them another name with AS")
}

/// A dimension of a table that is not of the grain of what is asked for.
pub(crate) fn wrong_grain(dimension: &Name, base: &Name) -> Error {
    Error::new(
        Code::INVALID_DIMENSION,
        format!(
            "SQL compilation error:\nInvalid dimension specified: The dimension entity \
             '{dimension}' must be related to and\n  have an equal or lower level of granularity \
             compared to the base metric or dimension entity '{base}'."
        ),
    )
}

/// More than one way from a table to another.
pub(crate) fn ambiguous_path(from: &Name, to: &Name) -> Error {
    invalid(format!("there is more than one path of relationships from={from} to={to}"))
        .with_help("a metric says which one it takes with USING (relationship)")
}

/// A definition that leads back to itself.
pub(crate) fn cycle(what: &str, names: &[String]) -> Error {
    invalid(format!("{what} refer to each other in a cycle: {}", names.join(" -> ")))
}

/// More than anybody writes by hand.
pub(crate) fn too_complex(what: &str, limit: usize) -> Error {
    Error::new(Code::TOO_COMPLEX, format!("{what} limit={limit}"))
}
