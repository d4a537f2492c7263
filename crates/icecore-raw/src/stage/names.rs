//! Paths as users write them, and as the store keeps them.

use icecore_types::{Code, Error, Result};
use object_store::path::Path;

/// Refuses a path that would leave its stage or cannot be kept.
///
/// # Errors
/// `InvalidInput` that names the part.
pub(super) fn check(path: &str) -> Result<()> {
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
pub(super) fn location(prefix: &Path, path: &str) -> Path {
    path.split('/')
        .filter(|part| !part.is_empty())
        .fold(prefix.clone(), |folder, part| folder.join(part))
}

/// The path that a user sees: what [`location`] was made from. A name that
/// somebody else put into the store is shown as it stands.
pub(super) fn shown(prefix: &Path, stored: &Path) -> Option<String> {
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
