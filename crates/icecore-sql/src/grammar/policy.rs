//! CREATE and ALTER of policies, and what ALTER TABLE does with them.

use icecore_types::{Code, Error, Name, ObjectKind, PolicyArgument, PolicyReturns, Result};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::rows::distinct;
use super::{constraint, expression, if_exists, option, query, refusal, table};
use crate::cursor::Cursor;
use crate::{AlterPolicy, CreatePolicy, PolicyAction, PolicyChange, PolicyOn, Simulate};

pub(super) fn create_policy(
    cursor: &mut Cursor<'_>,
    existing: Existing,
    kind: ObjectKind,
) -> Result<CreatePolicy> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    cursor.expect(&["AS"])?;
    let (arguments, returns) = match kind {
        ObjectKind::MaskingPolicy | ObjectKind::RowAccessPolicy => {
            let arguments = arguments(cursor)?;
            cursor.expect(&["RETURNS"])?;
            (arguments, PolicyReturns::Value(table::sql_type(cursor)?))
        }
        _ => (Vec::new(), constraint::returns(cursor, kind)?),
    };
    let body = body(cursor)?;
    let mut comment = None;
    while !cursor.is_done() {
        match cursor.peek_word() {
            Some("COMMENT") if comment.is_none() => {
                option::key(cursor)?;
                comment = Some(cursor.string()?);
            }
            Some("EXEMPT_OTHER_POLICIES") => {
                let what = format!("CREATE {} .. EXEMPT_OTHER_POLICIES", kind.sql());
                return Err(Error::unsupported(what));
            }
            _ => return Err(cursor.unexpected()),
        }
    }
    let or_replace = existing.or_replace;
    Ok(CreatePolicy { kind, or_replace, if_not_exists, name, arguments, returns, body, comment })
}

/// `(a T, ..)`, at least one, each once.
fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<PolicyArgument>> {
    cursor.expect_token(&Token::LParen)?;
    if *cursor.peek() == Token::RParen {
        return Err(cursor.unexpected().with_help("a policy has at least one argument"));
    }
    let arguments = cursor.list(|cursor| {
        let name = cursor.name()?;
        Ok(PolicyArgument { name, sql_type: table::sql_type(cursor)? })
    })?;
    cursor.expect_token(&Token::RParen)?;
    distinct(arguments.iter().map(|argument| argument.name.clone()).collect())?;
    Ok(arguments)
}

/// `-> expression`, as it is written.
fn body(cursor: &mut Cursor<'_>) -> Result<String> {
    cursor.expect_token(&Token::Arrow)?;
    refusal::tokens(cursor)?;
    let from = cursor.at();
    let _checked = expression(cursor)?;
    Ok(cursor.text_since(from).to_owned())
}

pub(super) fn alter_policy(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<AlterPolicy> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    let change = if cursor.accept(&["RENAME", "TO"]) {
        PolicyChange::Rename(cursor.qualified_name()?)
    } else if cursor.accept(&["SET", "BODY"]) {
        PolicyChange::SetBody(body(cursor)?)
    } else if cursor.accept(&["UNSET", "COMMENT"]) {
        PolicyChange::SetComment(None)
    } else if cursor.are_next(&["SET", "COMMENT"]) {
        cursor.advance();
        option::key(cursor)?;
        PolicyChange::SetComment(Some(cursor.string()?))
    } else if cursor.are_next(&["SET", "TAG"]) || cursor.are_next(&["UNSET", "TAG"]) {
        return Err(Error::unsupported(format_args!("ALTER {} .. TAG", kind.sql())));
    } else {
        return Err(cursor.unexpected());
    };
    Ok(AlterPolicy { kind, name, if_exists, change })
}

/// `EXECUTE USING POLICY_CONTEXT (CURRENT_ROLE => 'R') AS query`.
pub(super) fn simulate(cursor: &mut Cursor<'_>) -> Result<Simulate> {
    cursor.expect(&["EXECUTE", "USING", "POLICY_CONTEXT"])?;
    cursor.expect_token(&Token::LParen)?;
    if !cursor.is_next("CURRENT_ROLE") {
        return match cursor.peek_word() {
            Some(word) => Err(Error::unsupported(format_args!("POLICY_CONTEXT ({word} => ..)"))
                .with_help("CURRENT_ROLE => 'R' is what there is")),
            None => Err(cursor.unexpected()),
        };
    }
    cursor.advance();
    cursor.expect_token(&Token::RArrow)?;
    let role = Name::quoted(&cursor.string()?);
    if *cursor.peek() == Token::Comma {
        return Err(Error::unsupported("POLICY_CONTEXT of more than CURRENT_ROLE"));
    }
    cursor.expect_token(&Token::RParen)?;
    cursor.expect(&["AS"])?;
    Ok(Simulate { role, query: query(cursor)? })
}

/// What ALTER does with the policies of the rows of a table or a view, if that
/// is next.
pub(super) fn of_rows(cursor: &mut Cursor<'_>) -> Result<Option<PolicyAction>> {
    match constraint::aggregation(cursor)? {
        Some(action) => Ok(Some(action)),
        None => row_access(cursor),
    }
}

