//! Tokens with an inside. Each function is given text that begins with the
//! token and returns it with its length in bytes, or nothing if it has no end.

use sqlparser::tokenizer::Token;

/// `'..'` with `''` and the dialect's backslash escapes.
pub(super) fn string(rest: &str) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if chars.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            '\'' => return Some((Token::SingleQuotedString(value), at + 1)),
            '\\' => {
                let after = rest.get(at + 1..)?;
                let (escaped, bytes) = escape(after)?;
                value.push(escaped);
                while chars.next_if(|(next, _)| *next < at + 1 + bytes).is_some() {}
            }
            other => value.push(other),
        }
    }
    None
}

/// What a backslash before `after` means, and how many bytes belong to it.
fn escape(after: &str) -> Option<(char, usize)> {
    let first = after.chars().next()?;
    let simple = match first {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0'..='7' => return Some(octal(after)),
        'x' => return Some(coded(after, 2)),
        'u' => return Some(coded(after, 4)),
        other => other,
    };
    Some((simple, first.len_utf8()))
}

/// Up to three octal digits; `\0` alone is NUL.
fn octal(after: &str) -> (char, usize) {
    let digits = after.chars().take(3).take_while(|c| c.is_digit(8)).count();
    let code = u32::from_str_radix(&after[..digits], 8).ok().and_then(char::from_u32);
    (code.unwrap_or('\0'), digits)
}

/// `x` or `u` and exactly this many hexadecimal digits; else the letter itself.
fn coded(after: &str, digits: usize) -> (char, usize) {
    let letter = after.chars().next().unwrap_or('x');
    after
        .get(1..1 + digits)
        .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|code| u32::from_str_radix(code, 16).ok())
        .and_then(char::from_u32)
        .map_or((letter, 1), |code| (code, 1 + digits))
}

/// `".."` with `""`.
pub(super) fn quoted_name(rest: &str) -> Option<(Token, usize)> {
    let end = quoted_end(rest)?;
    let name = rest[1..end - 1].replace("\"\"", "\"");
    Some((Token::make_word(&name, Some('"')), end))
}

/// Behind the quote that ends a `".."` at the beginning of `rest`.
fn quoted_end(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    loop {
        at += rest.get(at..)?.find('"')? + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// `X'..'`.
pub(super) fn hex(rest: &str) -> Option<(Token, usize)> {
    let end = rest.get(2..)?.find('\'')?;
    Some((Token::HexStringLiteral(rest[2..2 + end].to_owned()), end + 3))
}

/// Digits, a point, digits, an exponent.
pub(super) fn number(rest: &str) -> (Token, usize) {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |at| from + at)
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let power = digits(end + 1 + sign);
        if power > end + 1 + sign {
            end = power;
        }
    }
    (Token::Number(rest[..end].to_owned(), false), end)
}

/// `@stage/path`: to the next space, comma, semicolon or closing parenthesis
/// that is not inside double quotes.
pub(super) fn stage(rest: &str) -> usize {
    let mut at = 1;
    while let Some(c) = rest[at..].chars().next() {
        match c {
            '"' => match quoted_end(&rest[at..]) {
                Some(end) => at += end,
                None => return rest.len(),
            },
            ',' | ';' | ')' => break,
            c if c.is_whitespace() => break,
            c => at += c.len_utf8(),
        }
    }
    at
}
