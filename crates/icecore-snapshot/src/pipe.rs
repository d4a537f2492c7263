//! What makes a pipe load a file once: the files that it has dealt with.

use std::sync::Arc;
use std::time::Duration;

use icecore_types::{PipeFile, Timestamp, Version};
use rpds::RedBlackTreeMapSync;

/// How long a pipe remembers a file, as in Snowflake.
const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The files that a pipe has dealt with in the last 14 days, by their path in
/// its stage. A clone of the pipe and one that replaces it know none of them.
///
/// ```
/// use icecore_snapshot::PipeFiles;
/// let nothing = PipeFiles::default();
/// assert!(nothing.file("2013/flights.csv").is_none());
/// assert_eq!(nothing.files().count(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct PipeFiles {
    by_path: RedBlackTreeMapSync<Arc<str>, KnownFile>,
    by_time: RedBlackTreeMapSync<(Timestamp, Arc<str>), ()>,
}

/// What a pipe knows of a file.
///
/// ```
/// use icecore_snapshot::KnownFile;
/// use icecore_types::{Timestamp, Version};
/// let at = Timestamp::from_micros(1);
/// let file = KnownFile { loaded: true, rows: 9, error: None, event: None, at, version: Version::new(3) };
/// assert!(file.loaded);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Whether its rows are in the table, some of them at least; if not, it
    /// was found to be unfit, and another notification of it is heeded.
    pub loaded: bool,
    /// Rows of it that were loaded.
    pub rows: u64,
    /// The first reason why all or some of it was not.
    pub error: Option<Arc<str>>,
    /// The last event of it that the pipe knew of then.
    pub event: Option<Arc<str>>,
    /// When that was decided.
    pub at: Timestamp,
    /// In which version.
    pub version: Version,
}

impl Default for PipeFiles {
    fn default() -> Self {
        Self { by_path: RedBlackTreeMapSync::new_sync(), by_time: RedBlackTreeMapSync::new_sync() }
    }
}

impl PipeFiles {
    /// What is known of the file with this path.
    pub fn file(&self, path: &str) -> Option<&KnownFile> {
        self.by_path.get(path)
    }

    /// All files that are remembered, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &KnownFile)> {
        self.by_path.iter().map(|(path, file)| (&**path, file))
    }

    /// The file that was loaded last.
    pub fn last_loaded(&self) -> Option<(&str, &KnownFile)> {
        self.by_time.keys().rev().find_map(|(_, path)| {
            let file = self.by_path.get(path).filter(|file| file.loaded)?;
            Some((&**path, file))
        })
    }

    /// Adds files, and forgets those of more than 14 days before.
    pub(crate) fn remember(&mut self, files: &[PipeFile], version: Version, at: Timestamp) {
        let oldest = at.minus(REMEMBERED);
        while let Some((time, path)) = self.by_time.first().map(|(key, ())| key.clone()) {
            if time >= oldest {
                break;
            }
            self.by_path.remove_mut(&path);
            self.by_time.remove_mut(&(time, path));
        }
        for file in files {
            if let Some(before) = self.by_path.get(&file.path) {
                self.by_time.remove_mut(&(before.at, Arc::clone(&file.path)));
            }
            let (loaded, rows, error) = (file.loaded, file.rows, file.error.clone());
            let event = file.event.clone();
            let known = KnownFile { loaded, rows, error, event, at, version };
            self.by_path.insert_mut(Arc::clone(&file.path), known);
            self.by_time.insert_mut((at, Arc::clone(&file.path)), ());
        }
    }
}
