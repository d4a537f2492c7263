//! Binds the names of a query to objects at a version.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use icecore_exec::from_datafusion;
use icecore_governance::Verb;
use icecore_raw::InferredColumn;
use icecore_snapshot::{Object, TableContent};
use icecore_sql::ast::ObjectName;
use icecore_sql::{InferSchema, StagedTable};
use icecore_types::{
    Code, Error, Name, ObjectId, ObjectKind, QualifiedName, Result, TableDefinition, Version,
    ViewDefinition,
};
use parking_lot::Mutex;

use super::column_lineage::marked;
use super::pinned::{Pinned, covers};
use super::sources::Sources;
use super::{
    GovernedTable, Governs, RowsTable, StagedRows, TagPolicies, as_table, governed, plan_select,
    table_scan,
};
use crate::access::Acting;
use crate::session::Session;
use crate::statement::Resolver;
use crate::virtual_schema;

/// The name under which a DELETE or UPDATE reads the table that it changes,
/// with the positions of its rows.
pub(crate) const TARGET: &str = "\0TARGET";

/// Views inside views, at most.
const MAX_VIEW_DEPTH: usize = 32;
/// Planning one view needs less than this, and not what is inside of it.
const VIEW_STACK: usize = 1024 * 1024;
const VIEW_STACK_GIVEN: usize = 4 * VIEW_STACK;

/// An object at a version, or as it is.
type ObjectAt = (ObjectId, Option<Version>);

/// One statement's view of the catalog: names are looked up in its snapshot,
/// and what is looked up is what will be authorised.
pub(crate) struct Binder {
    pub(super) session: Session,
    pub(super) resolver: Arc<Resolver>,
    /// The version of tables for which the query names none: a view's, when it
    /// is read as of then.
    version: Option<Version>,
    target: Option<Arc<dyn TableSource>>,
    /// Stages that are read, by how the statement writes them.
    staged: Mutex<Vec<(StagedTable, Arc<StagedRows>)>>,
    /// What files have, by the call that asks for it.
    inferred: Mutex<Vec<(InferSchema, Arc<Vec<InferredColumn>>)>>,
    /// Relations that only a refresh knows, by their names.
    given: HashMap<String, Arc<dyn TableSource>>,
    /// For a refresh: what it reads everything at.
    pinned: Option<Arc<Pinned>>,
    depth: usize,
    /// The table whose policy is planned.
    pub(super) protected: Option<ObjectId>,
    /// Whom policies take for who asks, if not the session.
    pub(super) simulated: Option<Arc<Acting>>,
    /// The views and policies that are planned, each inside the one before it.
    pub(super) planned: Vec<ObjectId>,
    sources: Arc<Sources>,
    /// Views that were planned, so that none is planned twice.
    views: Mutex<HashMap<ObjectAt, Arc<dyn TableSource>>>,
}

impl Binder {
    pub(crate) fn new(session: Session, resolver: Arc<Resolver>) -> Self {
        Self {
            session,
            resolver,
            version: None,
            target: None,
            staged: Mutex::default(),
            inferred: Mutex::default(),
            given: HashMap::new(),
            pinned: None,
            depth: 0,
            protected: None,
            simulated: None,
            planned: Vec::new(),
            sources: Arc::default(),
            views: Mutex::default(),
        }
    }

    /// With a table whose rows are to be changed.
    pub(crate) fn with_target(mut self, target: Arc<dyn TableSource>) -> Self {
        self.target = Some(target);
        self
    }

    /// Binds a stage of the statement to its files.
    pub(crate) fn bind_stage(&self, table: StagedTable, rows: Arc<StagedRows>) {
        self.staged.lock().push((table, rows));
    }

    /// Remembers which columns the files of a call have.
    pub(crate) fn bind_inferred(&self, call: InferSchema, columns: Vec<InferredColumn>) {
        self.inferred.lock().push((call, Arc::new(columns)));
    }

    /// The columns that the files of a call have, if they were looked at.
    pub(crate) fn inferred(&self, call: &InferSchema) -> Option<Arc<Vec<InferredColumn>>> {
        let inferred = self.inferred.lock();
        inferred.iter().find(|(known, _)| known == call).map(|(_, columns)| Arc::clone(columns))
    }

    /// The files of a stage, if it was bound.
    pub(crate) fn staged(&self, table: &StagedTable) -> Option<Arc<StagedRows>> {
        let staged = self.staged.lock();
        staged.iter().find(|(known, _)| known == table).map(|(_, rows)| Arc::clone(rows))
    }

    /// For the query of a dynamic table, whose names are looked up where it was
    /// made.
    pub(crate) fn refreshing(
        &self,
        (database, schema): (Name, Name),
        pinned: Arc<Pinned>,
        given: HashMap<String, Arc<dyn TableSource>>,
    ) -> Self {
        let resolver = Arc::new(self.resolver.in_schema((Some(database), Some(schema))));
        Self { pinned: Some(pinned), given, ..Self::new(self.session.clone(), resolver) }
    }

