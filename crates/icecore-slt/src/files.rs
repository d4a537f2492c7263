//! Which files are meant.

use std::io;
use std::path::{Path, PathBuf};

/// The files at `path`: itself, or all `.slt` files in and below that folder,
/// in the order of their names.
///
/// ```
/// let error = icecore_slt::find_files("no/such/folder".as_ref()).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
///
/// # Errors
/// If it does not exist or cannot be listed.
pub fn find_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if path.metadata()?.is_dir() {
        collect(path, &mut found)?;
        found.sort();
    } else {
        found.push(path.to_owned());
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            found.push(path);
        }
    }
    Ok(())
}
