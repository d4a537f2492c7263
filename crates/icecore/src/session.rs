//! Sessions: who asks, in which database and schema.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use icecore_governance::{Access, RoleId, SecondaryRoles, Session as Principal};
use icecore_snapshot::{Head, Object};
use icecore_types::{ByteSize, Code, Error, Name, ObjectId, QualifiedName, QueryId, Result};
use parking_lot::Mutex;

use crate::access::Acting;
use crate::engine::{DEFAULT_DATABASE, DEFAULT_SCHEMA, DEFAULT_WAREHOUSE, Engine};
use crate::statement;
use crate::{Execute, LineageQuery, MetricQuery, Table};

/// A user at work: one role, one warehouse, one current schema. Cheap to
/// clone; clones are the same session.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT) ; INSERT INTO t VALUES (1), (2)").await?;
/// let sum = session.sql("SELECT SUM(n) AS total FROM t").await?.collect().await.unwrap();
/// assert_eq!(sum[0].num_rows(), 1);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Session {
    engine: Arc<Engine>,
    shared: Arc<SessionShared>,
}

/// What the clones of a session share.
pub(crate) struct SessionShared {
    pub(crate) id: u64,
    pub(crate) warehouse: Name,
    results_limit: ByteSize,
    /// The user in its roles.
    principal: Mutex<Arc<Principal>>,
    now: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    database: Option<Name>,
    schema: Option<Name>,
    query_tag: Option<String>,
    queries: VecDeque<QueryId>,
    results: VecDeque<StoredResult>,
    /// How many bytes these are.
    results_size: usize,
}

