//! The query of a dynamic table, bound to a version; and whether it can be
//! refreshed from what changed.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource, Volatility};
use icecore_exec::{ScanPart, TableChanges, from_datafusion, table_changes};
use icecore_semantic::{Changed, Reason, RefreshPlan, Sources};
use icecore_sql::ast::{self, ObjectName};
use icecore_types::{
    DynamicDefinition, Error, Frontier, FrontierInput, Name, ObjectId, Result, SqlType,
    TableDefinition, Version,
};

use super::decided;
use crate::plan::{Binder, PartTable, Pinned, named, plan_select, table_scan};
use crate::statement::Planning;

/// A dynamic table's query, planned at a version.
pub(super) struct Bound {
    pub(super) query: Box<ast::Query>,
    pub(super) plan: LogicalPlan,
    pub(super) inputs: Vec<FrontierInput>,
    pub(super) version: Version,
    binder: Arc<Binder>,
}

/// What the queries of a refresh read instead of the tables.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) sources: HashMap<String, Arc<dyn TableSource>>,
    pub(super) changed: Vec<Changed>,
}

impl Planning {
    /// Binds the query of a dynamic table, everything in it at one version.
    pub(super) fn bind_dynamic(
        &self,
        dynamic: &DynamicDefinition,
        version: Version,
    ) -> Result<Bound> {
        let pinned = Arc::new(Pinned::new(version));
        let binder = self.refreshing(dynamic, &pinned, HashMap::new());
        let query = icecore_sql::parse_query(&dynamic.query)?;
        let plan = plan_select(&query, &self.state, &binder)?;
        self.resolver.take_intents(binder.resolver());
        if let Some(function) = moving(&plan)? {
            return Err(Error::unsupported(format_args!("function {function} in a dynamic table"))
                .with_help("its rows equal its query at one moment, whenever it is computed"));
        }
        let plan = named(plan, &dynamic.names)?;
        Ok(Bound { query, plan, inputs: pinned.reads(), version, binder })
    }

    fn refreshing(
        &self,
        dynamic: &DynamicDefinition,
        pinned: &Arc<Pinned>,
        given: HashMap<String, Arc<dyn TableSource>>,
    ) -> Arc<Binder> {
        let names = (dynamic.database.clone(), dynamic.schema.clone());
        Arc::new(self.binder.refreshing(names, Arc::clone(pinned), given))
    }

    /// A binder for the queries of a refresh plan.
    pub(super) fn with_given(
        &self,
        dynamic: &DynamicDefinition,
        bound: &Bound,
        given: Given,
    ) -> Binder {
        let names = (dynamic.database.clone(), dynamic.schema.clone());
        let pinned = Arc::new(Pinned::new(bound.version));
        self.binder.refreshing(names, pinned, given.sources)
    }

    /// How the bound query can be refreshed from what changed, or why not.
    pub(super) fn refresh_plan(
        &self,
        dynamic: &DynamicDefinition,
        bound: &Bound,
    ) -> Result<Result<RefreshPlan, Reason>> {
        let columns = bound.plan.schema().fields().iter();
        let names: Vec<Name> = columns.map(|column| Name::quoted(column.name())).collect();
        let key = decided::key(dynamic, &bound.inputs, &names);
        let facts = Facts { planning: self, bound };
        let decide = || RefreshPlan::decide(&bound.query, &names, &facts);
        self.session.engine().decided.of(key, decide)
    }

