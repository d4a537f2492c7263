//! What a statement is planned with: its session, its snapshot, its names.

use std::sync::{Arc, OnceLock};

use datafusion::execution::SessionState;
use icecore_exec::{ScanStatistics, from_datafusion};
use icecore_governance::RoleId;
use icecore_types::{Name, ObjectId, Result, SqlType};
use parking_lot::Mutex;

use super::authorize::authorize;
use super::{QueryHooks, Resolver, StatementRun};
use crate::access::Acting;
use crate::plan::{AccessRule, Binder, ConstraintRule, Destination, StatementRule};
use crate::session::Session;

/// One attempt at a statement: all names are looked up in one snapshot.
pub(crate) struct Planning {
    pub(crate) session: Session,
    /// Who asks, from the beginning of the statement to its end.
    pub(crate) acting: Arc<Acting>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) binder: Arc<Binder>,
    pub(crate) state: SessionState,
    /// What the parts of the statement have read.
    pub(crate) scanned: Arc<Mutex<ScanStatistics>>,
    /// The hash of the password that the statement gives, once it is made.
    pub(crate) hashed: Arc<OnceLock<String>>,
}

impl Planning {
    /// Takes the newest snapshot.
    pub(crate) async fn begin(session: &Session) -> Result<Self> {
        let engine = session.engine();
        let head = engine.latest().await?;
        let shared = session.shared();
        let acting = Arc::new(session.acting(&head)?);
        let resolver = Resolver::new(head, shared.database(), shared.schema());
        let resolver = Arc::new(resolver.acting(Arc::clone(&acting)));
        let binder = Arc::new(Binder::new(session.clone(), Arc::clone(&resolver)));
        let mut state = engine.template.clone();
        state.add_analyzer_rule(Arc::new(StatementRule::new(shared.id)));
        state.execution_props_mut().query_execution_start_time = engine.now().to_utc();
        let (scanned, hashed) = (Arc::default(), Arc::default());
        Ok(Self { session: session.clone(), acting, resolver, binder, state, scanned, hashed })
    }

    /// The same snapshot, with the rights of a role that owns something.
    pub(crate) fn on_behalf_of(&self, owner: ObjectId) -> Result<Self> {
        let acting = Arc::new(self.acting.as_owner(RoleId::new(owner))?);
        let resolver = Resolver::new(Arc::clone(self.resolver.head()), None, None);
        let resolver = Arc::new(resolver.acting(Arc::clone(&acting)));
        let binder = Arc::new(Binder::new(self.session.clone(), Arc::clone(&resolver)));
        let (session, state) = (self.session.clone(), self.state.clone());
        let (scanned, hashed) = (Arc::clone(&self.scanned), Arc::clone(&self.hashed));
        Ok(Self { session, acting, resolver, binder, state, scanned, hashed })
    }

    /// The same snapshot, with names looked up in this database and schema.
    pub(crate) fn within_names(&self, names: (Option<Name>, Option<Name>)) -> Self {
        self.within(self.resolver.in_schema(names))
    }

    /// The same, with the rights of a role that owns something there.
    pub(crate) fn within_rights(
        &self,
        names: (Option<Name>, Option<Name>),
        owner: ObjectId,
    ) -> Self {
        self.within(self.resolver.in_schema(names).with_rights_of(owner))
    }

    fn within(&self, resolver: Resolver) -> Self {
        let resolver = Arc::new(resolver);
        let binder = Arc::new(Binder::new(self.session.clone(), Arc::clone(&resolver)));
        let (session, state) = (self.session.clone(), self.state.clone());
        let acting = Arc::clone(&self.acting);
        let (scanned, hashed) = (Arc::clone(&self.scanned), Arc::clone(&self.hashed));
        Self { session, acting, resolver, binder, state, scanned, hashed }
    }

    /// Asks for a decision on what was looked up so far.
    pub(crate) fn authorize(&self) -> Result<()> {
        authorize(&self.acting, &self.resolver.intents(), self.resolver.head())
    }

    /// The state of a query: with what begins and ends its executions.
    pub(crate) fn query_state(&self, text: &str, begun: Option<StatementRun>) -> SessionState {
        let bound = (Arc::clone(self.resolver.head()), self.resolver.intents());
        let who = (&self.session, &self.acting);
        let hooks = QueryHooks::new(who, text, bound, begun);
        let mut state = self.state.clone();
        state.config_mut().set_extension(Arc::new(hooks));
        state.add_analyzer_rule(Arc::new(AccessRule::new(Arc::clone(self.resolver.head()))));
        self.judging(&mut state, Destination::Result);
        state
    }

    /// The state of a part of this statement, whose rows go there.
    pub(crate) fn part_state(&self, to: Destination) -> SessionState {
        let mut state = self.state.clone();
        self.judging(&mut state, to);
        state
    }

    /// Queries are judged as wholes when everything else is known of them.
    fn judging(&self, state: &mut SessionState, to: Destination) {
        let rule = ConstraintRule::new(self.session.shared().id, to);
        state.add_analyzer_rule(Arc::new(rule));
    }

    /// The value of a column's default now, as text; `None` is NULL.
    pub(crate) fn default_value(
        &self,
        default: &str,
        sql_type: &SqlType,
    ) -> Result<Option<String>> {
        self.constant_text(&icecore_sql::parse_expression(default)?, sql_type)
    }

    /// The value of a constant expression as text that casts to the type;
    /// `None` is NULL.
    pub(crate) fn constant_text(
        &self,
        expression: &icecore_sql::ast::Expr,
        sql_type: &SqlType,
    ) -> Result<Option<String>> {
        let value = super::travel::constant(expression, &self.binder, &self.state)?;
        let array = value.to_array().map_err(from_datafusion)?;
        let field = arrow::datatypes::Field::new("", array.data_type().clone(), true);
        let from = icecore_values::sql_type(&field)?;
        let fail = icecore_values::OnCastError::Fail;
        let cast = icecore_values::cast_array(&array, &from, sql_type, fail)?;
        let text = icecore_values::format_array(&cast, sql_type)?;
        Ok(text.iter().next().flatten().map(str::to_owned))
    }
}
