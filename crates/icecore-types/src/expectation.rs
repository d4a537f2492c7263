//! What an owner expects of the rows of a table.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ColumnId, Name, QualifiedName, TableDefinition};

/// An expectation of a table: a check of its rows, and what becomes of a row
/// that does not pass it.
///
/// ```
/// use icecore_types::{ColumnId, Expectation, ExpectationCheck, Name, OnViolation};
/// let expectation = Expectation {
///     name: Name::unquoted("has_carrier"),
///     check: ExpectationCheck::NotNull { column: ColumnId::new(1) },
///     on_violation: OnViolation::Quarantine,
/// };
/// assert_eq!(expectation.check.columns(), [ColumnId::new(1)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Its name, once per table.
    pub name: Name,
    /// What a row has to pass.
    pub check: ExpectationCheck,
    /// What becomes of one that does not.
    pub on_violation: OnViolation,
}

/// What a row has to pass. NULL passes every check but [`Self::NotNull`], as
/// it does in SQL.
///
/// ```
/// use icecore_types::{ColumnId, ExpectationCheck};
/// let range = ExpectationCheck::Range {
///     column: ColumnId::new(2),
///     least: "0".to_owned(),
///     most: "100".to_owned(),
/// };
/// assert_eq!(range.kind(), "RANGE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExpectationCheck {
    /// The column has a value.
    NotNull {
        /// The column.
        column: ColumnId,
    },
    /// No other row of the table has the same values in these columns.
    Unique {
        /// The columns, in order.
        columns: Vec<ColumnId>,
    },
    /// The value is one of these.
    AcceptedValues {
        /// The column.
        column: ColumnId,
        /// The values, as texts that cast to the column's type.
        values: Vec<String>,
    },
    /// The value is not below `least` and not above `most`.
    Range {
        /// The column.
        column: ColumnId,
        /// The smallest value, as a text that casts to the column's type.
        least: String,
        /// The largest, likewise.
        most: String,
    },
    /// The whole text matches a regular expression.
    Matches {
        /// The column.
        column: ColumnId,
        /// The expression.
        pattern: String,
    },
    /// Another table has a row with these values.
    References {
        /// The columns, in order.
        columns: Vec<ColumnId>,
        /// The other table or view, by its full name: whatever has it when
        /// rows are judged.
        parent: QualifiedName,
        /// Its columns, in the order of `columns`.
        keys: Vec<Name>,
    },
    /// The time is at most so long ago when the row arrives.
    Freshness {
        /// The column.
        column: ColumnId,
        /// How long ago, in seconds.
        within_seconds: u64,
    },
    /// A boolean expression over the row is not false.
    Expression {
        /// The expression, as it was written.
        text: String,
        /// The columns that it reads.
        columns: Vec<ColumnId>,
    },
}

/// What becomes of a row that does not pass.
///
/// ```
/// assert_eq!(icecore_types::OnViolation::RejectRow.sql(), "REJECT ROW");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// It is a bad row of its file, or left out.
    RejectRow,
    /// It goes to the table's quarantine.
    Quarantine,
    /// The statement fails.
    Fail,
    /// It is loaded, and counted.
    Warn,
}

impl OnViolation {
    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::RejectRow => "REJECT ROW",
            Self::Quarantine => "QUARANTINE",
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
        }
    }
}

