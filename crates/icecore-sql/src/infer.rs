//! INFER_SCHEMA, and tables made from what it finds.

use std::ops::ControlFlow;

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, TableFactor, Value, Visitor,
};
use sqlparser::tokenizer::Token;

use crate::cursor::Cursor;
use crate::grammar::stage_ref;
use crate::relations::visit_queries;
use crate::{StageRef, Statement};

/// `TABLE(INFER_SCHEMA(..))`.
///
/// ```
/// use icecore_sql::{Limits, inferred_schemas, parse};
/// let text = "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@s/p', FILE_FORMAT => 'f'))";
/// let parsed = parse(text, &Limits::default())?;
/// let found = inferred_schemas(&parsed[0].statement)?;
/// assert_eq!((found[0].location.path.as_str(), found[0].ignore_case), ("p", false));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferSchema {
    /// LOCATION.
    pub location: StageRef,
    /// FILE_FORMAT: only formats with names.
    pub file_format: QualifiedName,
    /// FILES: 1 to 1,000 names below the location.
    pub files: Option<Vec<String>>,
    /// IGNORE_CASE.
    pub ignore_case: bool,
    /// MAX_FILE_COUNT.
    pub max_file_count: Option<u64>,
    /// MAX_RECORDS_PER_FILE.
    pub max_records_per_file: Option<u64>,
}

/// FILES holds at most this many names, as in Snowflake.
const MOST_FILES: usize = 1000;

impl InferSchema {
    /// The call that an item of FROM is; nothing if it is another.
    ///
    /// # Errors
    /// `InvalidInput` for arguments that it does not have, or without a
    /// location or a file format.
    pub fn of(factor: &TableFactor) -> Result<Option<Self>> {
        let TableFactor::TableFunction { expr: Expr::Function(function), .. } = factor else {
            return Ok(None);
        };
        if function.name.to_string() != "INFER_SCHEMA" {
            return Ok(None);
        }
        let FunctionArguments::List(list) = &function.args else { return Err(wrong("nothing")) };
        let mut call = Arguments::default();
        for argument in &list.args {
            let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } = argument
            else {
                return Err(wrong(&argument.to_string()));
            };
            call.set(&name.value.to_ascii_uppercase(), value)?;
        }
        call.finish().map(Some)
    }
}

#[derive(Default)]
struct Arguments {
    seen: Vec<String>,
    location: Option<StageRef>,
    file_format: Option<QualifiedName>,
    files: Option<Vec<String>>,
    ignore_case: bool,
    max_file_count: Option<u64>,
    max_records_per_file: Option<u64>,
}

impl Arguments {
    fn set(&mut self, name: &str, value: &Expr) -> Result<()> {
        if self.seen.iter().any(|seen| seen == name) {
            return Err(wrong(name));
        }
        self.seen.push(name.to_owned());
        match name {
            "LOCATION" => {
                let text = text(name, value)?;
                if !text.starts_with('@') {
                    return Err(wrong(name).with_help("write LOCATION => '@stage/path'"));
                }
                self.location = Some(stage_ref(&text)?);
            }
            "FILE_FORMAT" => self.file_format = Some(QualifiedName::parse(&text(name, value)?)?),
            "FILES" => self.files = Some(files(value)?),
            "IGNORE_CASE" => match value {
                Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {
                    self.ignore_case = value.value == Value::Boolean(true);
                }
                _ => return Err(wrong(name)),
            },
            "MAX_FILE_COUNT" => self.max_file_count = Some(number(name, value)?),
            "MAX_RECORDS_PER_FILE" => self.max_records_per_file = Some(number(name, value)?),
            "KIND" => match text(name, value)?.to_ascii_uppercase().as_str() {
                "STANDARD" => {}
                other => {
                    return Err(Error::unsupported(format_args!("INFER_SCHEMA KIND => '{other}'")));
                }
            },
            other => return Err(wrong(other)),
        }
        Ok(())
    }

