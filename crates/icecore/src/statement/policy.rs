//! Policies: made, changed, attached, and kept while something needs them.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use icecore_governance::{
    Verb, add_row_access, drop_row_access, set_aggregation, set_mask, set_projection,
    unset_aggregation, unset_mask, unset_projection,
};
use icecore_snapshot::{Head, Object, Requirement};
use icecore_sql::{
    AlterPolicy, CreatePolicy, CreateTable, PolicyAction, PolicyChange, PolicyOn, Simulate,
};
use icecore_types::{
    Body as Stored, Code, Error, Name, ObjectId, ObjectKind, PolicyDefinition, PolicyReturns,
    QualifiedName, Result, SqlType, TableDefinition, ViewDefinition,
};

use super::alter::replaced;
use super::change::{Change, IfExists};
use super::resolver::Intent;
use super::{Planning, Resolver};
use crate::plan::{
    Binder, Body, GovernedTable, Governs, TagPolicies, as_table, is_governed, plan_select,
    store_in_view, table_scan,
};

const DONE: &str = "Statement executed successfully.";

impl Planning {
    /// CREATE of a policy.
    pub(super) fn create_policy(&self, create: &CreatePolicy) -> Result<Change> {
        check_signature(create)?;
        let schema = self.resolver.schema_of(&create.name)?.id();
        let definition = PolicyDefinition {
            arguments: create.arguments.clone(),
            returns: create.returns,
            body: create.body.clone(),
            comment: create.comment.clone(),
        };
        self.check_body((create.kind, schema), &definition)?;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        Ok(self.create(create.kind, &create.name, if_exists, Stored::of(&definition)?)?.1)
    }

    /// ALTER of a policy. A new body governs whatever is planned from now on.
    pub(super) fn alter_policy(&self, alter: &AlterPolicy) -> Result<Change> {
        let Some(found) = self.existing(alter.kind, &alter.name, alter.if_exists)? else {
            return Ok(Change::nothing(DONE));
        };
        let mut definition: PolicyDefinition = found.body().read()?;
        match &alter.change {
            PolicyChange::Rename(to) => return self.rename(found, to),
            PolicyChange::SetComment(comment) => definition.comment = comment.clone(),
            PolicyChange::SetBody(body) => {
                definition.body.clone_from(body);
                let schema = found.parent().unwrap_or(found.id());
                self.check_body((alter.kind, schema), &definition)?;
            }
        }
        replaced(found, Stored::of(&definition)?)
    }

    /// EXECUTE USING POLICY_CONTEXT: the session's query, whose policies take
    /// it for another role's. Only who may take these policies off may ask.
    pub(super) fn simulate(&self, simulate: &Simulate) -> Result<LogicalPlan> {
        let role = self.acting.access.role_id(None, &simulate.role).ok_or_else(|| {
            let what = format!("role '{}' does not exist or not authorized", simulate.role);
            Error::new(Code::OPERATION_IMPOSSIBLE, what)
        })?;
        let acting = Arc::new(self.acting.as_owner(role)?);
        let binder = Binder::new(self.session.clone(), Arc::clone(&self.resolver));
        plan_select(&simulate.query, &self.state, &Arc::new(binder.simulating(acting)))
    }

    /// A body that cannot be planned is refused now rather than when somebody
    /// reads a table under it.
    fn check_body(
        &self,
        (kind, schema): (ObjectKind, ObjectId),
        definition: &PolicyDefinition,
    ) -> Result<()> {
        let mut path = self.resolver.path(schema).into_iter();
        let planning = self.within_names((path.next(), path.next()));
        let relation = datafusion::common::TableReference::bare("\0");
        let body = Body::plan((kind, definition), &relation, &planning.state, &planning.binder)?;
        body.check(&planning.state)?;
        self.resolver.take_intents(&planning.resolver);
        Ok(())
    }

    /// What ALTER TABLE does with policies. The change stands only while the
    /// policy is what it was.
    pub(super) fn attach(&self, table: &Object, action: &PolicyAction) -> Result<Change> {
        let mut definition: TableDefinition = table.body().read()?;
        let needs = self.put_on(&mut definition, action)?;
        self.act_on_removed(table, &definition)?;
        if needs.is_some() {
            refuse_expectations(&definition)?;
            self.try_policies(table, &definition)?;
        }
        let mut change = replaced(table, Stored::of(&definition)?)?;
        change.requirements.extend(needs);
        Ok(change)
    }

