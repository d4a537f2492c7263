//! CREATE and ALTER DYNAMIC TABLE.

use icecore_types::{Code, Error, Name, ObjectKind, RefreshMode, Result, TargetLag};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::travel::clone_source;
use super::{if_exists, object_name, option, query, table};
use crate::cursor::Cursor;
use crate::{
    AlterDynamicTable, CreateDynamicTable, DynamicAction, DynamicQuery, DynamicSource, OptionValue,
};

/// The shortest lag that can be asked for.
const SHORTEST_LAG_SECONDS: u64 = 60;

/// What CREATE DYNAMIC TABLE may say and the engine does not do.
const REFUSED: &[&[&str]] = &[
    &["CLUSTER", "BY"],
    &["COPY", "GRANTS"],
    &["COPY", "TAGS"],
    &["WITH", "TAG"],
    &["TAG"],
    &["WITH", "ROW", "ACCESS", "POLICY"],
    &["ROW", "ACCESS", "POLICY"],
    &["AGGREGATION", "POLICY"],
    &["REQUIRE", "USER"],
    &["IMMUTABLE", "WHERE"],
    &["BACKFILL", "FROM"],
    &["REFRESH", "USING"],
    &["INITIALIZATION_WAREHOUSE"],
    &["MAX_DATA_EXTENSION_TIME_IN_DAYS"],
    &["EXECUTE", "AS"],
];

pub(super) fn create_dynamic(
    cursor: &mut Cursor<'_>,
    existing: Existing,
) -> Result<CreateDynamicTable> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    let source = if cursor.accept(&["CLONE"]) {
        let kind = ObjectKind::DynamicTable;
        DynamicSource::Clone(Box::new(clone_source(cursor, |cursor| object_name(cursor, kind))?))
    } else {
        DynamicSource::Query(Box::new(dynamic_query(cursor)?))
    };
    Ok(CreateDynamicTable { or_replace: existing.or_replace, if_not_exists, name, source })
}

/// The options, each given at most once.
#[derive(Default)]
struct Given {
    lag: Option<TargetLag>,
    unscheduled: Option<bool>,
    warehouse: Option<Name>,
    refresh_mode: Option<Option<RefreshMode>>,
    on_schedule: Option<bool>,
    retention_days: Option<u32>,
    comment: Option<String>,
}

fn dynamic_query(cursor: &mut Cursor<'_>) -> Result<DynamicQuery> {
    let columns =
        if *cursor.peek() == Token::LParen { table::view_columns(cursor)? } else { Vec::new() };
    let mut given = Given::default();
    while !cursor.is_next("AS") && !cursor.is_next("ROLLUP") {
        given.read(cursor)?;
    }
    let unscheduled = given.unscheduled.unwrap_or(false);
    if given.lag.is_none() && !unscheduled {
        return Err(missing("TARGET_LAG").with_help(
            "write TARGET_LAG = '<n> minutes', TARGET_LAG = DOWNSTREAM or SCHEDULER = DISABLE",
        ));
    }
    let warehouse = given.warehouse.ok_or_else(|| missing("WAREHOUSE"))?;
    let is_roll_up = cursor.accept(&["ROLLUP", "OF", "SEMANTIC", "VIEW"]);
    let roll_up = if is_roll_up { Some(rolled_up(cursor)?) } else { None };
    let (query, query_text) = match &roll_up {
        Some(asked) => {
            let text = format!("SELECT * FROM {asked}");
            (crate::parse_query(&text)?, text)
        }
        None => {
            cursor.expect(&["AS"])?;
            let from = cursor.at();
            (query(cursor)?, cursor.text_since(from).to_owned())
        }
    };
    Ok(DynamicQuery {
        roll_up,
        columns,
        lag: given.lag,
        unscheduled,
        warehouse,
        refresh_mode: given.refresh_mode.flatten(),
        on_schedule: given.on_schedule.unwrap_or(false),
        retention_days: given.retention_days,
        comment: given.comment,
        query,
        query_text,
    })
}

