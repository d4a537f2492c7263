//! Texts of statements without what opens a bucket.

use std::borrow::Cow;

/// The text as it may be kept and shown: what stands in the parentheses of
/// CREDENTIALS, or behind the word where they do not close, is left out. Texts
/// that are not statements are treated alike.
///
/// ```
/// let text = "CREATE STAGE s URL = 's3://b/' CREDENTIALS = (AWS_SECRET_KEY = 'x)y')";
/// assert_eq!(icecore_sql::redacted(text), "CREATE STAGE s URL = 's3://b/' CREDENTIALS = (..)");
/// assert_eq!(icecore_sql::redacted("SELECT 1"), "SELECT 1");
/// ```
pub fn redacted(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let Some(found) = lower.find("credentials") else { return Cow::Borrowed(text) };
    let mut kept = String::with_capacity(text.len());
    let (mut at, mut next) = (0, Some(found));
    while let Some(word) = next {
        let behind = word + "credentials".len();
        let rest = text.get(behind..).unwrap_or_default();
        let signs = between(rest);
        let inside = rest.get(signs..).unwrap_or_default();
        // A word that no value follows is only a word.
        let is_option = rest.get(..signs).is_some_and(|signs| signs.contains('='));
        if is_option || inside.starts_with('(') {
            kept.push_str(text.get(at..behind + signs).unwrap_or_default());
            kept.push_str("(..)");
            at = behind + signs + closing(inside);
        }
        let from = at.max(behind);
        next = lower.get(from..).and_then(|rest| rest.find("credentials")).map(|more| from + more);
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(kept)
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
            _ if depth == 0 => return text.len(),
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
    use super::redacted;

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
        let text = "alter stage s set credentials = (a = ')SECRET') comment = 'kept'";
        assert!(redacted(text).ends_with("(..) comment = 'kept'"));
        assert_eq!(redacted("select credentials from t"), "select credentials from t");
    }
}
