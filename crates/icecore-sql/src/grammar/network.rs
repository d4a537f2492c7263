//! Network rules, network policies, and ALTER ACCOUNT.

use icecore_types::{Error, Name, ObjectKind, QualifiedName, Result};

use super::create::Existing;
use super::{if_exists, object_name, option};
use crate::cursor::Cursor;
use crate::{AlterAccount, AlterNetwork, CreateNetwork, NetworkChange, OptionValue, Options};

const LISTS: [&str; 2] = ["ALLOWED_NETWORK_RULE_LIST", "BLOCKED_NETWORK_RULE_LIST"];

pub(super) fn create(
    cursor: &mut Cursor<'_>,
    existing: Existing,
    kind: ObjectKind,
) -> Result<CreateNetwork> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = object_name(cursor, kind)?;
    let options = options(cursor)?;
    Ok(CreateNetwork { kind, or_replace: existing.or_replace, if_not_exists, name, options })
}

/// `KEY = value ..` to the end of the statement.
fn options(cursor: &mut Cursor<'_>) -> Result<Options> {
    let mut options = Options::default();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        options.insert(&key, option::value(cursor)?)?;
    }
    Ok(options)
}

pub(super) fn alter(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<AlterNetwork> {
    let if_exists = if_exists(cursor);
    let name = object_name(cursor, kind)?;
    let change = if cursor.accept(&["RENAME", "TO"]) {
        NetworkChange::Rename(object_name(cursor, kind)?)
    } else if cursor.accept(&["UNSET"]) {
        NetworkChange::Unset(cursor.list(|cursor| {
            let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
            cursor.advance();
            Ok(key)
        })?)
    } else if cursor.accept(&["SET"]) {
        match options(cursor)? {
            options if options.is_empty() => return Err(cursor.unexpected()),
            options => NetworkChange::Set(options),
        }
    } else if kind == ObjectKind::NetworkPolicy && cursor.accept(&["ADD"]) {
        let (list, rule) = list(cursor)?;
        NetworkChange::Add { list, rule }
    } else if kind == ObjectKind::NetworkPolicy && cursor.accept(&["REMOVE"]) {
        let (list, rule) = list(cursor)?;
        NetworkChange::Remove { list, rule }
    } else {
        return Err(cursor.unexpected());
    };
    Ok(AlterNetwork { kind, name, if_exists, change })
}

/// `LIST = rule`: a name, or one in quotes.
fn list(cursor: &mut Cursor<'_>) -> Result<(String, QualifiedName)> {
    let list = option::key(cursor)?;
    if !LISTS.contains(&list.as_str()) {
        return Err(cursor.unexpected().with_help(format!("it is {} or {}", LISTS[0], LISTS[1])));
    }
    let rule = match option::value(cursor)? {
        OptionValue::Word(name) | OptionValue::Text(name) => QualifiedName::parse(&name)?,
        _ => return Err(cursor.unexpected()),
    };
    Ok((list, rule))
}

/// After ALTER ACCOUNT.
pub(super) fn account(cursor: &mut Cursor<'_>) -> Result<AlterAccount> {
    let set = cursor.accept(&["SET"]);
    if !set {
        cursor.expect(&["UNSET"])?;
    }
    if !cursor.is_next("NETWORK_POLICY") {
        let what = cursor.peek_word().unwrap_or_default();
        return Err(Error::unsupported(format_args!("ALTER ACCOUNT .. {what}")));
    }
    if !set {
        cursor.advance();
        return Ok(AlterAccount { network_policy: None });
    }
    option::key(cursor)?;
    let network_policy = match option::value(cursor)? {
        OptionValue::Word(name) | OptionValue::Text(name) => Some(Name::parse(&name)?),
        _ => return Err(cursor.unexpected()),
    };
    Ok(AlterAccount { network_policy })
}
