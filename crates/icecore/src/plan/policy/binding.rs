//! What the binder knows of policies: which one is planned, of which table,
//! and for whom.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::TableSource;
use icecore_exec::TableScan;
use icecore_snapshot::Object;
use icecore_types::{Code, Error, Name, Result, TableDefinition};

use super::Governs;
use crate::access::Acting;
use crate::plan::{Binder, GovernedTable};

impl Binder {
    /// Whose policies take another role for the one that asks.
    pub(crate) fn simulating(mut self, acting: Arc<Acting>) -> Self {
        self.simulated = Some(acting);
        self
    }

    /// Who is simulated to a policy that is being planned.
    pub(in crate::plan) fn simulated(&self) -> Option<&Arc<Acting>> {
        self.simulated.as_ref().filter(|_| self.protected.is_some())
    }

    /// Whether policies are only tried out.
    pub(in crate::plan) fn is_simulating(&self) -> bool {
        self.simulated.is_some()
    }

    /// What a statement that changes rows of a table sees of it.
    pub(crate) fn target_source(
        &self,
        (object, definition): (&Object, &TableDefinition),
        scan: TableScan,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        let table = GovernedTable::new(scan, self.session.shared());
        if definition.policies.is_empty() {
            return Ok(provider_as_source(Arc::new(table)));
        }
        Governs { table: object, definition, originals: true }.source(table, self, state)
    }

    /// Who binds the names in the body of a policy of a table: in the policy's
    /// schema, as everything is now, with the rights of the policy's owner. Who
    /// queries the table need not have them.
    ///
    /// # Errors
    /// `InvalidInput` if the policy is planned already: it reads what it
    /// protects.
    pub(in crate::plan) fn inside_policy(
        &self,
        policy: &Object,
        table: &Object,
    ) -> Result<Arc<Self>> {
        if self.planned.contains(&policy.id()) {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "a policy reads a table that it protects",
            ));
        }
        let mut path = self.resolver.path(policy.id()).into_iter();
        let mut inside = self.nested((path.next(), path.next()), None, Some(policy))?;
        inside.protected = Some(table.id());
        Ok(Arc::new(inside))
    }

    /// The database and schema of the table whose policy is planned.
    pub(in crate::plan) fn protected_place(&self) -> Option<(Name, Name)> {
        let path = self.resolver.path(self.protected?);
        match path.as_slice() {
            [database, schema, ..] => Some((database.clone(), schema.clone())),
            _ => None,
        }
    }
}