    /// Whether a dynamic table's query is planned.
    pub(crate) fn is_refreshing(&self) -> bool {
        self.pinned.is_some()
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn resolver(&self) -> &Arc<Resolver> {
        &self.resolver
    }

    /// The source that a name means, as of `version` if one is given.
    pub(crate) fn table_source(
        &self,
        reference: &TableReference,
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        if let (TableReference::Bare { table }, Some(target)) = (reference, &self.target)
            && &**table == TARGET
        {
            return Ok(Arc::clone(target));
        }
        if let TableReference::Bare { table } = reference
            && let Some(given) = self.given.get(&**table)
        {
            return Ok(Arc::clone(given));
        }
        let name = qualified(reference);
        if let Some(rows) = virtual_schema::table(&name, self, state)? {
            if version.is_some() {
                return Err(Error::unsupported(format_args!("time travel on {name}")));
            }
            if self.is_refreshing() {
                return Err(Error::unsupported(format_args!("{name} in a dynamic table")));
            }
            return Ok(provider_as_source(Arc::new(RowsTable::of(rows))));
        }
        let object = self.resolver.relation(&name)?;
        self.resolver.act(Verb::Select, object);
        if version.is_some() && self.is_refreshing() {
            return Err(Error::unsupported("time travel in a dynamic table"));
        }
        let version = version.or(self.version);
        match object.kind() {
            ObjectKind::View => self.view(object, version, state),
            ObjectKind::SemanticView => Err(Error::new(
                Code::INVALID_STATEMENT,
                format!("semantic view {} is not read as a table", object.name()),
            )
            .with_help(
                "write FROM SEMANTIC_VIEW(v METRICS .. DIMENSIONS ..), or SELECT d, AGG(m) FROM it \
                 alone GROUP BY d",
            )),
            _ => self.table(object, version, state),
        }
    }

    fn table(
        &self,
        object: &Object,
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        let definition = governed(self.resolver.head(), object)?;
        if definition.dynamic.as_ref().is_some_and(|dynamic| dynamic.frontier.is_none()) {
            return Err(not_initialized());
        }
        let content = match (version, &self.pinned) {
            (_, Some(pinned)) => self.pinned_content(object, &definition, pinned)?,
            (None, _) => self.resolver.content(object)?,
            (Some(version), _) => self.resolver.content_at(object, version, self.now())?,
        };
        let scan = table_scan(
            &self.session.engine().segments,
            (object.id(), object.name()),
            &definition,
            content,
            false,
        )?;
        let table = GovernedTable::new(scan, self.session.shared()).at_version(version);
        if definition.policies.is_empty() {
            return Ok(provider_as_source(Arc::new(table)));
        }
        if self.is_refreshing() {
            return Err(Error::unsupported("a dynamic table over a table that has a policy"));
        }
        let governs = Governs { table: object, definition: &definition, originals: false };
        governs.source(table, self, state)
    }

    /// What a refresh reads of a table: its rows at the version of the refresh;
    /// of another dynamic table those that equal its query then.
    fn pinned_content(
        &self,
        object: &Object,
        definition: &TableDefinition,
        pinned: &Pinned,
    ) -> Result<Arc<TableContent>> {
        let head = self.resolver.head();
        let version = match &definition.dynamic {
            None => pinned.version(),
            Some(dynamic) if covers(head, dynamic, pinned.version()) => head.version(),
            Some(_) => {
                let message = format!("another refresh came first name={}", object.name());
                return Err(Error::new(Code::CONFLICT, message));
            }
        };
        pinned.saw(object, version)?;
        head.content_at(object.id(), version).ok_or_else(|| {
            let message = format!("the table was made meanwhile name={}", object.name());
            Error::new(Code::CONFLICT, message)
        })
    }

    fn view(
        &self,
        object: &Object,
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<Arc<dyn TableSource>> {
        self.saw(object)?;
        let key = (object.id(), version);
        if let Some(known) = self.views.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let definition: ViewDefinition = object.body().read()?;
        let plan = self
            .plan_view((&definition, Some(object)), version, state)
            .map_err(|error| error.context(format_args!("view {}", object.name())))?;
        let plan = marked(plan, object.id()).map_err(from_datafusion)?;
        let of_tags = TagPolicies::of(self.resolver.head(), object)?;
        let is_open = definition.policies.is_empty() && of_tags.is_empty();
        let source = if is_open && !definition.secure {
            provider_as_source(Arc::new(ViewTable::new(plan, None)))
        } else if self.is_refreshing() && is_open {
            return Err(Error::unsupported("a dynamic table over a secure view"));
        } else if self.is_refreshing() {
            return Err(Error::unsupported("a dynamic table over a view that has a policy"));
        } else {
            let mut definition = as_table(&definition, &plan)?;
            of_tags.govern(&mut definition)?;
            let governs = Governs { table: object, definition: &definition, originals: false };
            governs.source_of_view(plan, version, self, state)?
        };
        self.views.lock().insert(key, Arc::clone(&source));
        Ok(source)
    }

    /// Who binds the names inside of a view: in its schema, as of a version,
    /// with the rights of the owner of `owned`; with those of the statement for
    /// a view that is only being made.
    ///
    /// # Errors
    /// `InvalidInput` if that is too deep.
    pub(super) fn inside(
        &self,
        names: (Option<Name>, Option<Name>),
        version: Option<Version>,
        owned: Option<&Object>,
    ) -> Result<Arc<Self>> {
        self.nested(names, version, owned).map(Arc::new)
    }

    pub(super) fn nested(
        &self,
        names: (Option<Name>, Option<Name>),
        version: Option<Version>,
        owned: Option<&Object>,
    ) -> Result<Self> {
        let mut resolver = self.resolver.in_schema(names);
        let mut planned = self.planned.clone();
        if let Some(object) = owned {
            resolver = resolver.with_rights_of(object.owner());
            if planned.contains(&object.id()) {
                let what = format!("{} reads itself name={}", object.kind().sql(), object.name());
                return Err(Error::new(Code::INVALID_STATEMENT, what));
            }
            planned.push(object.id());
        }
        if self.depth == MAX_VIEW_DEPTH {
            let message = format!("views inside views limit={MAX_VIEW_DEPTH}");
            return Err(Error::new(Code::TOO_COMPLEX, message));
        }
        Ok(Self {
            session: self.session.clone(),
            resolver: Arc::new(resolver),
            version,
            target: None,
            staged: Mutex::default(),
            inferred: Mutex::default(),
            given: HashMap::new(),
            pinned: self.pinned.clone(),
            depth: self.depth + 1,
            protected: self.protected,
            simulated: self.simulated.clone(),
            planned,
            sources: Arc::clone(&self.sources),
            views: Mutex::default(),
        })
    }

    /// A view is part of what a refresh reads.
    pub(super) fn saw(&self, object: &Object) -> Result<()> {
        match &self.pinned {
            Some(pinned) => pinned.saw(object, pinned.version()),
            None => Ok(()),
        }
    }

    /// The version of tables for which the query names none.
    pub(super) fn version(&self) -> Option<Version> {
        self.version
    }

    /// What is read, by this and all inside of it.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The plan of a view's query, its columns named as the view names them.
    pub(crate) fn plan_view(
        &self,
        view: (&ViewDefinition, Option<&Object>),
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<LogicalPlan> {
        let (plan, inner) = self.view_plan(view, version, state)?;
        self.resolver.take_intents(&inner.resolver);
        Ok(plan)
    }

    /// The same for who only looks at its columns, and the binder that knows
    /// what it would read.
    pub(crate) fn view_plan(
        &self,
        (definition, object): (&ViewDefinition, Option<&Object>),
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<(LogicalPlan, Arc<Self>)> {
        let planned = self.opened_view((definition, object), version, state);
        planned.map_err(|error| match object {
            Some(object) => self.told_of(object, definition, error),
            None => error,
        })
    }

    fn opened_view(
        &self,
        (definition, object): (&ViewDefinition, Option<&Object>),
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<(LogicalPlan, Arc<Self>)> {
        let names = (Some(definition.database.clone()), Some(definition.schema.clone()));
        let inner = self.inside(names, version, object)?;
        let query = icecore_sql::parse_query(&definition.query)?;
        let plan = stacker::maybe_grow(VIEW_STACK, VIEW_STACK_GIVEN, || {
            plan_select(&query, state, &inner)
        })?;
        Ok((named(plan, &definition.columns)?, inner))
    }

    pub(crate) fn now(&self) -> icecore_types::Timestamp {
        self.session.engine().now()
    }
}

/// A dynamic table that no refresh has filled yet.
fn not_initialized() -> Error {
    Error::new(
        Code::OPERATION_IMPOSSIBLE,
        "Dynamic Table is not initialized. Please run a manual refresh or wait for a scheduled \
         refresh before querying.",
    )
}

/// The plan with these column names; with its own if there are none.
pub(crate) fn named(plan: LogicalPlan, names: &[Name]) -> Result<LogicalPlan> {
    if names.is_empty() {
        return Ok(plan);
    }
    let columns = plan.schema().columns();
    if columns.len() != names.len() {
        return Err(Error::new(
            Code::COLUMN_COUNT,
            format!(
                "the statement names other columns than its query has named={} found={}",
                names.len(),
                columns.len()
            ),
        ));
    }
    let renamed = columns
        .into_iter()
        .zip(names)
        .map(|(column, name)| Expr::Column(column).alias(name.as_str()));
    LogicalPlanBuilder::from(plan)
        .project(renamed)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)
}

fn qualified(reference: &TableReference) -> QualifiedName {
    QualifiedName {
        database: reference.catalog().map(Name::quoted),
        schema: reference.schema().map(Name::quoted),
        name: Name::quoted(reference.table()),
    }
}

/// The name of a table in a query, as DataFusion refers to it.
pub(super) fn reference(name: &ObjectName) -> Result<TableReference> {
    let name = icecore_sql::name_of(name)?;
    Ok(match (name.database, name.schema) {
        (Some(database), Some(schema)) => {
            TableReference::full(database.as_str(), schema.as_str(), name.name.as_str())
        }
        (_, Some(schema)) => TableReference::partial(schema.as_str(), name.name.as_str()),
        _ => TableReference::bare(name.name.as_str()),
    })
}
