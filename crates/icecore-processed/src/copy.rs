//! Running a COPY.

use icecore_segment::SegmentStore;
use icecore_snapshot::TableContent;
use icecore_types::Result;

use crate::{CopyOutcome, CopyPlan, Progress};

/// Loads the files of a plan that are not loaded yet, and says what is to be
/// committed for it. Nothing is visible before that.
///
/// # Errors
/// With `ABORT_STATEMENT` the first bad row; the stage's and the store's.
pub async fn copy_into(
    plan: &CopyPlan,
    content: &TableContent,
    segments: &SegmentStore,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<CopyOutcome> {
    let _ = (plan, content, segments, progress);
    todo!()
}
