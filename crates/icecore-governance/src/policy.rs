//! Which policies may be attached where.

use icecore_types::{
    Code, ColumnDefinition, ColumnId, Error, Mask, Name, ObjectId, PolicyDefinition, Result,
    RowAccess, SqlType, TableDefinition,
};

/// Puts a row access policy on a table; `columns` take the place of its
/// arguments.
///
/// # Errors
/// `AlreadyExists` if the table has one; `InvalidInput` for a column that is
/// not there, is of another type, or is in the signature of a mask.
///
/// ```
/// use icecore_governance::add_row_access;
/// use icecore_types::{Name, ObjectId, PolicyArgument, PolicyDefinition, PolicyReturns, SqlType};
/// use icecore_types::TableDefinition;
///
/// let argument = PolicyArgument { name: Name::unquoted("a"), sql_type: SqlType::TEXT };
/// let policy = PolicyDefinition {
///     arguments: vec![argument],
///     returns: PolicyReturns::Value(SqlType::Boolean),
///     body: "TRUE".into(),
///     comment: None,
/// };
/// let mut table = TableDefinition::default();
/// let attached = (ObjectId::from_bits(1), &policy);
/// let error = add_row_access(&mut table, attached, &[Name::unquoted("a")]).unwrap_err();
/// assert_eq!(error.message(), "invalid identifier 'A'");
/// ```
pub fn add_row_access(
    table: &mut TableDefinition,
    (id, policy): (ObjectId, &PolicyDefinition),
    columns: &[Name],
) -> Result<()> {
    if table.policies.row_access.is_some() {
        return Err(Error::new(
            Code::ALREADY_EXISTS,
            "the table already has a row access policy: only one is allowed at a time",
        )
        .with_help("ALTER TABLE .. DROP ROW ACCESS POLICY r, ADD ROW ACCESS POLICY s ON (..)"));
    }
    let columns = arguments(table, policy, columns)?;
    for column in &columns {
        if table.policies.masks.iter().any(|mask| mask.columns().any(|id| id == *column)) {
            return Err(both_signatures(table, *column));
        }
    }
    table.policies.row_access = Some(RowAccess { policy: id, columns });
    Ok(())
}

/// Takes the row access policy off a table.
///
/// # Errors
/// `NotFound` if it does not have this one.
pub fn drop_row_access(table: &mut TableDefinition, policy: ObjectId) -> Result<()> {
    match &table.policies.row_access {
        Some(on) if on.policy == policy => {
            table.policies.row_access = None;
            Ok(())
        }
        _ => Err(Error::new(
            Code::OPERATION_IMPOSSIBLE,
            "the row access policy is not attached to the table",
        )),
    }
}

/// Puts a masking policy on the first of `columns`; all of them take the place
/// of its arguments. With `force` instead of the one that is there.
///
/// # Errors
/// `AlreadyExists` if the column has one; `InvalidInput` for a column that is
/// not there, is of another type, is in the signature of the row access
/// policy, or is both masked and a condition.
pub fn set_mask(
    table: &mut TableDefinition,
    (id, policy): (ObjectId, &PolicyDefinition),
    columns: &[Name],
    force: bool,
) -> Result<()> {
    let columns = arguments(table, policy, columns)?;
    let Some((column, conditions)) = columns.split_first() else {
        return Err(Error::internal("a masking policy without an argument"));
    };
    if table.policies.mask(*column).is_some() && !force {
        return Err(Error::new(
            Code::ALREADY_EXISTS,
            format!(
                "specified column already attached to another masking policy column={}",
                name(table, *column)
            ),
        )
        .with_help("FORCE puts this one in its place, UNSET MASKING POLICY takes it off"));
    }
    if let Some(on) = &table.policies.row_access
        && let Some(used) = columns.iter().find(|column| on.columns.contains(column))
    {
        return Err(both_signatures(table, *used));
    }
    let others = || table.policies.masks.iter().filter(|mask| mask.column != *column);
    let masked = conditions.iter().find(|id| **id == *column || others().any(|m| m.column == **id));
    let condition = others().any(|mask| mask.conditions.contains(column)).then_some(column);
    if let Some(column) = masked.or(condition) {
        let what = format!("a masked column cannot be a condition column={}", name(table, *column));
        return Err(Error::new(Code::INVALID_STATEMENT, what));
    }
    let mask = Mask { column: *column, policy: id, conditions: conditions.to_vec() };
    match table.policies.masks.iter_mut().find(|mask| mask.column == *column) {
        Some(there) => *there = mask,
        None => table.policies.masks.push(mask),
    }
    Ok(())
}

