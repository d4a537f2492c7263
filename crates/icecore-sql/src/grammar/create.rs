//! CREATE of anything but a table's columns.

use icecore_types::{Error, ObjectKind, Result};
use sqlparser::tokenizer::Token;

use super::travel::clone_source;
use super::{
    access, constraint, data_metric, dynamic, network, object_kind, object_name, option, pipe,
    policy, query, semantic, table, tag,
};
use crate::cursor::Cursor;
use crate::{
    CreateContainer, CreateFileFormat, CreateStage, CreateView, GroupsOn, OptionValue, Options,
    PolicyOn, Statement, TagsGiven,
};

/// What CREATE does about an object of the same name.
#[derive(Clone, Copy)]
pub(super) struct Existing {
    pub or_replace: bool,
}

impl Existing {
    /// Reads IF NOT EXISTS, which does not go with OR REPLACE.
    pub(super) fn if_not_exists(self, cursor: &mut Cursor<'_>) -> Result<bool> {
        if self.or_replace && cursor.is_next("IF") {
            return Err(cursor.unexpected().with_help("OR REPLACE excludes IF NOT EXISTS"));
        }
        Ok(cursor.accept(&["IF", "NOT", "EXISTS"]))
    }
}

pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["CREATE"])?;
    if cursor.are_next(&["OR", "ALTER"]) {
        return Err(Error::unsupported("CREATE OR ALTER"));
    }
    let existing = Existing { or_replace: cursor.accept(&["OR", "REPLACE"]) };
    if let Some(principal) = access::principal(cursor) {
        return access::create(cursor, &principal, existing);
    }
    if cursor.accept(&["SECURE", "VIEW"]) {
        return view(cursor, existing, true).map(|create| Statement::CreateView(Box::new(create)));
    }
    if data_metric::accept(cursor) {
        return data_metric::create(cursor, existing)
            .map(|create| Statement::CreateMetricFunction(Box::new(create)));
    }
    match object_kind(cursor, "CREATE")? {
        ObjectKind::Database => {
            container(cursor, existing, ObjectKind::Database).map(Statement::CreateDatabase)
        }
        ObjectKind::Schema => {
            container(cursor, existing, ObjectKind::Schema).map(Statement::CreateSchema)
        }
        ObjectKind::Table => table::create_table(cursor, existing)
            .map(|create| Statement::CreateTable(Box::new(create))),
        ObjectKind::DynamicTable => dynamic::create_dynamic(cursor, existing)
            .map(|create| Statement::CreateDynamicTable(Box::new(create))),
        ObjectKind::View => {
            view(cursor, existing, false).map(|create| Statement::CreateView(Box::new(create)))
        }
        ObjectKind::SemanticView => semantic::create(cursor, existing)
            .map(|create| Statement::CreateSemanticView(Box::new(create))),
        ObjectKind::Stage => stage(cursor, existing).map(Statement::CreateStage),
        ObjectKind::FileFormat => file_format(cursor, existing).map(Statement::CreateFileFormat),
        ObjectKind::Pipe => pipe::create_pipe(cursor, existing)
            .map(|create| Statement::CreatePipe(Box::new(create))),
        kind @ (ObjectKind::MaskingPolicy
        | ObjectKind::RowAccessPolicy
        | ObjectKind::ProjectionPolicy
        | ObjectKind::AggregationPolicy) => policy::create_policy(cursor, existing, kind)
            .map(|create| Statement::CreatePolicy(Box::new(create))),
        ObjectKind::Tag => {
            tag::create_tag(cursor, existing).map(|create| Statement::CreateTag(Box::new(create)))
        }
        kind @ (ObjectKind::NetworkRule | ObjectKind::NetworkPolicy) => {
            network::create(cursor, existing, kind)
                .map(|create| Statement::CreateNetwork(Box::new(create)))
        }
        ObjectKind::Channel => Err(cursor.unexpected()),
        // It comes with its table.
        kind @ (ObjectKind::Quarantine
        | ObjectKind::Role
        | ObjectKind::User
        | ObjectKind::MetricFunction) => {
            Err(Error::unsupported(format_args!("CREATE {}", kind.sql())))
        }
    }
}

/// The properties that containers and tables share.
#[derive(Default)]
pub(super) struct Properties {
    pub retention_days: Option<u32>,
    pub comment: Option<String>,
    /// COPY GRANTS: of a table or a view.
    pub copy_grants: bool,
    /// Only of a table.
    pub row_access: Option<PolicyOn>,
    /// Only of a table.
    pub aggregation: Option<GroupsOn>,
    /// Only of a table.
    pub tags: TagsGiven,
}

