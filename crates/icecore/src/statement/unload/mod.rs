//! COPY INTO a location: a query whose rows become files of a stage.

mod files;
mod perform;

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use icecore_exec::from_datafusion;
use icecore_governance::Verb;
use icecore_raw::{FileFormat, StageFiles, UnloadColumn, UnloadShape};
use icecore_sql::Unload;
use icecore_types::{FileFormatDefinition, Result, SqlType};
use icecore_values::sql_type;

use super::Planning;
use crate::plan::{plan_expression, plan_select};

/// The name of the column that says which partition a row belongs to.
const PARTITION: &str = "$PARTITION";

/// A COPY INTO a location whose names are bound.
pub(crate) struct Unloading {
    stage: StageFiles,
    path: String,
    /// The query's rows; with PARTITION BY one more column, a text.
    rows: LogicalPlan,
    partitioned: bool,
    shape: UnloadShape,
    unload: Unload,
}

impl Unloading {
    /// Whether the rows are returned and not written.
    pub(super) fn return_rows(&self) -> bool {
        self.unload.return_rows
    }

    /// The rows that are written.
    pub(super) fn rows(&self) -> &LogicalPlan {
        &self.rows
    }

    /// The query alone.
    pub(super) fn into_rows(self) -> LogicalPlan {
        self.rows
    }
}

impl Planning {
    /// COPY INTO a location.
    pub(super) fn unload(&self, unload: &Unload) -> Result<Unloading> {
        let (stage, staged) = self.stage(&unload.to, Verb::PutStage)?;
        let format = match (&unload.file_format, staged.file_format) {
            (Some(spec), _) => self.file_format(spec)?,
            (None, Some(format)) => format,
            (None, None) => FileFormatDefinition::default(),
        };
        let rows = plan_select(&unload.query, &self.state, &self.binder)?;
        let columns = rows.schema().fields().iter().map(|field| {
            Ok(UnloadColumn { name: field.name().clone(), sql_type: sql_type(field)? })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let shape =
            UnloadShape::new(FileFormat::from_definition(&format)?, columns, unload.header)?;
        let partitioned = unload.partition_by.is_some() && !unload.return_rows;
        let rows = match &unload.partition_by {
            Some(partition) if partitioned => self.with_partition(rows, partition)?,
            _ => rows,
        };
        let path = unload.to.path.clone();
        Ok(Unloading { stage, path, rows, partitioned, shape, unload: unload.clone() })
    }

    /// The rows with the text of their partition behind them.
    fn with_partition(
        &self,
        rows: LogicalPlan,
        partition: &icecore_sql::ast::Expr,
    ) -> Result<LogicalPlan> {
        use datafusion::logical_expr::ExprSchemable;
        let value = plan_expression(partition, rows.schema(), &self.state, &self.binder)?;
        let (_, from) = value.to_field(rows.schema()).map_err(from_datafusion)?;
        let text = icecore_functions::assign(value, &from, PARTITION, &SqlType::TEXT, false)?;
        let columns = rows.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<Expr> = columns.chain([text.alias(PARTITION)]).collect();
        LogicalPlanBuilder::from(rows)
            .project(columns)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)
    }
}
