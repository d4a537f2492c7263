//! One statement's tokens, read from left to right.

use icecore_types::{Error, Name, QualifiedName, Result};
use sqlparser::ast::{Expr, Query, TableWithJoins};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

use crate::Limits;
use crate::dialect::Bounded;
use crate::guard::too_complex;
use crate::lexer::Lexeme;
use crate::semantic::marked;
use crate::staged;
use crate::syntax_error::unexpected;

/// A position between the tokens of one statement.
pub(crate) struct Cursor<'a> {
    source: &'a str,
    lexemes: &'a [Lexeme],
    dialect: &'a Bounded,
    parser: Parser<'a>,
}

impl<'a> Cursor<'a> {
    /// Before the first token.
    pub(crate) fn new(
        source: &'a str,
        lexemes: &'a [Lexeme],
        dialect: &'a Bounded,
        limits: &Limits,
    ) -> Self {
        let tokens = lexemes.iter().map(placed).collect();
        let tokens = marked(staged::marked(source, lexemes, tokens));
        let parser = Parser::new(dialect)
            .with_recursion_limit(limits.depth * 4 + 50)
            .with_tokens_with_locations(tokens);
        Self { source, lexemes, dialect, parser }
    }

    pub(crate) fn source(&self) -> &'a str {
        self.source
    }

    pub(crate) fn lexemes(&self) -> &'a [Lexeme] {
        self.lexemes
    }

    /// The next token.
    pub(crate) fn peek(&self) -> &Token {
        &self.parser.peek_token_ref().token
    }

    /// The number of the next token.
    pub(crate) fn at(&self) -> usize {
        let start = self.parser.peek_token_ref().span.start;
        if start.line == 0 {
            return self.lexemes.len();
        }
        self.lexemes.partition_point(|l| (l.line, l.column + 1) < (start.line, start.column))
    }

    fn next_lexeme(&self) -> Option<&'a Lexeme> {
        self.lexemes.get(self.at())
    }

    /// The text of the next token.
    pub(crate) fn next_text(&self) -> &'a str {
        self.next_lexeme().and_then(|l| self.source.get(l.start..l.end)).unwrap_or("<EOF>")
    }

    /// The text from token number `from` to the last that was read.
    pub(crate) fn text_since(&self, from: usize) -> &'a str {
        let first = self.lexemes.get(from);
        let last = self.at().checked_sub(1).and_then(|at| self.lexemes.get(at));
        match (first, last) {
            (Some(first), Some(last)) => self.source.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// The error that the next token deserves.
    pub(crate) fn unexpected(&self) -> Error {
        unexpected(self.source, self.next_lexeme(), self.lexemes.last())
    }

    /// Whether everything was read.
    pub(crate) fn is_done(&self) -> bool {
        *self.peek() == Token::EOF
    }

    /// Fails unless everything was read.
    pub(crate) fn done(&self) -> Result<()> {
        if self.is_done() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(crate) fn advance(&mut self) {
        self.parser.advance_token();
    }

    /// The next token's text, if it is a word without quotes.
    pub(crate) fn peek_word(&self) -> Option<&str> {
        word(self.peek())
    }

    /// The text of the token `ahead` tokens on, if it is a word without quotes.
    pub(crate) fn peek_word_at(&self, ahead: usize) -> Option<&str> {
        word(&self.parser.peek_nth_token_ref(ahead).token)
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> &Token {
        &self.parser.peek_nth_token_ref(ahead).token
    }

    pub(crate) fn is_next(&self, expected: &str) -> bool {
        self.peek_word() == Some(expected)
    }

    /// Whether the next tokens are these words.
    pub(crate) fn are_next(&self, expected: &[&str]) -> bool {
        expected.iter().enumerate().all(|(i, word)| self.peek_word_at(i) == Some(word))
    }

    /// Reads these words if they are next.
    pub(crate) fn accept(&mut self, expected: &[&str]) -> bool {
        let found = self.are_next(expected);
        if found {
            expected.iter().for_each(|_| self.advance());
        }
        found
    }

    /// Reads these words.
    pub(crate) fn expect(&mut self, expected: &[&str]) -> Result<()> {
        for word in expected {
            if !self.accept(&[word]) {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    pub(crate) fn accept_token(&mut self, expected: &Token) -> bool {
        self.parser.consume_token(expected)
    }

    pub(crate) fn expect_token(&mut self, expected: &Token) -> Result<()> {
        if self.accept_token(expected) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// One identifier.
    pub(crate) fn name(&mut self) -> Result<Name> {
        let name = match self.peek() {
            Token::Word(Word { value, quote_style: Some(_), .. }) => Name::quoted(value),
            Token::Word(word) if !is_reserved(&word.value) => Name::unquoted(&word.value),
            _ => return Err(self.unexpected()),
        };
        if name.as_str().is_empty() || name.as_str().chars().count() > 255 {
            return Err(self.unexpected().with_help("a name has 1 to 255 characters"));
        }
        self.advance();
        Ok(name)
    }

    /// A name of one to three parts; `db..t` is `db.PUBLIC.t`.
    pub(crate) fn qualified_name(&mut self) -> Result<QualifiedName> {
        if self.is_next("IDENTIFIER") && *self.peek_at(1) == Token::LParen {
            return Err(Error::unsupported("IDENTIFIER()"));
        }
        let mut parts = vec![self.name()?];
        while self.accept_token(&Token::Period) {
            if parts.len() == 3 {
                return Err(self.unexpected().with_help("write database.schema.object"));
            }
            let default_schema = parts.len() == 1 && *self.peek() == Token::Period;
            parts.push(if default_schema { Name::unquoted("PUBLIC") } else { self.name()? });
        }
        QualifiedName::from_parts(parts)
    }

    /// A name of at most this many parts.
    pub(crate) fn short_name(&mut self, parts: usize) -> Result<QualifiedName> {
        let name = self.qualified_name()?;
        let given = 1 + usize::from(name.schema.is_some()) + usize::from(name.database.is_some());
        if given > parts {
            return Err(Error::new(
                icecore_types::Code::SYNTAX,
                format!("a name of too many parts name={name} parts={given} most={parts}"),
            ));
        }
        Ok(name)
    }

    /// `(a, b)`, at least one, each once.
    pub(crate) fn names_in_parentheses(&mut self) -> Result<Vec<Name>> {
        self.expect_token(&Token::LParen)?;
        let names = self.list(Self::name)?;
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// One or more, with commas between them.
    pub(crate) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = vec![one(self)?];
        while self.accept_token(&Token::Comma) {
            found.push(one(self)?);
        }
        Ok(found)
    }

    /// Text in single quotes.
    pub(crate) fn string(&mut self) -> Result<String> {
        let Token::SingleQuotedString(text) = self.peek() else { return Err(self.unexpected()) };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    /// A whole number without a sign.
    pub(crate) fn integer(&mut self) -> Result<u64> {
        let Token::Number(text, _) = self.peek() else { return Err(self.unexpected()) };
        let number = text.parse().map_err(|_| self.unexpected())?;
        self.advance();
        Ok(number)
    }

    pub(crate) fn expression(&mut self) -> Result<Expr> {
        let parsed = self.parser.parse_expr();
        parsed.map_err(|e| self.translate(e))
    }

    pub(crate) fn query(&mut self) -> Result<Box<Query>> {
        let parsed = self.parser.parse_query();
        parsed.map_err(|e| self.translate(e))
    }

    pub(crate) fn tables(&mut self) -> Result<Vec<TableWithJoins>> {
        let parsed = self.parser.parse_comma_separated(Parser::parse_table_and_joins);
        parsed.map_err(|e| self.translate(e))
    }

    /// What `sqlparser` could not read, in the dialect's words.
    fn translate(&self, error: ParserError) -> Error {
        if self.dialect.is_exhausted() || error == ParserError::RecursionLimitExceeded {
            return too_complex("the statement is nested too deeply to be read".to_owned());
        }
        let (ParserError::ParserError(message) | ParserError::TokenizerError(message)) = error
        else {
            return self.unexpected();
        };
        let found = place(&message).map_or_else(
            || if message.contains("found: EOF") { None } else { self.next_lexeme() },
            |place| self.lexemes.iter().find(|l| (l.line, l.column + 1) == place),
        );
        unexpected(self.source, found, self.lexemes.last())
    }
}

/// `.. at Line: 1, Column: 5` at the end of a message.
fn place(message: &str) -> Option<(u64, u64)> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

fn placed(lexeme: &Lexeme) -> TokenWithSpan {
    let start = Location::new(lexeme.line, lexeme.column + 1);
    let width = (lexeme.end - lexeme.start) as u64;
    let end = Location::new(lexeme.line, lexeme.column + 1 + width);
    TokenWithSpan::new(lexeme.token.clone(), Span::new(start, end))
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value),
        _ => None,
    }
}

/// Snowflake's reserved words, which are no names without quotes.
fn is_reserved(word: &str) -> bool {
    const RESERVED: &str = "\
        ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONSTRAINT CREATE \
        CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DELETE \
        DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP HAVING ILIKE IN \
        INCREMENT INNER INSERT INTERSECT INTO IS JOIN LATERAL LEFT LIKE LOCALTIME \
        LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER QUALIFY REGEXP REVOKE RIGHT \
        RLIKE ROW ROWS SAMPLE SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER TRUE \
        TRY_CAST UNION UNIQUE UPDATE USING VALUES WHEN WHENEVER WHERE WITH";
    RESERVED.split(' ').any(|reserved| reserved == word)
}

#[cfg(test)]
mod tests {
    #[test]
    fn reserved_words_are_found() {
        for word in ["ALL", "WITH", "CASE", "TRY_CAST", "ILIKE", "TABLESAMPLE"] {
            assert!(super::is_reserved(word), "{word}");
        }
        assert!(!super::is_reserved("DATE"));
    }
}
