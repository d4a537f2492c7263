//! What pipes loaded, period by period.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_types::{Code, Error, Name, ObjectId, ObjectKind, Result, SqlType, Timestamp};

use super::functions::{Argument, object, time};
use crate::cells::{Cell, Columns, batch};
use crate::load_history::{FAILED, LoadRow};
use crate::plan::Binder;

const INTEGER: SqlType = SqlType::Integer;

const USAGE: Columns = &[
    ("START_TIME", SqlType::TimestampLtz),
    ("END_TIME", SqlType::TimestampLtz),
    ("PIPE_NAME", SqlType::TEXT),
    ("CREDITS_USED", INTEGER),
    ("BYTES_INSERTED", INTEGER),
    ("FILES_INSERTED", INTEGER),
    ("BYTES_BILLED", INTEGER),
];

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How far back a range may begin.
const OLDEST: Duration = Duration::from_secs(15 * 24 * 60 * 60);
/// How long a range is that has no beginning.
const DEFAULT_RANGE: Duration = Duration::from_secs(10 * 60);

struct Wanted {
    pipe: Option<ObjectId>,
    from: Timestamp,
    to: Timestamp,
}

#[derive(Default)]
struct Usage {
    bytes: u64,
    files: u64,
}

/// PIPE_USAGE_HISTORY: the periods in which files were loaded, oldest first;
/// by one pipe, or by all of them together.
pub(super) fn history(
    arguments: &[Argument],
    binder: &Binder,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let wanted = Wanted::of(arguments, binder)?;
    let step = wanted.step();
    let mut periods: BTreeMap<i64, Usage> = BTreeMap::new();
    for load in binder.session().engine().loads.rows().iter().filter(|load| wanted.takes(load)) {
        let pipe = load.pipe.and_then(|pipe| binder.resolver().head().object(pipe));
        if pipe.is_some_and(|pipe| !binder.resolver().sees(pipe)) {
            continue;
        }
        let at = load.ended.as_micros();
        let usage = periods.entry(at - at.rem_euclid(micros(step))).or_default();
        for file in load.files.iter().filter(|file| file.status != FAILED) {
            usage.bytes = usage.bytes.saturating_add(file.size_bytes.unwrap_or(0));
            usage.files += 1;
        }
    }
    let path = wanted.pipe.map(|pipe| binder.resolver().path(pipe));
    let name = path.map(|path| path.iter().map(Name::to_string).collect::<Vec<_>>().join("."));
    let rows = periods.into_iter().filter(|(_, usage)| usage.files > 0).map(|(start, usage)| {
        let start = Timestamp::from_micros(start);
        vec![
            Cell::Time(start),
            Cell::Time(start.plus(step)),
            Cell::maybe_text(name.clone()),
            Cell::Null,
            Cell::count(usage.bytes),
            Cell::count(usage.files),
            Cell::Null,
        ]
    });
    let rows = batch(USAGE, rows.collect())?;
    Ok((rows.schema(), vec![rows]))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Wanted {
    fn of(arguments: &[Argument], binder: &Binder) -> Result<Self> {
        let (mut pipe, mut from, mut to) = (None, None, None);
        for (name, value) in arguments {
            match name.as_deref() {
                Some("PIPE_NAME") => pipe = Some(object(ObjectKind::Pipe, value, binder)?),
                Some(what @ "DATE_RANGE_START") => from = Some(time(what, value)?),
                Some(what @ "DATE_RANGE_END") => to = Some(time(what, value)?),
                other => {
                    let shown = other.unwrap_or("without a name");
                    return Err(Error::unsupported(format_args!(
                        "argument {shown} of PIPE_USAGE_HISTORY"
                    ))
                    .with_help("there are DATE_RANGE_START, DATE_RANGE_END and PIPE_NAME"));
                }
            }
        }
        let now = binder.session().engine().now();
        let to = to.unwrap_or(now);
        let from = from.unwrap_or_else(|| to.minus(DEFAULT_RANGE));
        if from < now.minus(OLDEST) {
            let message = "the range of PIPE_USAGE_HISTORY begins more than 15 days ago";
            return Err(Error::new(Code::INVALID_ARGUMENT, message));
        }
        Ok(Self { pipe, from, to })
    }

    /// How long the periods are: a range has some tens of them.
    fn step(&self) -> Duration {
        match self.to.since(self.from) {
            range if range <= 4 * HOUR => 5 * MINUTE,
            range if range <= 7 * DAY => HOUR,
            _ => DAY,
        }
    }

    fn takes(&self, load: &LoadRow) -> bool {
        load.pipe.is_some()
            && self.pipe.is_none_or(|wanted| load.pipe == Some(wanted))
            && (self.from..=self.to).contains(&load.ended)
    }
}