/// Takes the masking policy off a column.
///
/// # Errors
/// `NotFound` if it has none.
pub fn unset_mask(table: &mut TableDefinition, column: &Name) -> Result<()> {
    let id = column_of(table, column)?.id;
    let before = table.policies.masks.len();
    table.policies.masks.retain(|mask| mask.column != id);
    if table.policies.masks.len() == before {
        let what = format!("column '{column}' has no masking policy");
        return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what));
    }
    Ok(())
}

/// Refuses to take away a column that a policy needs.
///
/// # Errors
/// `InvalidInput` if one does.
pub fn refuse_dropping(table: &TableDefinition, column: &Name) -> Result<()> {
    let Some(column) = table.column(column) else { return Ok(()) };
    let rows = table.policies.row_access.iter().flat_map(|on| on.columns.iter().copied());
    let masks = table.policies.masks.iter().flat_map(|mask| mask.columns());
    let projected = table.policies.projections.iter().map(|on| on.column);
    let entities = table.policies.aggregation.iter().flat_map(|on| on.entity.iter().copied());
    if rows.chain(masks).chain(projected).chain(entities).any(|id| id == column.id) {
        let what = format!("column '{}' is used by a policy of the table", column.name);
        return Err(Error::new(Code::INVALID_STATEMENT, what)
            .with_help("take the policy off the table first"));
    }
    Ok(())
}

/// Whether a column of a type can take the place of an argument, and the other
/// way round: lengths do not matter, and of numbers only the scale does.
///
/// ```
/// use icecore_governance::fits;
/// use icecore_types::SqlType;
/// assert!(fits(&SqlType::parse("VARCHAR(3)")?, &SqlType::TEXT));
/// assert!(fits(&SqlType::parse("NUMBER")?, &SqlType::parse("INT")?));
/// assert!(!fits(&SqlType::parse("NUMBER(9,2)")?, &SqlType::parse("INT")?));
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn fits(argument: &SqlType, column: &SqlType) -> bool {
    let scale = |ty: &SqlType| match ty {
        SqlType::Integer => Some(0),
        SqlType::Number { scale, .. } => Some(*scale),
        _ => None,
    };
    match (argument, column) {
        (SqlType::Varchar { .. }, SqlType::Varchar { .. })
        | (SqlType::Binary { .. }, SqlType::Binary { .. }) => true,
        (a, b) if scale(a).is_some() => scale(a) == scale(b),
        (a, b) => a == b,
    }
}

fn arguments(
    table: &TableDefinition,
    policy: &PolicyDefinition,
    columns: &[Name],
) -> Result<Vec<ColumnId>> {
    if columns.len() != policy.arguments.len() {
        return Err(Error::new(
            Code::INVALID_STATEMENT,
            format!(
                "a policy has another number of arguments arguments={} columns={}",
                policy.arguments.len(),
                columns.len()
            ),
        ));
    }
    let mut ids = Vec::with_capacity(columns.len());
    for (argument, column) in policy.arguments.iter().zip(columns) {
        let column = column_of(table, column)?;
        if !fits(&argument.sql_type, &column.sql_type) {
            return Err(Error::new(
                Code::TYPE_MISMATCH,
                format!(
                    "column {} is {}, the argument {} of the policy is {}",
                    column.name, column.sql_type, argument.name, argument.sql_type
                ),
            ));
        }
        ids.push(once(column, &ids)?);
    }
    Ok(ids)
}

/// The id of a column that is not among those before it.
pub(crate) fn once(column: &ColumnDefinition, before: &[ColumnId]) -> Result<ColumnId> {
    if before.contains(&column.id) {
        let what = format!("column '{}' stands twice", column.name);
        return Err(Error::new(Code::INVALID_STATEMENT, what));
    }
    Ok(column.id)
}

pub(crate) fn column_of<'a>(
    table: &'a TableDefinition,
    name: &Name,
) -> Result<&'a ColumnDefinition> {
    table
        .column(name)
        .ok_or_else(|| Error::new(Code::INVALID_IDENTIFIER, format!("invalid identifier '{name}'")))
}

fn name(table: &TableDefinition, id: ColumnId) -> String {
    let column = table.columns.iter().find(|column| column.id == id);
    column.map(|column| column.name.to_string()).unwrap_or_default()
}

fn both_signatures(table: &TableDefinition, column: ColumnId) -> Error {
    Error::new(
        Code::INVALID_STATEMENT,
        format!(
            "a column cannot be in the signature of a masking policy and of a row access policy \
             column={}",
            name(table, column)
        ),
    )
}

#[cfg(test)]
mod tests;
