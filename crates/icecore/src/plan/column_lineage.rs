//! What a plan reads, to the column: which columns of which objects each of its
//! output columns is computed from, and which others decide about its rows.
//!
//! It is computed before a plan is optimised: afterwards a column that only a
//! filter uses, or a view that was merged with its query, cannot be seen.

mod expression;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchemaRef, Result, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, LogicalPlan, LogicalPlanBuilder, RecursiveQuery,
    SubqueryAlias, TableScan as LogicalScan,
};
use icecore_types::ObjectId;

use super::{Constrained, Evaluated, GovernedTable, JudgedTable, PolicyTable, StagedRows};

/// In the place of a database: below this alias is what a view is made of. No
/// text of a user has the character.
const VIEW: &str = "\0VIEW";

/// The plan of a view's query, marked as that view's.
pub(super) fn marked(plan: LogicalPlan, view: ObjectId) -> Result<LogicalPlan> {
    let mark = TableReference::full(VIEW, "", view.to_string());
    LogicalPlanBuilder::from(plan).alias(mark)?.build()
}

/// What has columns that can be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A table or a view.
    Object(ObjectId),
    /// The files of a stage, as LIST shows where they are.
    Stage(String),
}

/// The columns that a value or a row depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Of the objects that the statement names.
    pub(crate) direct: BTreeSet<(Source, String)>,
    /// Of the tables and stages that hold the values.
    pub(crate) base: BTreeSet<(Source, String)>,
    /// Those that may not be in a result.
    pub(crate) constrained: BTreeSet<Constrained>,
}

impl Columns {
    fn add(&mut self, other: &Self) {
        self.constrained.extend(other.constrained.iter().copied());
        self.direct.extend(other.direct.iter().cloned());
        self.base.extend(other.base.iter().cloned());
    }

    fn all(columns: &[Self]) -> Self {
        let mut all = Self::default();
        columns.iter().for_each(|column| all.add(column));
        all
    }
}

/// What a plan reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnLineage {
    /// What each output column is computed from.
    pub(crate) outputs: Vec<Columns>,
    /// What decides which rows there are, and in which order.
    pub(crate) rows: Columns,
    direct: BTreeSet<Source>,
    base: BTreeSet<Source>,
    /// The views under policies that are read, however deep, and these.
    pub(crate) views: BTreeMap<ObjectId, Vec<Evaluated>>,
}

/// Objects with the columns that are read of them, which may be none.
pub(crate) type Read = BTreeMap<Source, BTreeSet<String>>;

impl ColumnLineage {
    /// Of a plan that is not optimised.
    ///
    /// # Errors
    /// Those of a plan that is not one.
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Self> {
        let mut tracer = Tracer::default();
        let outputs = tracer.plan(plan)?;
        Ok(Self {
            outputs,
            rows: tracer.rows,
            direct: tracer.direct,
            base: tracer.base,
            views: tracer.views_read,
        })
    }

    /// What is read for these output columns: first of the objects that are
    /// named, then of those that hold the values.
    pub(crate) fn read(&self, wanted: impl Fn(usize) -> bool) -> (Read, Read) {
        let mut columns = self.rows.clone();
        for (_, output) in self.outputs.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            columns.add(output);
        }
        let gather = |objects: &BTreeSet<Source>, columns: BTreeSet<(Source, String)>| {
            let mut read: Read =
                objects.iter().map(|source| (source.clone(), BTreeSet::new())).collect();
            for (source, column) in columns {
                read.entry(source).or_default().insert(column);
            }
            read
        };
        (gather(&self.direct, columns.direct), gather(&self.base, columns.base))
    }
}

/// The columns that are in scope, and what each is computed from.
struct Scope {
    schema: DFSchemaRef,
    columns: Vec<Columns>,
}

#[derive(Default)]
struct Tracer {
    rows: Columns,
    direct: BTreeSet<Source>,
    base: BTreeSet<Source>,
    /// The views that have policies, and these.
    views_read: BTreeMap<ObjectId, Vec<Evaluated>>,
    /// How many views the current node is inside of.
    views: usize,
    /// What a subquery can refer to, the nearest last.
    outer: Vec<Scope>,
    /// The columns of recursive relations that are being traced.
    recursive: Vec<(String, Vec<Columns>)>,
}

