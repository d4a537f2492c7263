//! ALTER.

use icecore_types::{Error, ObjectKind, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::rows::distinct;
use super::{
    access, data_metric, dynamic, expectation, if_exists, network, object_kind, object_name,
    option, pipe, policy, table, tag,
};
use crate::cursor::Cursor;
use crate::{
    AlterContainer, AlterSession, AlterTable, AlterTableAction, AlterView, ContainerAction,
    Options, Statement,
};

/// What can have tags.
const TAGGED: [ObjectKind; 7] = [
    ObjectKind::Database,
    ObjectKind::Schema,
    ObjectKind::Table,
    ObjectKind::DynamicTable,
    ObjectKind::View,
    ObjectKind::SemanticView,
    ObjectKind::Stage,
];

pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["ALTER"])?;
    if cursor.accept(&["SESSION"]) {
        return session(cursor).map(Statement::AlterSession);
    }
    if cursor.are_next(&["ACCOUNT", "SET"]) || cursor.are_next(&["ACCOUNT", "UNSET"]) {
        cursor.advance();
        return network::account(cursor).map(Statement::AlterAccount);
    }
    if let Some(principal) = access::principal(cursor) {
        return access::alter(cursor, &principal);
    }
    if cursor.accept(&["FUNCTION"]) {
        return data_metric::alter(cursor);
    }
    let kind = object_kind(cursor, "ALTER")?;
    if TAGGED.contains(&kind) && tag::is_set(cursor) {
        return tag::set_tags(cursor, kind).map(Statement::SetTags);
    }
    match kind {
        ObjectKind::Tag => tag::alter_tag(cursor).map(Statement::AlterTag),
        ObjectKind::Table => {
            alter_table(cursor).map(|alter| Statement::AlterTable(Box::new(alter)))
        }
        ObjectKind::DynamicTable => {
            dynamic::alter_dynamic(cursor).map(Statement::AlterDynamicTable)
        }
        ObjectKind::View | ObjectKind::SemanticView => {
            let if_exists = if_exists(cursor);
            let name = cursor.qualified_name()?;
            let action = action(cursor, kind)?;
            Ok(Statement::AlterView(AlterView { kind, name, if_exists, action }))
        }
        ObjectKind::Database | ObjectKind::Schema => {
            let if_exists = if_exists(cursor);
            let name = object_name(cursor, kind)?;
            let action = action(cursor, kind)?;
            Ok(Statement::AlterContainer(AlterContainer { kind, name, if_exists, action }))
        }
        ObjectKind::MaskingPolicy
        | ObjectKind::RowAccessPolicy
        | ObjectKind::ProjectionPolicy
        | ObjectKind::AggregationPolicy => {
            policy::alter_policy(cursor, kind).map(Statement::AlterPolicy)
        }
        ObjectKind::NetworkRule | ObjectKind::NetworkPolicy => {
            network::alter(cursor, kind).map(|alter| Statement::AlterNetwork(Box::new(alter)))
        }
        ObjectKind::Pipe => pipe::alter_pipe(cursor).map(Statement::AlterPipe),
        ObjectKind::Stage => super::stage::alter(cursor).map(Statement::AlterStage),
        kind @ (ObjectKind::MetricFunction
        | ObjectKind::FileFormat
        | ObjectKind::Channel
        | ObjectKind::Quarantine
        | ObjectKind::Role
        | ObjectKind::User) => Err(Error::unsupported(format_args!("ALTER {}", kind.sql()))),
    }
}

