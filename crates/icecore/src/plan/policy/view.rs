//! Views under policies: a view as if it were a table.

use datafusion::logical_expr::LogicalPlan;
use icecore_types::{
    ColumnDefinition, ColumnId, Name, Result, TableDefinition, TablePolicies, ViewDefinition,
};

/// The columns of a view's plan, with its policies. A column has the id that
/// its name has in the view's policies; a policy whose column the view has no
/// more finds none, and the view is not read.
pub(crate) fn as_table(view: &ViewDefinition, plan: &LogicalPlan) -> Result<TableDefinition> {
    let mut table = TableDefinition {
        policies: view.policies.clone(),
        next_column: view.policy_columns.len() as u32 + 1,
        ..TableDefinition::default()
    };
    for field in plan.schema().fields() {
        let name = Name::quoted(field.name());
        let known = view.policy_columns.iter().position(|known| *known == name);
        let id = known.map_or(table.next_column, |at| at as u32 + 1);
        if known.is_none() {
            table.next_column += 1;
        }
        table.columns.push(ColumnDefinition {
            id: ColumnId::new(id),
            name,
            sql_type: icecore_values::sql_type(field)?,
            not_null: false,
            default: None,
            value_before: None,
            comment: None,
        });
    }
    Ok(table)
}

/// Keeps the policies that were put on such a table in the view.
pub(crate) fn store_in_view(table: TableDefinition, view: &mut ViewDefinition) {
    let TableDefinition { columns, policies, next_column, .. } = table;
    let name = |id: u32| {
        let column = columns.iter().find(|column| column.id.get() == id);
        let known = view.policy_columns.get(id as usize - 1).cloned();
        column.map(|column| column.name.clone()).or(known)
    };
    let names = (1..next_column).map_while(name).collect();
    view.policy_columns = if policies.is_empty() { Vec::new() } else { names };
    view.policies = if policies.is_empty() { TablePolicies::default() } else { policies };
}
