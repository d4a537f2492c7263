//! Projection and aggregation policies: where they are declared, and what ALTER
//! does with them.

use icecore_types::{Name, ObjectKind, PolicyReturns, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use crate::cursor::Cursor;
use crate::{GroupsOn, PolicyAction};

const PROJECTION: &[&str] = &["PROJECTION", "POLICY"];
const AGGREGATION: &[&str] = &["AGGREGATION", "POLICY"];

/// `() RETURNS .._CONSTRAINT`.
pub(super) fn returns(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<PolicyReturns> {
    cursor.expect_token(&Token::LParen)?;
    cursor.expect_token(&Token::RParen)?;
    cursor.expect(&["RETURNS"])?;
    if kind == ObjectKind::ProjectionPolicy {
        cursor.expect(&["PROJECTION_CONSTRAINT"])?;
        return Ok(PolicyReturns::Projection);
    }
    cursor.expect(&["AGGREGATION_CONSTRAINT"])?;
    Ok(PolicyReturns::Aggregation)
}

/// Whether `[WITH] PROJECTION POLICY` is next.
pub(super) fn is_projection(cursor: &Cursor<'_>) -> bool {
    cursor.are_next(PROJECTION) || cursor.are_next(&["WITH", "PROJECTION", "POLICY"])
}

pub(super) fn declared_projection(cursor: &mut Cursor<'_>) -> Result<QualifiedName> {
    let _optional = cursor.accept(&["WITH"]);
    cursor.expect(PROJECTION)?;
    cursor.qualified_name()
}

/// Whether `[WITH] AGGREGATION POLICY` is next.
pub(super) fn is_aggregation(cursor: &Cursor<'_>) -> bool {
    cursor.are_next(AGGREGATION) || cursor.are_next(&["WITH", "AGGREGATION", "POLICY"])
}

pub(super) fn declared_aggregation(cursor: &mut Cursor<'_>) -> Result<GroupsOn> {
    let _optional = cursor.accept(&["WITH"]);
    cursor.expect(AGGREGATION)?;
    groups(cursor)
}

fn groups(cursor: &mut Cursor<'_>) -> Result<GroupsOn> {
    let policy = cursor.qualified_name()?;
    let entity = match cursor.accept(&["ENTITY", "KEY"]) {
        true => cursor.names_in_parentheses()?,
        false => Vec::new(),
    };
    Ok(GroupsOn { policy, entity })
}

/// SET or UNSET PROJECTION POLICY of a column, if that is next.
pub(super) fn projection(cursor: &mut Cursor<'_>, column: &Name) -> Result<Option<PolicyAction>> {
    let column = column.clone();
    if cursor.accept(&["UNSET", "PROJECTION", "POLICY"]) {
        return Ok(Some(PolicyAction::UnsetProjection { column }));
    }
    if !cursor.accept(&["SET", "PROJECTION", "POLICY"]) {
        return Ok(None);
    }
    let policy = cursor.qualified_name()?;
    let force = cursor.accept(&["FORCE"]);
    Ok(Some(PolicyAction::SetProjection { column, policy, force }))
}

/// SET or UNSET AGGREGATION POLICY, if that is next.
pub(super) fn aggregation(cursor: &mut Cursor<'_>) -> Result<Option<PolicyAction>> {
    if cursor.accept(&["UNSET", "AGGREGATION", "POLICY"]) {
        return Ok(Some(PolicyAction::UnsetAggregation));
    }
    if !cursor.accept(&["SET", "AGGREGATION", "POLICY"]) {
        return Ok(None);
    }
    let on = groups(cursor)?;
    let force = cursor.accept(&["FORCE"]);
    Ok(Some(PolicyAction::SetAggregation { on, force }))
}