fn row_access(cursor: &mut Cursor<'_>) -> Result<Option<PolicyAction>> {
    const POLICY: [&str; 3] = ["ROW", "ACCESS", "POLICY"];
    if cursor.accept(&["DROP", "ALL", "ROW", "ACCESS", "POLICIES"]) {
        return Ok(Some(PolicyAction::DropAllRowAccess));
    }
    let mut instead = None;
    if cursor.is_next("DROP") && (0..3).all(|at| cursor.peek_word_at(at + 1) == Some(POLICY[at])) {
        cursor.advance();
        cursor.expect(&POLICY)?;
        let dropped = cursor.qualified_name()?;
        if !cursor.accept_token(&Token::Comma) {
            return Ok(Some(PolicyAction::DropRowAccess(dropped)));
        }
        instead = Some(dropped);
        if !cursor.is_next("ADD") {
            return Err(cursor.unexpected());
        }
    }
    if !cursor.accept(&["ADD", "ROW", "ACCESS", "POLICY"]) {
        return if instead.is_some() { Err(cursor.unexpected()) } else { Ok(None) };
    }
    let policy = cursor.qualified_name()?;
    cursor.expect(&["ON"])?;
    let columns = cursor.names_in_parentheses()?;
    Ok(Some(PolicyAction::AddRowAccess { instead, policy, columns }))
}

/// The columns behind USING, or the one that is masked.
fn using(cursor: &mut Cursor<'_>, column: &Name) -> Result<Vec<Name>> {
    if !cursor.accept(&["USING"]) {
        return Ok(vec![column.clone()]);
    }
    let columns = cursor.names_in_parentheses()?;
    if columns.first() != Some(column) {
        let what = "USING begins with the column that is masked";
        return Err(Error::new(Code::INVALID_STATEMENT, what)
            .with_help(format!("write USING ({column}, ..)")));
    }
    Ok(columns)
}

/// Whether `[WITH] MASKING POLICY` is next.
pub(super) fn is_mask(cursor: &Cursor<'_>) -> bool {
    const WORDS: &[&str] = &["WITH", "MASKING", "POLICY"];
    cursor.are_next(WORDS) || cursor.are_next(&["MASKING", "POLICY"])
}

pub(super) fn declared_mask(cursor: &mut Cursor<'_>, column: &Name) -> Result<PolicyOn> {
    let _optional = cursor.accept(&["WITH"]);
    cursor.expect(&["MASKING", "POLICY"])?;
    let policy = cursor.qualified_name()?;
    Ok(PolicyOn { policy, columns: using(cursor, column)? })
}

/// Whether `[WITH] ROW ACCESS POLICY` is next.
pub(super) fn is_row_access(cursor: &Cursor<'_>) -> bool {
    const WORDS: &[&str] = &["WITH", "ROW", "ACCESS", "POLICY"];
    cursor.are_next(WORDS) || cursor.are_next(&["ROW", "ACCESS", "POLICY"])
}

pub(super) fn declared_row_access(cursor: &mut Cursor<'_>) -> Result<PolicyOn> {
    let _optional = cursor.accept(&["WITH"]);
    cursor.expect(&["ROW", "ACCESS", "POLICY"])?;
    let policy = cursor.qualified_name()?;
    cursor.expect(&["ON"])?;
    Ok(PolicyOn { policy, columns: cursor.names_in_parentheses()? })
}

/// What ALTER VIEW does with policies, if that is next.
pub(super) fn of_view(cursor: &mut Cursor<'_>) -> Result<Option<PolicyAction>> {
    if let Some(action) = of_rows(cursor)? {
        return Ok(Some(action));
    }
    if !cursor.is_next("ALTER") && !cursor.is_next("MODIFY") {
        return Ok(None);
    }
    cursor.advance();
    let _optional = cursor.accept(&["COLUMN"]);
    let column = cursor.name()?;
    match of_column(cursor, &column)? {
        Some(action) => Ok(Some(action)),
        None => Err(cursor.unexpected()),
    }
}

/// SET or UNSET of a policy of a column, if that is next.
pub(super) fn of_column(cursor: &mut Cursor<'_>, column: &Name) -> Result<Option<PolicyAction>> {
    match constraint::projection(cursor, column)? {
        Some(action) => Ok(Some(action)),
        None => masking(cursor, column),
    }
}

fn masking(cursor: &mut Cursor<'_>, column: &Name) -> Result<Option<PolicyAction>> {
    let column = column.clone();
    if cursor.accept(&["UNSET", "MASKING", "POLICY"]) {
        return Ok(Some(PolicyAction::UnsetMask { column }));
    }
    if !cursor.accept(&["SET", "MASKING", "POLICY"]) {
        return Ok(None);
    }
    let policy = cursor.qualified_name()?;
    let using = using(cursor, &column)?;
    let force = cursor.accept(&["FORCE"]);
    Ok(Some(PolicyAction::SetMask { column, policy, using, force }))
}
