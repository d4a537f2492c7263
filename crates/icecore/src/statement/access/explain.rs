//! EXPLAIN ACCESS, and who sees what.

use std::sync::Arc;

use arrow::array::RecordBatch;
use icecore_governance::{Act, Ground, Privilege, RoleId, Securable, SecurableKind, Session, Verb};
use icecore_snapshot::Object;
use icecore_sql::{Explain, GrantTarget, Parsed, Statement};
use icecore_types::{Name, ObjectId, ObjectKind, Result, SqlType, TableDefinition, ViewDefinition};

use crate::access::{Acting, securable};
use crate::access_history::{Access, ReferencedPolicies, ReferencedPolicy};
use crate::cells::{Cell, Columns, batch};
use crate::plan::{Binder, Effect, Governs, TagPolicies, as_table};
use crate::statement::authorize::acts;
use crate::statement::{Intent, Planning, Resolved, read_access};

const TEXT: SqlType = SqlType::TEXT;

const EXPLAINED: Columns = &[
    ("action", TEXT),
    ("object_kind", TEXT),
    ("object_name", TEXT),
    ("needs", TEXT),
    ("as_role", TEXT),
    ("is_granted", TEXT),
    ("through", TEXT),
    ("column_name", TEXT),
    ("policy", TEXT),
];
const EFFECTIVE: Columns = &[
    ("role", TEXT),
    ("privilege", TEXT),
    ("through", TEXT),
    ("reaches", TEXT),
    ("rows_seen", TEXT),
    ("columns_masked", TEXT),
];

impl Planning {
    /// EXPLAIN ACCESS: what a statement needs, whether the session has it, and
    /// through what. Nothing of the statement is done.
    pub(in crate::statement) fn explain_access(&self, explain: &Explain) -> Result<RecordBatch> {
        let statement = Statement::clone(&explain.statement);
        let resolved = self.resolve_statement(&Parsed { text: String::new(), statement });
        // This statement itself does nothing of it.
        let intents = self.resolver.drain_intents();
        let head = self.resolver.head();
        let closed = self.reads_closed(&intents)?;
        let mut rows = Vec::new();
        let mut granted = true;
        for (owner, acts) in acts(&self.acting.access, &intents, head)? {
            let acting = match owner {
                None => Acting::clone(&self.acting),
                Some(role) => self.acting.as_owner(role)?,
            };
            for act in &acts {
                let seen = self.seen(act.on());
                let grounds = acting.access.explain(&acting.session, std::slice::from_ref(act))?;
                granted &= grounds.iter().all(|ground| ground.through.is_some());
                match owner {
                    None => seen?,
                    // What a view or a policy reads may be none of the session's
                    // business.
                    Some(_) if seen.is_err() => continue,
                    // Nor is what a secure view is made of.
                    Some(role) if closed && !self.acting.session.has_role(role) => continue,
                    Some(_) => {}
                }
                rows.extend(grounds.iter().map(|ground| row(act, ground, &acting.session)));
            }
        }
        // What is wrong with it, and what is on what it reads, is for those who
        // may do it.
        if granted {
            let mut policies = self.read_of(&resolved?)?.policies;
            policies.retain(|on| !closed || is_named(&intents, on.object_id));
            policies.iter().for_each(|on| self.add_policies(on, &mut rows));
        }
        batch(EXPLAINED, rows)
    }

