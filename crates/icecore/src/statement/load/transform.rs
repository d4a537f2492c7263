//! The query of a COPY INTO a table: expressions over the fields of a file.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use icecore_exec::from_datafusion;
use icecore_functions::assign;
use icecore_processed::{FieldValues, FileMetadata, Transform, TransformedColumn};
use icecore_raw::{FieldMatch, FileTarget, TargetColumn};
use icecore_sql::{CopyTransform, MetadataItem};
use icecore_types::{Code, ColumnDefinition, Error, Result, SqlType};

use crate::plan::{RowsTable, plan_expression};
use crate::statement::Planning;

/// What a file's record is to an expression: its fields as texts.
pub(super) fn field_target(table: &str, fields: usize) -> FileTarget {
    let column = |number: usize| TargetColumn {
        name: format!("${number}"),
        ordinal: number,
        sql_type: SqlType::TEXT,
        not_null: false,
        output: format!("${number}"),
    };
    // A record of no field that is used is still a record.
    FileTarget::new(table, (1..=fields.max(1)).map(column).collect()).matching(FieldMatch::Ragged)
}

pub(super) const fn metadata_of(item: MetadataItem) -> FileMetadata {
    match item {
        MetadataItem::FileName => FileMetadata::Name,
        MetadataItem::FileRowNumber => FileMetadata::RowNumber,
        MetadataItem::FileContentKey => FileMetadata::ContentKey,
        MetadataItem::FileLastModified => FileMetadata::LastModified,
        MetadataItem::StartScanTime => FileMetadata::StartScanTime,
    }
}

impl Planning {
    /// The values of `columns`, each with how errors call it and the type that
    /// it is made of; and the fields that each is made of.
    pub(super) fn transform(
        &self,
        query: &CopyTransform,
        columns: &[(&ColumnDefinition, TargetColumn)],
    ) -> Result<(Transform, Vec<Vec<String>>)> {
        if query.columns.len() != columns.len() {
            return Err(Error::new(
                Code::COLUMN_COUNT,
                format!(
                    "insert value list does not match column list expecting {} but got {}",
                    columns.len(),
                    query.columns.len()
                ),
            ));
        }
        let items = used_metadata(query);
        let schema = source_schema(query.fields.max(1), &items);
        let rows = RowsTable::new(Arc::clone(&schema), Vec::new());
        let source = LogicalPlanBuilder::scan("stage", provider_as_source(Arc::new(rows)), None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        let mut values = Vec::with_capacity(columns.len());
        let mut fields = Vec::with_capacity(columns.len());
        for (expression, (column, target)) in query.columns.iter().zip(columns) {
            let value = plan_expression(expression, source.schema(), &self.state, &self.binder)?;
            let used: BTreeSet<String> =
                value.column_refs().into_iter().map(|column| column.name.clone()).collect();
            fields.push(used.into_iter().collect());
            values.push(self.stored_value(value, &source, column, target)?);
        }
        let made = columns.iter().map(|(column, target)| TransformedColumn {
            output: column.id.stored_name(),
            shown: target.name.clone(),
            not_null: column.not_null,
        });
        let transform = Transform {
            columns: made.collect(),
            metadata: items.iter().map(|item| metadata_of(*item)).collect(),
            values: Arc::new(self.expressions(source, values, schema)?),
        };
        Ok((transform, fields))
    }

    /// The value as the column stores it.
    fn stored_value(
        &self,
        value: Expr,
        source: &LogicalPlan,
        column: &ColumnDefinition,
        target: &TargetColumn,
    ) -> Result<Expr> {
        use datafusion::logical_expr::ExprSchemable;
        let of_many = |part: &Expr| {
            let many = matches!(
                part,
                Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::ScalarSubquery(_)
            );
            Ok(many)
        };
        if value.exists(of_many).map_err(from_datafusion)? {
            return Err(Error::unsupported("functions of several rows in the query of COPY INTO"));
        }
        let (_, from) = value.to_field(source.schema()).map_err(from_datafusion)?;
        let stored = assign(value, from.as_ref(), column.name.as_str(), &target.sql_type, false)?;
        Ok(stored.alias(column.id.stored_name()))
    }

    /// The expressions, analysed as those of any query are.
    fn expressions(
        &self,
        source: LogicalPlan,
        values: Vec<Expr>,
        schema: SchemaRef,
    ) -> Result<Expressions> {
        let plan = LogicalPlanBuilder::from(source)
            .project(values)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        let options = self.state.config_options();
        let plan = self
            .state
            .analyzer()
            .execute_and_check(plan, options, |_, _| {})
            .map_err(from_datafusion)?;
        let LogicalPlan::Projection(projection) = &plan else {
            return Err(Error::internal("the query of COPY INTO is planned as something else"));
        };
        let physical = |value: &Expr| {
            create_physical_expr(
                value,
                projection.input.schema(),
                self.state.execution_props(),
                &PhysicalPlanningContext::default(),
            )
            .map_err(from_datafusion)
        };
        let values = projection.expr.iter().map(physical).collect::<Result<_>>()?;
        Ok(Expressions { schema, values })
    }
}

fn source_schema(fields: usize, items: &[MetadataItem]) -> SchemaRef {
    let text = |number: usize| icecore_values::field(&format!("${number}"), &SqlType::TEXT, true);
    let known = |item: &MetadataItem| {
        icecore_values::field(item.name(), &metadata_of(*item).sql_type(), true)
    };
    Arc::new(Schema::new((1..=fields).map(text).chain(items.iter().map(known)).collect::<Vec<_>>()))
}

/// The metadata that the expressions name.
fn used_metadata(query: &CopyTransform) -> Vec<MetadataItem> {
    let texts: Vec<String> = query.columns.iter().map(ToString::to_string).collect();
    let named = |item: &MetadataItem| {
        let name = format!("\"{}\"", item.name());
        texts.iter().any(|text| text.contains(&name))
    };
    MetadataItem::ALL.into_iter().filter(named).collect()
}

/// Expressions over the fields of records.
struct Expressions {
    schema: SchemaRef,
    values: Vec<Arc<dyn PhysicalExpr>>,
}

impl fmt::Debug for Expressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.iter().map(|value| value.to_string())).finish()
    }
}

impl FieldValues for Expressions {
    fn values(&self, index: usize, fields: &RecordBatch) -> Result<ArrayRef> {
        let expression = self
            .values
            .get(index)
            .ok_or_else(|| Error::internal("a value of a file's record is missing"))?;
        let rows = fields.num_rows();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let (schema, columns) = (Arc::clone(&self.schema), fields.columns().to_vec());
        let fields = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|source| Error::internal("fields of a file's records").with_source(source))?;
        let value = expression.evaluate(&fields).and_then(|value| value.into_array(rows));
        value.map_err(from_datafusion)
    }
}