/// `v METRICS .. DIMENSIONS ..` as `SEMANTIC_VIEW(..)`.
fn rolled_up(cursor: &mut Cursor<'_>) -> Result<String> {
    let from = cursor.at();
    while !cursor.is_done() {
        // They could end the call that is put around them.
        if matches!(cursor.peek(), Token::LParen | Token::RParen) {
            return Err(cursor.unexpected().with_help("a roll-up lists names"));
        }
        cursor.advance();
    }
    Ok(format!("SEMANTIC_VIEW({}\n)", cursor.text_since(from)))
}

impl Given {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        if let Some(clause) = REFUSED.iter().find(|clause| cursor.are_next(clause)) {
            let clause = clause.join(" ");
            return Err(Error::unsupported(format_args!("CREATE DYNAMIC TABLE .. {clause}")));
        }
        let word = cursor.peek_word().unwrap_or_default().to_owned();
        let again = match word.as_str() {
            "TARGET_LAG" => self.lag.is_some(),
            "SCHEDULER" => self.unscheduled.is_some(),
            "WAREHOUSE" => self.warehouse.is_some(),
            "REFRESH_MODE" => self.refresh_mode.is_some(),
            "INITIALIZE" => self.on_schedule.is_some(),
            "DATA_RETENTION_TIME_IN_DAYS" => self.retention_days.is_some(),
            "COMMENT" => self.comment.is_some(),
            _ => return Err(cursor.unexpected()),
        };
        if again {
            return Err(cursor.unexpected().with_help("an option is given once"));
        }
        let key = option::key(cursor)?;
        match key.as_str() {
            "TARGET_LAG" => self.lag = Some(target_lag(cursor)?),
            "SCHEDULER" => {
                self.unscheduled = Some(one_of(cursor, &key, &["ENABLE", "DISABLE"])? == 1);
            }
            "WAREHOUSE" => self.warehouse = Some(cursor.name()?),
            "REFRESH_MODE" => self.refresh_mode = Some(refresh_mode(cursor)?),
            "INITIALIZE" => {
                self.on_schedule = Some(one_of(cursor, &key, &["ON_CREATE", "ON_SCHEDULE"])? == 1);
            }
            "COMMENT" => self.comment = Some(cursor.string()?),
            _ => self.retention_days = Some(option::retention(cursor)?),
        }
        Ok(())
    }
}

fn missing(option: &str) -> Error {
    Error::new(Code::INVALID_OPTION, format!("a dynamic table needs {option}"))
}

/// Which of the words the option's value is.
fn one_of(cursor: &mut Cursor<'_>, key: &str, words: &[&str]) -> Result<usize> {
    let value = option::value(cursor)?;
    let OptionValue::Word(word) = &value else {
        return Err(option::invalid(key, &value, &format!("write {}", words.join(" or "))));
    };
    words
        .iter()
        .position(|known| word.eq_ignore_ascii_case(known))
        .ok_or_else(|| option::invalid(key, &value, &format!("write {}", words.join(" or "))))
}

fn refresh_mode(cursor: &mut Cursor<'_>) -> Result<Option<RefreshMode>> {
    const MODES: [&str; 5] = ["AUTO", "FULL", "INCREMENTAL", "ADAPTIVE", "CUSTOM_INCREMENTAL"];
    match one_of(cursor, "REFRESH_MODE", &MODES)? {
        0 => Ok(None),
        1 => Ok(Some(RefreshMode::Full)),
        2 => Ok(Some(RefreshMode::Incremental)),
        3 => Err(Error::unsupported("REFRESH_MODE = ADAPTIVE")),
        _ => Err(Error::unsupported("REFRESH_MODE = CUSTOM_INCREMENTAL")),
    }
}