/// A result that RESULT_SCAN can read again.
#[derive(Clone)]
pub(crate) struct StoredResult {
    pub(crate) query_id: QueryId,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

impl StoredResult {
    fn size(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// How many statements LAST_QUERY_ID can look back.
const REMEMBERED_QUERIES: usize = 1_000;

impl SessionShared {
    /// The user in its roles, as they were when they were last asked about.
    pub(crate) fn principal(&self) -> Arc<Principal> {
        Arc::clone(&self.principal.lock())
    }

    pub(crate) fn set_principal(&self, principal: Principal) {
        *self.principal.lock() = Arc::new(principal);
    }

    pub(crate) fn database(&self) -> Option<Name> {
        self.now.lock().database.clone()
    }

    pub(crate) fn schema(&self) -> Option<Name> {
        self.now.lock().schema.clone()
    }

    pub(crate) fn set_schema(&self, database: Option<Name>, schema: Option<Name>) {
        let mut now = self.now.lock();
        now.database = database;
        now.schema = schema;
    }

    pub(crate) fn query_tag(&self) -> Option<String> {
        self.now.lock().query_tag.clone()
    }

    pub(crate) fn set_query_tag(&self, tag: Option<String>) {
        self.now.lock().query_tag = tag;
    }

    /// Remembers that this statement was run.
    pub(crate) fn remember_query(&self, id: QueryId) {
        let mut now = self.now.lock();
        if now.queries.len() == REMEMBERED_QUERIES {
            now.queries.pop_front();
        }
        now.queries.push_back(id);
    }

    /// The id of an earlier statement: -1 the last, -2 the one before it; 1
    /// the first.
    pub(crate) fn query(&self, position: i64) -> Option<QueryId> {
        let now = self.now.lock();
        let index = if position < 0 {
            now.queries.len().checked_sub(position.unsigned_abs() as usize)?
        } else {
            usize::try_from(position).ok()?.checked_sub(1)?
        };
        now.queries.get(index).copied()
    }

    /// Keeps a result for RESULT_SCAN; the oldest go when there are too many
    /// bytes.
    pub(crate) fn remember_result(&self, result: StoredResult) {
        let mut now = self.now.lock();
        now.results_size += result.size();
        now.results.push_back(result);
        while now.results_size > self.results_limit.as_usize() && now.results.len() > 1 {
            let oldest = now.results.pop_front();
            now.results_size -= oldest.as_ref().map_or(0, StoredResult::size);
        }
    }

    pub(crate) fn result(&self, id: QueryId) -> Option<StoredResult> {
        self.now.lock().results.iter().find(|result| result.query_id == id).cloned()
    }

    pub(crate) fn results_limit(&self) -> ByteSize {
        self.results_limit
    }
}

impl Session {
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(crate) fn shared(&self) -> &Arc<SessionShared> {
        &self.shared
    }

    /// Runs any statement, or several separated by `;`, and returns what the
    /// last one returns.
    ///
    /// # Errors
    /// The first error of a statement; those before it have taken effect.
    pub fn execute(&self, sql: &str) -> Execute {
        Execute::new(self.clone(), sql.to_owned())
    }

    /// Plans a query: SELECT, WITH or VALUES. Nothing runs until the DataFrame
    /// is executed, and each execution is a statement of its own; it keeps the
    /// versions that it was bound to.
    ///
    /// # Errors
    /// `InvalidInput` for any other statement, and what planning finds wrong.
    pub async fn sql(&self, query: &str) -> Result<DataFrame> {
        statement::plan_query(self, query).await
    }

    /// A table by its name, which is a SQL identifier: `t` is T, `"t"` is t.
    ///
    /// # Errors
    /// `NotFound` if there is no such table.
    pub async fn table(&self, name: &str) -> Result<Table> {
        Table::find(self.clone(), QualifiedName::parse(name)?).await
    }

    /// A query of a semantic view: metrics by dimensions.
    pub fn semantic_view(&self, name: &str) -> MetricQuery {
        MetricQuery::new(self.clone(), name)
    }

    /// Where the values of a table, view, semantic view or stage come from and
    /// where they go, as far as this session may see: by what statements moved
    /// and what definitions say.
    pub fn lineage(&self, object: &str) -> LineageQuery {
        LineageQuery::new(self.clone(), object)
    }

    /// The database that unqualified names are looked up in, if one is chosen.
    pub fn current_database(&self) -> Option<String> {
        self.shared.database().map(|name| name.as_str().to_owned())
    }

    /// The schema that unqualified names are looked up in, if one is chosen.
    pub fn current_schema(&self) -> Option<String> {
        self.shared.schema().map(|name| name.as_str().to_owned())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", self.shared.principal().user_name())
            .field("role", self.shared.principal().role_name())
            .finish_non_exhaustive()
    }
}

/// Opens a session of a user in a role: that of the user's default, or PUBLIC,
/// if none is named. Other warehouses than the default one are refused until
/// the engine has them.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session_as("icecore").role("sysadmin").await?;
/// assert_eq!(session.current_schema().as_deref(), Some("PUBLIC"));
/// assert!(lake.session_as("ana").await.is_err());
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "no session is opened until the builder is awaited"]
pub struct SessionBuilder {
    engine: Arc<Engine>,
    who: Who,
    role: Option<String>,
    warehouse: String,
    database: Option<String>,
    schema: Option<String>,
}

impl SessionBuilder {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            who: Who::User(Access::DEFAULT_USER.to_owned()),
            role: None,
            warehouse: DEFAULT_WAREHOUSE.to_owned(),
            database: None,
            schema: None,
        }
    }

    /// The user.
    pub fn user(mut self, name: &str) -> Self {
        self.who = Who::User(name.to_owned());
        self
    }

    /// The role.
    pub fn role(mut self, name: &str) -> Self {
        self.role = Some(name.to_owned());
        self
    }

    /// A user whom something else than its name brought into its roles.
    pub(crate) fn opened(mut self, principal: Principal) -> Self {
        self.who = Who::Opened(Box::new(principal));
        self
    }

    /// What the engine itself does on behalf of the role that owns something.
    pub(crate) fn owner(mut self, role: ObjectId) -> Self {
        self.who = Who::Owner(RoleId::new(role));
        self
    }

    /// The warehouse that its statements run in.
    pub fn warehouse(mut self, name: &str) -> Self {
        self.warehouse = name.to_owned();
        self
    }

    /// The database to begin in; the account's first one by default.
    pub fn database(mut self, name: &str) -> Self {
        self.database = Some(name.to_owned());
        self
    }

    /// The schema to begin in; PUBLIC by default.
    pub fn schema(mut self, name: &str) -> Self {
        self.schema = Some(name.to_owned());
        self
    }

