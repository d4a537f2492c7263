//! ADD EXPECTATION and DROP EXPECTATION.

use icecore_sql::{CheckSpec, ExpectationSpec, ast};
use icecore_types::{
    Code, ColumnDefinition, Error, Expectation, ExpectationCheck, Name, QualifiedName, Result,
    SqlType, TableDefinition,
};

use super::gate::expression_of;
use crate::statement::Planning;
use crate::statement::alter::no_column;

impl Planning {
    /// ADD EXPECTATION. The rows that are there are not judged.
    pub(in crate::statement) fn add_expectation(
        &self,
        definition: &mut TableDefinition,
        spec: &ExpectationSpec,
    ) -> Result<()> {
        let name = &spec.name;
        if definition.expectations.iter().any(|known| known.name == *name) {
            return Err(Error::new(
                Code::ALREADY_EXISTS,
                format!("expectation '{}' already exists", name.as_str()),
            )
            .with_help("DROP EXPECTATION drops it"));
        }
        let check = self
            .check_definition(definition, &spec.check)
            .map_err(|error| error.context(format_args!("expectation {name}")))?;
        let on_violation = spec.on_violation;
        definition.expectations.push(Expectation { name: name.clone(), check, on_violation });
        // What cannot be compiled now never judges a row.
        let mut only = definition.clone();
        only.expectations.drain(..only.expectations.len() - 1);
        self.judge(&only, icecore_processed::Strictness::AsDeclared).map(drop)
    }

    fn check_definition(
        &self,
        table: &TableDefinition,
        spec: &CheckSpec,
    ) -> Result<ExpectationCheck> {
        let find = |name: &Name| table.column(name).ok_or_else(|| no_column(name));
        let ids = |names: &[Name]| {
            names.iter().map(|name| find(name).map(|column| column.id)).collect::<Result<Vec<_>>>()
        };
        Ok(match spec {
            CheckSpec::NotNull(column) => ExpectationCheck::NotNull { column: find(column)?.id },
            CheckSpec::Unique(columns) => ExpectationCheck::Unique { columns: ids(columns)? },
            CheckSpec::AcceptedValues { column, values } => {
                let column = find(column)?;
                let values = values.iter().map(|value| self.constant_of(value, column));
                let values = values.collect::<Result<_>>()?;
                ExpectationCheck::AcceptedValues { column: column.id, values }
            }
            CheckSpec::Range { column, least, most } => {
                let column = find(column)?;
                let (least, most) =
                    (self.constant_of(least, column)?, self.constant_of(most, column)?);
                ExpectationCheck::Range { column: column.id, least, most }
            }
            CheckSpec::Matches { column, pattern } => {
                let column = find(column)?;
                of_type(column, "MATCHES", matches!(column.sql_type, SqlType::Varchar { .. }))?;
                ExpectationCheck::Matches { column: column.id, pattern: pattern.clone() }
            }
            CheckSpec::References { columns, parent, keys } => {
                self.references(table, (columns, parent, keys))?
            }
            CheckSpec::Freshness { column, within } => {
                let column = find(column)?;
                let is_time = matches!(
                    column.sql_type,
                    SqlType::Date | SqlType::TimestampNtz | SqlType::TimestampLtz
                );
                of_type(column, "FRESHNESS", is_time)?;
                ExpectationCheck::Freshness { column: column.id, within_seconds: within.as_secs() }
            }
            CheckSpec::Expression { text, expression } => {
                let columns = self.condition(expression, table)?.columns(table);
                if columns.is_empty() {
                    return Err(Error::new(
                        Code::INVALID_STATEMENT,
                        format!("an expectation reads a column of its table: ({text}) reads none"),
                    ));
                }
                ExpectationCheck::Expression { text: text.clone(), columns }
            }
        })
    }

    /// A constant as the text that casts to the column's type.
    fn constant_of(&self, value: &ast::Expr, column: &ColumnDefinition) -> Result<String> {
        self.constant_text(value, &column.sql_type)?.ok_or_else(|| {
            Error::new(Code::INVALID_VALUE, "an expectation compares with no NULL")
                .with_help("NULL passes every check but NOT NULL")
        })
    }

    fn references(
        &self,
        table: &TableDefinition,
        (columns, parent, keys): (&[Name], &QualifiedName, &[Name]),
    ) -> Result<ExpectationCheck> {
        let found = self.resolver.relation(parent)?;
        let parent = QualifiedName::from_parts(self.resolver.path(found.id()))?;
        let there = self.key_rows(&parent, keys)?;
        let mut ids = Vec::with_capacity(columns.len());
        for (at, name) in columns.iter().enumerate() {
            let column = table.column(name).ok_or_else(|| no_column(name))?;
            let from = icecore_values::sql_type(there.schema().field(at))?;
            if !icecore_values::can_cast(&from, &column.sql_type) {
                return Err(Error::new(
                    Code::TYPE_MISMATCH,
                    format!("REFERENCES of {} to {from}", column.sql_type),
                ));
            }
            ids.push(column.id);
        }
        Ok(ExpectationCheck::References { columns: ids, parent, keys: keys.to_vec() })
    }
}

fn of_type(column: &ColumnDefinition, check: &str, fits: bool) -> Result<()> {
    if fits {
        return Ok(());
    }
    let found = column.sql_type;
    Err(Error::new(Code::TYPE_MISMATCH, format!("{check} of column '{}' {found}", column.name)))
}

/// DROP EXPECTATION.
pub(in crate::statement) fn drop_expectation(
    definition: &mut TableDefinition,
    name: &Name,
    if_exists: bool,
) -> Result<()> {
    match definition.expectations.iter().position(|known| known.name == *name) {
        Some(at) => {
            definition.expectations.remove(at);
            Ok(())
        }
        None if if_exists => Ok(()),
        None => Err(Error::new(
            Code::OPERATION_IMPOSSIBLE,
            format!("expectation '{}' does not exist", name.as_str()),
        )),
    }
}

/// Fails if an expectation reads the column, or only its text does if the
/// column stays.
pub(in crate::statement) fn refuse_use(
    definition: &TableDefinition,
    column: &Name,
    stays: bool,
) -> Result<()> {
    let Some(column) = definition.column(column) else { return Ok(()) };
    let used = definition.expectations.iter().find(|expectation| {
        expectation.check.columns().contains(&column.id)
            && (!stays || expression_of(&expectation.check).is_some())
    });
    match used {
        None => Ok(()),
        Some(expectation) => Err(Error::new(
            Code::INVALID_STATEMENT,
            format!(
                "column '{}' is read by expectation '{}'",
                column.name.as_str(),
                expectation.name.as_str()
            ),
        )
        .with_help("drop the expectation first")),
    }
}
