//! Tables and joins.

use icecore_types::{Error, Result};
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableSampleKind, TableWithJoins,
};

use super::refuse;
use crate::relations::{name_of, travel_of};
use crate::{SemanticQuery, StagedTable};

/// The joins of one item of FROM. What is joined is visited by itself.
pub(super) fn joins(table: &TableWithJoins) -> Result<()> {
    let TableWithJoins { relation, joins } = table;
    if let TableFactor::NestedJoin { table_with_joins, .. } = relation {
        self::joins(table_with_joins)?;
    }
    for Join { relation, global, join_operator } in joins {
        if let TableFactor::NestedJoin { table_with_joins, .. } = relation {
            self::joins(table_with_joins)?;
        }
        refuse(*global, "GLOBAL JOIN")?;
        operator(join_operator)?;
    }
    Ok(())
}

fn operator(operator: &JoinOperator) -> Result<()> {
    let name = match operator {
        JoinOperator::Join(_)
        | JoinOperator::Inner(_)
        | JoinOperator::Left(_)
        | JoinOperator::LeftOuter(_)
        | JoinOperator::Right(_)
        | JoinOperator::RightOuter(_)
        | JoinOperator::FullOuter(_)
        | JoinOperator::CrossJoin(JoinConstraint::None) => return Ok(()),
        JoinOperator::CrossJoin(_) => "CROSS JOIN with a condition",
        JoinOperator::AsOf { .. } => "ASOF JOIN",
        JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) | JoinOperator::RightSemi(_) => {
            "SEMI JOIN"
        }
        JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) | JoinOperator::RightAnti(_) => {
            "ANTI JOIN"
        }
        JoinOperator::CrossApply | JoinOperator::OuterApply => "APPLY",
        JoinOperator::StraightJoin(_) => "STRAIGHT_JOIN",
        JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
            "ARRAY JOIN"
        }
    };
    Err(Error::unsupported(name))
}

pub(super) fn factor(factor: &TableFactor) -> Result<()> {
    match factor {
        TableFactor::Table { .. } => table(factor),
        TableFactor::Derived { lateral: _, subquery, alias, sample } => {
            sampled(sample.as_ref())?;
            SemanticQuery::of(subquery)?;
            alias_clause(alias.as_ref())
        }
        TableFactor::TableFunction { expr: _, alias }
        | TableFactor::NestedJoin { table_with_joins: _, alias } => alias_clause(alias.as_ref()),
        TableFactor::Function { name, .. } => {
            Err(Error::unsupported(format_args!("LATERAL {name}(..)")))
        }
        TableFactor::UNNEST { .. } => Err(Error::unsupported("UNNEST")),
        TableFactor::JsonTable { .. } => Err(Error::unsupported("JSON_TABLE")),
        TableFactor::OpenJsonTable { .. } => Err(Error::unsupported("OPENJSON")),
        TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
        TableFactor::Pivot { .. } => Err(Error::unsupported("PIVOT")),
        TableFactor::Unpivot { .. } => Err(Error::unsupported("UNPIVOT")),
        TableFactor::MatchRecognize { .. } => Err(Error::unsupported("MATCH_RECOGNIZE")),
        TableFactor::SemanticView { .. } => {
            Err(Error::unsupported("this form of SEMANTIC_VIEW(..)"))
        }
    }
}

fn table(factor: &TableFactor) -> Result<()> {
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version: _,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = factor
    else {
        return Ok(());
    };
    if let Some(_staged) = StagedTable::of(factor)? {
        refuse(json_path.is_some(), "a path behind a stage")?;
        sampled(sample.as_ref())?;
        return alias_clause(alias.as_ref());
    }
    if args.is_some() {
        return Err(Error::unsupported(format_args!("{name}(..) in FROM"))
            .with_help("a table function is written TABLE(f(..))"));
    }
    refuse(!with_hints.is_empty() || !index_hints.is_empty(), "table hints")?;
    refuse(*with_ordinality, "WITH ORDINALITY")?;
    refuse(!partitions.is_empty(), "PARTITION of a table")?;
    refuse(json_path.is_some(), "a path behind a table")?;
    sampled(sample.as_ref())?;
    alias_clause(alias.as_ref())?;
    name_of(name)?;
    travel_of(factor).map(drop)
}

fn sampled(sample: Option<&TableSampleKind>) -> Result<()> {
    refuse(sample.is_some(), "SAMPLE")
}

fn alias_clause(alias: Option<&TableAlias>) -> Result<()> {
    let Some(TableAlias { explicit: _, name: _, columns, at }) = alias else { return Ok(()) };
    refuse(at.is_some(), "AT behind an alias")?;
    refuse(columns.iter().any(|column| column.data_type.is_some()), "types of an alias's columns")
}
