//! Expectations of a table, and its quarantine.

use std::time::Duration;

use icecore_types::{Code, Error, Name, OnViolation, Result};
use sqlparser::ast::Expr;
use sqlparser::tokenizer::Token;

use super::rows::distinct;
use super::{expression, if_exists};
use crate::balance::balance;
use crate::cursor::Cursor;
use crate::{AlterTableAction, CheckSpec, ExpectationSpec, QuarantineAction, check, lower};

/// The longest time that FRESHNESS takes: a hundred years.
const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);

/// Whether `EXPECTATION name CHECK` comes next, after `ahead` tokens: a column
/// may be called EXPECTATION.
pub(super) fn is_next(cursor: &Cursor<'_>, ahead: usize) -> bool {
    cursor.peek_word_at(ahead) == Some("EXPECTATION")
        && cursor.peek_word_at(ahead + 2) == Some("CHECK")
}

/// `ADD EXPECTATION ..`, `DROP EXPECTATION ..`, `REPLAY QUARANTINE` and `PURGE
/// QUARANTINE`, if one of them comes next.
pub(super) fn action(cursor: &mut Cursor<'_>) -> Result<Option<AlterTableAction>> {
    if cursor.is_next("ADD") && is_next(cursor, 1) {
        cursor.advance();
        let expectation = Box::new(expectation(cursor)?);
        return Ok(Some(AlterTableAction::AddExpectation(expectation)));
    }
    let names_one = !matches!(cursor.peek_at(2), Token::EOF | Token::Comma);
    if names_one && cursor.accept(&["DROP", "EXPECTATION"]) {
        let if_exists = if_exists(cursor);
        let name = cursor.name()?;
        return Ok(Some(AlterTableAction::DropExpectation { name, if_exists }));
    }
    let action = match cursor.peek_word() {
        Some("REPLAY") => QuarantineAction::Replay,
        Some("PURGE") => QuarantineAction::Purge,
        _ => return Ok(None),
    };
    cursor.advance();
    cursor.expect(&["QUARANTINE"])?;
    let predicate =
        cursor.accept(&["WHERE"]).then(|| expression(cursor).map(Box::new)).transpose()?;
    Ok(Some(AlterTableAction::Quarantine { action, predicate }))
}

/// `EXPECTATION name CHECK .. ON VIOLATION ..`.
pub(super) fn expectation(cursor: &mut Cursor<'_>) -> Result<ExpectationSpec> {
    cursor.expect(&["EXPECTATION"])?;
    let name = cursor.name()?;
    cursor.expect(&["CHECK"])?;
    let check = check_spec(cursor)?;
    Ok(ExpectationSpec { name, check, on_violation: on_violation(cursor)? })
}

fn on_violation(cursor: &mut Cursor<'_>) -> Result<OnViolation> {
    cursor.expect(&["ON", "VIOLATION"])?;
    const ACTIONS: [(&[&str], OnViolation); 4] = [
        (&["REJECT", "ROW"], OnViolation::RejectRow),
        (&["QUARANTINE"], OnViolation::Quarantine),
        (&["FAIL"], OnViolation::Fail),
        (&["WARN"], OnViolation::Warn),
    ];
    for (words, action) in ACTIONS {
        if cursor.accept(words) {
            return Ok(action);
        }
    }
    Err(cursor.unexpected().with_help("write REJECT ROW, QUARANTINE, FAIL or WARN"))
}

fn check_spec(cursor: &mut Cursor<'_>) -> Result<CheckSpec> {
    if *cursor.peek() == Token::LParen {
        return row_expression(cursor);
    }
    if cursor.accept(&["NOT", "NULL"]) {
        return in_parentheses(cursor, Cursor::name).map(CheckSpec::NotNull);
    }
    if cursor.accept(&["UNIQUE"]) {
        return distinct(cursor.names_in_parentheses()?).map(CheckSpec::Unique);
    }
    if cursor.accept(&["ACCEPTED", "VALUES"]) {
        return in_parentheses(cursor, accepted_values);
    }
    if cursor.accept(&["RANGE"]) {
        return in_parentheses(cursor, range);
    }
    if cursor.accept(&["MATCHES"]) {
        return in_parentheses(cursor, |cursor| {
            let (column, pattern) = column_and_text(cursor)?;
            Ok(CheckSpec::Matches { column, pattern })
        });
    }
    if cursor.accept(&["FRESHNESS"]) {
        return in_parentheses(cursor, |cursor| {
            let (column, text) = column_and_text(cursor)?;
            Ok(CheckSpec::Freshness { column, within: interval(&text)? })
        });
    }
    if cursor.accept(&["REFERENCES"]) {
        return references(cursor);
    }
    Err(cursor.unexpected().with_help(
        "write NOT NULL (c), UNIQUE (c, ..), ACCEPTED VALUES (c IN (..)), RANGE (c BETWEEN a AND \
         b), MATCHES (c, 'regex'), REFERENCES (c) parent (k), FRESHNESS (c, '1 hour') or a \
         condition in parentheses",
    ))
}

