//! Files of the machine that PUT reads, and the paths of PUT and GET.

use std::path::{Path, PathBuf};

use icecore_types::{Code, Error, Result};
use regex::Regex;

/// The regular files that PUT's source names: `file:///absolute/path`,
/// `file://relative/path` or a plain path, with `*` and `?` in the last part,
/// in order of their names.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// for name in ["a1.csv", "a2.csv", "b.csv"] {
///     std::fs::write(folder.path().join(name), "1\n")?;
/// }
/// let source = format!("file://{}/a?.csv", folder.path().display());
/// assert_eq!(icecore_raw::local_files(&source)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `NotFound` if there is no such file, `InvalidInput` for another scheme, for
/// a folder, and for wildcards in another part than the last.
pub fn local_files(source: &str) -> Result<Vec<PathBuf>> {
    let path = path_of("PUT", source)?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| invalid(format!("PUT needs the name of a file source='{source}'")))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.to_string_lossy().contains(['*', '?']) && !folder.is_dir() {
        return Err(invalid(format!(
            "wildcards are taken in the last part of a path only source='{source}'"
        )));
    }
    if path.is_file() {
        return Ok(vec![path]);
    }
    if path.is_dir() {
        return Err(invalid(format!("PUT takes files, not a folder source='{source}'"))
            .with_help("write folder/* for all files in it"));
    }
    if path.exists() {
        return Err(invalid(format!("PUT takes regular files only source='{source}'")));
    }
    let found = if name.contains(['*', '?']) { matching(folder, name)? } else { Vec::new() };
    if found.is_empty() {
        return Err(Error::new(Code::FILE_NOT_FOUND, format!("file does not exist: '{source}'"))
            .with_help("a relative path starts at the current folder of the process"));
    }
    Ok(found)
}

/// The path on the machine that PUT or GET names.
pub(super) fn path_of(statement: &str, text: &str) -> Result<PathBuf> {
    let path = match text.split_once("://") {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("file") => path,
        Some((scheme, _)) => {
            return Err(invalid(format!(
                "{statement} takes local files, not '{scheme}' path='{text}'"
            ))
            .with_help("write file:///absolute/path"));
        }
        None => text,
    };
    Ok(PathBuf::from(path))
}

fn matching(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let pattern = regex::escape(name).replace("\\*", ".*").replace("\\?", ".");
    let pattern = Regex::new(&format!("^(?s:{pattern})$"))
        .map_err(|error| Error::internal("a wildcard").with_source(error))?;
    let folder_read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = match std::fs::read_dir(folder_read) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder_read, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder_read, error))?;
        let matches = entry.file_name().to_str().is_some_and(|name| pattern.is_match(name));
        let path = folder.join(entry.file_name());
        if matches && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::FILE_NOT_FOUND, format!("cannot read path='{}'", path.display()))
        .with_source(error)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_ARGUMENT, message)
}
