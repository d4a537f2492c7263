//! What can only be judged on the whole query.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use icecore_exec::to_datafusion;
use icecore_types::{Code, Error};

use super::{GovernedTable, JudgedTable, PolicyTable};

/// Refuses a plan that does more than read, or that reads for two sessions.
#[derive(Debug)]
pub(crate) struct StatementRule {
    session: u64,
}

impl StatementRule {
    pub(crate) fn new(session: u64) -> Self {
        Self { session }
    }

    fn judge(&self, node: &LogicalPlan) -> Result<(), Error> {
        match node {
            LogicalPlan::Dml(_) | LogicalPlan::Copy(_) => {
                let what = "writing from a DataFrame: use COPY INTO, INSERT or Table::append";
                Err(Error::unsupported(what))
            }
            LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) => {
                Err(Error::unsupported("a statement inside a query").with_help("use execute"))
            }
            LogicalPlan::TableScan(scan) => {
                let Ok(provider) = source_as_provider(&scan.source) else { return Ok(()) };
                let raw = provider.downcast_ref::<GovernedTable>().map(GovernedTable::session);
                let governed = provider.downcast_ref::<PolicyTable>().map(PolicyTable::session);
                let judged = provider.downcast_ref::<JudgedTable>().map(JudgedTable::session);
                match raw.or(governed).or(judged) {
                    Some(session) if session != self.session => Err(Error::new(
                        Code::INVALID_STATEMENT,
                        "one query reads the tables of two sessions",
                    )
                    .with_help("make both DataFrames with the same session")),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl AnalyzerRule for StatementRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| {
            self.judge(node).map_err(to_datafusion)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "icecore_statement"
    }
}