impl ExpectationCheck {
    /// The words that begin it in SQL.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotNull { .. } => "NOT NULL",
            Self::Unique { .. } => "UNIQUE",
            Self::AcceptedValues { .. } => "ACCEPTED VALUES",
            Self::Range { .. } => "RANGE",
            Self::Matches { .. } => "MATCHES",
            Self::References { .. } => "REFERENCES",
            Self::Freshness { .. } => "FRESHNESS",
            Self::Expression { .. } => "EXPRESSION",
        }
    }

    /// The columns of the table that it reads.
    pub fn columns(&self) -> &[ColumnId] {
        match self {
            Self::NotNull { column }
            | Self::AcceptedValues { column, .. }
            | Self::Range { column, .. }
            | Self::Matches { column, .. }
            | Self::Freshness { column, .. } => std::slice::from_ref(column),
            Self::Unique { columns }
            | Self::References { columns, .. }
            | Self::Expression { columns, .. } => columns,
        }
    }

    /// As SQL writes it behind CHECK, with the names that the columns of
    /// `table` have now.
    pub fn sql(&self, table: &TableDefinition) -> String {
        let name = |id: &ColumnId| match table.columns.iter().find(|column| column.id == *id) {
            Some(column) => column.name.to_string(),
            None => format!("${}", id.get()),
        };
        let names = |ids: &[ColumnId]| ids.iter().map(name).collect::<Vec<_>>().join(", ");
        let kind = self.kind();
        match self {
            Self::NotNull { column } => format!("{kind} ({})", name(column)),
            Self::Unique { columns } => format!("{kind} ({})", names(columns)),
            Self::AcceptedValues { column, values } => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("{kind} ({} IN ({}))", name(column), values.join(", "))
            }
            Self::Range { column, least, most } => {
                format!("{kind} ({} BETWEEN {} AND {})", name(column), quoted(least), quoted(most))
            }
            Self::Matches { column, pattern } => {
                format!("{kind} ({}, {})", name(column), quoted(pattern))
            }
            Self::References { columns, parent, keys } => {
                let keys: Vec<String> = keys.iter().map(Name::to_string).collect();
                format!("{kind} ({}) {parent} ({})", names(columns), keys.join(", "))
            }
            Self::Freshness { column, within_seconds } => {
                let within = Duration::from_secs(*within_seconds);
                format!("{kind} ({}, '{}')", name(column), interval(within))
            }
            Self::Expression { text, .. } => format!("({text})"),
        }
    }
}

/// A string constant.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// In the largest unit that divides it.
fn interval(length: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let seconds = length.as_secs();
    let (size, unit) = UNITS
        .into_iter()
        .find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size))
        .unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnDefinition, SqlType};

    fn table() -> TableDefinition {
        let column = |id, name: &str| ColumnDefinition {
            id: ColumnId::new(id),
            name: Name::quoted(name),
            sql_type: SqlType::TEXT,
            not_null: false,
            default: None,
            value_before: None,
            comment: None,
        };
        TableDefinition {
            columns: vec![column(1, "A"), column(2, "b c")],
            next_column: 3,
            ..TableDefinition::default()
        }
    }

    #[test]
    fn checks_are_shown_as_they_are_written() {
        let (a, b) = (ColumnId::new(1), ColumnId::new(2));
        let parent = QualifiedName::parse("d.s.p").unwrap();
        let shown = [
            ExpectationCheck::Unique { columns: vec![a, b] },
            ExpectationCheck::AcceptedValues { column: a, values: vec!["it's".into()] },
            ExpectationCheck::Range { column: b, least: "0".into(), most: "9".into() },
            ExpectationCheck::Matches { column: a, pattern: r"\d".into() },
            ExpectationCheck::References {
                columns: vec![a],
                parent,
                keys: vec![Name::quoted("K")],
            },
            ExpectationCheck::Freshness { column: a, within_seconds: 7_200 },
            ExpectationCheck::Expression { text: "a > 1".into(), columns: vec![a] },
        ]
        .map(|check| check.sql(&table()));
        let expected = [
            r#"UNIQUE (A, "b c")"#,
            "ACCEPTED VALUES (A IN ('it''s'))",
            r#"RANGE ("b c" BETWEEN '0' AND '9')"#,
            r"MATCHES (A, '\\d')",
            "REFERENCES (A) D.S.P (K)",
            "FRESHNESS (A, '2 hours')",
            "(a > 1)",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn intervals_have_the_largest_unit() {
        let shown = [1, 60, 90, 3_600, 86_400, 172_800, 0]
            .map(|seconds| interval(Duration::from_secs(seconds)));
        assert_eq!(
            shown,
            ["1 second", "1 minute", "90 seconds", "1 hour", "1 day", "2 days", "0 seconds"]
        );
    }

    #[test]
    fn a_definition_keeps_its_expectations() {
        let mut definition = table();
        let bytes = serde_json::to_string(&definition).unwrap();
        assert!(!bytes.contains("expectations"), "older stores know nothing of them: {bytes}");
        definition.expectations.push(Expectation {
            name: Name::unquoted("e"),
            check: ExpectationCheck::NotNull { column: ColumnId::new(1) },
            on_violation: OnViolation::Warn,
        });
        let bytes = serde_json::to_string(&definition).unwrap();
        assert_eq!(serde_json::from_str::<TableDefinition>(&bytes).unwrap(), definition);
    }
}
