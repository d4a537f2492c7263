//! The folder that a warehouse spills to.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use icecore_types::{Code, Error, Result};

const PREFIX: &str = "icecore-spill-";
const LOCK: &str = "lock";

/// Tells apart the folders of one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that only this user can read and only this warehouse writes. It
/// goes with the warehouse; what a crash left is removed by the next one.
///
/// Beside each folder is a file that its warehouse keeps locked: whoever can
/// lock it knows that the folder is nobody's.
#[derive(Debug)]
pub(crate) struct SpillFolder {
    path: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl SpillFolder {
    /// Removes what nobody uses any more, and makes a new folder below `root`.
    pub(crate) fn make(root: &Path) -> Result<Self> {
        Self::try_make(root).map_err(|source| {
            let message = format!("the spill folder cannot be made root='{}'", root.display());
            Error::new(Code::RESOURCES_EXHAUSTED, message)
                .with_help("name a folder that can be written")
                .with_source(source)
        })
    }

    fn try_make(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        remove_stale(&root)?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!("{PREFIX}{}-{number}", std::process::id()));
            let lock_path = path.with_extension(LOCK);
            let Some(lock) = lock_new(&lock_path)? else { continue };
            private().create(&path)?;
            return Ok(Self { path, lock_path, _lock: lock });
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // What cannot be removed now is stale, and the next warehouse's to remove.
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Makes and locks the file; nothing if another process came between the two,
/// or if an earlier process of this number left one.
fn lock_new(path: &Path) -> io::Result<Option<File>> {
    let lock = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) if path.exists() => Ok(Some(lock)),
        Ok(()) | Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Removes the folders whose lock nobody holds.
fn remove_stale(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(PREFIX) || path.extension().is_none_or(|end| end != LOCK) {
            continue;
        }
        let Ok(lock) = File::open(&path) else { continue };
        if lock.try_lock().is_ok() {
            // Another user's may stay: it is theirs to remove.
            if !path.with_extension("").exists()
                || fs::remove_dir_all(path.with_extension("")).is_ok()
            {
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_owner() {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(&root.path().join("new")).unwrap();
        fs::write(folder.path().join("run"), "x").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(root.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_uses_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let living = SpillFolder::make(root.path()).unwrap();
        let stale = root.path().join("icecore-spill-1-7");
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join("run"), "x").unwrap();
        fs::write(root.path().join("icecore-spill-1-7.lock"), "").unwrap();
        let theirs = root.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        let second = SpillFolder::make(root.path()).unwrap();
        assert!(!stale.exists());
        assert!(living.path().exists() && theirs.exists() && second.path().exists());
        assert_ne!(living.path(), second.path());
        drop((living, second));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_root_that_is_a_file_is_refused() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let error = SpillFolder::make(root.path()).unwrap_err();
        assert_eq!(error.code(), Code::RESOURCES_EXHAUSTED);
    }
}
