//! Limits that are checked on the tokens, before anything recurses into them.

use icecore_types::{Code, Error, Result};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use crate::Limits;
use crate::lexer::Lexeme;

/// `((SELECT` inside each other: each is read twice by `sqlparser`, once as a
/// subquery and once as a join in parentheses.
const DOUBLE_SUBQUERIES: usize = 6;

/// Refuses a script that is too long.
pub(crate) fn check_length(text: &str, limits: &Limits) -> Result<()> {
    if text.len() > limits.text_bytes {
        return Err(too_complex(format!(
            "the text is too long bytes={} limit={}",
            text.len(),
            limits.text_bytes
        ))
        .with_help("split the script, or load rows from a file instead of writing them down"));
    }
    Ok(())
}

/// Refuses a statement that is too deep.
pub(crate) fn check_shape(lexemes: &[Lexeme], limits: &Limits) -> Result<()> {
    let mut shape = Shape { levels: vec![Level::default()] };
    for (at, lexeme) in lexemes.iter().enumerate() {
        match bracket(&lexeme.token) {
            Some((kind, true)) => {
                let double = is_double_subquery(lexemes.get(at..).unwrap_or_default());
                shape.levels.push(Level { kind: Some(kind), double, ..Level::default() });
            }
            Some((kind, false)) if shape.has_open(kind) => shape.close(kind),
            _ => shape.current(|level| level.take(&lexeme.token)),
        }
        shape.check(limits)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Round,
    Square,
    Curly,
    Case,
}

struct Shape {
    levels: Vec<Level>,
}

impl Shape {
    fn current(&mut self, change: impl FnOnce(&mut Level)) {
        if let Some(level) = self.levels.last_mut() {
            change(level);
        }
    }

    fn has_open(&self, kind: Bracket) -> bool {
        self.levels.iter().any(|level| level.kind == Some(kind))
    }

    /// Closes the innermost bracket of this kind, and what was left open in it.
    fn close(&mut self, kind: Bracket) {
        while let Some(level) = self.levels.pop() {
            self.current(|outer| {
                outer.inner = outer.inner.max(level.depth());
                outer.after_operand = true;
            });
            if level.kind == Some(kind) {
                return;
            }
        }
    }

    fn check(&self, limits: &Limits) -> Result<()> {
        if self.levels.len() > limits.depth + 1 {
            return Err(too_deep("parentheses inside each other", limits.depth));
        }
        if self.levels.iter().filter(|level| level.double).count() > DOUBLE_SUBQUERIES {
            return Err(too_deep("subqueries in double parentheses", DOUBLE_SUBQUERIES));
        }
        let open: usize = self.levels.iter().map(|level| level.chain).sum();
        let deepest = self.levels.iter().map(Level::depth).max().unwrap_or(0);
        if open.max(deepest) > limits.terms {
            return Err(too_deep("operators inside each other", limits.terms));
        }
        Ok(())
    }
}

/// One pair of brackets, or the statement: an upper bound of the depth of the
/// tree that its tokens make.
#[derive(Default)]
struct Level {
    kind: Option<Bracket>,
    /// Operators since the last separator: a chain of them is a left-deep tree.
    chain: usize,
    /// The deepest of what is in brackets since the last separator.
    inner: usize,
    /// The deepest of what the last separator ended.
    before: usize,
    /// Queries joined by UNION and kin.
    queries: usize,
    /// Whether an operand came last. A word that begins a clause does so only
    /// there: anywhere else it is read as a name.
    after_operand: bool,
    double: bool,
}

impl Level {
    fn depth(&self) -> usize {
        self.before.max(self.chain + self.inner + 1).max(self.queries)
    }

    fn take(&mut self, token: &Token) {
        match token {
            Token::Comma => self.separate(),
            Token::Word(word) if word.quote_style.is_none() => match role(word.keyword) {
                Role::Operator => self.operator(),
                Role::Clause if self.after_operand => self.separate(),
                Role::SetOperator if self.after_operand => {
                    self.queries += 1;
                    self.separate();
                }
                _ => self.after_operand = true,
            },
            Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::HexStringLiteral(_)
            | Token::Placeholder(_)
            | Token::AtSign => self.after_operand = true,
            Token::Period => {}
            _ => self.operator(),
        }
    }

    fn operator(&mut self) {
        self.chain += 1;
        self.after_operand = false;
    }

    fn separate(&mut self) {
        self.before = self.before.max(self.chain + self.inner + 1);
        self.chain = 0;
        self.inner = 0;
        self.after_operand = true;
    }
}

enum Role {
    Operator,
    Clause,
    SetOperator,
    Operand,
}

fn role(keyword: Keyword) -> Role {
    match keyword {
        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => Role::SetOperator,
        Keyword::SELECT
        | Keyword::FROM
        | Keyword::WHERE
        | Keyword::GROUP
        | Keyword::HAVING
        | Keyword::QUALIFY
        | Keyword::ORDER
        | Keyword::WHEN
        | Keyword::THEN
        | Keyword::ELSE
        | Keyword::JOIN
        | Keyword::ON => Role::Clause,
        Keyword::AND
        | Keyword::OR
        | Keyword::NOT
        | Keyword::IS
        | Keyword::IN
        | Keyword::LIKE
        | Keyword::ILIKE
        | Keyword::RLIKE
        | Keyword::REGEXP
        | Keyword::BETWEEN
        | Keyword::COLLATE
        | Keyword::INTERVAL
        | Keyword::AT => Role::Operator,
        _ => Role::Operand,
    }
}

/// The bracket that a token opens (true) or closes.
fn bracket(token: &Token) -> Option<(Bracket, bool)> {
    Some(match token {
        Token::LParen => (Bracket::Round, true),
        Token::RParen => (Bracket::Round, false),
        Token::LBracket => (Bracket::Square, true),
        Token::RBracket => (Bracket::Square, false),
        Token::LBrace => (Bracket::Curly, true),
        Token::RBrace => (Bracket::Curly, false),
        token if is_word(token, "CASE") => (Bracket::Case, true),
        token if is_word(token, "END") => (Bracket::Case, false),
        _ => return None,
    })
}

fn is_word(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value == text)
}

/// Whether these tokens begin with two or more parentheses and a query.
fn is_double_subquery(rest: &[Lexeme]) -> bool {
    let open = rest.iter().take_while(|l| l.token == Token::LParen).count();
    open >= 2
        && rest.get(open).is_some_and(|l| {
            ["SELECT", "WITH", "VALUES"].iter().any(|word| is_word(&l.token, word))
        })
}

fn too_deep(what: &str, limit: usize) -> Error {
    too_complex(format!("the statement has too many {what} limit={limit}"))
}

pub(crate) fn too_complex(message: String) -> Error {
    Error::new(Code::TOO_COMPLEX, message)
}
