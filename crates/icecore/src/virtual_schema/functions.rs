//! Table functions.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use datafusion::scalar::ScalarValue;
use icecore_exec::from_datafusion;
use icecore_governance::Verb;
use icecore_types::{
    Code, Error, ObjectId, ObjectKind, QualifiedName, QueryId, Result, SqlType, Timestamp,
};

use super::{
    INFORMATION_SCHEMA, LOCAL, Listing, SNOWFLAKE, graph, lineage, loads, logins, measurements,
    pipe_usage, policies, queries, refreshes, tags,
};
use crate::cells::{Cell, Columns, batch};
use crate::plan::Binder;
use crate::statement::{named_table, refuse_under_policy};

/// An argument: its name, if it was given, and its value.
pub(crate) type Argument = (Option<String>, ScalarValue);

/// How many statements QUERY_HISTORY() returns if it is not told.
const DEFAULT_LIMIT: usize = 100;

/// The rows that a table function returns.
///
/// # Errors
/// `InvalidInput` for a function that is not there, or wrong arguments.
pub(crate) fn function(
    name: &QualifiedName,
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let schema = name.schema.as_ref().map(|schema| schema.as_str());
    if is_get_lineage(name) {
        return lineage::get_lineage(arguments, binder);
    }
    match (schema, name.name.as_str()) {
        (None, "RESULT_SCAN") => result_scan(arguments, binder),
        (None, "GENERATOR") => generator(arguments),
        (None, "EXPECTATION_RESULTS") => expectation_results(arguments, binder),
        (Some(INFORMATION_SCHEMA), "QUERY_HISTORY") => query_history(arguments, binder),
        (Some(INFORMATION_SCHEMA), "LOGIN_HISTORY") => logins::history(arguments, binder, false),
        (Some(INFORMATION_SCHEMA), "LOGIN_HISTORY_BY_USER") => {
            logins::history(arguments, binder, true)
        }
        (Some(INFORMATION_SCHEMA), "DYNAMIC_TABLE_REFRESH_HISTORY") => {
            refreshes::history(arguments, binder)
        }
        (Some(INFORMATION_SCHEMA), "DYNAMIC_TABLE_GRAPH_HISTORY") => {
            graph::history(arguments, binder)
        }
        (Some(INFORMATION_SCHEMA), "COPY_HISTORY") => loads::copy_history(arguments, binder),
        (Some(INFORMATION_SCHEMA), "TAG_REFERENCES") => tags::references(arguments, binder),
        (Some(INFORMATION_SCHEMA), "TAG_REFERENCES_ALL_COLUMNS") => {
            tags::of_all_columns(arguments, binder)
        }
        (Some(INFORMATION_SCHEMA), "POLICY_REFERENCES") => policies::references(arguments, binder),
        (Some(INFORMATION_SCHEMA), "DATA_METRIC_FUNCTION_REFERENCES") => {
            measurements::references(arguments, binder)
        }
        (Some(LOCAL), "DATA_QUALITY_MONITORING_RESULTS") => {
            measurements::of_table(arguments, binder)
        }
        (Some(INFORMATION_SCHEMA), "PIPE_USAGE_HISTORY") => pipe_usage::history(arguments, binder),
        _ => Err(Error::new(Code::UNKNOWN_FUNCTION, format!("unknown table function {name}"))
            .with_help(
                "there are RESULT_SCAN, GENERATOR, VALIDATE, QUARANTINE, \
                 EXPECTATION_RESULTS, and in INFORMATION_SCHEMA QUERY_HISTORY, LOGIN_HISTORY, \
                 LOGIN_HISTORY_BY_USER, COPY_HISTORY, \
                 PIPE_USAGE_HISTORY, POLICY_REFERENCES, TAG_REFERENCES, \
                 TAG_REFERENCES_ALL_COLUMNS, DATA_METRIC_FUNCTION_REFERENCES, \
                 DYNAMIC_TABLE_REFRESH_HISTORY and \
                 DYNAMIC_TABLE_GRAPH_HISTORY; and SNOWFLAKE.CORE.GET_LINEAGE",
            )),
    }
}

/// `SNOWFLAKE.CORE.GET_LINEAGE`.
fn is_get_lineage(name: &QualifiedName) -> bool {
    let containers = [&name.database, &name.schema].map(|name| name.as_ref().map(|it| it.as_str()));
    containers == [Some(SNOWFLAKE), Some("CORE")] && name.name.as_str() == "GET_LINEAGE"
}

/// An argument that is a text.
pub(super) fn text(value: &ScalarValue) -> Result<String> {
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => Ok(text),
        _ => Err(Error::new(Code::INVALID_ARGUMENT, format!("not a name: {value}"))),
    }
}

