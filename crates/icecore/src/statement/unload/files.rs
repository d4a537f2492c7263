//! Rows to files: names, sizes, partitions.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use icecore_raw::{OpenFile, StageFiles, UnloadShape, WrittenFile};
use icecore_types::{Error, QueryId, Result};

/// Partitions whose files are open at the same time.
const OPEN_FILES: usize = 32;

/// Where rows without a partition go.
const NULL_PARTITION: &str = "__NULL__";

/// How files are named and cut.
pub(super) struct Naming {
    /// What names begin with, folders included.
    pub(super) path: String,
    pub(super) extension: String,
    /// In each name, if there is one.
    pub(super) query_id: Option<QueryId>,
    pub(super) single: bool,
    pub(super) max_file_bytes: u64,
    pub(super) overwrite: bool,
}

impl Naming {
    /// The path of file `number`, from 0, of a partition.
    fn path_of(&self, partition: Option<&str>, number: usize) -> String {
        let folder = match partition {
            None => self.path.clone(),
            Some(partition) => {
                let base = self.path.trim_end_matches('/');
                let between = if base.is_empty() { "" } else { "/" };
                format!("{base}{between}{}/", partition.trim_matches('/'))
            }
        };
        let in_folder = folder.is_empty() || folder.ends_with('/');
        if self.single {
            return if in_folder { format!("{folder}data") } else { folder };
        }
        // A path that names no folder is what the names of the files begin with.
        let start = if in_folder { format!("{folder}data_") } else { folder };
        let id = self.query_id.map(|id| format!("{id}_")).unwrap_or_default();
        format!("{start}{id}0_0_{number}.{}", self.extension)
    }
}

/// Takes rows and writes files.
pub(super) struct Files<'a> {
    stage: &'a StageFiles,
    shape: &'a UnloadShape,
    naming: Naming,
    open: HashMap<Option<String>, Open>,
    /// How many files each partition has begun.
    begun: HashMap<Option<String>, usize>,
    turn: u64,
    pub(super) written: Vec<WrittenFile>,
}

struct Open {
    file: OpenFile,
    /// When rows came last, for choosing which one to close.
    used: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(stage: &'a StageFiles, shape: &'a UnloadShape, naming: Naming) -> Self {
        let (open, begun, written) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { stage, shape, naming, open, begun, turn: 0, written }
    }

    /// Adds rows of which the last column is their partition.
    pub(super) async fn write_partitioned(&mut self, batch: RecordBatch) -> Result<()> {
        let Some(last) = batch.num_columns().checked_sub(1) else {
            return Err(Error::internal("rows without their partition"));
        };
        let partitions = batch.column(last).clone();
        let Some(texts) = partitions.as_string_view_opt() else {
            return Err(Error::internal("a partition is no text"));
        };
        let mut rows: Vec<(Option<String>, Vec<u64>)> = Vec::new();
        let mut places: HashMap<Option<&str>, usize> = HashMap::new();
        for (row, text) in texts.iter().enumerate() {
            let place = *places.entry(text).or_insert_with(|| {
                let name = text.unwrap_or(NULL_PARTITION).to_owned();
                rows.push((Some(name), Vec::new()));
                rows.len() - 1
            });
            if let Some((_, rows)) = rows.get_mut(place) {
                rows.push(row as u64);
            }
        }
        let failed = |source| Error::internal("rows of a partition").with_source(source);
        let columns: Vec<usize> = (0..last).collect();
        let batch = batch.project(&columns).map_err(failed)?;
        for (partition, rows) in rows {
            let part = take_record_batch(&batch, &UInt64Array::from(rows)).map_err(failed)?;
            self.write(partition, part).await?;
        }
        Ok(())
    }

    /// Adds rows of one partition.
    pub(super) async fn write(
        &mut self,
        partition: Option<String>,
        batch: RecordBatch,
    ) -> Result<()> {
        // Smaller steps, so that a small limit cuts more than one file of a
        // batch.
        const STEP_ROWS: usize = 2048;
        let mut at = 0;
        while at < batch.num_rows() {
            let step = batch.slice(at, STEP_ROWS.min(batch.num_rows() - at));
            at += step.num_rows();
            self.write_step(&partition, step).await?;
        }
        Ok(())
    }

    async fn write_step(&mut self, partition: &Option<String>, rows: RecordBatch) -> Result<()> {
        self.turn += 1;
        let mut open = match self.open.remove(partition) {
            Some(open) => open,
            None => self.begin(partition).await?,
        };
        open.used = self.turn;
        open.file.write(rows).await?;
        let full = !self.naming.single && open.file.file_bytes() >= self.naming.max_file_bytes;
        match full {
            true => self.written.push(open.file.finish().await?),
            false => drop(self.open.insert(partition.clone(), open)),
        }
        Ok(())
    }

    async fn begin(&mut self, partition: &Option<String>) -> Result<Open> {
        if self.open.len() >= OPEN_FILES {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.used);
            let oldest = oldest.map(|(partition, _)| partition.clone());
            if let Some(open) = oldest.and_then(|partition| self.open.remove(&partition)) {
                self.written.push(open.file.finish().await?);
            }
        }
        let begun = self.begun.entry(partition.clone()).or_default();
        let path = self.naming.path_of(partition.as_deref(), *begun);
        *begun += 1;
        let file = self.stage.create(&path, self.shape, self.naming.overwrite)?;
        Ok(Open { file, used: self.turn })
    }

    /// Ends all files that are open, in the order of their partitions.
    pub(super) async fn finish(&mut self) -> Result<()> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, open) in open {
            self.written.push(open.file.finish().await?);
        }
        self.written.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Naming;
    use icecore_types::QueryId;

    fn naming(path: &str) -> Naming {
        Naming {
            path: path.to_owned(),
            extension: "csv.gz".to_owned(),
            query_id: None,
            single: false,
            max_file_bytes: 1,
            overwrite: false,
        }
    }

    #[test]
    fn names_follow_the_path() {
        assert_eq!(naming("").path_of(None, 0), "data_0_0_0.csv.gz");
        assert_eq!(naming("out/").path_of(None, 2), "out/data_0_0_2.csv.gz");
        assert_eq!(naming("out/x_").path_of(None, 0), "out/x_0_0_0.csv.gz");
        assert_eq!(naming("out").path_of(Some("d=1"), 0), "out/d=1/data_0_0_0.csv.gz");
        let single = |path| Naming { single: true, ..naming(path) }.path_of(None, 0);
        assert_eq!([single(""), single("a/"), single("a/b.csv")], ["data", "a/data", "a/b.csv"]);
        let id = QueryId::from_bits(1);
        let named = Naming { query_id: Some(id), ..naming("") }.path_of(None, 0);
        assert_eq!(named, format!("data_{id}_0_0_0.csv.gz"));
    }
}
