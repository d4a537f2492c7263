//! The statement path: parsed, resolved, authorised, run. Nothing else runs
//! anything.

mod access;
mod accessed;
mod alter;
mod authorize;
mod change;
mod channel;
mod create;
mod data_metric;
mod describe;
mod dynamic;
mod expectation;
mod explain;
mod lineage;
mod load;
mod needed;
mod network;
mod perform;
mod pipe;
mod pipe_load;
mod planning;
mod policy;
mod propagate;
mod request;
mod resolver;
mod rows;
mod run;
mod semantic;
mod settings;
mod show;
mod staged;
mod tag;
mod tag_mask;
pub(crate) mod travel;
mod unload;
mod verify_audit;
mod wait;
mod write;

use std::sync::Arc;
use std::time::Duration;

use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use icecore_exec::from_datafusion;
use icecore_governance::Verb;
use icecore_sql::{AlterTableAction, ExplainFormat, Limits, Parsed, Statement};
use icecore_types::{Code, Error, ErrorKind, ObjectKind, QualifiedName, Result};

pub(crate) use accessed::read_access;
use authorize::authorize;
pub(crate) use change::Change;
pub(crate) use channel::{AppendChannel, OpenChannel};
pub(crate) use data_metric::{measure, measured_name};
pub(crate) use describe::columns_of;
use dynamic::DynamicWork;
pub(crate) use dynamic::{DecidedPlans, dynamic_of, in_order, is_suspended, statistics};
pub(crate) use expectation::{OpenGate, Passed, Replay, named_table, quarantine_relation};
pub(crate) use load::{Companion, Load, LoadingPipe, StageChange, stage_of_load};
pub(crate) use network::NetworkPolicies;
pub(crate) use pipe::{PipeWork, pipe_status};
pub(crate) use pipe_load::{RunPipe, is_the_files_fault};
pub(crate) use planning::Planning;
pub(crate) use policy::refuse_under_policy;
pub(crate) use request::{AppendRows, CloneTable, InsertFiles, RefreshRequest, Request};
pub(crate) use resolver::Intent;
pub(crate) use resolver::{Resolver, path, unknown};
pub(crate) use run::{QueryHooks, StatementRun};
pub(crate) use semantic::listed;
pub(crate) use settings::SessionChange;
pub(crate) use show::comment_of;
pub(crate) use tag::{get_tag, split_column, tag_value, tagged};
pub(crate) use unload::Unloading;
pub(crate) use write::Write;

use crate::progress::Observer;
use crate::session::Session;
use crate::{At, QueryResult, plan};

/// A statement whose names are all bound: nothing is looked up later.
pub(crate) enum Resolved {
    /// Rows to be computed.
    Query(LogicalPlan),
    /// Rows that are known already: SHOW, DESCRIBE.
    Rows(arrow::array::RecordBatch),
    /// EXPLAIN METRIC: what a value is computed from.
    Lineage(lineage::Lineage),
    /// A change of the catalog.
    Change(Change),
    /// A change of a table's rows, by a query.
    Write(Box<Write>),
    /// Quarantined rows, to be judged again.
    Replay(Box<Replay>),
    /// Files into a table.
    Load(Box<Load>),
    /// Rows into files of a stage.
    Unload(Box<Unloading>),
    /// Files into a stage, out of it, or a list of them.
    Stage(StageChange),
    /// A change of the session alone.
    Session(SessionChange),
    /// SYSTEM$WAIT.
    Wait(Duration),
    /// What fills a dynamic table.
    Dynamic(DynamicWork),
    /// VERIFY AUDIT.
    VerifyAudit,
    /// What is done with a pipe.
    Pipe(Box<PipeWork>),
}

/// How often a statement is tried again after another transaction came first.
const RETRIES: usize = 3;

/// Runs a script and returns what its last statement returns.
pub(crate) async fn execute(
    session: &Session,
    sql: &str,
    observer: Observer,
) -> Result<QueryResult> {
    let mut statements = parse(session, sql).await?.into_iter().peekable();
    while let Some(parsed) = statements.next() {
        let result = run(session, parsed, &observer).await?;
        if statements.peek().is_none() {
            return Ok(result);
        }
        result.collect().await?;
    }
    Err(Error::new(Code::SYNTAX, "empty statement"))
}

/// Parses a script; one that does not parse is remembered as a statement that
/// failed.
async fn parse(session: &Session, sql: &str) -> Result<Vec<Parsed>> {
    match icecore_sql::parse(sql, &Limits::default()) {
        Ok(parsed) => Ok(parsed),
        Err(error) => {
            let run = StatementRun::begin(session, &icecore_sql::redacted(sql), "UNKNOWN").await;
            let error = error.with_query_id(run.id());
            run.end(0, Some(&error));
            Err(error)
        }
    }
}

