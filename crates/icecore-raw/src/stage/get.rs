//! GET: from the stage into a folder of the machine.

use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt, stream};
use icecore_types::{Code, Error, Result};
use object_store::path::Path;

use super::local::{invalid, path_of};
use super::{RawFile, StageFile, StageFiles, names};

/// Bytes that a request asks for.
const CHUNK_BYTES: usize = 1 << 20;

/// A folder of the machine that files of stages are fetched into. Nothing
/// outside it is written: everything in it is opened beneath a handle of the
/// folder, part by part, and no link in it is followed. [`GotFile`] shows how
/// it is used.
#[derive(Clone, Debug)]
pub struct LocalFolder {
    #[cfg(unix)]
    store: super::folder::FolderStore,
}

impl LocalFolder {
    /// Opens the folder that GET's target names: `file:///absolute/path/`,
    /// `file://relative/path` or a plain path.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder, `InvalidInput` for another
    /// scheme; `Unsupported` on a system that cannot open files so.
    pub fn open(target: &str) -> Result<Self> {
        Self::at(path_of("GET", target)?)
    }

    #[cfg(unix)]
    fn at(path: PathBuf) -> Result<Self> {
        let help = "GET writes into a folder that is there; a relative path starts at the \
                    current folder of the process";
        let store = super::folder::FolderStore::open_root(&path).map_err(|source| {
            Error::new(Code::FILE_NOT_FOUND, format!("not a folder path='{}'", path.display()))
                .with_help(help)
                .with_source(source)
        })?;
        Ok(Self { store })
    }

    #[cfg(not(unix))]
    fn at(_path: PathBuf) -> Result<Self> {
        Err(Error::unsupported("GET on this system"))
    }

    /// Writes the file; one that is there is replaced when all of it is
    /// written. On a blocking thread only.
    #[cfg(unix)]
    fn write(&self, path: &Path, mut bytes: crate::source::ChunkReader) -> Result<u64> {
        let copied = |file: &mut std::fs::File| std::io::copy(&mut bytes, file).map(drop);
        match self.store.write(path, false, copied) {
            Ok(meta) => Ok(meta.size),
            Err(source) => Err(unwritten(path, source)),
        }
    }

    #[cfg(not(unix))]
    fn write(&self, _path: &Path, _bytes: crate::source::ChunkReader) -> Result<u64> {
        Err(Error::unsupported("GET on this system"))
    }
}

/// A file that was fetched.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::{LocalFolder, StageFiles};
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// stage.put_bytes("2013/a.csv", b"1,2\n".to_vec()).await?;
/// let folder = tempfile::tempdir()?;
/// let target = LocalFolder::open(&format!("file://{}", folder.path().display()))?;
/// let files = stage.list("2013/", None).await?;
/// let got = stage.get(&files, "2013/", &target, 10).await?;
/// assert_eq!((got[0].file.as_str(), got[0].size_bytes), ("a.csv", 4));
/// assert_eq!(std::fs::read(folder.path().join("a.csv"))?, b"1,2\n");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotFile {
    /// Its path below the folder.
    pub file: String,
    /// Its length in bytes, as it was in the stage.
    pub size_bytes: u64,
}

impl StageFiles {
    /// Fetches files into a folder, so many at a time. The part of their paths
    /// up to the last slash of `below`, which is what was listed, is left out;
    /// folders behind it are made. A file that is there is replaced.
    ///
    /// # Errors
    /// `InvalidInput` for a file whose name would leave the folder or cannot be
    /// one, before anything is fetched; `Conflict` if a file changes while it
    /// is read; else the store's or the folder's: some files are there then.
    pub async fn get(
        &self,
        files: &[StageFile],
        below: &str,
        target: &LocalFolder,
        at_once: usize,
    ) -> Result<Vec<GotFile>> {
        let folder = below.trim_start_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        let named = files.iter().map(|file| {
            let name = file.path.get(folder..).unwrap_or_default();
            Ok((self.open(file), local_path(name)?))
        });
        let named = named.collect::<Result<Vec<_>>>()?;
        let fetching = named.into_iter().map(|(file, path)| fetched(file, path, target.clone()));
        // Collected first: a stream of borrowing closures is not `Send`.
        let fetching: Vec<_> = fetching.collect();
        stream::iter(fetching).buffered(at_once.max(1)).try_collect().await
    }
}

async fn fetched(file: RawFile, path: Path, target: LocalFolder) -> Result<GotFile> {
    let expected = file.size_bytes;
    let bytes = file.fetch(CHUNK_BYTES);
    let name = path.to_string();
    let size_bytes = tokio::task::spawn_blocking(move || target.write(&path, bytes))
        .await
        .map_err(|error| Error::internal("writing a file").with_source(error))??;
    if size_bytes != expected {
        return Err(Error::internal(format_args!("a file was not written whole file='{name}'")));
    }
    Ok(GotFile { file: name, size_bytes })
}

/// The name of a file of a stage as a path below a folder.
fn local_path(name: &str) -> Result<Path> {
    names::check(name)?;
    let parsed = Path::parse(name).ok().filter(|path| path.as_ref() == name && !name.is_empty());
    parsed.ok_or_else(|| {
        invalid(format!("a file cannot have this name in a folder file='{}'", name.escape_debug()))
            .with_help("PATTERN leaves files out")
    })
}

/// What the stage said is told as it is, what the folder said by its path.
#[cfg(unix)]
fn unwritten(path: &Path, source: object_store::Error) -> Error {
    if let object_store::Error::Generic { source, .. } = &source
        && let Some(error) = source.downcast_ref::<std::io::Error>()
        && let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
    {
        return error.clone();
    }
    Error::new(Code::FILE_NOT_FOUND, format!("a file cannot be written file='{path}'"))
        .with_help("a folder or a link may stand in its way")
        .with_source(source)
}