impl Properties {
    /// Reads what is there and refuses what is not supported.
    pub(super) fn read(cursor: &mut Cursor<'_>, statement: &str) -> Result<Self> {
        let mut found = Self::default();
        loop {
            match cursor.peek_word() {
                Some("DATA_RETENTION_TIME_IN_DAYS") if found.retention_days.is_none() => {
                    option::key(cursor)?;
                    found.retention_days = Some(option::retention(cursor)?);
                }
                Some("COMMENT") if found.comment.is_none() => {
                    option::key(cursor)?;
                    found.comment = Some(cursor.string()?);
                }
                Some("COPY")
                    if matches!(statement, "CREATE TABLE" | "CREATE VIEW")
                        && !found.copy_grants
                        && cursor.are_next(&["COPY", "GRANTS"]) =>
                {
                    found.copy_grants = cursor.accept(&["COPY", "GRANTS"]);
                }
                Some("WITH" | "ROW")
                    if statement == "CREATE TABLE"
                        && found.row_access.is_none()
                        && policy::is_row_access(cursor) =>
                {
                    found.row_access = Some(policy::declared_row_access(cursor)?);
                }
                Some("WITH" | "AGGREGATION")
                    if statement == "CREATE TABLE"
                        && found.aggregation.is_none()
                        && constraint::is_aggregation(cursor) =>
                {
                    found.aggregation = Some(constraint::declared_aggregation(cursor)?);
                }
                Some("WITH" | "TAG")
                    if statement == "CREATE TABLE"
                        && found.tags.is_empty()
                        && tag::is_declared(cursor) =>
                {
                    found.tags = tag::declared(cursor)?;
                }
                Some("AS") | None => return Ok(found),
                Some(_) => return Err(unknown_property(cursor, statement)),
            }
        }
    }
}

/// The error for a clause that is in no grammar of ours.
fn unknown_property(cursor: &Cursor<'_>, statement: &str) -> Error {
    const CLAUSES: &[&[&str]] = &[
        &["CLUSTER", "BY"],
        &["COPY", "GRANTS"],
        &["COPY", "TAGS"],
        &["WITH", "TAG"],
        &["WITH", "ROW", "ACCESS", "POLICY"],
        &["WITH", "MANAGED", "ACCESS"],
        &["WITH", "CONTACT"],
        &["ROW", "ACCESS", "POLICY"],
        &["AGGREGATION", "POLICY"],
        &["JOIN", "POLICY"],
        &["TAG"],
        &["FROM"],
    ];
    if let Some(clause) = CLAUSES.iter().find(|clause| cursor.are_next(clause)) {
        return Error::unsupported(format_args!("{statement} .. {}", clause.join(" ")));
    }
    match cursor.peek_word() {
        Some("DATA_RETENTION_TIME_IN_DAYS" | "COMMENT") => {
            cursor.unexpected().with_help("a property is given once")
        }
        Some(word) if *cursor.peek_at(1) == Token::Eq => {
            Error::unsupported(format_args!("{statement} .. {word}"))
        }
        _ => cursor.unexpected(),
    }
}

fn container(
    cursor: &mut Cursor<'_>,
    existing: Existing,
    kind: ObjectKind,
) -> Result<CreateContainer> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = object_name(cursor, kind)?;
    let clone = cursor
        .accept(&["CLONE"])
        .then(|| clone_source(cursor, |cursor| object_name(cursor, kind)))
        .transpose()?;
    let managed_access =
        kind == ObjectKind::Schema && cursor.accept(&["WITH", "MANAGED", "ACCESS"]);
    let statement = format!("CREATE {}", kind.sql());
    let properties = Properties::read(cursor, &statement)?;
    Ok(CreateContainer {
        or_replace: existing.or_replace,
        if_not_exists,
        name,
        clone,
        managed_access,
        retention_days: properties.retention_days,
        comment: properties.comment,
    })
}

fn view(cursor: &mut Cursor<'_>, existing: Existing, secure: bool) -> Result<CreateView> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    let columns =
        if *cursor.peek() == Token::LParen { table::view_columns(cursor)? } else { Vec::new() };
    let properties = Properties::read(cursor, "CREATE VIEW")?;
    if properties.retention_days.is_some() {
        return Err(Error::unsupported("CREATE VIEW .. DATA_RETENTION_TIME_IN_DAYS"));
    }
    cursor.expect(&["AS"])?;
    let from = cursor.at();
    let query = query(cursor)?;
    Ok(CreateView {
        or_replace: existing.or_replace,
        if_not_exists,
        secure,
        name,
        columns,
        query,
        query_text: cursor.text_since(from).to_owned(),
        copy_grants: properties.copy_grants,
        comment: properties.comment,
    })
}

fn stage(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateStage> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    if cursor.is_next("CLONE") {
        return Err(Error::unsupported("CREATE STAGE .. CLONE"));
    }
    let properties = super::stage::properties(cursor, "CREATE STAGE")?;
    Ok(CreateStage { or_replace: existing.or_replace, if_not_exists, name, properties })
}

fn file_format(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateFileFormat> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    if cursor.is_next("CLONE") {
        return Err(Error::unsupported("CREATE FILE FORMAT .. CLONE"));
    }
    let mut options = Options::default();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        options.insert(&key, option::value(cursor)?)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    let comment = match options.remove("COMMENT") {
        None => None,
        Some(OptionValue::Text(text)) => Some(text),
        Some(other) => return Err(option::invalid("COMMENT", &other, "write it in quotes")),
    };
    let or_replace = existing.or_replace;
    Ok(CreateFileFormat { or_replace, if_not_exists, name, options, comment })
}
