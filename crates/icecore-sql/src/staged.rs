//! Stages in FROM. `sqlparser` reads a stage as a table whose name is a mark:
//! an identifier in backticks that begins with `@`, which no text of the
//! dialect contains. Columns by position are quoted names, and a member of a
//! document, `$1:key`, is one such name.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectNamePart, Select, SelectItem, TableFactor,
    Value, Visitor,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::grammar::stage_ref;
use crate::lexer::Lexeme;
use crate::relations::visit_queries;
use crate::{StageRef, Statement};

/// Whether the statement is one whose queries may read stages: not one that
/// names a stage in a clause of its own.
pub(crate) fn reads_stage(lexemes: &[Lexeme]) -> bool {
    let words = ["COPY", "PUT", "GET", "LIST", "LS", "REMOVE", "RM"];
    let first = lexemes.first().is_some_and(|first| words.iter().any(|w| is_word(&first.token, w)));
    let copies = lexemes.iter().any(|lexeme| is_word(&lexeme.token, "COPY"));
    !first && !copies && lexemes.iter().enumerate().any(|(at, _)| is_stage(lexemes, at))
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value == expected)
}

/// A stage stands behind FROM, JOIN, a comma or a parenthesis; in quotes only
/// behind one of the words.
fn is_stage(lexemes: &[Lexeme], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|at| lexemes.get(at)) else { return false };
    let word = is_word(&before.token, "FROM") || is_word(&before.token, "JOIN");
    match lexemes.get(at).map(|lexeme| &lexeme.token) {
        Some(Token::AtSign) => word || matches!(before.token, Token::Comma | Token::LParen),
        Some(Token::SingleQuotedString(text)) => word && text.starts_with('@'),
        _ => false,
    }
}

/// The tokens with the marks in them; every other token keeps its place.
pub(crate) fn marked(
    source: &str,
    lexemes: &[Lexeme],
    tokens: Vec<TokenWithSpan>,
) -> Vec<TokenWithSpan> {
    if !reads_stage(lexemes) {
        return tokens;
    }
    let text = |at: usize| {
        let lexeme = lexemes.get(at)?;
        source.get(lexeme.start..lexeme.end)
    };
    let mut marked = Vec::with_capacity(tokens.len());
    let mut passed = 0;
    for (at, token) in tokens.into_iter().enumerate() {
        if at < passed {
            continue;
        }
        let word = match &token.token {
            Token::AtSign if is_stage(lexemes, at) => {
                Some((text(at).unwrap_or_default().to_owned(), '`'))
            }
            Token::SingleQuotedString(text) if is_stage(lexemes, at) => Some((text.clone(), '`')),
            Token::Placeholder(position) if is_position(position) => {
                let key = member(lexemes, at).and_then(|at| text(at).map(unquoted));
                passed = at + if key.is_some() { 3 } else { 1 };
                let name = key.map_or(position.clone(), |key| format!("{position}:{key}"));
                Some((name, '"'))
            }
            _ => None,
        };
        marked.push(match word {
            Some((value, quote)) => {
                let keyword = Keyword::NoKeyword;
                let word = Word { value, quote_style: Some(quote), keyword };
                TokenWithSpan::new(Token::Word(word), token.span)
            }
            None => token,
        });
    }
    marked
}

/// Whether a placeholder is `$` and a number.
pub(crate) fn is_position(text: &str) -> bool {
    let digits = text.strip_prefix('$').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The place of the key behind `$1:`, if no further path follows it.
fn member(lexemes: &[Lexeme], at: usize) -> Option<usize> {
    let token = |at: usize| lexemes.get(at).map(|lexeme| &lexeme.token);
    let is_key = matches!(token(at + 2), Some(Token::Word(_)));
    let goes_on = matches!(token(at + 3), Some(Token::Colon | Token::Period | Token::LBracket));
    (token(at + 1) == Some(&Token::Colon) && is_key && !goes_on).then_some(at + 2)
}

fn unquoted(text: &str) -> String {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_owned(),
    }
}