    async fn open(self) -> Result<Session> {
        let warehouse = Name::parse(&self.warehouse)?;
        if warehouse.as_str() != DEFAULT_WAREHOUSE {
            return Err(Error::unsupported(format_args!("warehouse {warehouse}"))
                .with_help(format!("the only warehouse is {DEFAULT_WAREHOUSE}")));
        }
        let principal = self.who.principal(&self.engine, self.role.as_deref()).await?;
        let results_limit = self.engine.settings.results;
        let shared = SessionShared {
            id: self.engine.env.ids.next() as u64 >> 1,
            warehouse,
            results_limit,
            principal: Mutex::new(Arc::new(principal)),
            now: Mutex::default(),
        };
        let session = Session { engine: self.engine, shared: Arc::new(shared) };
        session.choose(self.database.as_deref(), self.schema.as_deref()).await?;
        Ok(session)
    }
}

/// Who opens a session.
enum Who {
    User(String),
    Opened(Box<Principal>),
    Owner(RoleId),
}

impl Who {
    async fn principal(&self, engine: &Engine, role: Option<&str>) -> Result<Principal> {
        let access = engine.access.of(&*engine.latest().await?)?;
        let role = role.map(Name::parse).transpose()?;
        match self {
            Self::Opened(principal) => Ok(Principal::clone(principal)),
            Self::Owner(role) => Principal::of_role(&access, *role),
            Self::User(name) => {
                let name = Name::parse(name)?;
                let user = access.user_id(&name).ok_or_else(|| unknown_user(&name))?;
                let without =
                    access.user(user).is_some_and(|it| it.definition().no_secondary_roles);
                let secondary = if without { SecondaryRoles::None } else { SecondaryRoles::All };
                Principal::open(&access, user, role.as_ref(), secondary)
            }
        }
    }
}

fn unknown_user(name: &Name) -> Error {
    Error::new(Code::OBJECT_NOT_FOUND, format!("user '{name}' does not exist or not authorized"))
}

impl Session {
    /// Who acts, by the state of access as of a head.
    pub(crate) fn acting(&self, head: &Head) -> Result<Acting> {
        let access = self.engine.access.of(head)?;
        let known = self.shared.principal();
        let session = match known.current(&access) {
            Ok(std::borrow::Cow::Owned(changed)) => Arc::new(changed),
            // A session that lost its role does nothing until it has another:
            // each decision refuses it.
            Ok(std::borrow::Cow::Borrowed(_)) | Err(_) => Arc::clone(&known),
        };
        if !Arc::ptr_eq(&known, &session) {
            let mut now = self.shared.principal.lock();
            if Arc::ptr_eq(&now, &known) {
                *now = Arc::clone(&session);
            }
        }
        Ok(Acting { access, session })
    }

    /// Begins in the given database and schema, or in the default ones where
    /// they exist.
    async fn choose(&self, database: Option<&str>, schema: Option<&str>) -> Result<()> {
        use icecore_types::NameSpace;
        let head = self.engine.latest().await?;
        let wanted = database.map_or_else(|| Ok(Name::quoted(DEFAULT_DATABASE)), Name::parse)?;
        let acting = self.acting(&head)?;
        let seen = |object: &&Object| acting.sees(&head, object);
        let found = head.lookup(None, NameSpace::Database, &wanted);
        let Some(found) = found.filter(seen) else {
            return if database.is_some() || schema.is_some() {
                Err(missing(&wanted))
            } else {
                Ok(())
            };
        };
        let chosen = schema.map_or_else(|| Ok(Name::quoted(DEFAULT_SCHEMA)), Name::parse)?;
        match head.lookup(Some(found.id()), NameSpace::Schema, &chosen).filter(seen) {
            Some(_) => self.shared.set_schema(Some(wanted), Some(chosen)),
            None if schema.is_some() => return Err(missing(&chosen)),
            None => self.shared.set_schema(Some(wanted), None),
        }
        Ok(())
    }
}

fn missing(name: &Name) -> Error {
    Error::new(
        Code::OPERATION_IMPOSSIBLE,
        format!("object '{name}' does not exist or not authorized"),
    )
}

impl IntoFuture for SessionBuilder {
    type Output = Result<Session>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}