/// `'<n> seconds'`, minutes, hours, days, or DOWNSTREAM.
fn target_lag(cursor: &mut Cursor<'_>) -> Result<TargetLag> {
    let value = option::value(cursor)?;
    let text = match &value {
        OptionValue::Word(word) if word.eq_ignore_ascii_case("DOWNSTREAM") => {
            return Ok(TargetLag::Downstream);
        }
        OptionValue::Text(text) => text,
        _ => return Err(no_lag(&value)),
    };
    if text.eq_ignore_ascii_case("DOWNSTREAM") {
        return Ok(TargetLag::Downstream);
    }
    let mut words = text.split_whitespace();
    let (Some(count), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(no_lag(&value));
    };
    let size = match unit.to_ascii_lowercase().as_str() {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return Err(no_lag(&value)),
    };
    let count: u32 = count.parse().map_err(|_| no_lag(&value))?;
    let seconds = u64::from(count) * size;
    if seconds < SHORTEST_LAG_SECONDS {
        return Err(option::invalid("TARGET_LAG", &value, "the shortest is 60 seconds"));
    }
    Ok(TargetLag::Within { seconds })
}

fn no_lag(value: &OptionValue) -> Error {
    let help = "write '<n> seconds', '<n> minutes', '<n> hours', '<n> days' or DOWNSTREAM";
    option::invalid("TARGET_LAG", value, help)
}

pub(super) fn alter_dynamic(cursor: &mut Cursor<'_>) -> Result<AlterDynamicTable> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    let action = if cursor.accept(&["REFRESH"]) {
        if cursor.are_next(&["COPY", "SESSION"]) {
            return Err(Error::unsupported("ALTER DYNAMIC TABLE .. REFRESH COPY SESSION"));
        }
        DynamicAction::Refresh
    } else if cursor.accept(&["SUSPEND"]) {
        DynamicAction::Suspend
    } else if cursor.accept(&["RESUME"]) {
        DynamicAction::Resume
    } else if cursor.accept(&["RENAME", "TO"]) {
        DynamicAction::Rename(cursor.qualified_name()?)
    } else if cursor.accept(&["SWAP", "WITH"]) {
        DynamicAction::SwapWith(cursor.qualified_name()?)
    } else if cursor.accept(&["SET"]) {
        set(cursor)?
    } else if cursor.accept(&["UNSET"]) {
        unset(cursor)?
    } else {
        return Err(unknown_action(cursor));
    };
    if !cursor.is_done() {
        return Err(cursor.unexpected().with_help("ALTER does one thing at a time"));
    }
    Ok(AlterDynamicTable { name, if_exists, action })
}

fn unknown_action(cursor: &Cursor<'_>) -> Error {
    match cursor.peek_word() {
        Some(word @ ("CLUSTER" | "ADD" | "DROP" | "ALTER" | "MODIFY")) => {
            Error::unsupported(format_args!("ALTER DYNAMIC TABLE .. {word}"))
        }
        _ => cursor.unexpected(),
    }
}

fn set(cursor: &mut Cursor<'_>) -> Result<DynamicAction> {
    if *cursor.peek_at(1) != Token::Eq {
        return Err(cursor.unexpected());
    }
    match option::key(cursor)?.as_str() {
        "TARGET_LAG" => target_lag(cursor).map(DynamicAction::SetLag),
        "WAREHOUSE" => cursor.name().map(DynamicAction::SetWarehouse),
        "COMMENT" => cursor.string().map(|text| DynamicAction::SetComment(Some(text))),
        "DATA_RETENTION_TIME_IN_DAYS" => {
            option::retention(cursor).map(|days| DynamicAction::SetRetention(Some(days)))
        }
        other => Err(Error::unsupported(format_args!("ALTER DYNAMIC TABLE .. SET {other}"))),
    }
}

fn unset(cursor: &mut Cursor<'_>) -> Result<DynamicAction> {
    let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
    cursor.advance();
    match key.as_str() {
        "COMMENT" => Ok(DynamicAction::SetComment(None)),
        "DATA_RETENTION_TIME_IN_DAYS" => Ok(DynamicAction::SetRetention(None)),
        other => Err(Error::unsupported(format_args!("ALTER DYNAMIC TABLE .. UNSET {other}"))),
    }
}