    /// Whether a secure view is read that is not the session's.
    fn reads_closed(&self, intents: &[Intent]) -> Result<bool> {
        for intent in intents {
            let (Intent::On(_, id) | Intent::OnAs(_, _, id)) = intent else { continue };
            let Some(object) = self.resolver.head().object(*id) else { continue };
            if self.resolver.is_closed(object)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_of(&self, resolved: &Resolved) -> Result<Access> {
        match resolved {
            Resolved::Query(plan) => read_access(plan, self.resolver.head()),
            other => self.access(other),
        }
    }

    /// The policies of a table that the session sees, and the names of those
    /// that it sees.
    fn add_policies(&self, on: &ReferencedPolicies, rows: &mut Vec<Vec<Cell>>) {
        let sees = |id| self.resolver.head().object(id).is_some_and(|it| self.resolver.sees(it));
        if !sees(on.object_id) {
            return;
        }
        let mut add = |column: Option<&str>, policy: &ReferencedPolicy| {
            let action = match policy.policy_kind.as_str() {
                "ROW_ACCESS_POLICY" => "FILTER",
                "AGGREGATION_POLICY" => "GROUP",
                "PROJECTION_POLICY" => "PROJECT",
                _ => "MASK",
            };
            let name = sees(policy.policy_id).then(|| policy.policy_name.clone());
            rows.push(vec![
                Cell::text(action),
                Cell::text(on.object_domain.to_uppercase()),
                Cell::text(on.object_name.clone()),
                Cell::Null,
                Cell::text(self.acting.session.role_name().as_str()),
                Cell::Null,
                Cell::Null,
                Cell::maybe_text(column.map(str::to_owned)),
                Cell::maybe_text(name),
            ]);
        };
        on.policies.iter().for_each(|policy| add(None, policy));
        for column in &on.columns {
            let name = Some(column.column_name.as_str());
            column.policies.iter().for_each(|policy| add(name, policy));
        }
    }

    fn seen(&self, on: &Securable) -> Result<()> {
        let account = on.kind() == SecurableKind::Account;
        if account || self.acting.access.shows(&self.acting.session, on)? {
            return Ok(());
        }
        Err(on.absent())
    }

    /// SHOW EFFECTIVE ACCESS ON: every role that reaches a privilege on it, and
    /// whether it reaches what the object is in.
    pub(in crate::statement) fn effective_access(&self, on: &GrantTarget) -> Result<RecordBatch> {
        let targets = self.targets(on)?;
        let access = &self.acting.access;
        let mut rows = Vec::new();
        for on in &targets {
            self.seen(on)?;
            let mut roles: Vec<(RoleId, &Name)> =
                access.roles().map(|(id, role)| (id, role.name())).collect();
            roles.sort_by(|a, b| a.1.cmp(b.1));
            for (role, name) in roles {
                let session = Session::of_role(access, role)?;
                let mut effect = None;
                for (privilege, ground) in access.effective(&session, on)? {
                    let Some(through) = ground.through else { continue };
                    let reads = matches!(privilege, Privilege::Select | Privilege::Ownership);
                    if reads && effect.is_none() {
                        effect = self.effect(on, role)?;
                    }
                    let seen = effect.as_ref().filter(|_| reads);
                    let reaches = access.reaches(&session, on)?;
                    rows.push(vec![
                        Cell::text(name.as_str()),
                        Cell::text(privilege.to_string()),
                        Cell::text(through.to_string()),
                        Cell::text(if reaches { "YES" } else { "NO: USAGE of a container" }),
                        Cell::maybe_text(seen.map(Effect::rows)),
                        Cell::maybe_text(seen.map(Effect::masked)),
                    ]);
                }
            }
        }
        batch(EFFECTIVE, rows)
    }

    /// What the policies on something show a role, for who may put them there.
    fn effect(&self, on: &Securable, role: RoleId) -> Result<Option<Effect>> {
        let Some(object) = self.resolver.head().object(on.id()) else { return Ok(None) };
        let Some(definition) = self.governed(object)? else { return Ok(None) };
        if !self.may_put(on, &definition)? {
            return Ok(None);
        }
        let binder = Binder::new(self.session.clone(), Arc::clone(&self.resolver));
        let binder = binder.simulating(Arc::new(self.acting.as_owner(role)?));
        let governs = Governs { table: object, definition: &definition, originals: false };
        governs.effect(&binder, &self.state).map(Some)
    }

    /// A table or a view, and what may be under policies of it; nothing if its
    /// tags keep everybody from reading it.
    fn governed(&self, object: &Object) -> Result<Option<TableDefinition>> {
        let mut definition = match object.kind() {
            ObjectKind::Table | ObjectKind::DynamicTable => object.body().read()?,
            ObjectKind::View => {
                let view: ViewDefinition = object.body().read()?;
                let (plan, _) = self.binder.view_plan((&view, Some(object)), None, &self.state)?;
                as_table(&view, &plan)?
            }
            _ => return Ok(None),
        };
        let of_tags = TagPolicies::of(self.resolver.head(), object)?;
        Ok(of_tags.govern(&mut definition).is_ok().then_some(definition))
    }

    fn may_put(&self, on: &Securable, definition: &TableDefinition) -> Result<bool> {
        let head = self.resolver.head();
        let mut acts = vec![Act::new(Verb::Describe, on.clone())];
        for policy in definition.policies.policies().filter_map(|id| head.object(id)) {
            acts.push(Act::new(Verb::Apply, securable(head, policy)?));
            acts.push(Act::new(Verb::Attach(policy.kind()), on.clone()));
        }
        Ok(self.acting.access.authorize(&self.acting.session, &acts).is_ok())
    }
}

/// Whether a statement itself names an object, and not only a view does.
fn is_named(intents: &[Intent], object: ObjectId) -> bool {
    intents.iter().any(|intent| matches!(intent, Intent::On(_, id) if *id == object))
}

fn row(act: &Act, ground: &Ground, session: &Session) -> Vec<Cell> {
    vec![
        Cell::text(act.verb().to_string()),
        Cell::text(ground.on.kind().to_string()),
        Cell::text(ground.on.name().to_string()),
        Cell::text(ground.need.to_string()),
        Cell::text(session.role_name().as_str()),
        Cell::text(if ground.through.is_some() { "YES" } else { "NO" }),
        Cell::maybe_text(ground.through.as_ref().map(ToString::to_string)),
        Cell::Null,
        Cell::Null,
    ]
}