impl Tracer {
    fn plan(&mut self, plan: &LogicalPlan) -> Result<Vec<Columns>> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias),
            LogicalPlan::Projection(node) => {
                let scope = self.scope(&node.input)?;
                self.values(&node.expr, &scope)
            }
            LogicalPlan::Filter(node) => {
                let scope = self.scope(&node.input)?;
                self.decides(std::slice::from_ref(&node.predicate), &scope)?;
                Ok(scope.columns)
            }
            LogicalPlan::Sort(node) => {
                let scope = self.scope(&node.input)?;
                for sort in &node.expr {
                    self.decides(std::slice::from_ref(&sort.expr), &scope)?;
                }
                Ok(scope.columns)
            }
            LogicalPlan::Window(node) => {
                let scope = self.scope(&node.input)?;
                let values = self.values(&node.window_expr, &scope)?;
                Ok(scope.columns.into_iter().chain(values).collect())
            }
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Join(node) => self.join(node),
            LogicalPlan::Distinct(node) => self.distinct(node),
            LogicalPlan::Union(node) => {
                let inputs = node.inputs.iter().map(|input| self.plan(input));
                Ok(inputs
                    .collect::<Result<Vec<_>>>()?
                    .into_iter()
                    .reduce(merged)
                    .unwrap_or_default())
            }
            LogicalPlan::Unnest(node) => {
                let columns = self.plan(&node.input)?;
                let of = |at: &usize| columns.get(*at).cloned().unwrap_or_default();
                let unnested: Vec<_> = node.dependency_indices.iter().map(of).collect();
                for column in node.list_type_columns.iter().map(|(at, _)| of(at)) {
                    self.rows.add(&column);
                }
                Ok(unnested)
            }
            LogicalPlan::RecursiveQuery(node) => self.recursive(node),
            // It reads nothing, it only says what would be read.
            LogicalPlan::Explain(_) => Ok(Vec::new()),
            other => self.other(other),
        }
    }

    /// A node that passes its input on, or one that is not known: then each
    /// of its columns may come from anything.
    fn other(&mut self, plan: &LogicalPlan) -> Result<Vec<Columns>> {
        let inputs = plan.inputs();
        let width = plan.schema().fields().len();
        let passes = matches!(
            plan,
            LogicalPlan::Limit(_) | LogicalPlan::Repartition(_) | LogicalPlan::Subquery(_)
        );
        if let ([input], true) = (inputs.as_slice(), passes) {
            return self.plan(input);
        }
        let mut all = Columns::default();
        for input in inputs {
            all.add(&Columns::all(&self.plan(input)?));
        }
        let nothing = DFSchemaRef::clone(plan.schema());
        let scope = Scope { schema: nothing, columns: vec![all.clone(); width] };
        let expressions = plan.expressions();
        self.decides(&expressions, &scope)?;
        self.rows.add(&all);
        Ok(scope.columns)
    }

    fn scope(&mut self, plan: &LogicalPlan) -> Result<Scope> {
        Ok(Scope { columns: self.plan(plan)?, schema: DFSchemaRef::clone(plan.schema()) })
    }

    fn scan(&mut self, scan: &LogicalScan) -> Result<Vec<Columns>> {
        let fields = scan.projected_schema.fields();
        let provider = source_as_provider(&scan.source)?;
        let source = if let Some(table) = provider.downcast_ref::<GovernedTable>() {
            Source::Object(table.read().0)
        } else if let Some(table) = provider.downcast_ref::<PolicyTable>() {
            if is_of_view(table)? {
                return self.governed_view(table, scan);
            }
            Source::Object(table.read().0)
        } else if let Some(judged) = provider.downcast_ref::<JudgedTable>() {
            let columns = self.plan(judged.plan())?;
            return Ok(projected(columns, scan));
        } else if let Some(files) = provider.downcast_ref::<StagedRows>() {
            Source::Stage(files.location())
        } else {
            let relation = scan.table_name.table();
            let recursive = self.recursive.iter().rev().find(|(name, _)| name == relation);
            return Ok(recursive
                .map(|(_, columns)| columns.clone())
                .unwrap_or_else(|| vec![Columns::default(); fields.len()]));
        };
        self.base.insert(source.clone());
        if self.views == 0 {
            self.direct.insert(source.clone());
        }
        let column = |name: &str| {
            // The positions of rows are no columns of the table.
            let base: BTreeSet<_> = match name.starts_with('\0') {
                true => BTreeSet::new(),
                false => [(source.clone(), name.to_owned())].into(),
            };
            let direct = if self.views == 0 { base.clone() } else { BTreeSet::new() };
            let constrained = constrained(&*provider, name);
            Columns { direct, base, constrained }
        };
        Ok(fields.iter().map(|field| column(field.name())).collect())
    }

    /// A view under policies: what is inside of it is read too.
    fn governed_view(&mut self, table: &PolicyTable, scan: &LogicalScan) -> Result<Vec<Columns>> {
        self.views_read.insert(table.read().0, table.policies().to_vec());
        self.views += 1;
        let inside = self.plan(table.plan());
        self.views -= 1;
        let mut columns = projected(inside?, scan);
        let fields = scan.projected_schema.fields();
        for (column, field) in columns.iter_mut().zip(fields) {
            column.constrained.extend(table.constraints().column(field.name()));
        }
        if self.views == 0 {
            let view = Source::Object(table.read().0);
            self.direct.insert(view.clone());
            for (column, field) in columns.iter_mut().zip(fields) {
                column.direct = [(view.clone(), field.name().clone())].into();
            }
        }
        Ok(columns)
    }

    fn alias(&mut self, alias: &SubqueryAlias) -> Result<Vec<Columns>> {
        let Some(view) = view_of(&alias.alias) else { return self.plan(&alias.input) };
        let outermost = self.views == 0;
        self.views += 1;
        let columns = self.plan(&alias.input);
        self.views -= 1;
        let mut columns = columns?;
        if outermost {
            let view = Source::Object(view);
            self.direct.insert(view.clone());
            for (column, field) in columns.iter_mut().zip(alias.schema.fields()) {
                column.direct = [(view.clone(), field.name().clone())].into();
            }
        }
        Ok(columns)
    }

    fn aggregate(&mut self, node: &Aggregate) -> Result<Vec<Columns>> {
        let scope = self.scope(&node.input)?;
        let sets = matches!(node.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        let mut columns = Vec::new();
        match node.group_expr.as_slice() {
            [Expr::GroupingSet(set)] => {
                for key in set.distinct_expr() {
                    columns.extend(self.values(std::slice::from_ref(key), &scope)?);
                }
            }
            keys => columns = self.values(keys, &scope)?,
        }
        let keys = Columns::all(&columns);
        self.rows.add(&keys);
        if sets {
            // Which set the row is of.
            columns.push(Columns::default());
        }
        columns.extend(self.values(&node.aggr_expr, &scope)?);
        Ok(columns)
    }

    fn join(&mut self, node: &Join) -> Result<Vec<Columns>> {
        let left = self.scope(&node.left)?;
        // A LATERAL subquery refers to what is on its left.
        self.outer.push(left);
        let right = self.scope(&node.right);
        let left = self.outer.pop();
        let (Some(left), right) = (left, right?) else { return Ok(Vec::new()) };
        for (on_left, on_right) in &node.on {
            self.decides(std::slice::from_ref(on_left), &left)?;
            self.decides(std::slice::from_ref(on_right), &right)?;
        }
        let both = left.beside(&right);
        self.decides(node.filter.as_slice(), &both)?;
        use datafusion::common::JoinType::{LeftAnti, LeftMark, LeftSemi};
        use datafusion::common::JoinType::{RightAnti, RightMark, RightSemi};
        let mut columns = match node.join_type {
            LeftSemi | LeftAnti | LeftMark => left.columns,
            RightSemi | RightAnti | RightMark => right.columns,
            _ => both.columns,
        };
        // The mark of a mark join.
        columns.resize(node.schema.fields().len(), Columns::default());
        Ok(columns)
    }

    fn distinct(&mut self, node: &Distinct) -> Result<Vec<Columns>> {
        match node {
            Distinct::All(input) => {
                let columns = self.plan(input)?;
                self.rows.add(&Columns::all(&columns));
                Ok(columns)
            }
            Distinct::On(on) => {
                let scope = self.scope(&on.input)?;
                self.decides(&on.on_expr, &scope)?;
                for sort in on.sort_expr.iter().flatten() {
                    self.decides(std::slice::from_ref(&sort.expr), &scope)?;
                }
                self.values(&on.select_expr, &scope)
            }
        }
    }

    /// What a round adds to the columns is known when no round adds more.
    fn recursive(&mut self, node: &RecursiveQuery) -> Result<Vec<Columns>> {
        let mut columns = self.plan(&node.static_term)?;
        loop {
            self.recursive.push((node.name.clone(), columns.clone()));
            let round = self.plan(&node.recursive_term);
            self.recursive.pop();
            let next = merged(columns.clone(), round?);
            if next == columns {
                return Ok(columns);
            }
            columns = next;
        }
    }
}