    /// The relations that the queries of a refresh plan read; of the changes
    /// since `before`, if it is given.
    pub(super) async fn given(
        &self,
        bound: &Bound,
        plan: &RefreshPlan,
        before: Option<&Frontier>,
    ) -> Result<Given> {
        let mut given = Given { sources: HashMap::new(), changed: Vec::new() };
        for (number, name) in plan.tables().iter().enumerate() {
            let object = bound.binder.resolver().relation(&icecore_sql::name_of(name)?)?;
            let definition: TableDefinition = object.body().read()?;
            let now = read_at(&bound.inputs, object.id())?;
            let head = self.resolver.head();
            let unknown = || Error::unsupported("changes since a version that is not kept");
            let content = head.content_at(object.id(), now).ok_or_else(unknown)?;
            let changes = match before {
                None => TableChanges::default(),
                Some(frontier) => {
                    let then = read_at(&frontier.inputs, object.id())?;
                    let then = head.content_at(object.id(), then).ok_or_else(unknown)?;
                    table_changes(&self.session.engine().segments, &then, &content).await?
                }
            };
            given.changed.push(Changed {
                inserted: changes.inserted.rows() != Some(0),
                deleted: changes.deleted.rows() != Some(0),
            });
            let scan = Arc::new(table_scan(
                &self.session.engine().segments,
                (object.id(), object.name()),
                &definition,
                content,
                true,
            )?);
            let parts = [
                ("NEW", ScanPart::everything()),
                ("INSERTED", changes.inserted),
                ("DELETED", changes.deleted),
                ("KEPT", changes.kept),
            ];
            for (part, rows) in parts {
                let table = PartTable::new(Arc::clone(&scan), rows);
                given
                    .sources
                    .insert(format!("${part}{number}"), provider_as_source(Arc::new(table)));
            }
        }
        Ok(given)
    }
}

/// The version at which a table was read.
fn read_at(inputs: &[FrontierInput], table: ObjectId) -> Result<Version> {
    let input = inputs.iter().find(|input| input.id == table);
    input.map(|input| input.version).ok_or_else(|| Error::internal("a table that was not read"))
}

/// What the decision asks of the catalog.
struct Facts<'a> {
    planning: &'a Planning,
    bound: &'a Bound,
}

impl Sources for Facts<'_> {
    fn columns(&self, name: &ObjectName) -> Result<Vec<Name>, String> {
        let unknown = || format!("the query reads {name}");
        let qualified = icecore_sql::name_of(name).map_err(|_| unknown())?;
        let resolver = self.bound.binder.resolver();
        let object = resolver.relation(&qualified).map_err(|_| unknown())?;
        if !object.kind().has_rows() {
            return Err(format!(
                "the query reads the {} {name}",
                object.kind().sql().to_lowercase()
            ));
        }
        let definition: TableDefinition = object.body().read().map_err(|_| unknown())?;
        Ok(definition.columns.into_iter().map(|column| column.name).collect())
    }

    fn type_of(&self, expression: &ast::Expr, select: &ast::Select) -> Option<SqlType> {
        let mut select = select.clone();
        let alias = ast::Ident::with_quote('"', "x");
        let expr = expression.clone();
        select.projection = vec![ast::SelectItem::ExprWithAlias { expr, alias }];
        select.group_by = ast::GroupByExpr::Expressions(Vec::new(), Vec::new());
        (select.selection, select.having) = (None, None);
        let mut query = icecore_sql::parse_query("SELECT 1 AS one").ok()?;
        *query.body = ast::SetExpr::Select(Box::new(select));
        let plan = plan_select(&query, &self.planning.state, &self.bound.binder).ok()?;
        icecore_values::sql_type(plan.schema().field(0)).ok()
    }

    fn aggregates(&self, function: &str) -> bool {
        self.planning.state.aggregate_functions().contains_key(&function.to_lowercase())
    }
}

/// A function whose value depends on when, where or how often it is called.
pub(crate) fn moving(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(view) = scan.source.get_logical_plan()
            && source_as_provider(&scan.source).is_ok()
        {
            found = moving(&view).map_err(icecore_exec::to_datafusion)?.or(found.take());
        }
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && is_moving(call.func.name(), call.func.signature().volatility)
                {
                    found = Some(call.func.name().to_uppercase());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(from_datafusion)?;
    Ok(found)
}

fn is_moving(name: &str, volatility: Volatility) -> bool {
    const NAMES: [&str; 8] = [
        "now",
        "today",
        "getdate",
        "sysdate",
        "localtime",
        "localtimestamp",
        "last_query_id",
        "rand",
    ];
    volatility == Volatility::Volatile
        || name.starts_with("current_")
        || name.starts_with("system$")
        || NAMES.contains(&name)
}
