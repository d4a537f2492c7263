//! A COPY INTO a location, run.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewArray};
use futures::StreamExt;
use icecore_exec::from_datafusion;
use icecore_raw::WrittenFile;
use icecore_types::{QueryId, Result, SqlType};

use super::Unloading;
use super::files::{Files, Naming};
use crate::Progress;
use crate::progress::Observer;
use crate::statement::Planning;
use crate::statement::perform::{Performed, named_rows};

impl Planning {
    /// Writes the rows as they are computed. If that fails the files that it
    /// wrote are removed again, except those that replaced others.
    pub(in crate::statement) async fn unload_rows(
        &self,
        unload: Unloading,
        id: QueryId,
        observer: &Observer,
    ) -> Result<Performed> {
        let asked = &unload.unload;
        let naming = Naming {
            path: unload.path.clone(),
            extension: unload.shape.extension(),
            query_id: asked.include_query_id.then_some(id),
            single: asked.single,
            max_file_bytes: asked.max_file_bytes,
            overwrite: asked.overwrite,
        };
        let mut files = Files::new(&unload.stage, &unload.shape, naming);
        let written = self.write_files(&unload, &mut files, observer).await;
        if let Err(error) = written {
            if !asked.overwrite {
                unload.stage.remove_written(&files.written).await;
            }
            return Err(error);
        }
        let rows = match asked.detailed_output {
            true => detailed(&unload, &files.written)?,
            false => summed(&files.written)?,
        };
        Ok(Performed::rows(rows))
    }

    async fn write_files(
        &self,
        unload: &Unloading,
        files: &mut Files<'_>,
        observer: &Observer,
    ) -> Result<()> {
        let mut rows = self.part(&unload.rows).await?;
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(from_datafusion)?;
            count += batch.num_rows() as u64;
            match unload.partitioned {
                true => files.write_partitioned(batch).await?,
                false => files.write(None, batch).await?,
            }
            observer.tell(Progress {
                what: "unloading".into(),
                done: files.written.len() as u64,
                total: None,
                rows: count,
            });
        }
        files.finish().await
    }
}

fn number(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

fn summed(files: &[WrittenFile]) -> Result<arrow::array::RecordBatch> {
    let sum = |of: fn(&WrittenFile) -> u64| number(std::iter::once(files.iter().map(of).sum()));
    named_rows(vec![
        ("rows_unloaded", SqlType::Integer, sum(|file| file.rows)),
        ("input_bytes", SqlType::Integer, sum(|file| file.input_bytes)),
        ("output_bytes", SqlType::Integer, sum(|file| file.output_bytes)),
    ])
}

/// One row per file, named below the path that the statement names.
fn detailed(unload: &Unloading, files: &[WrittenFile]) -> Result<arrow::array::RecordBatch> {
    let folder = unload.path.rsplit_once('/').map_or(0, |(folder, _)| folder.len() + 1);
    let names = files.iter().map(|file| file.path.get(folder..).unwrap_or(&file.path));
    let names: ArrayRef = Arc::new(StringViewArray::from_iter_values(names));
    named_rows(vec![
        ("FILE_NAME", SqlType::TEXT, names),
        ("FILE_SIZE", SqlType::Integer, number(files.iter().map(|file| file.output_bytes))),
        ("ROW_COUNT", SqlType::Integer, number(files.iter().map(|file| file.rows))),
    ])
}
