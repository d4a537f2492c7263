//! Reading files as a COPY would, and loading nothing.

use arrow::array::RecordBatch;
use icecore_snapshot::TableContent;
use icecore_types::{Error, Result};

use super::ahead::Ahead;
use super::block::Preparing;
use super::file::{abort, is_of_the_file, whole_file};
use super::judging::judge;
use super::known::KnownFiles;
use crate::{CopyPlan, CopyWatcher, Progress, Rejected};

/// What is asked of files that are only checked.
///
/// ```
/// assert_ne!(icecore_processed::CheckMode::Errors, icecore_processed::CheckMode::Rows(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckMode {
    /// So many rows, or the first error.
    Rows(u64),
    /// All errors of the files that are to be loaded.
    Errors,
    /// And of those that were loaded in part.
    AllErrors,
}

/// Reads the files of a plan as [`copy_into`](crate::copy_into) does, and
/// writes nothing: VALIDATION_MODE. Returns the rows that were asked for, in
/// the schema of the table's segments; the watcher is told of the errors. A
/// judge takes every file for one that is kept.
///
/// # Errors
/// With [`CheckMode::Rows`] the first bad record among the files up to the last
/// row that is returned, and a file that cannot be read; otherwise only what is
/// no fault of a file.
pub async fn check_files(
    plan: &CopyPlan,
    content: &TableContent,
    mode: CheckMode,
    watcher: &dyn CopyWatcher,
) -> Result<Vec<RecordBatch>> {
    let known = KnownFiles::new(plan, content);
    let files = match mode {
        CheckMode::AllErrors => known.not_loaded_well().await?,
        _ => known.not_loaded().await?,
    };
    let count = files.len();
    let mut ahead = Ahead::new(Preparing::new(plan)?, files);
    let (mut rows, mut wanted) = (Vec::new(), if let CheckMode::Rows(n) = mode { n } else { 0 });
    let (mut files_done, mut rows_parsed) = (0, 0);
    while let Some(mut reading) = ahead.next() {
        let name = reading.file.path.clone();
        while let Some(block) = reading.next().await {
            let mut block = match block {
                Ok(block) => block,
                Err(error) if is_of_the_file(&error) && !matches!(mode, CheckMode::Rows(_)) => {
                    watcher.rejected(vec![unreadable(&name, &error)]).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let judged = judge(plan, &reading.file, &mut block)?;
            let mut errors = judged.rejected;
            if let (CheckMode::Rows(_), Some(error)) = (mode, errors.first()) {
                return Err(abort(&reading.file, error, false));
            }
            errors.extend(judged.diverted.into_iter().flat_map(|diverted| diverted.errors));
            errors.sort_by_key(|error| error.row);
            let told = |error| Rejected { file: name.clone(), error };
            if !errors.is_empty() {
                watcher.rejected(errors.into_iter().map(told).collect()).await?;
            }
            let taken = usize::try_from(wanted).unwrap_or(usize::MAX).min(judged.rows.num_rows());
            if taken > 0 {
                rows.push(judged.rows.slice(0, taken));
                wanted -= taken as u64;
            }
            rows_parsed += block.rows_parsed;
            watcher.progress(Progress {
                file: name.clone(),
                files_done,
                files: count,
                rows_parsed,
            });
            if matches!(mode, CheckMode::Rows(_)) && wanted == 0 {
                return Ok(rows);
            }
        }
        if let Some(judge) = &plan.judge {
            judge.file_ended(true)?;
        }
        files_done += 1;
    }
    Ok(rows)
}

fn unreadable(file: &str, error: &Error) -> Rejected {
    Rejected { file: file.to_owned(), error: whole_file(error) }
}
