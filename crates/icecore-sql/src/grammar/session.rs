//! SHOW, USE and SYSTEM$WAIT.

use std::time::Duration;

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::refusal;
use crate::cursor::Cursor;
use crate::{Scope, Show, ShowKind, Use, UseTarget, Wait};

const KINDS: &[(&[&str], ShowKind)] = &[
    (&["TABLES"], ShowKind::Tables),
    (&["DYNAMIC", "TABLES"], ShowKind::DynamicTables),
    (&["VIEWS"], ShowKind::Views),
    (&["OBJECTS"], ShowKind::Objects),
    (&["SCHEMAS"], ShowKind::Schemas),
    (&["DATABASES"], ShowKind::Databases),
    (&["STAGES"], ShowKind::Stages),
    (&["FILE", "FORMATS"], ShowKind::FileFormats),
    (&["PIPES"], ShowKind::Pipes),
    (&["CHANNELS"], ShowKind::Channels),
    (&["COLUMNS"], ShowKind::Columns),
    (&["PARAMETERS"], ShowKind::Parameters),
    (&["WAREHOUSES"], ShowKind::Warehouses),
    (&["SEMANTIC", "VIEWS"], ShowKind::SemanticViews),
    (&["SEMANTIC", "DIMENSIONS"], ShowKind::SemanticDimensions),
    (&["SEMANTIC", "FACTS"], ShowKind::SemanticFacts),
    (&["SEMANTIC", "METRICS"], ShowKind::SemanticMetrics),
    (&["EXPECTATIONS"], ShowKind::Expectations),
    (&["ROLES"], ShowKind::Roles),
    (&["DATABASE", "ROLES"], ShowKind::DatabaseRoles),
    (&["USERS"], ShowKind::Users),
    (&["USER", "PROGRAMMATIC", "ACCESS", "TOKENS"], ShowKind::Tokens),
    (&["USER", "PATS"], ShowKind::Tokens),
    (&["MASKING", "POLICIES"], ShowKind::MaskingPolicies),
    (&["ROW", "ACCESS", "POLICIES"], ShowKind::RowAccessPolicies),
    (&["PROJECTION", "POLICIES"], ShowKind::ProjectionPolicies),
    (&["AGGREGATION", "POLICIES"], ShowKind::AggregationPolicies),
    (&["TAGS"], ShowKind::Tags),
    (&["DATA", "METRIC", "FUNCTIONS"], ShowKind::MetricFunctions),
    (&["NETWORK", "RULES"], ShowKind::NetworkRules),
    (&["NETWORK", "POLICIES"], ShowKind::NetworkPolicies),
];

pub(super) fn show(cursor: &mut Cursor<'_>) -> Result<Show> {
    cursor.expect(&["SHOW"])?;
    let terse = cursor.accept(&["TERSE"]);
    let Some((words, what)) = KINDS.iter().find(|(words, _)| cursor.are_next(words)) else {
        return Err(refusal::object(cursor, "SHOW"));
    };
    cursor.accept(words);
    let history = cursor.accept(&["HISTORY"]);
    refuse_modifiers(*what, terse, history)?;
    let like = cursor.accept(&["LIKE"]).then(|| cursor.string()).transpose()?;
    if *what == ShowKind::Expectations && !cursor.is_next("IN") {
        return Err(cursor.unexpected().with_help("write SHOW EXPECTATIONS IN table"));
    }
    let scope = if *what == ShowKind::Tokens && cursor.accept(&["FOR", "USER"]) {
        Some(Scope::User(cursor.name()?))
    } else {
        cursor.accept(&["IN"]).then(|| scope(cursor, *what)).transpose()?
    };
    let for_metric = for_metric(cursor, *what, scope.as_ref())?;
    let starts_with = cursor.accept(&["STARTS", "WITH"]).then(|| cursor.string()).transpose()?;
    let limit_rows = cursor.accept(&["LIMIT"]).then(|| cursor.integer()).transpose()?;
    let from =
        (limit_rows.is_some() && cursor.accept(&["FROM"])).then(|| cursor.string()).transpose()?;
    Ok(Show { what: *what, terse, history, like, scope, starts_with, limit_rows, from, for_metric })
}

/// FOR METRIC, of SHOW SEMANTIC DIMENSIONS IN a view.
fn for_metric(
    cursor: &mut Cursor<'_>,
    what: ShowKind,
    scope: Option<&Scope>,
) -> Result<Option<QualifiedName>> {
    let named = matches!(scope, Some(Scope::Named(_) | Scope::Table(_)));
    let allowed = what == ShowKind::SemanticDimensions && named;
    (allowed && cursor.accept(&["FOR", "METRIC"])).then(|| cursor.short_name(2)).transpose()
}

