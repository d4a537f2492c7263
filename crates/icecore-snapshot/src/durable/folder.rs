//! The folder of a store: making it, and sweeping what a crash left in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Held by every process that has the store open. Its name has the form of a
/// staging file's, which no listing shows and no object can have.
const LOCK: &str = "lock#0";

/// Says that the folder is in use, for as long as it lives.
#[derive(Debug)]
pub(super) struct Occupied {
    _lock: File,
}

/// Makes the folder and its parents; durable if `sync`.
pub(super) fn make(path: &Path, sync: bool) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(&path)?;
    if sync {
        for folder in missing {
            sync_parent(folder)?;
        }
    }
    Ok(())
}

/// Makes the names in the folder of `path` durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Marks the folder as in use. Whoever finds that nobody else uses it sweeps
/// it first: a staging file of a living process must not be taken from it.
pub(super) fn occupy(root: &Path) -> io::Result<Occupied> {
    let path = root.join(LOCK);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match lock.try_lock() {
        Ok(()) => {
            sweep(root)?;
            lock.unlock()?;
            lock.lock_shared()?;
        }
        Err(TryLockError::WouldBlock) => lock.lock_shared()?,
        // A file system without locks: staging files stay, which costs space.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(Occupied { _lock: lock })
}

/// Removes the staging files that a crash left. A crash may have come between
/// the link of an object and the sync of its folder, and then the staging file
/// is still beside it: so each folder that had one is synced.
///
/// Only what the engine lays out is looked at, for the folder could have been
/// somebody's before.
fn sweep(root: &Path) -> io::Result<()> {
    sweep_files(root, |name| name.starts_with("format.json#"))?;
    let mut folders = vec![root.join("account")];
    while let Some(folder) = folders.pop() {
        if folder.is_dir() {
            folders.extend(sweep_files(&folder, |_| true)?);
        }
    }
    Ok(())
}

/// Sweeps one folder and returns the folders in it; links are not followed.
fn sweep_files(folder: &Path, ours: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut swept) = (Vec::new(), None);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
            continue;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_staging(&name) && ours(&name) {
            fs::remove_file(entry.path())?;
            swept = Some(entry.path());
        }
    }
    if let Some(path) = swept {
        sync_parent(&path)?;
    }
    Ok(folders)
}

/// Whether it is a name of the form `object#7`.
fn is_staging(name: &str) -> bool {
    name.split_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_swept_once_nobody_is_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("account/a/log/0");
        fs::create_dir_all(&folder).unwrap();
        let (staging, object, theirs) =
            (folder.join("1.rec#1"), folder.join("1.rec"), root.path().join("notes#1"));
        for path in [&staging, &object, &theirs] {
            fs::write(path, "x").unwrap();
        }
        let held = occupy(root.path()).unwrap();
        assert!(!staging.exists() && object.exists() && theirs.exists());
        fs::write(&staging, "being written").unwrap();
        let second = occupy(root.path()).unwrap();
        assert!(staging.exists(), "the first process is writing it");
        drop((held, second));
        drop(occupy(root.path()).unwrap());
        assert!(!staging.exists());
    }

    #[test]
    fn only_numbers_are_staging() {
        assert!(is_staging("a#1") && is_staging("#12"));
        assert!(
            !is_staging("a#") && !is_staging("a#b") && !is_staging("a") && !is_staging("a#1#b")
        );
    }
}