async fn run(session: &Session, parsed: Parsed, observer: &Observer) -> Result<QueryResult> {
    run_request(session, Request::Statement(Box::new(parsed)), observer).await
}

/// Runs one request through all gates.
pub(crate) async fn run_request(
    session: &Session,
    request: Request,
    observer: &Observer,
) -> Result<QueryResult> {
    let run = StatementRun::begin(session, request.text(), request.kind()).await;
    let id = run.id();
    let (session, observer) = (session.clone(), observer.clone());
    let engine = Arc::clone(session.engine());
    // On the warehouse's threads, whose stacks are large enough to plan with.
    let work = async move { perform::run_begun(&session, request, run, &observer).await };
    engine.on_warehouse(work).await.map_err(|error| error.with_query_id(id))
}

/// Plans a query for a DataFrame.
pub(crate) async fn plan_query(session: &Session, sql: &str) -> Result<DataFrame> {
    let mut parsed = icecore_sql::parse(sql, &Limits::default())?;
    let (Some(Parsed { text, statement }), true) = (parsed.pop(), parsed.is_empty()) else {
        return Err(
            Error::new(Code::INVALID_STATEMENT, "sql takes one query").with_help("use execute")
        );
    };
    if !matches!(statement, Statement::Query(_)) {
        return Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("sql takes a query, not {}", statement.kind()),
        )
        .with_help("use execute"));
    }
    let planning = Planning::begin(session).await?;
    planning.bind_stages(&statement).await?;
    let resolved = planning.resolve_statement(&Parsed { text: text.clone(), statement });
    // What is wrong with it is for those who may read what it names.
    planning.authorize()?;
    let Resolved::Query(plan) = resolved? else {
        return Err(Error::new(Code::INVALID_STATEMENT, "sql takes a query that changes nothing")
            .with_help("use execute"));
    };
    data_frame(planning, &text, plan)
}

/// A lazy query over a plan that was resolved, authorised now and again
/// whenever it is executed.
pub(crate) fn data_frame(planning: Planning, text: &str, plan: LogicalPlan) -> Result<DataFrame> {
    authorize(&planning.acting, &planning.resolver.intents(), planning.resolver.head())?;
    let state = planning.query_state(text, None);
    Ok(DataFrame::new(state, plan))
}