    fn finish(self) -> Result<InferSchema> {
        let (Some(location), Some(file_format)) = (self.location, self.file_format) else {
            return Err(wrong("no LOCATION or no FILE_FORMAT"));
        };
        Ok(InferSchema {
            location,
            file_format,
            files: self.files,
            ignore_case: self.ignore_case,
            max_file_count: self.max_file_count,
            max_records_per_file: self.max_records_per_file,
        })
    }
}

fn wrong(argument: &str) -> Error {
    Error::new(Code::INVALID_ARGUMENT, format!("not an argument of INFER_SCHEMA: {argument}"))
        .with_help("write INFER_SCHEMA(LOCATION => '@stage/path', FILE_FORMAT => 'name')")
}

fn text(name: &str, value: &Expr) -> Result<String> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Ok(text.clone()),
            _ => Err(wrong(name)),
        },
        _ => Err(wrong(name)),
    }
}

fn number(name: &str, value: &Expr) -> Result<u64> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok().filter(|n| *n > 0),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| wrong(name))
}

/// `'a'`, `('a')` or `('a', 'b')`.
fn files(value: &Expr) -> Result<Vec<String>> {
    let names = match value {
        Expr::Tuple(names) => {
            names.iter().map(|name| text("FILES", name)).collect::<Result<_>>()?
        }
        Expr::Nested(name) => vec![text("FILES", name)?],
        name => vec![text("FILES", name)?],
    };
    match names.len() {
        1..=MOST_FILES => Ok(names),
        count => Err(Error::new(
            Code::INVALID_ARGUMENT,
            format!("FILES has from 1 to {MOST_FILES} names names={count}"),
        )),
    }
}

/// The calls of INFER_SCHEMA in a statement, in the order of the text; that of
/// USING TEMPLATE among them.
///
/// # Errors
/// As [`InferSchema::of`].
pub fn inferred_schemas(statement: &Statement) -> Result<Vec<InferSchema>> {
    struct Search(Vec<InferSchema>);
    impl Visitor for Search {
        type Break = Box<Error>;

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
            match InferSchema::of(factor) {
                Ok(found) => {
                    self.0.extend(found);
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(Box::new(error)),
            }
        }
    }
    let mut search = Search(Vec::new());
    visit_queries(statement, &mut search)?;
    if let Statement::CreateTable(create) = statement {
        search.0.extend(create.template.clone());
    }
    Ok(search.0)
}

/// Behind USING TEMPLATE: this query of INFER_SCHEMA and no other.
pub(crate) fn template(cursor: &mut Cursor<'_>) -> Result<InferSchema> {
    let other = || {
        Error::unsupported("USING TEMPLATE with another query").with_help(
            "write USING TEMPLATE (SELECT ARRAY_AGG(OBJECT_CONSTRUCT(*)) \
             FROM TABLE(INFER_SCHEMA(..)))",
        )
    };
    let mut take = |expected: &Token| -> Result<()> {
        let same = match (cursor.peek(), expected) {
            (Token::Word(found), Token::Word(word)) => {
                found.quote_style.is_none() && found.value == word.value
            }
            (found, expected) => found == expected,
        };
        if !same {
            return Err(other());
        }
        cursor.advance();
        Ok(())
    };
    let word = Token::make_keyword;
    let head = [
        Token::LParen,
        word("SELECT"),
        word("ARRAY_AGG"),
        Token::LParen,
        word("OBJECT_CONSTRUCT"),
        Token::LParen,
        Token::Mul,
        Token::RParen,
        Token::RParen,
        word("FROM"),
    ];
    head.iter().try_for_each(&mut take)?;
    let tables = cursor.tables()?;
    let [table] = tables.as_slice() else { return Err(other()) };
    let found = InferSchema::of(&table.relation)?.filter(|_| table.joins.is_empty());
    let found = found.ok_or_else(other)?;
    if !cursor.accept_token(&Token::RParen) {
        return Err(other());
    }
    Ok(found)
}
