//! Measuring a table by one of its functions: one query, as the table's owner.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use icecore_snapshot::{Head, Object};
use icecore_types::{Error, MetricBinding, Name, Result, TableDefinition};

use super::measured_name;
use crate::engine::Engine;
use crate::session::SessionBuilder;
use crate::statement::path;

/// What was measured.
pub(crate) struct Measured {
    /// None of an empty table for what has no number then.
    pub(crate) value: Option<f64>,
    /// Of each expectation whether it was violated; none without a value.
    pub(crate) violated: Vec<Option<bool>>,
}

/// The number that a function gives, and how it is beside what is expected.
///
/// # Errors
/// Those of the query: the owner may have lost the right to use the function.
pub(crate) async fn measure(
    engine: &Arc<Engine>,
    head: &Head,
    (table, binding): (&Object, &MetricBinding),
) -> Result<Measured> {
    let session = SessionBuilder::new(Arc::clone(engine)).owner(table.owner()).await?;
    let rows = session.execute(&query(head, table, binding)?).await?.collect().await?;
    let row = rows.into_iter().find(|batch| batch.num_rows() > 0);
    let row = row.ok_or_else(|| Error::internal("a measurement without a row"))?;
    let value = row.column(0).as_primitive::<Float64Type>();
    let violated = row.columns().iter().skip(1).map(|column| {
        let column = column.as_boolean();
        column.is_valid(0).then(|| column.value(0))
    });
    let violated = violated.collect();
    Ok(Measured { value: value.is_valid(0).then(|| value.value(0)), violated })
}

fn query(head: &Head, table: &Object, binding: &MetricBinding) -> Result<String> {
    let definition: TableDefinition = table.body().read()?;
    let columns: Vec<Name> = binding.column_names(&definition).cloned().collect();
    let columns = if columns.is_empty() { "1 AS n".to_owned() } else { joined(&columns, ", ") };
    let function = joined(&measured_name(head, binding.source), ".");
    let table = joined(&path(head, table.id()), ".");
    let violations: String =
        binding.expectations.iter().map(|it| format!(", NOT ({})", it.condition)).collect();
    Ok(format!(
        "SELECT value::FLOAT{violations} \
         FROM (SELECT {function}(SELECT {columns} FROM {table}) AS value)"
    ))
}

fn joined(names: &[Name], between: &str) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}