/// Texts by the names of their arguments, each given at most once and no other;
/// `None` if the arguments are others.
pub(super) fn named_texts<const N: usize>(
    arguments: &[Argument],
    names: [&str; N],
) -> Result<Option<[Option<String>; N]>> {
    let mut found = [const { None }; N];
    for (name, value) in arguments {
        let name = name.as_deref().map(str::to_uppercase);
        let slot = names.iter().zip(&mut found).find(|(known, _)| Some(**known) == name.as_deref());
        match slot {
            Some((_, slot @ None)) => *slot = Some(text(value)?),
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The object that an argument names.
pub(super) fn object(kind: ObjectKind, value: &ScalarValue, binder: &Binder) -> Result<ObjectId> {
    let resolver = binder.resolver();
    let object = resolver.object(kind, &QualifiedName::parse(&text(value)?)?)?;
    resolver.act(Verb::Show, object);
    Ok(object.id())
}

/// An argument that is a time.
pub(super) fn time(what: &str, value: &ScalarValue) -> Result<Timestamp> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    match value.cast_to(&utc) {
        Ok(ScalarValue::TimestampMicrosecond(Some(micros), _)) => {
            Ok(Timestamp::from_micros(micros))
        }
        _ => Err(Error::new(Code::INVALID_ARGUMENT, format!("{what} is not a time: {value}"))),
    }
}

const EXPECTATION_RESULTS: Columns = &[
    ("MEASURED_AT", SqlType::TimestampLtz),
    ("QUERY_ID", SqlType::TEXT),
    ("EXPECTATION", SqlType::TEXT),
    ("ROWS_JUDGED", SqlType::Integer),
    ("ROWS_VIOLATING", SqlType::Integer),
    ("ACTION_TAKEN", SqlType::TEXT),
];

/// How the expectations of a table fared, oldest first.
fn expectation_results(
    arguments: &[Argument],
    binder: &Binder,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let table = named_table(arguments, binder.resolver(), "EXPECTATION_RESULTS")?;
    binder.resolver().act(Verb::Select, table);
    // How many rows are what is a thing that their policies hide.
    refuse_under_policy(binder.resolver(), table, "EXPECTATION_RESULTS of")?;
    let results = binder.session().engine().expectations.of(table.id());
    let rows = results.iter().map(|row| {
        let measured = &row.measurement;
        vec![
            Cell::Time(row.measured_at),
            Cell::maybe_text(row.query_id.map(|id| id.to_string())),
            Cell::text(measured.expectation.as_str()),
            Cell::count(measured.rows_judged),
            Cell::count(measured.rows_violating),
            Cell::maybe_text(measured.action.map(|action| action.sql())),
        ]
    });
    let rows = batch(EXPECTATION_RESULTS, rows.collect())?;
    Ok((rows.schema(), vec![rows]))
}

fn result_scan(arguments: &[Argument], binder: &Binder) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let invalid = || {
        Error::new(
            Code::INVALID_ARGUMENT,
            "invalid argument [invalid job UUID provided] for table function: the argument is \
             required to be a constant",
        )
    };
    let [(None, value)] = arguments else { return Err(invalid()) };
    let ScalarValue::Utf8View(Some(text)) =
        value.cast_to(&DataType::Utf8View).map_err(from_datafusion)?
    else {
        return Err(invalid());
    };
    let id: QueryId = text.parse().map_err(|_| invalid())?;
    let result = binder.session().shared().result(id).ok_or_else(|| {
        Error::new(Code::STATEMENT_NOT_FOUND, format!("no result is kept of statement {id}"))
            .with_help("only the session that ran it keeps it, while there is room, if it was read to its end")
    })?;
    Ok((result.schema, result.batches))
}

/// Rows without columns: SEQ4() and ROW_NUMBER() fill them.
fn generator(arguments: &[Argument]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    const BATCH_ROWS: u64 = 8192;
    const MOST_ROWS: u64 = 1_000_000_000;
    let invalid = || {
        Error::new(Code::INVALID_ARGUMENT, "GENERATOR takes ROWCOUNT => n")
            .with_help(format!("n is from 0 to {MOST_ROWS}"))
    };
    let [(Some(name), value)] = arguments else { return Err(invalid()) };
    let value = value.cast_to(&DataType::UInt64).map_err(|_| invalid())?;
    let ("ROWCOUNT", ScalarValue::UInt64(Some(rows @ 0..=MOST_ROWS))) = (name.as_str(), value)
    else {
        return Err(invalid());
    };
    let schema = Arc::new(Schema::empty());
    let batch = |rows: u64| {
        let options = RecordBatchOptions::new().with_row_count(Some(rows as usize));
        RecordBatch::try_new_with_options(Arc::clone(&schema), Vec::new(), &options)
            .map_err(|source| Error::internal("rows without columns").with_source(source))
    };
    let starts = (0..rows).step_by(BATCH_ROWS as usize);
    let batches = starts.map(|start| batch(BATCH_ROWS.min(rows - start))).collect::<Result<_>>()?;
    Ok((schema, batches))
}

fn query_history(arguments: &[Argument], binder: &Binder) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut limit = DEFAULT_LIMIT;
    for (name, value) in arguments {
        match (name.as_deref(), value.cast_to(&DataType::UInt64).map_err(from_datafusion)?) {
            (Some("RESULT_LIMIT"), ScalarValue::UInt64(Some(rows))) => {
                limit = usize::try_from(rows).unwrap_or(usize::MAX);
            }
            _ => {
                let shown = name.as_deref().unwrap_or("without a name");
                return Err(Error::unsupported(format_args!("argument {shown} of QUERY_HISTORY"))
                    .with_help("RESULT_LIMIT => n is what there is"));
            }
        }
    }
    let state = &binder.session().engine().template;
    let rows = queries::history(&Listing { binder, state, database: None }, limit)?;
    Ok((rows.schema(), vec![rows]))
}
