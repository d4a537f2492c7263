//! Characters to tokens, each with its exact place.
//!
//! The tokens are `sqlparser`'s; the rules are the dialect's. Ours and not
//! its own tokenizer, because a stage path (`@s/a--b/*.csv`) and a file URL
//! (`file:///a`) look like comments to it, and because the place of a token in
//! bytes is what statement texts and column names are cut by.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};

mod literal;

/// A token and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub token: Token,
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// From 1.
    pub line: u64,
    /// In characters, from 0.
    pub column: u64,
}

/// Why the rest of a script is not made of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexErrorKind {
    /// A string, name or comment has no end; more text may give it one.
    Unterminated,
    /// A character that begins nothing.
    Unexpected,
}

/// Where a script stops being made of tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LexError {
    pub kind: LexErrorKind,
    pub start: usize,
    pub end: usize,
    pub line: u64,
    pub column: u64,
}

/// The tokens of a script; words without quotes are upper case.
pub(crate) fn lex(text: &str) -> Result<Vec<Lexeme>, LexError> {
    let mut lexer = Lexer { text, at: 0, line: 1, column: 0, found: Vec::new() };
    while lexer.skip_blank()? {
        lexer.token()?;
    }
    Ok(lexer.found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    column: u64,
    found: Vec<Lexeme>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves `bytes` on, which end between two characters.
    fn advance(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        match passed.rfind('\n') {
            Some(last) => {
                self.line += passed.bytes().filter(|b| *b == b'\n').count() as u64;
                self.column = passed[last + 1..].chars().count() as u64;
            }
            None => self.column += passed.chars().count() as u64,
        }
        self.at += bytes;
    }

    fn error(&self, kind: LexErrorKind) -> LexError {
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        LexError { kind, start: self.at, end, line: self.line, column: self.column }
    }

    /// Passes spaces and comments; whether anything follows.
    fn skip_blank(&mut self) -> Result<bool, LexError> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                self.advance(blank);
            } else if rest.starts_with("--") || rest.starts_with("//") {
                self.advance(rest.find('\n').unwrap_or(rest.len()));
            } else if let Some(body) = rest.strip_prefix("/*") {
                let end = body.find("*/").ok_or(self.error(LexErrorKind::Unterminated))?;
                self.advance(end + 4);
            } else {
                return Ok(!rest.is_empty());
            }
        }
    }

    fn token(&mut self) -> Result<(), LexError> {
        let Some(first) = self.peek() else { return Ok(()) };
        let (token, bytes) = match first {
            '\'' => self.or_unterminated(literal::string(self.rest()))?,
            '"' => self.or_unterminated(literal::quoted_name(self.rest()))?,
            '@' => (Token::AtSign, literal::stage(self.rest())),
            '$' => self.dollar()?,
            'x' | 'X' if self.rest()[1..].starts_with('\'') => {
                self.or_unterminated(literal::hex(self.rest()))?
            }
            c if c.is_ascii_alphabetic() || c == '_' => self.word(),
            c if c.is_ascii_digit() => literal::number(self.rest()),
            '.' if self.number_may_begin() => literal::number(self.rest()),
            _ => self.operator()?,
        };
        let lexeme = Lexeme {
            token,
            start: self.at,
            end: self.at + bytes,
            line: self.line,
            column: self.column,
        };
        self.found.push(lexeme);
        self.advance(bytes);
        Ok(())
    }

    fn or_unterminated<T>(&self, found: Option<T>) -> Result<T, LexError> {
        found.ok_or(self.error(LexErrorKind::Unterminated))
    }

    /// `.5` is a number, but not in `t.5`.
    fn number_may_begin(&self) -> bool {
        let glued = self.found.last().is_some_and(|last| {
            last.end == self.at && matches!(last.token, Token::Word(_) | Token::RParen)
        });
        !glued && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
    }

    fn word(&self) -> (Token, usize) {
        let rest = self.rest();
        if rest.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("file://")) {
            let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
            return (Token::Placeholder(rest[..end].to_owned()), end);
        }
        let end = rest.find(|c: char| !is_word_part(c)).unwrap_or(rest.len());
        let value = rest[..end].to_ascii_uppercase();
        // To `sqlparser` these two begin a syntax of their own, in which a
        // scale has no sign; here they are functions like any other.
        if value == "CEIL" || value == "FLOOR" {
            let keyword = Keyword::NoKeyword;
            return (Token::Word(Word { value, quote_style: None, keyword }), end);
        }
        (Token::make_word(&value, None), end)
    }

    /// `$$text$$`, `$1`, or `$variable`.
    fn dollar(&self) -> Result<(Token, usize), LexError> {
        let rest = self.rest();
        if let Some(body) = rest.strip_prefix("$$") {
            let end = self.or_unterminated(body.find("$$"))?;
            return Ok((Token::SingleQuotedString(body[..end].to_owned()), end + 4));
        }
        let end = rest[1..].find(|c: char| !is_word_part(c)).map_or(rest.len(), |at| at + 1);
        if end == 1 {
            return Err(self.error(LexErrorKind::Unexpected));
        }
        Ok((Token::Placeholder(rest[..end].to_owned()), end))
    }

    fn operator(&self) -> Result<(Token, usize), LexError> {
        const OPERATORS: &[(&str, Token)] = &[
            ("->>", Token::LongArrow),
            ("->", Token::Arrow),
            ("::", Token::DoubleColon),
            (":=", Token::Assignment),
            ("||", Token::StringConcat),
            ("<>", Token::Neq),
            ("!=", Token::Neq),
            ("<=", Token::LtEq),
            (">=", Token::GtEq),
            ("=>", Token::RArrow),
            (",", Token::Comma),
            (";", Token::SemiColon),
            (".", Token::Period),
            (":", Token::Colon),
            ("=", Token::Eq),
            ("<", Token::Lt),
            (">", Token::Gt),
            ("+", Token::Plus),
            ("-", Token::Minus),
            ("*", Token::Mul),
            ("/", Token::Div),
            ("%", Token::Mod),
            ("(", Token::LParen),
            (")", Token::RParen),
            ("[", Token::LBracket),
            ("]", Token::RBracket),
            ("{", Token::LBrace),
            ("}", Token::RBrace),
        ];
        if self.rest().starts_with('?') {
            return Ok((Token::Placeholder("?".to_owned()), 1));
        }
        OPERATORS
            .iter()
            .find(|(text, _)| self.rest().starts_with(text))
            .map(|(text, token)| (token.clone(), text.len()))
            .ok_or(self.error(LexErrorKind::Unexpected))
    }
}

fn is_word_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests;