/// The rows of a table at a moment, as a lazy query.
pub(crate) fn table_frame(planning: Planning, name: &QualifiedName, at: At) -> Result<DataFrame> {
    let engine = Arc::clone(planning.session.engine());
    let version = travel::version_of(at, &engine, planning.resolver.head())?;
    let reference = TableReference::bare(name.name.as_str());
    let full = match (&name.database, &name.schema) {
        (Some(database), Some(schema)) => {
            TableReference::full(database.as_str(), schema.as_str(), name.name.as_str())
        }
        _ => reference.clone(),
    };
    let source = planning.binder.table_source(&full, version, &planning.state)?;
    let plan = LogicalPlanBuilder::scan(reference, source, None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    data_frame(planning, &format!("-- read {name}"), plan)
}

impl Planning {
    /// Binds every name of a statement.
    pub(crate) fn resolve_statement(&self, parsed: &Parsed) -> Result<Resolved> {
        self.check_calls(&parsed.statement)?;
        Ok(match &parsed.statement {
            Statement::Query(query) => {
                Resolved::Query(plan::plan_with_repeated_names(query, |query| self.select(query))?)
            }
            Statement::Simulate(simulate) => Resolved::Query(self.simulate(simulate)?),
            Statement::Explain(explain) if explain.format == ExplainFormat::Metric => {
                Resolved::Lineage(self.explain_metric(explain)?)
            }
            Statement::Explain(explain) if explain.format == ExplainFormat::Access => {
                Resolved::Rows(self.explain_access(explain)?)
            }
            Statement::Explain(explain) => Resolved::Query(self.explain(explain)?),
            Statement::Insert(insert) => self.moving(self.insert(insert)?)?,
            Statement::CreateTable(create) if create.as_query.is_some() => {
                self.create_table_as(create)?
            }
            Statement::CreateDynamicTable(create) => self.create_dynamic(create, &parsed.text)?,
            Statement::AlterDynamicTable(alter) => self.alter_dynamic(alter)?,
            Statement::Delete(delete) => Resolved::Write(self.delete(delete)?.into()),
            Statement::Update(update) => self.moving(self.update(update)?)?,
            Statement::AlterTable(alter) => match &alter.action {
                AlterTableAction::Quarantine { action, predicate } => {
                    self.quarantine_action(&alter.name, *action, predicate.as_deref())?
                }
                _ => Resolved::Change(self.alter_table(alter)?),
            },
            Statement::CopyInto(copy) => Resolved::Load(self.copy_into(copy)?.into()),
            Statement::Unload(unload) => Resolved::Unload(self.unload(unload)?.into()),
            Statement::Put(put) => Resolved::Stage(self.put(put)?),
            Statement::Get(get) => Resolved::Stage(self.get(get)?),
            Statement::List(list) => Resolved::Stage(self.list(list)?),
            Statement::Remove(remove) => Resolved::Stage(self.remove(remove)?),
            Statement::Show(show) => Resolved::Rows(self.show(show)?),
            Statement::Function(on) => self.on_function(on)?,
            Statement::Describe(describe) => Resolved::Rows(self.describe(describe)?),
            Statement::Use(r#use) => Resolved::Session(self.use_object(r#use)?),
            Statement::Wait(wait) => {
                self.resolver.intend(Intent::OnSession);
                Resolved::Wait(wait.time)
            }
            Statement::VerifyAudit => {
                self.resolver.intend(Intent::OnAccount(Verb::Show));
                Resolved::VerifyAudit
            }
            Statement::CreatePipe(create) => self.create_pipe(create)?.into(),
            Statement::AlterPipe(alter) => self.alter_pipe(alter)?,
            Statement::AlterSession(alter) => Resolved::Session(self.alter_session(alter)?),
            Statement::Truncate(truncate) => Resolved::Change(self.truncate(truncate)?),
            statement @ (Statement::CreateRole(_)
            | Statement::AlterRole(_)
            | Statement::DropRole(_)
            | Statement::CreateUser(_)
            | Statement::AlterUser(_)
            | Statement::DropUser(_)
            | Statement::Grant(_)
            | Statement::ShowGrants(_)
            | Statement::ShowEffectiveAccess(_)
            | Statement::UseSecondaryRoles(_)) => self.access_statement(statement)?,
            other => Resolved::Change(self.change(other, &parsed.text)?),
        })
    }

    fn change(&self, statement: &Statement, text: &str) -> Result<Change> {
        match statement {
            Statement::CreateDatabase(create) => {
                self.create_container(ObjectKind::Database, create)
            }
            Statement::CreateSchema(create) => self.create_container(ObjectKind::Schema, create),
            Statement::CreateTable(create) => self.create_table(create),
            Statement::CreateView(create) => self.create_view(create, text),
            Statement::CreateSemanticView(create) => self.create_semantic_view(create, text),
            Statement::CreateStage(create) => self.create_stage(create),
            Statement::CreateFileFormat(create) => self.create_file_format(create),
            Statement::CreateTag(create) => self.create_tag(create),
            Statement::AlterTag(alter) => self.alter_tag(alter),
            Statement::SetTags(set) => self.set_tags(set),
            Statement::CreateNetwork(create) => self.create_network(create),
            Statement::CreateMetricFunction(create) => self.create_metric_function(create),
            Statement::AlterNetwork(alter) => self.alter_network(alter),
            Statement::AlterAccount(alter) => self.alter_account(alter),
            Statement::CreatePolicy(create) => self.create_policy(create),
            Statement::AlterPolicy(alter) => self.alter_policy(alter),
            Statement::Drop(drop) => self.drop_object(drop),
            Statement::Undrop(undrop) => self.undrop(undrop),
            Statement::AlterContainer(alter) => self.alter_container(alter),
            Statement::AlterView(alter) => self.alter_view(alter),
            Statement::AlterStage(alter) => self.alter_stage(alter),
            other => Err(Error::unsupported(other.kind())),
        }
    }

    fn select(&self, query: &icecore_sql::ast::Query) -> Result<LogicalPlan> {
        plan::plan_select(query, &self.state, &self.binder)
    }

    /// A modifier of an aggregate or window function says nothing about any
    /// other function, and the planner would drop it without a word.
    fn check_calls(&self, statement: &Statement) -> Result<()> {
        let calls = icecore_sql::modified_calls(statement)?;
        let dropped = calls.iter().find(|call| {
            self.state.scalar_functions().contains_key(&call.function)
                && !self.state.aggregate_functions().contains_key(&call.function)
                && !self.state.window_functions().contains_key(&call.function)
        });
        match dropped {
            None => Ok(()),
            Some(call) => {
                let function = call.function.to_uppercase();
                Err(Error::unsupported(format_args!("{} of function {function}", call.modifier)))
            }
        }
    }
}

/// Whether an error says that another transaction came first.
fn came_second(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict
}

/// A shared observer of nothing, for work that nobody watches.
pub(crate) fn unobserved() -> Observer {
    Observer(Arc::new(|_| {}))
}