/// Columns that are put below each other.
fn merged(mut above: Vec<Columns>, below: Vec<Columns>) -> Vec<Columns> {
    for (column, more) in above.iter_mut().zip(&below) {
        column.add(more);
    }
    above
}

/// Of the columns of a table those that a scan reads.
fn projected(mut columns: Vec<Columns>, scan: &LogicalScan) -> Vec<Columns> {
    if let Some(projection) = &scan.projection {
        let at = |at: &usize| columns.get(*at).cloned().unwrap_or_default();
        columns = projection.iter().map(at).collect();
    }
    columns.resize(scan.projected_schema.fields().len(), Columns::default());
    columns
}

fn constrained(provider: &dyn TableProvider, name: &str) -> BTreeSet<Constrained> {
    let table = provider.downcast_ref::<PolicyTable>();
    table.and_then(|table| table.constraints().column(name)).into_iter().collect()
}

fn is_of_view(table: &PolicyTable) -> Result<bool> {
    let id = table.read().0;
    table.plan().exists(|node| {
        Ok(matches!(node, LogicalPlan::SubqueryAlias(at) if view_of(&at.alias) == Some(id)))
    })
}

fn view_of(alias: &TableReference) -> Option<ObjectId> {
    if alias.catalog() != Some(VIEW) {
        return None;
    }
    alias.table().parse().ok()
}
