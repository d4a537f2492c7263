//! Proof that a statement has begun: without it no scan opens.

use std::sync::Arc;

use datafusion_common::{Result, plan_err};
use datafusion_execution::TaskContext;

/// Carried by the context of a running statement. Only [`crate::StatementExec`]
/// gives it, after the statement was authorised, so an operator that is taken
/// out from under it does not run.
struct ScanPermit(());

/// The context with the permit.
pub(crate) fn permitted(context: Arc<TaskContext>) -> Arc<TaskContext> {
    let config = context.session_config().clone().with_extension(Arc::new(ScanPermit(())));
    let context = Arc::try_unwrap(context).unwrap_or_else(|shared| copy(&shared));
    Arc::new(context.with_session_config(config))
}

fn copy(context: &TaskContext) -> TaskContext {
    TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone(),
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    )
}

/// For what reads rows: whether it runs inside its statement.
///
/// # Errors
/// If the context is not that of a running statement.
pub fn check(context: &TaskContext) -> Result<()> {
    match context.session_config().get_extension::<ScanPermit>() {
        Some(_) => Ok(()),
        None => plan_err!(
            "a part of a plan of this engine runs only inside its statement; execute the whole \
             plan, or use Session::sql"
        ),
    }
}
