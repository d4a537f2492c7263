//! Texts of statements without what opens a bucket or a session.

use std::borrow::Cow;

/// Words whose values are secrets wherever they stand.
const ALWAYS: &[&str] = &["credentials"];
/// The same in a statement about a user: elsewhere they are names of columns.
const OF_USERS: &[&str] = &["credentials", "password"];

/// The text as it may be kept and shown: what stands in the parentheses of
/// CREDENTIALS and what is given to PASSWORD, or all behind the word where that
/// does not end, is left out. Texts that are not statements are treated alike.
///
/// ```
/// let text = "CREATE STAGE s URL = 's3://b/' CREDENTIALS = (AWS_SECRET_KEY = 'x)y')";
/// assert_eq!(icecore_sql::redacted(text), "CREATE STAGE s URL = 's3://b/' CREDENTIALS = (..)");
/// let text = "CREATE USER u PASSWORD = 'x' COMMENT = 'kept'";
/// assert_eq!(icecore_sql::redacted(text), "CREATE USER u PASSWORD = (..) COMMENT = 'kept'");
/// assert_eq!(icecore_sql::redacted("SELECT 1"), "SELECT 1");
/// ```
pub fn redacted(text: &str) -> Cow<'_, str> {
    without_values(text, OF_USERS)
}

/// The text of one statement, which may become a definition: a comparison with
/// a column that is called PASSWORD stays.
pub(crate) fn redacted_statement(text: &str) -> Cow<'_, str> {
    without_values(text, if is_of_user(text) { OF_USERS } else { ALWAYS })
}

/// Whether a statement is CREATE or ALTER USER, or explains one.
fn is_of_user(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..8 {
        rest = rest.get(between(rest)..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        match rest.get(..end).unwrap_or_default().to_ascii_lowercase().as_str() {
            "user" => return true,
            "explain" | "access" | "create" | "alter" | "or" | "replace" => {}
            _ => return false,
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    false
}

fn without_values<'a>(text: &'a str, words: &[&str]) -> Cow<'a, str> {
    let lower = text.to_ascii_lowercase();
    let next = |from: usize| {
        let rest = lower.get(from..)?;
        let found = words.iter().filter_map(|word| Some((from + rest.find(word)?, word.len())));
        found.min()
    };
    let mut kept = String::new();
    let (mut at, mut found) = (0, next(0));
    while let Some((word, length)) = found {
        let quote = text.get(word + length..).is_some_and(|rest| rest.starts_with('"'));
        let behind = word + length + usize::from(quote);
        let rest = text.get(behind..).unwrap_or_default();
        let signs = between(rest);
        let inside = rest.get(signs..).unwrap_or_default();
        // A word that no value follows is only a word.
        let is_option = rest.get(..signs).is_some_and(|signs| signs.contains('='));
        if is_option || inside.starts_with(['(', '\'', '$']) {
            kept.push_str(text.get(at..behind + signs).unwrap_or_default());
            kept.push_str("(..)");
            at = behind + signs + value(inside);
        }
        found = next(at.max(behind));
    }
    if at == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(kept)
}

/// Behind the text or the parentheses that stand first; the end if neither
/// does: where a value that is none ends cannot be told.
fn value(text: &str) -> usize {
    if text.starts_with('(') {
        return closing(text);
    }
    let mut at = 0;
    // A quote in a text is two: the text goes on behind them.
    while text.get(at..).is_some_and(|rest| rest.starts_with('\'') || rest.starts_with("$$")) {
        at += opaque(text.get(at..).unwrap_or_default());
    }
    if at == 0 { text.len() } else { at }
}

/// How much white space, signs of equality and comments there are.
fn between(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        match COMMENTS.iter().any(|(open, _)| rest.starts_with(open)) {
            true => rest = rest.get(opaque(rest)..).unwrap_or_default(),
            false => return text.len() - rest.len(),
        }
    }
}

/// Behind the parenthesis that closes the first one; the end if none does.
fn closing(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.chars().next() {
            Some('(') => depth += 1,
            Some(')') if depth <= 1 => return at + 1,
            Some(')') => depth -= 1,
            _ => {}
        }
        at += opaque(rest);
    }
    text.len()
}

const COMMENTS: [(&str, &str); 3] = [("--", "\n"), ("//", "\n"), ("/*", "*/")];
const QUOTES: [(&str, &str); 2] = [("$$", "$$"), ("\"", "\"")];

/// How long the quoted text or the comment is that stands first, or the sign.
fn opaque(text: &str) -> usize {
    for (open, close) in COMMENTS.iter().chain(&QUOTES) {
        if let Some(inside) = text.strip_prefix(open) {
            let end = inside.find(close).map(|end| open.len() + end + close.len());
            return end.unwrap_or(text.len());
        }
    }
    let mut signs = text.char_indices();
    match signs.next() {
        Some((_, '\'')) => {}
        first => return first.map_or(0, |(_, sign)| sign.len_utf8()),
    }
    let mut escaped = false;
    for (at, sign) in signs {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{redacted, redacted_statement};

    #[test]
    fn no_secret_is_left() {
        for text in [
            "create stage s credentials=(aws_key_id='k' aws_secret_key='SECRET')",
            "create stage s credentials = ( AWS_SECRET_KEY = 'a''SECRET' ) comment = 'x'",
            "create stage s CREDENTIALS = (AWS_SECRET_KEY = 'SECRET",
            "create stage s CREDENTIALS = 'SECRET'",
            "create stage s CREDENTIALS = (AWS_SECRET_KEY = 'a\\')SECRET')",
            "create stage s CREDENTIALS = (AWS_SECRET_KEY = $$a)SECRET$$)",
            "create stage s CREDENTIALS = (AWS_SECRET_KEY /* ) */ = 'SECRET')",
            "create stage s CREDENTIALS -- = ()\n = (AWS_SECRET_KEY = 'SECRET')",
            "create stage s CREDENTIALS /* = */ // ()\n (AWS_SECRET_KEY = 'SECRET')",
            "create stage s CREDENTIALS = (a = (b = ')') AWS_SECRET_KEY = 'SECRET')",
            "create stage s CREDENTIALS (AWS_SECRET_KEY = 'SECRET')",
            "select 1; alter stage s set credentials = (a = 'SECRET'); \
             alter stage t set credentials\n=\t(a = 'SECRET')",
        ] {
            assert!(!redacted(text).contains("SECRET"), "{text}: {}", redacted(text));
        }
        for text in [
            "create user u password='SECRET'",
            "create user u password = 'a''SECRET' comment = 'x'",
            "alter user u set comment = 'x' Password = $$SECRET$$",
            "alter user u set password 'SECRET'",
            "alter user u set password = SECRET",
            "alter user u set password => 'SECRET'",
            "alter user u set password = 'SECRET",
            "alter user u set password /* = */ = -- '\n 'SECRET'",
            "alter user u set \"PASSWORD\" = 'SECRET'",
            "explain access create user u password = 'a\\'SECRET'",
            "/* a */ create /* b */ user u password = 'x' credentials = ('SECRET')",
        ] {
            assert!(!redacted(text).contains("SECRET"), "{text}: {}", redacted(text));
            let one = redacted_statement(text);
            assert!(!one.contains("SECRET"), "{text}: {one}");
        }
        for text in ["create view v as select a from t where password = 'x'", "select 'user'"] {
            assert_eq!(redacted_statement(text), text);
        }
        let text = "alter stage s set credentials = (a = ')SECRET') comment = 'kept'";
        assert!(redacted(text).ends_with("(..) comment = 'kept'"));
        assert_eq!(redacted("select credentials from t"), "select credentials from t");
    }
}