fn in_parentheses<'a, T>(
    cursor: &mut Cursor<'a>,
    inner: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
) -> Result<T> {
    cursor.expect_token(&Token::LParen)?;
    let found = inner(cursor)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(found)
}

fn row_expression(cursor: &mut Cursor<'_>) -> Result<CheckSpec> {
    in_parentheses(cursor, |cursor| {
        let from = cursor.at();
        let expression = Box::new(expression(cursor)?);
        Ok(CheckSpec::Expression { text: cursor.text_since(from).to_owned(), expression })
    })
}

fn column_and_text(cursor: &mut Cursor<'_>) -> Result<(Name, String)> {
    let column = cursor.name()?;
    cursor.expect_token(&Token::Comma)?;
    Ok((column, cursor.string()?))
}

/// `c IN (a, b)`.
fn accepted_values(cursor: &mut Cursor<'_>) -> Result<CheckSpec> {
    let column = cursor.name()?;
    cursor.expect(&["IN"])?;
    let values = in_parentheses(cursor, |cursor| cursor.list(expression))?;
    Ok(CheckSpec::AcceptedValues { column, values })
}

/// `c BETWEEN a AND b`: the parser of expressions knows which AND is meant.
fn range(cursor: &mut Cursor<'_>) -> Result<CheckSpec> {
    let between = cursor.expression()?;
    let Expr::Between { expr, negated: false, low, high } = between else {
        return Err(cursor.unexpected().with_help("write c BETWEEN a AND b"));
    };
    let Expr::Identifier(column) = *expr else {
        return Err(Error::unsupported(format_args!("RANGE of {expr}"))
            .with_help("an expression is a check by itself: CHECK (a + b BETWEEN 1 AND 2)"));
    };
    let [least, most] = [low, high].map(|bound| checked(*bound, cursor).map(Box::new));
    Ok(CheckSpec::Range { column: Name::quoted(&column.value), least: least?, most: most? })
}

fn checked(mut expression: Expr, cursor: &Cursor<'_>) -> Result<Expr> {
    balance(&mut expression);
    check::expression(&expression)?;
    lower::expression(&mut expression, cursor)?;
    Ok(expression)
}

/// `(a, b) parent (c, d)`.
fn references(cursor: &mut Cursor<'_>) -> Result<CheckSpec> {
    let columns = distinct(cursor.names_in_parentheses()?)?;
    let parent = cursor.qualified_name()?;
    let keys = cursor.names_in_parentheses()?;
    if keys.len() != columns.len() {
        return Err(Error::new(
            Code::COLUMN_COUNT,
            format!(
                "REFERENCES of a different number of columns columns={} keys={}",
                columns.len(),
                keys.len()
            ),
        ));
    }
    Ok(CheckSpec::References { columns, parent, keys })
}

