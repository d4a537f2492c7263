//! The plan of a table under its policies: raw scan, row filter, masks.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, cast};
use icecore_exec::from_datafusion;
use icecore_governance::{Verb, fits, same_data};
use icecore_snapshot::Object;
use icecore_types::{
    ColumnDefinition, ColumnId, Error, ObjectId, PolicyArgument, PolicyDefinition, Result, SqlType,
    TableDefinition, Version,
};

use super::applied::Applied;
use super::table::Evaluated;
use super::{Body, PolicyTable};
use crate::plan::{Binder, GovernedTable};
use crate::statement::Intent;

/// What the raw table is called inside. No name of a user's means it, nor one
/// of the relations of arguments, which are called by their number.
pub(super) const RAW: &str = "\0RAW";

/// The column of a governed table that has what another one has stored.
pub(crate) fn original(column: ColumnId) -> String {
    format!("\0STORED{}", column.get())
}

/// A table and what governs it.
pub(crate) struct Governs<'a> {
    pub(crate) table: &'a Object,
    pub(crate) definition: &'a TableDefinition,
    /// Whether masked columns are there as they are stored too, for what
    /// changes rows and keeps their other values.
    pub(crate) originals: bool,
}

impl Governs<'_> {
    /// What a query may read of the table, and all that it may.
    pub(crate) fn source(
        &self,
        raw: GovernedTable,
        binder: &Binder,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        let version = raw.read().1;
        let source = provider_as_source(Arc::new(raw));
        let raw = LogicalPlanBuilder::scan(RAW, source, None).map_err(from_datafusion)?;
        self.over(raw, version, binder, state)
    }

    /// The same over the plan of a view's query.
    pub(crate) fn source_of_view(
        &self,
        plan: LogicalPlan,
        version: Option<Version>,
        binder: &Binder,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        let raw = LogicalPlanBuilder::from(plan).alias(RAW).map_err(from_datafusion)?;
        self.over(raw, version, binder, state)
    }

    fn over(
        &self,
        raw: LogicalPlanBuilder,
        version: Option<Version>,
        binder: &Binder,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        let read = (self.table.id(), version);
        let session = binder.session().shared().id;
        let (constraints, entity) = self.constraints(binder, state)?;
        let (plan, fails) = self.plan(raw, &entity, binder, state)?;
        // What a secure view does to its rows may fail on one, too.
        let fails = fails || self.table.is_secure()?;
        let schema = self.schema(&plan, entity.len())?;
        let open = schema.fields().iter().map(|field| !fails && self.is_open(field.name()));
        let label = self.label().into();
        Ok(provider_as_source(Arc::new(PolicyTable {
            open: open.collect(),
            plan,
            schema,
            label,
            session,
            read,
            policies: self.evaluated(),
            constraints,
        })))
    }

    fn evaluated(&self) -> Vec<Evaluated> {
        let attached = self.definition.policies.attached();
        let named = attached.map(|(id, policy)| {
            let column = id.and_then(|id| self.column(id));
            (column.map(|column| column.name.clone()), policy)
        });
        named.collect()
    }

    pub(super) fn column(&self, id: ColumnId) -> Option<&ColumnDefinition> {
        self.definition.columns.iter().find(|column| column.id == id)
    }

    fn label(&self) -> String {
        let policies = &self.definition.policies;
        let kind = match policies.row_access {
            Some(_) => "RowAccessPolicy",
            None if !policies.masks.is_empty() => "MaskingPolicy",
            None if policies.aggregation.is_some() => "AggregationPolicy",
            None if !policies.projections.is_empty() => "ProjectionPolicy",
            None => return self.table.name().to_string(),
        };
        format!("{} (+ {kind})", self.table.name())
    }

    /// Whether a predicate on a column may be evaluated inside: what it sees is
    /// what is stored.
    fn is_open(&self, name: &str) -> bool {
        let column = self.definition.columns.iter().find(|column| column.name.as_str() == name);
        column.is_some_and(|column| self.definition.policies.mask(column.id).is_none())
    }

    /// The columns as they are seen: a masked one may be NULL, and is as long
    /// as its policy says.
    /// What stands behind them is not seen.
    fn schema(&self, plan: &LogicalPlan, behind: usize) -> Result<SchemaRef> {
        let mut fields: Vec<_> = plan.schema().fields().iter().map(Arc::clone).collect();
        fields.truncate(fields.len().saturating_sub(behind));
        for (field, column) in fields.iter_mut().zip(&self.definition.columns) {
            if self.definition.policies.mask(column.id).is_some() {
                let sql_type = match column.sql_type {
                    SqlType::Varchar { .. } => SqlType::TEXT,
                    SqlType::Binary { .. } => SqlType::Binary { length: SqlType::MAX_BINARY },
                    other => other,
                };
                *field = Arc::new(icecore_values::field(column.name.as_str(), &sql_type, true));
            }
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The plan, with `entity` behind its columns, and whether a policy in it may
    /// fail on a row.
    fn plan(
        &self,
        mut plan: LogicalPlanBuilder,
        entity: &[Expr],
        binder: &Binder,
        state: &SessionState,
    ) -> Result<(LogicalPlan, bool)> {
        let policies = &self.definition.policies;
        let mut fails = false;
        let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        if let Some(on) = &policies.row_access {
            let rows = self.applied(on.policy, &on.columns, (binder, state), 0)?;
            fails |= rows.body.fails;
            plan = rows.filter(plan)?;
        }
        let mut masks = Vec::new();
        for (at, mask) in policies.masks.iter().enumerate() {
            let columns: Vec<ColumnId> = mask.columns().collect();
            masks.push(self.applied(mask.policy, &columns, (binder, state), at + 1)?);
        }
        fails |= masks.iter().any(|mask| mask.body.fails);
        if !masks.is_empty() || !entity.is_empty() {
            let mut seen = self.masked(columns, &masks)?;
            seen.extend(entity.iter().cloned());
            plan = plan.project(seen).map_err(from_datafusion)?;
        }
        Ok((plan.build().map_err(from_datafusion)?, fails))
    }

    /// All columns, masked ones as their masks show them.
    fn masked(&self, columns: Vec<Expr>, masks: &[Applied<'_>]) -> Result<Vec<Expr>> {
        let mut seen = Vec::with_capacity(columns.len());
        let mut stored = Vec::new();
        for column in columns {
            let name = match &column {
                Expr::Column(column) => column.name.clone(),
                _ => String::new(),
            };
            let of_it = |mask: &&Applied<'_>| {
                mask.columns.first().is_some_and(|column| column.name.as_str() == name)
            };
            let Some(mask) = masks.iter().find(of_it) else {
                seen.push(column);
                continue;
            };
            let Some(masked) = mask.columns.first() else { continue };
            let wanted = icecore_values::arrow_type(&masked.sql_type);
            seen.push(cast(mask.value()?, wanted).alias_qualified(Some(RAW), name));
            stored.push(column.alias_qualified(Some(RAW), original(masked.id)));
        }
        if self.originals {
            seen.extend(stored);
        }
        Ok(seen)
    }

    /// A policy with the columns that take the place of its arguments.
    pub(super) fn applied(
        &self,
        policy: ObjectId,
        columns: &[ColumnId],
        (binder, state): (&Binder, &SessionState),
        number: usize,
    ) -> Result<Applied<'_>> {
        let gone = || Error::corrupted("a policy of a table that is not there");
        let head = binder.resolver().head();
        let object = head.object(policy).filter(|policy| policy.is_live()).ok_or_else(gone)?;
        let mut definition: PolicyDefinition = object.body().read()?;
        let columns: Option<Vec<_>> = columns.iter().map(|id| self.column(*id)).collect();
        let columns = columns.ok_or_else(gone)?;
        let is_rescaled = rescale(&mut definition, columns.first());
        let arguments = TableReference::bare(format!("\0{number}"));
        if binder.is_simulating() {
            // Who may take the policy off may see what it hides.
            let resolver = binder.resolver();
            resolver.intend(Intent::On(Verb::Attach(object.kind()), self.table.id()));
            resolver.act_on_policy(object, self.table)?;
        }
        let inside = binder.inside_policy(object, self.table)?;
        let planned = (object.kind(), &definition);
        let mut body = Body::plan(planned, &arguments, state, &inside)?;
        // What it gives may have more digits than the column.
        body.fails |= is_rescaled;
        binder.resolver().take_intents(inside.resolver());
        let fit = |(column, argument): (&&ColumnDefinition, &PolicyArgument)| {
            fits(&argument.sql_type, &column.sql_type)
        };
        let named = &definition.arguments;
        if columns.len() != named.len() || !columns.iter().zip(named).all(fit) {
            return Err(gone());
        }
        Ok(Applied { body, arguments, columns })
    }
}

/// A policy that a tag brings to a number of another scale takes it as it is.
fn rescale(policy: &mut PolicyDefinition, column: Option<&&ColumnDefinition>) -> bool {
    let (Some(argument), Some(column)) = (policy.arguments.first_mut(), column) else {
        return false;
    };
    let other = same_data(&argument.sql_type, &column.sql_type)
        && !fits(&argument.sql_type, &column.sql_type);
    if other {
        argument.sql_type = column.sql_type;
    }
    other
}
