//! What a policy lets through, as one operator that shows nothing of itself.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result as DfResult, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion_physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, SchedulingType, reset_plan_states,
};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::StreamExt;
use icecore_types::{Code, Error, ErrorKind};

use crate::permit::check;
use crate::{from_datafusion, to_datafusion};

/// The plan of a table under its policies, put into a query as a leaf: it has
/// no child that a rule could look at, rewrite or push anything into, no
/// statistics, no order, no metrics, and its errors repeat no value.
///
/// Partitions are those of the plan inside; nothing is known of their rows.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::datatypes::Schema;
/// use datafusion_physical_plan::ExecutionPlan;
/// use datafusion_physical_plan::empty::EmptyExec;
/// use icecore_exec::PolicyExec;
///
/// let inside = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
/// let leaf = PolicyExec::new(inside.clone(), inside.schema(), "T (+ RowAccessPolicy)".into())?;
/// assert!(leaf.children().is_empty() && leaf.metrics().is_none());
/// # Ok::<(), datafusion_common::DataFusionError>(())
/// ```
pub struct PolicyExec {
    inside: Arc<dyn ExecutionPlan>,
    label: Arc<str>,
    properties: Arc<PlanProperties>,
}

impl PolicyExec {
    /// Hides `inside`, whose first columns are those of `schema`; `label` is
    /// all that EXPLAIN shows of it.
    ///
    /// # Errors
    /// If `inside` has other columns.
    pub fn new(
        inside: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        label: Arc<str>,
    ) -> DfResult<Self> {
        let found = inside.schema();
        let same = schema.fields().len() <= found.fields().len()
            && found
                .fields()
                .iter()
                .zip(schema.fields())
                .all(|(a, b)| a.data_type() == b.data_type());
        if !same {
            return internal_err!("the plan under a policy has other columns than its table");
        }
        let partitions = inside.properties().output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(Self { inside, label, properties: Arc::new(properties) })
    }
}

impl fmt::Debug for PolicyExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyExec").field(&self.label).finish()
    }
}

impl DisplayAs for PolicyExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicSecureView \"{}\"", self.label)
    }
}

impl ExecutionPlan for PolicyExec {
    fn name(&self) -> &str {
        "DynamicSecureView"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn reset_state(self: Arc<Self>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let inside = reset_plan_states(Arc::clone(&self.inside))?;
        Ok(Arc::new(Self::new(inside, self.schema(), Arc::clone(&self.label))?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        check(&context)?;
        let label = Arc::clone(&self.label);
        let rows =
            self.inside.execute(partition, context).map_err(|error| hidden(error, &label))?;
        let schema = self.schema();
        let rows = rows.map(move |batch| {
            batch.and_then(|batch| shown(&batch, &schema)).map_err(|error| hidden(error, &label))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The batch with the columns that are shown, as the table declares them.
fn shown(batch: &RecordBatch, schema: &SchemaRef) -> DfResult<RecordBatch> {
    let columns = batch.columns().iter().take(schema.fields().len()).cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The error of what a policy or a secure view hides, as it is told outside.
pub fn hidden(error: DataFusionError, label: &str) -> DataFusionError {
    to_datafusion(without_values(&from_datafusion(error), label))
}

/// The error with its code and without its words: they may hold what a policy
/// hides.
fn without_values(error: &Error, label: &str) -> Error {
    let what = match error.kind() {
        ErrorKind::InvalidInput => "a policy or a secure view cannot be evaluated on a row",
        _ => "the rows under a policy or of a secure view cannot be read",
    };
    let code = error.code();
    let hidden = Error::new(code, format!("{what} table={label} code={}", code.number()));
    match code {
        Code::RESOURCES_EXHAUSTED | Code::OUT_OF_MEMORY => {
            hidden.with_help("use a larger warehouse, or ask for less at once")
        }
        _ => hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_code_and_lose_their_words() {
        let secret = Error::new(Code::NOT_A_NUMBER, "numeric value '111-22' is not recognized")
            .with_help("111-22");
        let hidden = without_values(&secret, "T (+ MaskingPolicy)");
        assert_eq!(hidden.code(), Code::NOT_A_NUMBER);
        assert!(!format!("{hidden:?} {hidden} {:?}", hidden.help()).contains("111"));
        let store = without_values(&Error::new(Code::STORE_UNAVAILABLE, "x"), "T");
        assert!(store.is_retryable());
    }
}