fn session(cursor: &mut Cursor<'_>) -> Result<AlterSession> {
    if cursor.accept(&["UNSET"]) {
        let keys = cursor.list(|cursor| {
            let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
            cursor.advance();
            Ok(key)
        })?;
        return Ok(AlterSession::Unset(keys));
    }
    cursor.expect(&["SET"])?;
    let mut options = Options::default();
    while options.is_empty() || !cursor.is_done() {
        let key = option::key(cursor)?;
        options.insert(&key, option::value(cursor)?)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    Ok(AlterSession::Set(options))
}

/// What can be done to a database, a schema or a view.
fn action(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<ContainerAction> {
    if cursor.accept(&["RENAME", "TO"]) {
        return Ok(ContainerAction::Rename(object_name(cursor, kind)?));
    }
    let is_view = matches!(kind, ObjectKind::View | ObjectKind::SemanticView);
    if !is_view && cursor.accept(&["SWAP", "WITH"]) {
        return Ok(ContainerAction::SwapWith(object_name(cursor, kind)?));
    }
    for (word, managed) in [("ENABLE", true), ("DISABLE", false)] {
        if kind == ObjectKind::Schema && cursor.accept(&[word, "MANAGED", "ACCESS"]) {
            return Ok(ContainerAction::ManagedAccess(managed));
        }
    }
    for (word, secure) in [("SET", true), ("UNSET", false)] {
        if kind == ObjectKind::View && cursor.accept(&[word, "SECURE"]) {
            return Ok(ContainerAction::Secure(secure));
        }
    }
    if kind == ObjectKind::View
        && let Some(action) = policy::of_view(cursor)?
    {
        return Ok(ContainerAction::Policy(action));
    }
    let property = property(cursor, kind)?;
    Ok(match property {
        Property::Retention(_) if is_view => {
            let kind = kind.sql();
            return Err(Error::unsupported(format_args!(
                "ALTER {kind} .. DATA_RETENTION_TIME_IN_DAYS"
            )));
        }
        Property::Retention(days) => ContainerAction::SetRetention(days),
        Property::Comment(comment) => ContainerAction::SetComment(comment),
    })
}

enum Property {
    Retention(Option<u32>),
    Comment(Option<String>),
}

/// `SET property = value` or `UNSET property`: one of them.
fn property(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<Property> {
    let set = match cursor.peek_word() {
        Some("SET") => true,
        Some("UNSET") => false,
        _ => return Err(unknown_action(cursor, kind)),
    };
    cursor.advance();
    let property = cursor.peek_word().unwrap_or_default().to_owned();
    let known = match property.as_str() {
        "DATA_RETENTION_TIME_IN_DAYS" | "COMMENT" => property.as_str(),
        "" => return Err(cursor.unexpected()),
        other => {
            return Err(Error::unsupported(format_args!(
                "ALTER {} .. {} {other}",
                kind.sql(),
                if set { "SET" } else { "UNSET" }
            )));
        }
    };
    if set {
        option::key(cursor)?;
    } else {
        cursor.advance();
    }
    let found = match known {
        "COMMENT" => Property::Comment(set.then(|| cursor.string()).transpose()?),
        _ => Property::Retention(set.then(|| option::retention(cursor)).transpose()?),
    };
    if !cursor.is_done() {
        return Err(cursor.unexpected().with_help("ALTER sets one property at a time"));
    }
    Ok(found)
}

fn unknown_action(cursor: &Cursor<'_>, kind: ObjectKind) -> Error {
    const ACTIONS: &[&[&str]] = &[
        &["CLUSTER", "BY"],
        &["DROP", "CLUSTERING", "KEY"],
        &["SUSPEND", "RECLUSTER"],
        &["RESUME", "RECLUSTER"],
        &["ADD", "SEARCH", "OPTIMIZATION"],
        &["ADD", "ROW", "ACCESS", "POLICY"],
        &["DROP", "ROW", "ACCESS", "POLICY"],
        &["ENABLE"],
        &["DISABLE"],
        &["REFRESH"],
        &["DROP", "ALL"],
    ];
    match ACTIONS.iter().find(|action| cursor.are_next(action)) {
        Some(action) => {
            Error::unsupported(format_args!("ALTER {} .. {}", kind.sql(), action.join(" ")))
        }
        None => cursor.unexpected(),
    }
}

fn alter_table(cursor: &mut Cursor<'_>) -> Result<AlterTable> {
    let if_exists = if_exists(cursor);
    let name = table::table_name(cursor)?;
    Ok(AlterTable { name, if_exists, action: table_action(cursor)? })
}

fn table_action(cursor: &mut Cursor<'_>) -> Result<AlterTableAction> {
    if cursor.accept(&["RENAME", "TO"]) {
        return table::table_name(cursor).map(AlterTableAction::Rename);
    }
    if cursor.accept(&["RENAME", "COLUMN"]) {
        let from = cursor.name()?;
        cursor.expect(&["TO"])?;
        return Ok(AlterTableAction::RenameColumn { from, to: cursor.name()? });
    }
    if cursor.accept(&["SWAP", "WITH"]) {
        return swap(cursor);
    }
    if let Some(action) = expectation::action(cursor)? {
        return Ok(action);
    }
    if let Some(action) = policy::of_rows(cursor)? {
        return Ok(AlterTableAction::Policy(action));
    }
    if let Some(action) = data_metric::action(cursor)? {
        return Ok(action);
    }
    match cursor.peek_word() {
        Some("ADD") => add_columns(cursor),
        Some("DROP") => drop_columns(cursor),
        Some("ALTER" | "MODIFY") => alter_column(cursor),
        _ => Ok(match property(cursor, ObjectKind::Table)? {
            Property::Retention(days) => AlterTableAction::SetRetention(days),
            Property::Comment(comment) => AlterTableAction::SetComment(comment),
        }),
    }
}

fn swap(cursor: &mut Cursor<'_>) -> Result<AlterTableAction> {
    let with: QualifiedName = table::table_name(cursor)?;
    Ok(AlterTableAction::SwapWith(with))
}

fn add_columns(cursor: &mut Cursor<'_>) -> Result<AlterTableAction> {
    refuse_constraints(cursor)?;
    cursor.expect(&["ADD"])?;
    let _optional = cursor.accept(&["COLUMN"]);
    let if_not_exists = cursor.accept(&["IF", "NOT", "EXISTS"]);
    let columns = cursor.list(table::column)?;
    distinct(columns.iter().map(|column| column.name.clone()).collect())?;
    Ok(AlterTableAction::AddColumns { columns, if_not_exists })
}

fn drop_columns(cursor: &mut Cursor<'_>) -> Result<AlterTableAction> {
    refuse_constraints(cursor)?;
    cursor.expect(&["DROP"])?;
    let _optional = cursor.accept(&["COLUMN"]);
    let if_exists = if_exists(cursor);
    let names = distinct(cursor.list(Cursor::name)?)?;
    Ok(AlterTableAction::DropColumns { names, if_exists })
}

/// ADD and DROP of what is no column.
fn refuse_constraints(cursor: &Cursor<'_>) -> Result<()> {
    let second = cursor.peek_word_at(1).unwrap_or_default();
    let third = cursor.peek_word_at(2);
    let what = match (second, third) {
        ("CONSTRAINT" | "UNIQUE" | "CHECK", _) => second.to_owned(),
        ("PRIMARY" | "FOREIGN", Some("KEY")) => format!("{second} KEY"),
        ("CLUSTERING", Some("KEY")) => "CLUSTERING KEY".to_owned(),
        ("SEARCH", Some("OPTIMIZATION")) => "SEARCH OPTIMIZATION".to_owned(),
        _ => return Ok(()),
    };
    let verb = cursor.peek_word().unwrap_or_default();
    Err(Error::unsupported(format_args!("ALTER TABLE .. {verb} {what}")))
}

/// `{ALTER | MODIFY} [COLUMN] c ..`, of one column.
fn alter_column(cursor: &mut Cursor<'_>) -> Result<AlterTableAction> {
    cursor.advance();
    if *cursor.peek() == Token::LParen {
        return Err(Error::unsupported("ALTER TABLE .. MODIFY of several columns"));
    }
    let _optional = cursor.accept(&["COLUMN"]);
    let column = cursor.name()?;
    if let Some(action) = policy::of_column(cursor, &column)? {
        return Ok(AlterTableAction::Policy(action));
    }
    if cursor.accept(&["SET", "NOT", "NULL"]) || cursor.accept(&["NOT", "NULL"]) {
        return Ok(AlterTableAction::SetNotNull { column, not_null: true });
    }
    if cursor.accept(&["DROP", "NOT", "NULL"]) {
        return Ok(AlterTableAction::SetNotNull { column, not_null: false });
    }
    if cursor.accept(&["DROP", "DEFAULT"]) {
        return Ok(AlterTableAction::DropDefault(column));
    }
    if cursor.accept(&["COMMENT"]) {
        return Ok(AlterTableAction::SetColumnComment { column, comment: cursor.string()? });
    }
    let what = match (cursor.peek_word(), cursor.peek_word_at(1)) {
        (Some("SET"), Some("DATA")) | (Some("TYPE"), _) => "SET DATA TYPE",
        (Some("SET"), Some("DEFAULT")) => "SET DEFAULT",
        (Some("SET" | "UNSET"), Some("TAG")) => "TAG",
        _ => return Err(cursor.unexpected()),
    };
    Err(Error::unsupported(format_args!("ALTER TABLE .. ALTER COLUMN .. {what}")))
}