    /// What ALTER VIEW does with policies.
    pub(super) fn attach_to_view(&self, view: &Object, action: &PolicyAction) -> Result<Change> {
        let mut definition: ViewDefinition = view.body().read()?;
        let (plan, _) = self.binder.view_plan((&definition, Some(view)), None, &self.state)?;
        let mut table = as_table(&definition, &plan)?;
        let needs = self.put_on(&mut table, action)?;
        self.act_on_removed(view, &table)?;
        if needs.is_some() {
            let governs = Governs { table: view, definition: &table, originals: false };
            governs.source_of_view(plan, None, &self.binder, &self.state)?;
        }
        store_in_view(table, &mut definition);
        let mut change = replaced(view, Stored::of(&definition)?)?;
        change.requirements.extend(needs);
        Ok(change)
    }

    /// The policies that CREATE TABLE declares, put on the table.
    pub(super) fn declared_policies(
        &self,
        table: &mut TableDefinition,
        create: &CreateTable,
    ) -> Result<Vec<Requirement>> {
        let mut needs = Vec::new();
        for on in create.columns.iter().filter_map(|column| column.mask.as_ref()) {
            let action = PolicyAction::SetMask {
                column: on.columns.first().cloned().unwrap_or_else(|| Name::quoted("")),
                policy: on.policy.clone(),
                using: on.columns.clone(),
                force: false,
            };
            needs.extend(self.put_on(table, &action)?);
        }
        for column in &create.columns {
            let Some(policy) = column.projection.clone() else { continue };
            let column = column.name.clone();
            let action = PolicyAction::SetProjection { column, policy, force: false };
            needs.extend(self.put_on(table, &action)?);
        }
        if let Some(on) = create.aggregation.clone() {
            let action = PolicyAction::SetAggregation { on, force: false };
            needs.extend(self.put_on(table, &action)?);
        }
        if let Some(PolicyOn { policy, columns }) = create.row_access.clone() {
            let action = PolicyAction::AddRowAccess { instead: None, policy, columns };
            needs.extend(self.put_on(table, &action)?);
        }
        if !needs.is_empty() {
            refuse_expectations(table)?;
        }
        Ok(needs)
    }

    /// Puts a policy on a table, or takes it off; what is put on must stay what
    /// it is.
    fn put_on(
        &self,
        table: &mut TableDefinition,
        action: &PolicyAction,
    ) -> Result<Option<Requirement>> {
        let rows = ObjectKind::RowAccessPolicy;
        let put = match action {
            PolicyAction::AddRowAccess { instead, policy, columns } => {
                if let Some(dropped) = instead {
                    drop_row_access(table, self.policy(rows, dropped)?.id())?;
                }
                let policy = self.policy(rows, policy)?;
                add_row_access(table, (policy.id(), &policy.body().read()?), columns)?;
                policy
            }
            PolicyAction::SetMask { policy, using, force, .. } => {
                let policy = self.policy(ObjectKind::MaskingPolicy, policy)?;
                set_mask(table, (policy.id(), &policy.body().read()?), using, *force)?;
                policy
            }
            PolicyAction::DropRowAccess(policy) => {
                drop_row_access(table, self.policy(rows, policy)?.id())?;
                return Ok(None);
            }
            PolicyAction::DropAllRowAccess => {
                table.policies.row_access = None;
                return Ok(None);
            }
            PolicyAction::SetProjection { column, policy, force } => {
                let policy = self.policy(ObjectKind::ProjectionPolicy, policy)?;
                set_projection(table, policy.id(), column, *force)?;
                policy
            }
            PolicyAction::SetAggregation { on, force } => {
                let policy = self.policy(ObjectKind::AggregationPolicy, &on.policy)?;
                set_aggregation(table, policy.id(), &on.entity, *force)?;
                policy
            }
            PolicyAction::UnsetMask { column } => return unset_mask(table, column).map(|()| None),
            PolicyAction::UnsetProjection { column } => {
                return unset_projection(table, column).map(|()| None);
            }
            PolicyAction::UnsetAggregation => return unset_aggregation(table).map(|()| None),
        };
        Ok(Some(Requirement::ObjectUnchanged { id: put.id() }))
    }

