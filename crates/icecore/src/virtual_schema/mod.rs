//! Tables that the engine itself fills: INFORMATION_SCHEMA of each database,
//! SNOWFLAKE.ACCOUNT_USAGE, SNOWFLAKE.LOCAL, and table functions.

mod access;
mod functions;
mod grants;
mod graph;
mod inferred;
mod lineage;
mod loads;
mod logins;
mod measurements;
mod objects;
mod pipe_usage;
mod policies;
mod queries;
mod query_usage;
mod refreshes;
mod semantic;
mod storage;
mod tags;

use arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use icecore_snapshot::Object;
use icecore_sql::ShowKind;
use icecore_types::{Name, ObjectId, ObjectKind, QualifiedName, Result};

pub(crate) use functions::function;
pub(crate) use inferred::inferred;
pub(crate) use loads::validate;

use crate::plan::Binder;
use crate::statement::unknown;

/// The schema of each database that lists what is in it.
pub(crate) const INFORMATION_SCHEMA: &str = "INFORMATION_SCHEMA";
/// The database that shows the use of the whole account.
pub(crate) const SNOWFLAKE: &str = "SNOWFLAKE";
const ACCOUNT_USAGE: &str = "ACCOUNT_USAGE";
/// What is measured of its tables.
const LOCAL: &str = "LOCAL";

/// What a listing covers.
struct Listing<'a> {
    binder: &'a Binder,
    state: &'a SessionState,
    /// The database whose objects are listed; all if there is none.
    database: Option<ObjectId>,
}

impl Listing<'_> {
    /// The live objects of these kinds, in the order of their full names.
    fn objects(&self, kinds: &[ObjectKind]) -> Vec<&Object> {
        let resolver = self.binder.resolver();
        let mut found: Vec<&Object> = resolver
            .head()
            .objects()
            .filter(|object| object.is_live() && kinds.contains(&object.kind()))
            .filter(|object| self.covers(object) && resolver.sees(object))
            .collect();
        found.sort_by_cached_key(|object| resolver.path(object.id()));
        found
    }

    /// Whether the session sees an object that there is or was.
    fn sees(&self, id: ObjectId) -> bool {
        let resolver = self.binder.resolver();
        resolver.head().object(id).is_some_and(|object| resolver.sees(object))
    }

    fn covers(&self, object: &Object) -> bool {
        let Some(database) = self.database else { return true };
        let head = self.binder.resolver().head();
        let mut next = Some(object);
        while let Some(object) = next {
            if object.id() == database {
                return true;
            }
            next = object.parent().and_then(|id| head.object(id));
        }
        false
    }
}

/// The rows of a table that the engine fills, if the name is one's.
///
/// # Errors
/// `NotFound` for a name in such a schema that is none of its tables.
pub(crate) fn table(
    name: &QualifiedName,
    binder: &Binder,
    state: &SessionState,
) -> Result<Option<RecordBatch>> {
    let Some(schema) = schema_of(name, binder) else { return Ok(None) };
    let database = match &schema {
        Schema::Information(database) => Some(binder.resolver().database(database.as_ref())?.id()),
        Schema::AccountUsage | Schema::Local => None,
    };
    let listing = Listing { binder, state, database };
    let rows = match (name.name.as_str(), &schema) {
        ("DATA_QUALITY_MONITORING_RESULTS", Schema::Local) => measurements::results(binder),
        ("DATA_QUALITY_MONITORING_EXPECTATION_STATUS", Schema::Local) => {
            measurements::status(binder)
        }
        (_, Schema::Local) => return Err(unknown(name)),
        ("DATABASES", _) => objects::databases(&listing),
        ("SCHEMATA", _) => objects::schemata(&listing),
        ("TABLES", _) => objects::tables(&listing),
        ("VIEWS", _) => objects::views(&listing),
        ("COLUMNS", _) => objects::columns(&listing),
        ("SEMANTIC_VIEWS", _) => semantic::views(&listing),
        ("SEMANTIC_DIMENSIONS", _) => semantic::expressions(&listing, ShowKind::SemanticDimensions),
        ("SEMANTIC_FACTS", _) => semantic::expressions(&listing, ShowKind::SemanticFacts),
        ("SEMANTIC_METRICS", _) => semantic::expressions(&listing, ShowKind::SemanticMetrics),
        ("STAGES", _) => objects::stages(&listing),
        ("FILE_FORMATS", _) => objects::file_formats(&listing),
        ("LOAD_HISTORY", _) => loads::load_history(&listing),
        ("TABLE_STORAGE_METRICS", _) => storage::metrics(&listing),
        ("TAG_REFERENCES", Schema::AccountUsage) => tags::usage(&listing),
        ("APPLICABLE_ROLES", Schema::Information(_)) => grants::applicable(&listing),
        ("ENABLED_ROLES", Schema::Information(_)) => grants::enabled(&listing),
        ("ROLES", Schema::AccountUsage) => grants::roles(&listing),
        ("USERS", Schema::AccountUsage) => grants::users(&listing),
        ("GRANTS_TO_ROLES", Schema::AccountUsage) => grants::to_roles(&listing),
        ("GRANTS_TO_USERS", Schema::AccountUsage) => grants::to_users(&listing),
        ("ACCESS_HISTORY", Schema::AccountUsage) => access::history(&listing),
        ("LOGIN_HISTORY", Schema::AccountUsage) => logins::usage(&listing),
        ("QUERY_HISTORY", Schema::AccountUsage) => query_usage::history(&listing),
        ("QUERY_ATTRIBUTION_HISTORY", Schema::AccountUsage) => query_usage::attribution(&listing),
        _ => return Err(unknown(name)),
    };
    rows.map(Some)
}

enum Schema {
    Information(Option<Name>),
    AccountUsage,
    Local,
}

fn schema_of(name: &QualifiedName, binder: &Binder) -> Option<Schema> {
    let session = binder.session().shared();
    let current = || name.database.is_none().then(|| session.schema()).flatten();
    let schema = name.schema.clone().or_else(current)?;
    match (name.database.as_ref().map(Name::as_str), schema.as_str()) {
        (Some(SNOWFLAKE), ACCOUNT_USAGE) => Some(Schema::AccountUsage),
        (Some(SNOWFLAKE), LOCAL) => Some(Schema::Local),
        (_, INFORMATION_SCHEMA) => Some(Schema::Information(name.database.clone())),
        _ => None,
    }
}
