//! The text of the items of a SELECT.

use sqlparser::ast::Select;
use sqlparser::tokenizer::Token;

use crate::cursor::Cursor;
use crate::lexer::Lexeme;

/// The text of each item in upper case with single spaces, or nothing if the
/// tokens do not tell the items apart as the parser did.
pub(super) fn items(cursor: &Cursor<'_>, select: &Select) -> Vec<String> {
    let start = select.select_token.0.span.start;
    let lexemes = cursor.lexemes();
    let at = lexemes.partition_point(|l| (l.line, l.column + 1) < (start.line, start.column));
    let begins =
        lexemes.get(at).is_some_and(|l| (l.line, l.column + 1) == (start.line, start.column));
    let list = if begins { lexemes.get(at + 1..).unwrap_or_default() } else { &[] };
    let items = split(strip_quantifier(list));
    if items.len() == select.projection.len() {
        items.into_iter().map(|item| text(cursor.source(), item)).collect()
    } else {
        Vec::new()
    }
}

fn word(lexeme: Option<&Lexeme>) -> &str {
    match lexeme.map(|l| &l.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => &word.value,
        _ => "",
    }
}

/// Passes ALL, DISTINCT and TOP n.
fn strip_quantifier(mut list: &[Lexeme]) -> &[Lexeme] {
    loop {
        let passed = match word(list.first()) {
            "ALL" | "DISTINCT" => 1,
            "TOP" if matches!(list.get(1).map(|l| &l.token), Some(Token::Number(..))) => 2,
            _ => return list,
        };
        list = list.get(passed..).unwrap_or_default();
    }
}

/// The items, at the commas outside brackets, up to the clause that follows.
fn split(list: &[Lexeme]) -> Vec<&[Lexeme]> {
    let mut items = Vec::new();
    let (mut depth, mut from) = (0usize, 0);
    let mut end = list.len();
    for (at, lexeme) in list.iter().enumerate() {
        match &lexeme.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace if depth > 0 => depth -= 1,
            Token::RParen => {
                end = at;
                break;
            }
            Token::Comma if depth == 0 => {
                items.push(list.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            Token::Word(_) if depth == 0 && ends_list(list, at) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    items.push(list.get(from..end).unwrap_or_default());
    items.retain(|item| !item.is_empty());
    items
}

/// Whether the word at this place begins the clause behind a select list.
fn ends_list(list: &[Lexeme], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| list.get(at));
    match word(list.get(at)) {
        "FROM" => word(before) != "DISTINCT",
        // Not in `listagg(a) WITHIN GROUP (ORDER BY b)`.
        "GROUP" | "ORDER" => word(list.get(at + 1)) == "BY",
        "INTO" | "WHERE" | "HAVING" | "QUALIFY" | "WINDOW" | "LIMIT" | "OFFSET" | "FETCH"
        | "UNION" | "EXCEPT" | "INTERSECT" | "MINUS" => {
            before.is_none_or(|l| l.token != Token::Period)
        }
        _ => false,
    }
}

fn text(source: &str, item: &[Lexeme]) -> String {
    let (Some(first), Some(last)) = (item.first(), item.last()) else { return String::new() };
    let text = source.get(first.start..last.end).unwrap_or_default();
    if text.contains(['\n', '\r', '\t']) {
        let parts: Vec<&str> = text.split_whitespace().collect();
        return parts.join(" ").to_uppercase();
    }
    text.to_uppercase()
}