    /// Who takes a policy off a table must be one who may put it there: the
    /// table's owner alone may not.
    fn act_on_removed(&self, table: &Object, then: &TableDefinition) -> Result<()> {
        let kept: Vec<_> = then.policies.attached().collect();
        for (_, id) in table.policies()?.attached().filter(|on| !kept.contains(on)) {
            if let Some(policy) = self.resolver.head().object(id) {
                self.resolver.act_on_policy(policy, table)?;
            }
        }
        Ok(())
    }

    fn policy(&self, kind: ObjectKind, name: &QualifiedName) -> Result<&Object> {
        let policy = self.resolver.object(kind, name)?;
        self.resolver.act(Verb::Apply, policy);
        Ok(policy)
    }

    /// Plans the table under its policies.
    fn try_policies(&self, table: &Object, definition: &TableDefinition) -> Result<()> {
        let scan = table_scan(
            &self.session.engine().segments,
            (table.id(), table.name()),
            definition,
            self.resolver.content(table)?,
            false,
        )?;
        let raw = GovernedTable::new(scan, self.session.shared());
        let governs = Governs { table, definition, originals: false };
        governs.source(raw, &self.binder, &self.state).map(drop)
    }
}

fn check_signature(create: &CreatePolicy) -> Result<()> {
    let wrong = |what: String| Err(Error::new(Code::INVALID_STATEMENT, what));
    match (create.kind, create.arguments.first()) {
        (ObjectKind::RowAccessPolicy, _)
            if create.returns != PolicyReturns::Value(SqlType::Boolean) =>
        {
            wrong(format!("a row access policy returns BOOLEAN, not {}", create.returns))
        }
        (ObjectKind::MaskingPolicy, Some(first))
            if create.returns != PolicyReturns::Value(first.sql_type) =>
        {
            wrong(format!(
                "a masking policy returns the type of its first argument argument={} returns={}",
                first.sql_type, create.returns
            ))
        }
        _ => Ok(()),
    }
}

/// What is expected of rows is looked up in all of them, and told.
fn refuse_expectations(definition: &TableDefinition) -> Result<()> {
    if definition.expectations.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported("a policy on a table that has expectations"))
}

/// For what would tell of the rows of a table, and not through its policies.
///
/// # Errors
/// `Unsupported`, with the name of what is done, if the table has policies.
pub(crate) fn refuse_under_policy(resolver: &Resolver, table: &Object, what: &str) -> Result<()> {
    if !is_governed(resolver.head(), table)? {
        return Ok(());
    }
    Err(Error::unsupported(format_args!("{what} a table that has a policy")))
}

/// Whether the policies of what a plan reads are those that it was planned
/// with: a query that is executed again later shows nothing that is hidden by
/// then.
///
/// # Errors
/// `Conflict` if one of them was changed, attached or taken off.
pub(super) fn same_policies(planned: &Head, now: &Head, intents: &[Intent]) -> Result<()> {
    if planned.version() == now.version() {
        return Ok(());
    }
    let changed = |id: ObjectId| {
        let changed = |head: &Head| head.object(id).map(Object::changed);
        changed(planned) != changed(now)
    };
    for intent in intents {
        let (Intent::On(_, id) | Intent::OnAs(_, _, id)) = intent else { continue };
        let (Some(before), Some(after)) = (planned.object(*id), now.object(*id)) else { continue };
        let policies = before.policies()?;
        let secured = !before.is_secure()? && after.is_secure()?;
        let same = !secured
            && (!changed(*id) || policies == after.policies()?)
            && TagPolicies::of(planned, before)? == TagPolicies::of(now, after)?;
        if !same || policies.policies().any(changed) {
            let what =
                format!("a policy changed since the query was planned table={}", after.name());
            return Err(Error::new(Code::CONFLICT, what).with_help("plan the query again"));
        }
    }
    Ok(())
}