/// A stage in FROM.
///
/// ```
/// use icecore_sql::{Limits, parse, staged_tables};
/// let text = "SELECT t.$1 FROM @landing/2013 (FILE_FORMAT => 'f', PATTERN => '.*gz') t";
/// let parsed = parse(text, &Limits::default())?;
/// let found = staged_tables(&parsed[0].statement)?;
/// assert_eq!(found[0].stage.path, "2013");
/// assert_eq!(found[0].file_format.as_ref().unwrap().to_string(), "F");
/// assert_eq!(found[0].pattern.as_deref(), Some(".*gz"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedTable {
    /// The stage and the path in it.
    pub stage: StageRef,
    /// FILE_FORMAT: only formats with names.
    pub file_format: Option<QualifiedName>,
    /// PATTERN.
    pub pattern: Option<String>,
}

impl StagedTable {
    /// The stage that an item of FROM is; nothing if it is none.
    ///
    /// # Errors
    /// `InvalidInput` for an argument that it does not have.
    pub fn of(factor: &TableFactor) -> Result<Option<Self>> {
        let TableFactor::Table { name, args, version, .. } = factor else { return Ok(None) };
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return Ok(None) };
        if !is_mark(ident) {
            return Ok(None);
        }
        if version.is_some() {
            return Err(Error::unsupported("time travel on a stage"));
        }
        let stage = stage_ref(&ident.value)?;
        let mut staged = Self { stage, file_format: None, pattern: None };
        for argument in args.iter().flat_map(|args| &args.args) {
            staged.argument(argument)?;
        }
        Ok(Some(staged))
    }

    fn argument(&mut self, argument: &FunctionArg) -> Result<()> {
        let wrong = || {
            Error::new(Code::INVALID_ARGUMENT, format!("not an argument of a stage: {argument}"))
                .with_help("write @stage (FILE_FORMAT => 'name', PATTERN => 'regex')")
        };
        let (name, value) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (name, value),
            _ => return Err(wrong()),
        };
        let text = match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => text.clone(),
                _ => return Err(wrong()),
            },
            // A name may stand without quotes.
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => value.to_string(),
            _ => return Err(wrong()),
        };
        match name.value.to_ascii_uppercase().as_str() {
            "FILE_FORMAT" if self.file_format.is_none() => {
                self.file_format = Some(QualifiedName::parse(&text)?);
            }
            "PATTERN" if self.pattern.is_none() => self.pattern = Some(text),
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

fn is_mark(ident: &Ident) -> bool {
    ident.quote_style == Some('`') && ident.value.starts_with('@')
}

/// Whether a name in FROM is the mark of a stage.
pub(crate) fn is_stage_name(parts: &[ObjectNamePart]) -> bool {
    matches!(parts, [ObjectNamePart::Identifier(ident)] if is_mark(ident))
}

/// The stages that the queries of a statement read, in the order of the text.
///
/// # Errors
/// As [`StagedTable::of`].
pub fn staged_tables(statement: &Statement) -> Result<Vec<StagedTable>> {
    let mut search = Search::default();
    visit_queries(statement, &mut search)?;
    Ok(search.tables)
}

/// The columns that the queries of a statement read of stages.
///
/// ```
/// use icecore_sql::{Limits, parse, staged_columns};
/// let parsed = parse("SELECT $2, $1:key::INT FROM @s WHERE $4 > 1", &Limits::default())?;
/// let columns = staged_columns(&parsed[0].statement)?;
/// assert_eq!((columns.most, columns.all), (4, false));
/// assert_eq!(columns.members, ["key"]);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StagedColumns {
    /// The greatest `$n`; 0 if there is none.
    pub most: usize,
    /// The keys of `$1:key`.
    pub members: Vec<String>,
    /// The names that begin with `METADATA$`, in upper case.
    pub metadata: Vec<String>,
    /// Whether there is a `*`.
    pub all: bool,
}