/// `90 minutes`.
fn interval(text: &str) -> Result<Duration> {
    let invalid = || {
        Error::new(Code::INVALID_OPTION, format!("not a length of time: '{text}'"))
            .with_help("write '30 seconds', '90 minutes', '1 hour' or '2 days', at most 100 years")
    };
    let (count, unit) = text.trim().split_once(char::is_whitespace).ok_or_else(invalid)?;
    let unit = unit.trim().to_ascii_lowercase();
    let seconds: u64 = match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return Err(invalid()),
    };
    let count: u64 = count.parse().map_err(|_| invalid())?;
    let length = count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(invalid)?;
    if length.is_zero() || length > LONGEST { Err(invalid()) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Statement, parse};

    fn spec(check: &str) -> Result<CheckSpec> {
        let text = format!("ALTER TABLE t ADD EXPECTATION e CHECK {check} ON VIOLATION WARN");
        let mut parsed = parse(&text, &Limits::default())?;
        let Some(Statement::AlterTable(alter)) = parsed.pop().map(|parsed| parsed.statement) else {
            panic!("{text}")
        };
        match alter.action {
            AlterTableAction::AddExpectation(spec) => Ok(spec.check),
            other => panic!("{other:?}"),
        }
    }

    fn action_of(text: &str) -> AlterTableAction {
        let mut parsed = parse(&format!("ALTER TABLE t {text}"), &Limits::default()).unwrap();
        match parsed.pop().unwrap().statement {
            Statement::AlterTable(alter) => alter.action,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_check_is_read() {
        let name = Name::unquoted;
        assert_eq!(spec("not null (a)").unwrap(), CheckSpec::NotNull(name("a")));
        assert_eq!(
            spec("UNIQUE (a, \"b\")").unwrap(),
            CheckSpec::Unique(vec![name("a"), Name::quoted("b")])
        );
        let CheckSpec::AcceptedValues { column, values } =
            spec("ACCEPTED VALUES (a IN ('x', 1 + 1))").unwrap()
        else {
            panic!()
        };
        assert_eq!((column, values.len()), (name("a"), 2));
        let CheckSpec::Range { column, least, most } =
            spec("RANGE (a BETWEEN -1 AND 10 * 2)").unwrap()
        else {
            panic!()
        };
        assert_eq!(
            (column, least.to_string(), most.to_string()),
            (name("a"), "-1".into(), "10 * 2".into())
        );
        assert_eq!(
            spec("MATCHES (a, '[A-Z]+')").unwrap(),
            CheckSpec::Matches { column: name("a"), pattern: "[A-Z]+".into() }
        );
        let CheckSpec::References { columns, parent, keys } =
            spec("REFERENCES (a) s.p (k)").unwrap()
        else {
            panic!()
        };
        assert_eq!(
            (columns, parent.to_string(), keys),
            (vec![name("a")], "S.P".to_owned(), vec![name("k")])
        );
        assert_eq!(
            spec("FRESHNESS (a, '90 minutes')").unwrap(),
            CheckSpec::Freshness { column: name("a"), within: Duration::from_secs(5_400) }
        );
        let CheckSpec::Expression { text, .. } = spec("(a > 1 AND b < 2)").unwrap() else {
            panic!()
        };
        assert_eq!(text, "a > 1 AND b < 2");
    }

    #[test]
    fn mistakes_are_named() {
        for (check, part) in [
            ("a > 1", "unexpected 'a'"),
            ("NOT NULL (a, b)", "unexpected ','"),
            ("UNIQUE ()", "unexpected ')'"),
            ("UNIQUE (a, a)", "A"),
            ("RANGE (a > 1)", "unexpected"),
            ("RANGE (a NOT BETWEEN 1 AND 2)", "unexpected"),
            ("RANGE (a BETWEEN 1)", "unexpected"),
            ("ACCEPTED VALUES (a IN ())", "unexpected"),
            ("MATCHES (a)", "unexpected"),
            ("FRESHNESS (a, '1 fortnight')", "1 fortnight"),
            ("FRESHNESS (a, '0 hours')", "0 hours"),
            ("FRESHNESS (a, '-1 hours')", "-1 hours"),
            ("FRESHNESS (a, '99999999999999999999 days')", "99999999999999999999 days"),
            ("REFERENCES (a, b) p (k)", "columns=2 keys=1"),
        ] {
            let error = spec(check).expect_err(check);
            assert!(error.message().contains(part), "{check}: {error}");
        }
        for text in
            ["ADD EXPECTATION e CHECK (a > 1)", "ADD EXPECTATION e CHECK (a) ON VIOLATION x"]
        {
            assert!(parse(&format!("ALTER TABLE t {text}"), &Limits::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_column_may_be_called_expectation() {
        let added = action_of("ADD expectation INT");
        assert!(matches!(added, AlterTableAction::AddColumns { .. }), "{added:?}");
        let dropped = action_of("DROP expectation");
        assert!(matches!(dropped, AlterTableAction::DropColumns { .. }), "{dropped:?}");
        assert_eq!(
            action_of("DROP EXPECTATION IF EXISTS e"),
            AlterTableAction::DropExpectation { name: Name::unquoted("e"), if_exists: true }
        );
        assert_eq!(
            action_of("PURGE QUARANTINE"),
            AlterTableAction::Quarantine { action: QuarantineAction::Purge, predicate: None }
        );
        let text = "CREATE TABLE t (expectation INT, EXPECTATION e CHECK NOT NULL (expectation) \
                    ON VIOLATION FAIL)";
        let parsed = parse(text, &Limits::default()).unwrap();
        let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
        assert_eq!((create.columns.len(), create.expectations.len()), (1, 1));
    }
}
