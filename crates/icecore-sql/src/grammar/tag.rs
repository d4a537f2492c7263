//! Tags: CREATE and ALTER TAG, SET TAG and UNSET TAG of anything.

use icecore_types::{Error, ObjectKind, QualifiedName, Result, TagConflict, TagPropagation};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::{if_exists, object_name, option};
use crate::cursor::Cursor;
use crate::{AlterTag, CreateTag, SetTags, TagChange, TagsGiven};

pub(super) fn create_tag(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateTag> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    let (mut allowed_values, mut comment, mut propagation) = (Vec::new(), None, None);
    while !cursor.is_done() {
        match cursor.peek_word() {
            Some("ALLOWED_VALUES") if allowed_values.is_empty() => {
                cursor.advance();
                allowed_values = cursor.list(Cursor::string)?;
            }
            Some("COMMENT") if comment.is_none() => {
                option::key(cursor)?;
                comment = Some(cursor.string()?);
            }
            Some("PROPAGATE") if propagation.is_none() => {
                propagation = Some(propagated(cursor)?);
            }
            _ => return Err(cursor.unexpected()),
        }
    }
    let or_replace = existing.or_replace;
    Ok(CreateTag { or_replace, if_not_exists, name, allowed_values, comment, propagation })
}

/// `PROPAGATE = .. [ON_CONFLICT = ..]`.
fn propagated(cursor: &mut Cursor<'_>) -> Result<TagPropagation> {
    option::key(cursor)?;
    const WAYS: [(&str, bool, bool); 3] = [
        ("ON_DEPENDENCY_AND_DATA_MOVEMENT", true, true),
        ("ON_DEPENDENCY", true, false),
        ("ON_DATA_MOVEMENT", false, true),
    ];
    let way = WAYS.iter().find(|(word, ..)| cursor.accept(&[word]));
    let Some((_, on_dependency, on_movement)) = way.copied() else {
        return Err(cursor.unexpected().with_help(
            "write ON_DEPENDENCY, ON_DATA_MOVEMENT or ON_DEPENDENCY_AND_DATA_MOVEMENT",
        ));
    };
    let mut conflict = TagConflict::default();
    if cursor.is_next("ON_CONFLICT") {
        option::key(cursor)?;
        conflict = match cursor.accept(&["ALLOWED_VALUES_SEQUENCE"]) {
            true => TagConflict::AllowedValuesSequence,
            false => TagConflict::Value(cursor.string()?),
        };
    }
    Ok(TagPropagation { on_dependency, on_movement, conflict })
}

pub(super) fn alter_tag(cursor: &mut Cursor<'_>) -> Result<AlterTag> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    let change = if cursor.accept(&["RENAME", "TO"]) {
        TagChange::Rename(cursor.qualified_name()?)
    } else if cursor.accept(&["ADD", "ALLOWED_VALUES"]) {
        TagChange::Allow(cursor.list(Cursor::string)?)
    } else if cursor.accept(&["DROP", "ALLOWED_VALUES"]) {
        TagChange::Disallow(cursor.list(Cursor::string)?)
    } else if cursor.accept(&["UNSET", "ALLOWED_VALUES"]) {
        TagChange::AllowAny
    } else if cursor.accept(&["UNSET", "COMMENT"]) {
        TagChange::SetComment(None)
    } else if cursor.are_next(&["SET", "COMMENT"]) {
        cursor.advance();
        option::key(cursor)?;
        TagChange::SetComment(Some(cursor.string()?))
    } else if cursor.accept(&["UNSET", "PROPAGATE"]) {
        TagChange::Propagate(None)
    } else if cursor.are_next(&["SET", "PROPAGATE"]) {
        cursor.advance();
        TagChange::Propagate(Some(propagated(cursor)?))
    } else if cursor.are_next(&["SET", "MASKING", "POLICY"]) {
        cursor.advance();
        let policies = cursor.list(masking_policy)?;
        TagChange::SetMasks { policies, force: cursor.accept(&["FORCE"]) }
    } else if cursor.are_next(&["UNSET", "MASKING", "POLICY"]) {
        cursor.advance();
        TagChange::UnsetMasks(cursor.list(masking_policy)?)
    } else {
        return Err(refused(cursor));
    };
    Ok(AlterTag { name, if_exists, change })
}

fn masking_policy(cursor: &mut Cursor<'_>) -> Result<QualifiedName> {
    cursor.expect(&["MASKING", "POLICY"])?;
    cursor.qualified_name()
}

fn refused(cursor: &Cursor<'_>) -> Error {
    const REFUSED: &[&[&str]] =
        &[&["SET", "ON_CONFLICT"], &["UNSET", "ON_CONFLICT"], &["SET", "ALLOWED_VALUES"]];
    match REFUSED.iter().find(|words| cursor.are_next(words)) {
        Some(words) => Error::unsupported(format_args!("ALTER TAG .. {}", words.join(" "))),
        None => cursor.unexpected(),
    }
}

/// Whether what ALTER names is given tags, or its column is.
pub(super) fn is_set(cursor: &Cursor<'_>) -> bool {
    let mut at = if cursor.are_next(&["IF", "EXISTS"]) { 3 } else { 1 };
    while *cursor.peek_at(at) == Token::Period {
        at += 2;
    }
    let word = |at: usize| cursor.peek_word_at(at);
    let sets = |at| matches!(word(at), Some("SET" | "UNSET")) && word(at + 1) == Some("TAG");
    let column = if word(at + 1) == Some("COLUMN") { at + 3 } else { at + 2 };
    sets(at) || matches!(word(at), Some("MODIFY" | "ALTER")) && sets(column)
}

pub(super) fn set_tags(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<SetTags> {
    let if_exists = if_exists(cursor);
    let name = object_name(cursor, kind)?;
    let mut column = None;
    if cursor.accept(&["MODIFY"]) || cursor.accept(&["ALTER"]) {
        let _optional = cursor.accept(&["COLUMN"]);
        column = Some(cursor.name()?);
    }
    let values = if cursor.accept(&["UNSET", "TAG"]) {
        cursor.list(|cursor| Ok((cursor.qualified_name()?, None)))?
    } else {
        cursor.expect(&["SET", "TAG"])?;
        values(cursor)?
    };
    Ok(SetTags { kind, name, if_exists, column, values })
}

/// Whether `[WITH] TAG (` is next.
pub(super) fn is_declared(cursor: &Cursor<'_>) -> bool {
    cursor.are_next(&["WITH", "TAG"]) || cursor.are_next(&["TAG"])
}

/// `[WITH] TAG (t = 'v', ..)`.
pub(super) fn declared(cursor: &mut Cursor<'_>) -> Result<TagsGiven> {
    let _optional = cursor.accept(&["WITH"]);
    cursor.expect(&["TAG"])?;
    cursor.expect_token(&Token::LParen)?;
    let values = values(cursor)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(values)
}

fn values(cursor: &mut Cursor<'_>) -> Result<TagsGiven> {
    cursor.list(|cursor| {
        let tag = cursor.qualified_name()?;
        cursor.expect_token(&Token::Eq)?;
        Ok((tag, Some(cursor.string()?)))
    })
}
