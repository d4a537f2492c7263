//! The DataFusion session that every statement's is a copy of.

use std::sync::Arc;

use datafusion::common::config::{ConfigNonZeroUsize, Dialect};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::registry::FunctionRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, object_store::ObjectStoreRegistry};
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::prelude::SessionConfig;
use icecore_exec::from_datafusion;
use icecore_types::Result;
use icecore_warehouse::Warehouse;
use object_store::ObjectStore;
use url::Url;

use super::common_types::CommonTypes;
use super::guard::GuardRule;
use super::null_mark::NullMarkRule;
use super::planner::StatementPlanner;
use super::policy::RowRules;
use crate::Settings;

/// The most consumers that an out-of-memory error names.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4);

/// No object store is reachable through DataFusion: its default registry
/// would serve the whole local disk.
#[derive(Debug)]
struct NoStores;

impl ObjectStoreRegistry for NoStores {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> datafusion::common::Result<Arc<dyn ObjectStore>> {
        datafusion::common::plan_err!("object stores are not reachable by URL: {}", url.scheme())
    }
}

/// The memory and the spill folder of a warehouse, as DataFusion takes them.
pub(crate) fn runtime_environment(warehouse: &Warehouse) -> Result<Arc<RuntimeEnv>> {
    let pool = FairSpillPool::new(warehouse.memory().as_usize());
    let spill = DiskManagerMode::Directories(vec![warehouse.spill_folder().to_path_buf()]);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, NAMED_CONSUMERS)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spill))
        .with_object_store_registry(Arc::new(NoStores))
        .build_arc()
        .map_err(from_datafusion)
}

/// Functions, rules and options of the dialect; a statement's own state is a
/// clone of it with the statement's context.
pub(crate) fn session_template(settings: &Settings, runtime: Arc<RuntimeEnv>) -> SessionState {
    let config = config(settings);
    let rows = RowRules::new(row_analyzer(), config.options());
    let mut state = SessionStateBuilder::new()
        .with_config(config.with_extension(Arc::new(rows)))
        .with_runtime_env(runtime)
        .with_expr_planners(expr_planners())
        .with_scalar_functions(icecore_functions::scalar_functions())
        .with_aggregate_functions(icecore_functions::aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .with_type_planner(icecore_functions::type_planner())
        .with_query_planner(Arc::new(StatementPlanner))
        .with_analyzer_rules(analyzer_rules())
        .with_optimizer_rules(optimizer_rules())
        .build();
    for rewrite in icecore_functions::rewrites() {
        // A registry that takes rewrites cannot refuse one.
        let _ = state.register_function_rewrite(rewrite);
    }
    state
}

fn config(settings: &Settings) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.threads)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.dialect = Dialect::Snowflake;
    // A declared length that differs between the branches of a UNION is no
    // other type; DataFusion merges such metadata in two ways.
    options.execution.skip_physical_aggregate_schema_check = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // What a sort keeps to merge with must leave room for the sort itself.
    let reserved = settings.memory.as_usize() / (8 * settings.threads.max(1));
    let reservation = &mut options.execution.sort_spill_reservation_bytes;
    *reservation = reserved.min(*reservation);
    // When two inputs of a repartition spill at once, its reader can wait for
    // ever for a file that nobody goes on with (apache/datafusion#24883). With
    // one batch in each file there is no such file.
    let file = &mut options.execution.max_spill_file_size_bytes;
    *file = ConfigNonZeroUsize::try_new(1).unwrap_or(*file);
    config
}

/// Types are settled before DataFusion coerces them, and what may fail is guarded
/// before an optimizer moves it.
fn own_analyzer_rules() -> [Arc<dyn AnalyzerRule + Send + Sync>; 3] {
    [Arc::new(CommonTypes), Arc::new(NullMarkRule), Arc::new(GuardRule)]
}

fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    own_analyzer_rules().into_iter().chain(Analyzer::new().rules).collect()
}

/// The same for what is done to single rows.
fn row_analyzer() -> Analyzer {
    let coercion: Arc<dyn AnalyzerRule + Send + Sync> = Arc::new(TypeCoercion::new());
    let rules = own_analyzer_rules().into_iter().chain([coercion]);
    let mut analyzer = Analyzer::with_rules(rules.collect());
    for rewrite in icecore_functions::rewrites() {
        analyzer.add_function_rewrite(rewrite);
    }
    analyzer
}

/// Conditions that were pushed together are guarded by each other before common
/// parts are taken out of them.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == "common_sub_expression_eliminate");
    rules.insert(place.unwrap_or(rules.len()), Arc::new(GuardRule));
    rules
}

/// The dialect's operators come before DataFusion's.
fn expr_planners() -> Vec<Arc<dyn datafusion::logical_expr::planner::ExprPlanner>> {
    let mut planners = vec![icecore_functions::expr_planner()];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}