fn refuse_modifiers(what: ShowKind, terse: bool, history: bool) -> Result<()> {
    let kept = matches!(what, ShowKind::Tables | ShowKind::Schemas | ShowKind::Databases);
    if history && !kept {
        return Err(Error::unsupported(format_args!("SHOW {} HISTORY", what.sql())));
    }
    let short = kept || matches!(what, ShowKind::Views | ShowKind::Objects);
    if terse && !short {
        return Err(Error::unsupported(format_args!("SHOW TERSE {}", what.sql())));
    }
    Ok(())
}

fn scope(cursor: &mut Cursor<'_>, what: ShowKind) -> Result<Scope> {
    let named = |cursor: &Cursor<'_>| {
        !cursor.is_done() && !cursor.are_next(&["STARTS", "WITH"]) && !cursor.is_next("LIMIT")
    };
    if cursor.accept(&["ACCOUNT"]) {
        return Ok(Scope::Account);
    }
    if what == ShowKind::Parameters && cursor.accept(&["SESSION"]) {
        return Ok(Scope::Session);
    }
    if cursor.accept(&["DATABASE"]) {
        let name = named(cursor).then(|| cursor.name()).transpose()?;
        return Ok(Scope::Database(name));
    }
    if cursor.accept(&["SCHEMA"]) {
        let name = named(cursor).then(|| cursor.short_name(2)).transpose()?;
        return Ok(Scope::Schema(name));
    }
    if cursor.is_next("TABLE") || cursor.is_next("VIEW") {
        cursor.advance();
        return cursor.qualified_name().map(Scope::Table);
    }
    if what == ShowKind::Expectations {
        return cursor.qualified_name().map(Scope::Table);
    }
    let three = matches!(
        what,
        ShowKind::Columns
            | ShowKind::SemanticDimensions
            | ShowKind::SemanticFacts
            | ShowKind::SemanticMetrics
    );
    cursor.short_name(if three { 3 } else { 2 }).map(Scope::Named)
}

pub(super) fn choose(cursor: &mut Cursor<'_>) -> Result<Use> {
    cursor.expect(&["USE"])?;
    const TARGETS: &[(&str, UseTarget, usize)] = &[
        ("DATABASE", UseTarget::Database, 1),
        ("SCHEMA", UseTarget::Schema, 2),
        ("WAREHOUSE", UseTarget::Warehouse, 1),
        ("ROLE", UseTarget::Role, 1),
    ];
    for (word, what, parts) in TARGETS {
        // A database may be called ROLE: then nothing follows it.
        if cursor.is_next(word) && cursor.at() + 1 < cursor.lexemes().len() {
            cursor.advance();
            return Ok(Use { what: *what, name: cursor.short_name(*parts)? });
        }
    }
    let name = cursor.short_name(2)?;
    let what = if name.schema.is_some() { UseTarget::Schema } else { UseTarget::Database };
    Ok(Use { what, name })
}

/// The longest wait: a week.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether the statement is a call of SYSTEM$WAIT and nothing else begins so.
pub(super) fn is_wait(cursor: &Cursor<'_>) -> bool {
    cursor.are_next(&["CALL", "SYSTEM$WAIT"]) || cursor.are_next(&["SELECT", "SYSTEM$WAIT"])
}

pub(super) fn wait(cursor: &mut Cursor<'_>) -> Result<Wait> {
    cursor.advance();
    cursor.expect(&["SYSTEM$WAIT"])?;
    cursor.expect_token(&Token::LParen)?;
    let amount = cursor.integer()?;
    let unit = cursor.accept_token(&Token::Comma).then(|| cursor.string()).transpose()?;
    cursor.expect_token(&Token::RParen)?;
    let micros = match unit.as_deref().unwrap_or("SECONDS").to_uppercase().as_str() {
        "MILLISECONDS" => 1_000,
        "SECONDS" => 1_000_000,
        "MINUTES" => 60_000_000,
        "HOURS" => 3_600_000_000,
        "DAYS" => 86_400_000_000,
        other => {
            let message = format!("SYSTEM$WAIT has no unit '{other}'");
            return Err(Error::new(Code::INVALID_OPTION, message)
                .with_help("DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS"));
        }
    };
    let time = amount.checked_mul(micros).map(Duration::from_micros);
    match time.filter(|time| *time <= LONGEST_WAIT) {
        Some(time) => Ok(Wait { time }),
        None => Err(Error::new(Code::INVALID_OPTION, "SYSTEM$WAIT takes at most 7 days")),
    }
}
