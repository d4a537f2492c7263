//! Which files were loaded before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use icecore_raw::StageFile;
use icecore_snapshot::TableContent;
use icecore_types::{LoadKey, Result};

use crate::CopyPlan;

/// What a table remembers of the files of a plan.
pub(super) struct KnownFiles<'a> {
    plan: &'a CopyPlan,
    content: &'a TableContent,
    /// Lengths with which a path was loaded.
    sizes: HashMap<Arc<str>, HashSet<u64>>,
}

impl<'a> KnownFiles<'a> {
    pub(super) fn new(plan: &'a CopyPlan, content: &'a TableContent) -> Self {
        let mut sizes: HashMap<Arc<str>, HashSet<u64>> = HashMap::new();
        if !plan.force {
            for load in content.loads() {
                sizes.entry(Arc::clone(&load.key.file)).or_default().insert(load.size_bytes);
            }
        }
        Self { plan, content, sizes }
    }

    /// The files that are to be loaded, each once. A file is read for its
    /// content only if one of its path and length was loaded before.
    pub(super) async fn not_loaded(&self) -> Result<Vec<&'a StageFile>> {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for file in &self.plan.files {
            if seen.insert(&file.path) && !self.is_loaded(file).await? {
                files.push(file);
            }
        }
        Ok(files)
    }

    async fn is_loaded(&self, file: &StageFile) -> Result<bool> {
        let path: Arc<str> = self.plan.stage.full_path(file).into();
        let same = self.sizes.get(&path).is_some_and(|sizes| sizes.contains(&file.size_bytes));
        if !same {
            return Ok(false);
        }
        let etag = self.plan.stage.content_key(file).await?;
        Ok(self.content.load(&LoadKey { file: path, etag }).is_some())
    }
}
