//! What dynamic tables were made of, and how they were kept, over time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_snapshot::{Head, Object};
use icecore_types::{
    Code, DynamicDefinition, Error, Name, ObjectId, Result, SqlType, TargetLag, Timestamp, Version,
};

use super::functions::{Argument, time};
use crate::cells::{Cell, Columns, batch};
use crate::plan::Binder;
use crate::statement::{Resolver, dynamic_of, path};

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const GRAPH: Columns = &[
    ("NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("DATABASE_NAME", TEXT),
    ("QUALIFIED_NAME", TEXT),
    ("INPUTS", TEXT),
    ("TARGET_LAG_TYPE", TEXT),
    ("TARGET_LAG_SEC", SqlType::Integer),
    ("QUERY_TEXT", TEXT),
    ("VALID_FROM", TIME),
    ("VALID_TO", TIME),
    ("SCHEDULING_STATE", TEXT),
    ("ALTER_TRIGGER", TEXT),
];

/// How long a description is shown that is no more true.
const SHOWN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Dynamic tables of dynamic tables, at most.
const MAX_DEPTH: usize = 256;

/// Which moments are asked for.
enum Wanted {
    /// What is true now.
    Present,
    AsOf(Timestamp),
    Range {
        from: Timestamp,
        to: Option<Timestamp>,
    },
}

/// What is said of a dynamic table.
#[derive(Clone, PartialEq, Eq)]
struct Description {
    path: Vec<Name>,
    /// Of each its kind and name; nothing of what was not refreshed yet.
    inputs: Option<BTreeSet<(String, &'static str)>>,
    lag: Option<TargetLag>,
    query: String,
    warehouse: Name,
    /// Why it is suspended.
    suspended: Option<&'static str>,
}

/// A description, and from when to when it is true.
struct Period {
    is: Description,
    from: Timestamp,
    to: Option<Timestamp>,
    triggers: Vec<&'static str>,
}

/// DYNAMIC_TABLE_GRAPH_HISTORY: by name, then the newest first.
pub(super) fn history(
    arguments: &[Argument],
    binder: &Binder,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let wanted = Wanted::of(arguments)?;
    let head = binder.resolver().head();
    let oldest = binder.session().engine().now().minus(SHOWN);
    let mut found = Vec::new();
    for object in head.objects().filter(|object| binder.resolver().sees(object)) {
        let periods = periods_of(head, object.id());
        let periods = periods
            .into_iter()
            .filter(|period| period.to.is_none_or(|to| to >= oldest) && wanted.takes(period));
        found.extend(periods);
    }
    found.sort_by(|a, b| a.is.path.cmp(&b.is.path).then(b.from.cmp(&a.from)));
    let rows = found.into_iter().map(|period| cells_of(head, &period)).collect();
    let rows = batch(GRAPH, rows)?;
    Ok((rows.schema(), vec![rows]))
}

impl Wanted {
    fn of(arguments: &[Argument]) -> Result<Self> {
        let (mut as_of, mut from, mut to) = (None, None, None);
        for (name, value) in arguments {
            match name.as_deref() {
                Some(what @ "AS_OF") => as_of = Some(time(what, value)?),
                Some(what @ "HISTORY_START") => from = Some(time(what, value)?),
                Some(what @ "HISTORY_END") => to = Some(time(what, value)?),
                other => {
                    let shown = other.unwrap_or("without a name");
                    return Err(Error::unsupported(format_args!(
                        "argument {shown} of DYNAMIC_TABLE_GRAPH_HISTORY"
                    ))
                    .with_help("there are AS_OF, HISTORY_START and HISTORY_END"));
                }
            }
        }
        match (as_of, from, to) {
            (None, None, None) => Ok(Self::Present),
            (Some(at), None, None) => Ok(Self::AsOf(at)),
            (None, Some(from), to) => Ok(Self::Range { from, to }),
            _ => Err(Error::new(
                Code::INVALID_ARGUMENT,
                "DYNAMIC_TABLE_GRAPH_HISTORY takes AS_OF, or HISTORY_START with or without \
                 HISTORY_END",
            )),
        }
    }

    fn takes(&self, period: &Period) -> bool {
        match self {
            Self::Present => period.to.is_none(),
            Self::AsOf(at) => period.from <= *at && period.to.is_none_or(|to| *at < to),
            Self::Range { from, to } => {
                period.to.is_none_or(|end| *from < end) && to.is_none_or(|to| period.from <= to)
            }
        }
    }
}

/// The periods of an object that is, or was, a dynamic table: oldest first.
/// Refreshes that change nothing of the graph begin none.
fn periods_of(head: &Arc<Head>, table: ObjectId) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for (version, at) in moments(head, table) {
        let last = periods.last_mut().filter(|period| period.to.is_none());
        let is = describe(head, table, version);
        match (last, is) {
            (None, None) => {}
            (None, Some(is)) => {
                let triggers = vec!["CREATE_DYNAMIC_TABLE"];
                periods.push(Period { is, from: at, to: None, triggers });
            }
            (Some(last), None) => last.to = Some(at),
            (Some(last), Some(mut is)) => {
                // The first refresh says what it was made of all the time.
                if last.is.inputs.is_none() {
                    last.is.inputs.clone_from(&is.inputs);
                }
                if is.inputs.is_none() {
                    is.inputs.clone_from(&last.is.inputs);
                }
                if last.is != is {
                    last.to = Some(at);
                    let triggers = triggers(&last.is, &is);
                    periods.push(Period { is, from: at, to: None, triggers });
                }
            }
        }
    }
    periods
}

/// When a dynamic table, or one that it was ever made of, was changed.
fn moments(head: &Head, table: ObjectId) -> BTreeSet<(Version, Timestamp)> {
    let (mut moments, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), vec![table]);
    while let Some(id) = next.pop() {
        let mut state = head.object(id).filter(|_| seen.insert(id));
        while let Some(object) = state {
            if let Some(dynamic) = dynamic_of(object) {
                next.extend(inputs(&dynamic));
                moments.insert((object.changed(), object.changed_at()));
            } else if !object.is_live() {
                moments.insert((object.changed(), object.changed_at()));
            }
            let before = object.changed().get().checked_sub(1);
            state = before.and_then(|before| head.object_at(id, Version::new(before)));
        }
    }
    moments
}

