//! EXPLAIN ACCESS, and who sees what.

use arrow::array::RecordBatch;
use icecore_governance::{Act, Ground, RoleId, Securable, SecurableKind, Session};
use icecore_sql::{Explain, GrantTarget, Parsed, Statement};
use icecore_types::{Name, Result, SqlType};

use crate::access::Acting;
use crate::cells::{Cell, Columns, batch};
use crate::statement::Planning;
use crate::statement::authorize::acts;

const TEXT: SqlType = SqlType::TEXT;

const EXPLAINED: Columns = &[
    ("action", TEXT),
    ("object_kind", TEXT),
    ("object_name", TEXT),
    ("needs", TEXT),
    ("as_role", TEXT),
    ("is_granted", TEXT),
    ("through", TEXT),
];
const EFFECTIVE: Columns =
    &[("role", TEXT), ("privilege", TEXT), ("through", TEXT), ("reaches", TEXT)];

impl Planning {
    /// EXPLAIN ACCESS: what a statement needs, whether the session has it, and
    /// through what. Nothing of the statement is done.
    pub(in crate::statement) fn explain_access(&self, explain: &Explain) -> Result<RecordBatch> {
        let statement = Statement::clone(&explain.statement);
        let resolved = self.resolve_statement(&Parsed { text: String::new(), statement });
        // This statement itself does nothing of it.
        let intents = self.resolver.drain_intents();
        let head = self.resolver.head();
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
                    Some(_) => {}
                }
                rows.extend(grounds.iter().map(|ground| row(act, ground, &acting.session)));
            }
        }
        // What is wrong with it is for those who may do it.
        if granted {
            resolved?;
        }
        batch(EXPLAINED, rows)
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
                for (privilege, ground) in access.effective(&session, on)? {
                    let Some(through) = ground.through else { continue };
                    let reaches = access.reaches(&session, on)?;
                    rows.push(vec![
                        Cell::text(name.as_str()),
                        Cell::text(privilege.to_string()),
                        Cell::text(through.to_string()),
                        Cell::text(if reaches { "YES" } else { "NO: USAGE of a container" }),
                    ]);
                }
            }
        }
        batch(EFFECTIVE, rows)
    }
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
    ]
}
