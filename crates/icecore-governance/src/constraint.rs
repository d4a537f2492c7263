//! Which projection and aggregation policies may be attached where.

use icecore_types::{Aggregated, Code, Error, Name, ObjectId, Projected, Result, TableDefinition};

use crate::policy::{column_of, once};

/// Puts a projection policy on a column; with `force` instead of the one that is
/// there.
///
/// # Errors
/// `AlreadyExists` if it has one; `InvalidInput` for a column that is not there.
///
/// ```
/// use icecore_governance::set_projection;
/// use icecore_types::{Name, ObjectId, TableDefinition};
/// let mut table = TableDefinition::default();
/// let policy = ObjectId::from_bits(1);
/// let error = set_projection(&mut table, policy, &Name::unquoted("a"), false).unwrap_err();
/// assert_eq!(error.message(), "invalid identifier 'A'");
/// ```
pub fn set_projection(
    table: &mut TableDefinition,
    policy: ObjectId,
    column: &Name,
    force: bool,
) -> Result<()> {
    let id = column_of(table, column)?.id;
    let on = Projected { column: id, policy };
    match table.policies.projections.iter_mut().find(|on| on.column == id) {
        None => table.policies.projections.push(on),
        Some(there) if force => *there = on,
        Some(_) => {
            let what = format!("column '{column}' already has a projection policy");
            return Err(Error::new(Code::ALREADY_EXISTS, what).with_help(
                "FORCE puts this one in its place, UNSET PROJECTION POLICY takes it off",
            ));
        }
    }
    Ok(())
}

/// Takes the projection policy off a column.
///
/// # Errors
/// `NotFound` if it has none.
pub fn unset_projection(table: &mut TableDefinition, column: &Name) -> Result<()> {
    let id = column_of(table, column)?.id;
    let before = table.policies.projections.len();
    table.policies.projections.retain(|on| on.column != id);
    if table.policies.projections.len() == before {
        let what = format!("column '{column}' has no projection policy");
        return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what));
    }
    Ok(())
}

/// Puts an aggregation policy on a table, whose rows are about what `entity`
/// says; with `force` instead of the one that is there.
///
/// # Errors
/// `AlreadyExists` if it has one; `InvalidInput` for a column that is not there
/// or stands twice.
pub fn set_aggregation(
    table: &mut TableDefinition,
    policy: ObjectId,
    entity: &[Name],
    force: bool,
) -> Result<()> {
    if table.policies.aggregation.is_some() && !force {
        let what = "the table already has an aggregation policy: only one is allowed at a time";
        return Err(Error::new(Code::ALREADY_EXISTS, what)
            .with_help("FORCE puts this one in its place, UNSET AGGREGATION POLICY takes it off"));
    }
    let mut ids = Vec::with_capacity(entity.len());
    for name in entity {
        ids.push(once(column_of(table, name)?, &ids)?);
    }
    table.policies.aggregation = Some(Aggregated { policy, entity: ids });
    Ok(())
}

/// Takes the aggregation policy off a table.
///
/// # Errors
/// `NotFound` if it has none.
pub fn unset_aggregation(table: &mut TableDefinition) -> Result<()> {
    match table.policies.aggregation.take() {
        Some(_) => Ok(()),
        None => Err(Error::new(Code::OPERATION_IMPOSSIBLE, "the table has no aggregation policy")),
    }
}
