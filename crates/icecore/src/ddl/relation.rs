//! Tables, dynamic tables, views and semantic views.

use icecore_snapshot::Object;
use icecore_types::{
    ColumnDefinition, ColumnId, Error, Name, ObjectKind, RefreshMode, Result,
    SemanticViewDefinition, TableDefinition, TargetLag, ViewDefinition,
};
use regex::Regex;

use crate::plan::stated;

use super::words::{Words, comment, names, quoted, retention};

pub(super) fn table(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let definition: TableDefinition = object.body().read()?;
    let mut lines: Vec<String> = definition.columns.iter().map(column).collect();
    for expectation in &definition.expectations {
        lines.push(format!(
            "EXPECTATION {} CHECK {} ON VIOLATION {}",
            expectation.name,
            expectation.check.sql(&definition),
            expectation.on_violation.sql()
        ));
    }
    Ok(vec![format!(
        "create or replace TABLE {} (\n\t{}\n){}{};",
        words.name(object),
        lines.join(",\n\t"),
        retention(definition.retention_days),
        comment(definition.comment.as_ref())
    )])
}

fn column(column: &ColumnDefinition) -> String {
    let mut text = format!("{} {}", column.name, column.sql_type);
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        text.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(comment) = &column.comment {
        text.push_str(&format!(" COMMENT {}", quoted(comment)));
    }
    text
}

pub(super) fn dynamic(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let definition: TableDefinition = object.body().read()?;
    let dynamic = definition.dynamic.ok_or_else(|| Error::corrupted("no query"))?;
    if dynamic.roll_up.is_some() {
        return Err(Error::unsupported("GET_DDL of a roll-up"));
    }
    let lag = match dynamic.lag {
        TargetLag::Within { seconds } => format!("'{seconds} seconds'"),
        TargetLag::Downstream => "DOWNSTREAM".to_owned(),
    };
    let mode = match dynamic.asked {
        None => "AUTO",
        Some(RefreshMode::Full) => "FULL",
        Some(RefreshMode::Incremental) => "INCREMENTAL",
    };
    let scheduler = if dynamic.unscheduled { " SCHEDULER = DISABLE" } else { "" };
    Ok(vec![format!(
        "create or replace DYNAMIC TABLE {}{} TARGET_LAG = {lag} WAREHOUSE = {}{scheduler} \
         REFRESH_MODE = {mode}{}{} as\n{};",
        words.name(object),
        names(&dynamic.names),
        dynamic.warehouse,
        retention(definition.retention_days),
        comment(definition.comment.as_ref()),
        dynamic.query
    )])
}

pub(super) fn view(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let view: ViewDefinition = object.body().read()?;
    Ok(vec![format!(
        "create or replace {}VIEW {}{}{} as\n{};",
        if view.secure { "SECURE " } else { "" },
        words.name(object),
        names(&view.columns),
        comment(view.comment.as_ref()),
        view.query
    )])
}

/// Its statement under the name that it has now.
pub(super) fn semantic_view(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    const HEAD: &str = r#"(?is)^\s*CREATE\s+(?:OR\s+REPLACE\s+)?SEMANTIC\s+VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:(?:"(?:[^"]|"")*"|[\w$]+)\s*\.\s*){0,2}(?:"(?:[^"]|"")*"|[\w$]+)"#;
    let view: SemanticViewDefinition = object.body().read()?;
    let head = Regex::new(HEAD)
        .map_err(|source| Error::internal("the head of a semantic view").with_source(source))?;
    let body = match head.find(&view.text) {
        Some(found) => view.text.get(found.end()..).unwrap_or_default(),
        None => return Err(Error::unsupported("GET_DDL of a view whose statement has comments")),
    };
    let body = body.trim_end().trim_end_matches(';');
    let mut made = vec![format!("create or replace SEMANTIC VIEW {}{body};", words.name(object))];
    if stated(&view)?.comment != view.comment {
        let set = match &view.comment {
            Some(text) => format!("set COMMENT = {}", quoted(text)),
            None => "unset COMMENT".to_owned(),
        };
        made.push(format!("alter SEMANTIC VIEW {} {set};", words.name(object)));
    }
    Ok(made)
}

/// What attaches the policies of a table or a view.
pub(super) fn policies(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let policies = object.policies()?;
    if policies.is_empty() {
        return Ok(Vec::new());
    }
    let known = columns(object)?;
    let name = |id: &ColumnId| {
        let found = known.iter().find(|(known, _)| known == id);
        found.map_or_else(|| id.stored_name(), |(_, name)| name.to_string())
    };
    let list = |ids: Vec<ColumnId>| ids.iter().map(name).collect::<Vec<_>>().join(", ");
    let alter = format!("alter {} {}", object.kind().sql(), words.name(object));
    let mut made = Vec::new();
    for mask in &policies.masks {
        made.push(format!(
            "{alter} modify column {} set masking policy {} using ({});",
            name(&mask.column),
            words.name_of(mask.policy),
            list(mask.columns().collect())
        ));
    }
    for on in &policies.projections {
        made.push(format!(
            "{alter} modify column {} set projection policy {};",
            name(&on.column),
            words.name_of(on.policy)
        ));
    }
    if let Some(on) = &policies.aggregation {
        let entity = match on.entity.is_empty() {
            true => String::new(),
            false => format!(" entity key ({})", list(on.entity.clone())),
        };
        let policy = words.name_of(on.policy);
        made.push(format!("{alter} set aggregation policy {policy}{entity};"));
    }
    if let Some(on) = &policies.row_access {
        made.push(format!(
            "{alter} add row access policy {} on ({});",
            words.name_of(on.policy),
            list(on.columns.clone())
        ));
    }
    Ok(made)
}

/// The columns that policies and tags may name.
pub(super) fn columns(object: &Object) -> Result<Vec<(ColumnId, Name)>> {
    match object.kind() {
        ObjectKind::View => {
            let names = object.body().read::<ViewDefinition>()?.policy_columns.into_iter();
            let id = |at: usize| ColumnId::new(at as u32 + 1);
            Ok(names.enumerate().map(|(at, name)| (id(at), name)).collect())
        }
        ObjectKind::Table | ObjectKind::DynamicTable => {
            let columns = object.body().read::<TableDefinition>()?.columns.into_iter();
            Ok(columns.map(|column| (column.id, column.name)).collect())
        }
        _ => Ok(Vec::new()),
    }
}
