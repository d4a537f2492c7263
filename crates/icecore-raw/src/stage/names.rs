//! Paths as users write them, and as the store keeps them.

use icecore_types::{Code, Error, Result};
use object_store::path::Path;

/// Refuses a path that would leave its stage or cannot be kept.
///
/// # Errors
/// `InvalidInput` that names the part.
pub(crate) fn check(path: &str) -> Result<()> {
    let bad = path
        .split('/')
        .find(|part| matches!(*part, "." | "..") || part.contains('\0') || part.contains('\\'));
    match bad {
        None => Ok(()),
        Some(part) => Err(Error::new(
            Code::INVALID_ARGUMENT,
            format!("a stage path cannot have the part '{}' path='{path}'", part.escape_default()),
        )
        .with_help("write the path from the stage's root, without '.' and '..'")),
    }
}

/// Where the store keeps the file with this path: characters that a store may
/// not take are percent-encoded, part by part.
pub(crate) fn location(prefix: &Path, path: &str) -> Path {
    path.split('/')
        .filter(|part| !part.is_empty())
        .fold(prefix.clone(), |folder, part| folder.join(part))
}

/// As [`location`], for a store whose names are taken as they stand.
///
/// # Errors
/// `InvalidInput` for a path that no store has.
pub(super) fn literal(prefix: &Path, path: &str) -> Result<Path> {
    let path = path.trim_matches('/');
    let whole = match (prefix.as_ref(), path) {
        (prefix, "") => prefix.to_owned(),
        ("", path) => path.to_owned(),
        (prefix, path) => format!("{prefix}/{path}"),
    };
    Path::parse(&whole).map_err(|source| {
        Error::new(Code::INVALID_ARGUMENT, format!("not a path of a stage path='{path}'"))
            .with_source(source)
    })
}

/// What a stored path has behind the prefix; none if nothing, or if the prefix
/// ends inside a part of it.
pub(super) fn below<'a>(prefix: &Path, stored: &'a Path) -> Option<&'a str> {
    let rest = stored.as_ref().strip_prefix(prefix.as_ref())?;
    let below = match prefix.as_ref() {
        "" => rest,
        _ => rest.strip_prefix('/')?,
    };
    (!below.is_empty()).then_some(below)
}

/// The path that a user sees: what [`location`] was made from. A name that
/// somebody else put into the store is shown as it stands.
pub(crate) fn shown(prefix: &Path, stored: &Path) -> Option<String> {
    let raw = stored.as_ref().strip_prefix(prefix.as_ref())?.trim_start_matches('/');
    if raw.is_empty() {
        return None;
    }
    let decoded = decode(raw);
    Some(match decoded {
        Some(decoded) if location(prefix, &decoded) == *stored => decoded,
        _ => raw.to_owned(),
    })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