/// Those columns.
///
/// # Errors
/// `InvalidInput` for a position beyond 10,000.
pub fn staged_columns(statement: &Statement) -> Result<StagedColumns> {
    let mut search = Search::default();
    visit_queries(statement, &mut search)?;
    let Search { most, members, metadata, all, .. } = search;
    let (members, metadata) = (members.into_iter().collect(), metadata.into_iter().collect());
    Ok(StagedColumns { most, members, metadata, all })
}

#[derive(Default)]
struct Search {
    tables: Vec<StagedTable>,
    most: usize,
    members: BTreeSet<String>,
    metadata: BTreeSet<String>,
    all: bool,
}

impl Search {
    fn name(&mut self, ident: &Ident) -> Result<()> {
        if ident.value.starts_with("METADATA$") {
            self.metadata.insert(ident.value.clone());
        }
        let Some(rest) = ident.value.strip_prefix('$') else { return Ok(()) };
        if let Some(member) = rest.strip_prefix("1:") {
            self.members.insert(member.to_owned());
        } else if is_position(&ident.value) {
            const MOST: usize = 10_000;
            match rest.parse() {
                Ok(position @ 1..=MOST) => self.most = self.most.max(position),
                _ => {
                    return Err(Error::new(
                        Code::INVALID_IDENTIFIER,
                        format!("a position is from $1 to ${MOST} name={}", ident.value),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Visitor for Search {
    type Break = Box<Error>;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        self.all |= select.projection.iter().any(|item| {
            matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
        });
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match StagedTable::of(factor) {
            Ok(found) => {
                self.tables.extend(found);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        let found = match expression {
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(parts) => {
                parts.last().map_or(Ok(()), |ident| self.name(ident))
            }
            _ => Ok(()),
        };
        match found {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{StagedTable, staged_columns, staged_tables};
    use crate::{Limits, parse};

    fn tables(text: &str) -> Vec<StagedTable> {
        staged_tables(&parse(text, &Limits::default()).unwrap()[0].statement).unwrap()
    }

    #[test]
    fn stages_are_found_wherever_a_table_may_stand() {
        for text in [
            "SELECT * FROM @s",
            "SELECT t.$1 FROM @s/a/b.csv (FILE_FORMAT => 'f') t WHERE t.$2 = '@x'",
            "SELECT 1 FROM u JOIN @s (PATTERN => 'x') t ON t.$1 = u.n",
            "SELECT 1 FROM u, @s t",
            "SELECT 1 FROM @~/x",
            "SELECT 1 FROM @db.s.%t t",
            "WITH c AS (SELECT $1 FROM @s) SELECT * FROM c",
            "CREATE TABLE t AS SELECT $1 AS n FROM @s",
            "INSERT INTO t SELECT $1 FROM '@\"my stage\"/p q'",
        ] {
            assert_eq!(tables(text).len(), 1, "{text}");
        }
        let found = tables("SELECT $1 FROM '@\"my stage\"/p q' t");
        assert_eq!(
            (found[0].stage.stage.to_string().as_str(), found[0].stage.path.as_str()),
            ("@\"my stage\"", "p q")
        );
        assert!(tables("SELECT \"@s\" FROM \"@s\"").is_empty());
    }

    #[test]
    fn what_a_stage_does_not_have_is_refused() {
        for text in [
            "SELECT 1 FROM @s (TYPE => 'CSV')",
            "SELECT 1 FROM @s ('f')",
            "SELECT 1 FROM @s (FILE_FORMAT => 1)",
            "SELECT 1 FROM @s (FILE_FORMAT => 'a', FILE_FORMAT => 'b')",
            "SELECT 1 FROM @s AT (VERSION => 1)",
            "SELECT $1 FROM t",
            "SELECT $1:a.b FROM @s",
        ] {
            assert!(parse(text, &Limits::default()).is_err(), "{text}");
        }
        let parsed = parse("SELECT $10001 FROM @s", &Limits::default()).unwrap();
        assert!(staged_columns(&parsed[0].statement).is_err());
    }
}