fn inputs(dynamic: &DynamicDefinition) -> impl Iterator<Item = ObjectId> {
    dynamic.frontier.iter().flat_map(|frontier| &frontier.inputs).map(|input| input.id)
}

/// What was true of a dynamic table at a version; nothing if it was none.
fn describe(head: &Arc<Head>, table: ObjectId, version: Version) -> Option<Description> {
    let object = head.object_at(table, version)?;
    let dynamic = dynamic_of(object)?;
    let own = dynamic.suspended.map(|suspension| suspension.by.code());
    let upstream = || {
        let mut above = inputs(&dynamic);
        above.any(|id| suspended(head, id, version, MAX_DEPTH)).then_some("UPSTREAM_SUSPENDED")
    };
    Some(Description {
        path: path_at(head, object, version),
        inputs: dynamic.frontier.as_ref().map(|_| named(head, inputs(&dynamic), version)),
        lag: (!dynamic.unscheduled).then_some(dynamic.lag),
        suspended: own.or_else(upstream),
        query: dynamic.query,
        warehouse: dynamic.warehouse,
    })
}

fn suspended(head: &Head, table: ObjectId, version: Version, depth: usize) -> bool {
    let Some(dynamic) = head.object_at(table, version).and_then(dynamic_of) else { return false };
    dynamic.suspended.is_some()
        || depth > 0 && inputs(&dynamic).any(|id| suspended(head, id, version, depth - 1))
}

fn path_at(head: &Head, object: &Object, version: Version) -> Vec<Name> {
    let mut path = vec![object.name().clone()];
    let mut parent = object.parent();
    while let Some(object) = parent.and_then(|id| head.object_at(id, version)) {
        path.push(object.name().clone());
        parent = object.parent();
    }
    path.reverse();
    path
}

fn named(
    head: &Head,
    inputs: impl Iterator<Item = ObjectId>,
    version: Version,
) -> BTreeSet<(String, &'static str)> {
    let objects = inputs.filter_map(|id| head.object_at(id, version));
    objects.map(|object| (dotted(&path_at(head, object, version)), object.kind().sql())).collect()
}

/// Why a description follows another one.
fn triggers(before: &Description, after: &Description) -> Vec<&'static str> {
    let mut triggers = Vec::new();
    if before.lag != after.lag {
        triggers.push("ALTER_TARGET_LAG");
    }
    if before.warehouse != after.warehouse {
        triggers.push("ALTER_WAREHOUSE");
    }
    match (before.suspended, after.suspended) {
        (None, Some(_)) => triggers.push("SUSPEND"),
        (Some(_), None) => triggers.push("RESUME"),
        _ => {}
    }
    if triggers.is_empty() {
        triggers.push("NONE");
    }
    triggers
}

/// What a query names, where nothing is known of what it read.
fn named_by(head: &Arc<Head>, is: &Description) -> BTreeSet<(String, &'static str)> {
    let relations = icecore_sql::parse_query(&is.query)
        .and_then(|query| icecore_sql::relations_of_query(&query))
        .unwrap_or_default();
    let (database, schema) = (is.path.first().cloned(), is.path.get(1).cloned());
    let resolver = Resolver::new(Arc::clone(head), database, schema);
    let objects = relations.iter().filter_map(|relation| resolver.relation(&relation.name).ok());
    objects.map(|object| (dotted(&path(head, object.id())), object.kind().sql())).collect()
}

fn dotted(path: &[Name]) -> String {
    path.iter().map(Name::to_string).collect::<Vec<_>>().join(".")
}

fn cells_of(head: &Arc<Head>, period: &Period) -> Vec<Cell> {
    let is = &period.is;
    let part = |at: usize| Cell::maybe_text(is.path.get(at).map(Name::as_str));
    let inputs = is.inputs.clone().unwrap_or_else(|| named_by(head, is));
    let inputs = inputs.iter().map(|(name, kind)| serde_json::json!({"name": name, "kind": kind}));
    let lag_type = is.lag.map(|lag| match lag {
        TargetLag::Downstream => "DOWNSTREAM",
        TargetLag::Within { .. } => "USER_DEFINED",
    });
    let seconds = is.lag.and_then(TargetLag::duration).map(|lag| lag.as_secs());
    let state = match is.suspended {
        None => serde_json::json!({"state": "ACTIVE"}),
        Some(why) => serde_json::json!({"state": "SUSPENDED", "reason_code": why}),
    };
    vec![
        part(2),
        part(1),
        part(0),
        Cell::text(dotted(&is.path)),
        Cell::text(serde_json::Value::Array(inputs.collect()).to_string()),
        Cell::maybe_text(lag_type),
        seconds.map_or(Cell::Null, Cell::count),
        Cell::text(&is.query),
        Cell::Time(period.from),
        Cell::maybe_time(period.to),
        Cell::text(state.to_string()),
        Cell::text(serde_json::json!(period.triggers).to_string()),
    ]
}
