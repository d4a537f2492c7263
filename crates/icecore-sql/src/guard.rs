//! Limits that are checked on the tokens, before anything recurses into them.

use icecore_types::{Code, Error, Result};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use crate::Limits;
use crate::lexer::Lexeme;

/// `((SELECT` inside each other: each is read twice by `sqlparser`, once as a
/// subquery and once as a join in parentheses.
const DOUBLE_SUBQUERIES: usize = 6;

/// Queries in one set operation, and conditions in one clause: they are
/// chains until they are balanced.
const QUERIES: usize = 1000;
const CONDITIONS: usize = 5000;

/// How much deeper a balanced run of the most queries or conditions makes a
/// tree: its logarithm, for conditions once for OR and once for AND.
const QUERIES_DEPTH: usize = 10;
const CONDITIONS_DEPTH: usize = 26;

/// A level of queries takes as much stack to copy as four of expressions.
const SET_WEIGHT: usize = 4;

/// A query inside an expression or a FROM, as ten.
const QUERY_WEIGHT: usize = 10;

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
            _ => {
                let next = lexemes.get(at + 1).map(|next| &next.token);
                shape.current(|level| level.take(&lexeme.token, next));
            }
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
        let open: usize = self.levels.iter().map(Level::spine).sum();
        let deepest = self.levels.iter().map(Level::depth).max().unwrap_or(0);
        if open.max(deepest) > limits.terms {
            return Err(too_deep("operators inside each other", limits.terms));
        }
        if self.levels.iter().any(|level| level.queries > QUERIES) {
            return Err(too_deep("queries in one set operation", QUERIES));
        }
        if self.levels.iter().any(|level| level.conditions > CONDITIONS) {
            return Err(too_deep("conditions in one clause", CONDITIONS));
        }
        Ok(())
    }
}

/// One pair of brackets, or the statement: an upper bound of the depth of the
/// tree that its tokens make. Runs of AND, of OR and of UNION are balanced
/// after they are read, so that they deepen it by their logarithm only.
#[derive(Default)]
struct Level {
    kind: Option<Bracket>,
    /// Operators since the last separator: a chain of them is a left-deep tree.
    chain: usize,
    /// The deepest of what is in brackets since the last separator.
    inner: usize,
    /// The deepest of what the last separator ended.
    before: usize,
    /// Conditions joined by AND and OR since the last clause.
    conditions: usize,
    /// BETWEENs whose AND has not come.
    ranges: usize,
    /// Whether there was an operator that binds looser than AND.
    is_loose: bool,
    /// Whether there is a SELECT or VALUES.
    is_query: bool,
    /// Queries joined by UNION and kin.
    queries: usize,
    /// Levels of the tree that they make.
    query_levels: usize,
    /// The run of UNION, or of UNION ALL, that came last, and its length.
    run: Option<(bool, usize)>,
    /// Whether an operand came last. A word that begins a clause does so only
    /// there: anywhere else it is read as a name.
    after_operand: bool,
    double: bool,
}

impl Level {
    /// How deep the place behind the last token is.
    fn spine(&self) -> usize {
        self.chain
            + self.conditions.min(CONDITIONS_DEPTH)
            + if self.is_query { QUERY_WEIGHT } else { 0 }
    }

    fn depth(&self) -> usize {
        self.before.max(self.spine() + self.inner + 1) + SET_WEIGHT * self.query_levels
    }

    fn take(&mut self, token: &Token, next: Option<&Token>) {
        match token {
            Token::Comma => self.separate(),
            Token::Word(word) if word.quote_style.is_none() => {
                if matches!(role(word.keyword), Role::SetOperator) && self.after_operand {
                    let run = match next {
                        Some(next) if is_word(next, "ALL") => Some(true),
                        Some(next) if is_word(next, "BY") || is_word(next, "DISTINCT") => None,
                        _ => Some(false),
                    };
                    self.set_operator(run.filter(|_| word.keyword == Keyword::UNION));
                } else {
                    self.word(word.keyword);
                }
            }
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

    fn word(&mut self, keyword: Keyword) {
        self.is_query |= matches!(keyword, Keyword::SELECT | Keyword::VALUES);
        match role(keyword) {
            Role::Operator => {
                self.ranges += usize::from(keyword == Keyword::BETWEEN);
                self.is_loose |= keyword == Keyword::XOR;
                self.operator();
            }
            Role::Condition if keyword == Keyword::AND && self.ranges > 0 => {
                self.ranges -= 1;
                self.after_operand = false;
            }
            Role::Condition if self.after_operand && !self.is_loose => {
                self.conditions += 1;
                self.end_term();
                self.after_operand = false;
            }
            Role::Condition => self.operator(),
            Role::Clause if self.after_operand => self.separate(),
            _ => self.after_operand = true,
        }
    }

    /// Counts a set operator; `run` says which UNION it is, for only they are
    /// balanced.
    fn set_operator(&mut self, run: Option<bool>) {
        self.queries += 1;
        let length = match (run, self.run) {
            (Some(run), Some((before, length))) if run == before => length + 1,
            _ => 1,
        };
        self.query_levels += usize::from(length <= QUERIES_DEPTH);
        self.run = run.map(|run| (run, length));
        self.separate();
    }

    fn operator(&mut self) {
        self.chain += 1;
        self.after_operand = false;
    }

    fn end_term(&mut self) {
        self.before = self.before.max(self.spine() + self.inner + 1);
        self.chain = 0;
        self.inner = 0;
    }

    fn separate(&mut self) {
        self.end_term();
        self.conditions = 0;
        self.ranges = 0;
        self.is_loose = false;
        self.after_operand = true;
    }
}

enum Role {
    Operator,
    Condition,
    Clause,
    SetOperator,
    Operand,
}

fn role(keyword: Keyword) -> Role {
    match keyword {
        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => Role::SetOperator,
        Keyword::AND | Keyword::OR => Role::Condition,
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
        Keyword::NOT
        | Keyword::IS
        | Keyword::IN
        | Keyword::LIKE
        | Keyword::ILIKE
        | Keyword::RLIKE
        | Keyword::REGEXP
        | Keyword::BETWEEN
        | Keyword::COLLATE
        | Keyword::INTERVAL
        | Keyword::AT
        | Keyword::XOR
        | Keyword::OVERLAPS
        | Keyword::MATCH
        | Keyword::SIMILAR
        | Keyword::MEMBER
        | Keyword::OPERATOR
        | Keyword::DIV
        | Keyword::NOTNULL => Role::Operator,
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
