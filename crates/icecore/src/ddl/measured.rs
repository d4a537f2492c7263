//! Data metric functions, what they measure, and network rules.

use icecore_snapshot::Object;
use icecore_types::{DataMetricFunction, Name, NetworkRuleDefinition, Result, TableDefinition};

use super::words::{Words, comment, quoted};
use crate::statement::measured_name;

pub(super) fn function(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let function: DataMetricFunction = object.body().read()?;
    let columns: Vec<String> = function.columns.iter().map(ToString::to_string).collect();
    Ok(vec![format!(
        "create or replace DATA METRIC FUNCTION {} ({} TABLE ({})) returns NUMBER{} as\n{};",
        words.name(object),
        function.argument,
        columns.join(", "),
        comment(function.comment.as_ref()),
        quoted(&function.body)
    )])
}

/// What measures a table, and when.
pub(super) fn metrics_of(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let table: TableDefinition = object.body().read()?;
    let alter = format!("alter {} {}", object.kind().sql(), words.name(object));
    let mut made = Vec::new();
    if let Some(schedule) = table.metric_schedule {
        let schedule = quoted(&schedule.to_string());
        made.push(format!("{alter} set DATA_METRIC_SCHEDULE = {schedule};"));
    }
    for binding in &table.metrics {
        let function = match binding.source.function() {
            Some(id) => words.name_of(id),
            None => joined(&measured_name(words.resolver.head(), binding.source), "."),
        };
        let columns: Vec<Name> = binding.column_names(&table).cloned().collect();
        let on = format!("DATA METRIC FUNCTION {function} on ({})", joined(&columns, ", "));
        let expectations: String = binding
            .expectations
            .iter()
            .map(|it| format!(" EXPECTATION {} ({})", it.name, it.condition))
            .collect();
        made.push(format!("{alter} add {on}{expectations};"));
        if binding.suspended {
            made.push(format!("{alter} modify {on} suspend;"));
        }
    }
    Ok(made)
}

fn joined(names: &[Name], between: &str) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(between)
}

pub(super) fn network_rule(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let rule: NetworkRuleDefinition = object.body().read()?;
    let values: Vec<String> = rule.values.iter().map(|value| quoted(value)).collect();
    Ok(vec![format!(
        "create or replace NETWORK RULE {} MODE = INGRESS TYPE = {} VALUE_LIST = ({}){};",
        words.name(object),
        rule.family.sql(),
        values.join(", "),
        comment(rule.comment.as_ref())
    )])
}
