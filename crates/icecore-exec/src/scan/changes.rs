//! Which rows came and went between two versions of a table: found in the
//! lists of segments and the deleted rows of both, without reading a row.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion_datasource::source::DataSourceExec;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::ExecutionPlan;
use icecore_segment::{DeletionVector, SegmentStore};
use icecore_snapshot::TableContent;
use icecore_types::{ChunkRef, Deletes, Error, Result, SegmentId, SegmentRef};

use super::listing::{ListedSegment, Listing};
use super::{SegmentSource, TableScan};

/// Some of a table's rows, for [`plan_part_scan`].
///
/// ```
/// let nothing = icecore_exec::ScanPart::default();
/// assert_eq!(nothing.rows(), Some(0));
/// ```
#[derive(Clone, Debug)]
pub struct ScanPart(Part);

#[derive(Clone, Debug)]
enum Part {
    /// These.
    Only(Vec<ListedSegment>),
    /// All but those of these segments.
    Without(HashSet<SegmentId>),
}

impl Default for ScanPart {
    fn default() -> Self {
        Self(Part::Only(Vec::new()))
    }
}

impl ScanPart {
    /// All rows.
    pub fn everything() -> Self {
        Self(Part::Without(HashSet::new()))
    }

    /// How many rows it has, where that is known without its table.
    pub fn rows(&self) -> Option<u64> {
        match &self.0 {
            Part::Only(segments) => Some(segments.iter().map(ListedSegment::live_rows).sum()),
            Part::Without(_) => None,
        }
    }
}

/// The rows by which one version of a table differs from another, by segment
/// and position: a row that was rewritten is one that went and one that came,
/// with the same the row id.
///
/// ```
/// let nothing = icecore_exec::TableChanges::default();
/// assert_eq!((nothing.inserted.rows(), nothing.deleted.rows()), (Some(0), Some(0)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct TableChanges {
    /// Rows of the later version that the earlier one does not have.
    pub inserted: ScanPart,
    /// Rows of the earlier version that the later one does not have.
    pub deleted: ScanPart,
    /// Rows of the later version that the earlier one has.
    pub kept: ScanPart,
}

/// A segment of a version.
#[derive(Clone, Debug)]
struct Member {
    reference: Arc<SegmentRef>,
    deletes: Option<Deletes>,
}

type Members = HashMap<SegmentId, Member>;

/// What changed between two versions of one table. Chunks of the manifest that
/// both have are not read, unless a segment in them was touched.
///
/// # Errors
/// `Unsupported` if a row that was deleted is back, which no statement does;
/// what reading the manifest and the deleted rows fails with.
pub async fn table_changes(
    segments: &SegmentStore,
    from: &TableContent,
    to: &TableContent,
) -> Result<TableChanges> {
    let paths = |content: &TableContent| -> HashSet<Arc<str>> {
        content.chunks().map(|chunk| Arc::clone(&chunk.object.path)).collect()
    };
    let (then, now) = (paths(from), paths(to));
    let common: HashSet<Arc<str>> = then.intersection(&now).cloned().collect();
    let mut before = members(segments, from, &common).await?;
    let mut after = members(segments, to, &common).await?;
    touched_in_common(segments, (from, to), &common, (&mut before, &mut after)).await?;
    let mut changes = Found::default();
    for (id, member) in &after {
        match before.get(id) {
            None => {
                changes.new.insert(*id);
                changes.inserted.push(whole(member));
            }
            Some(earlier) if earlier.deletes != member.deletes => {
                changes.deleted.extend(fewer(segments, earlier, member).await?);
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(id, _)| !after.contains_key(id));
    changes.deleted.extend(gone.map(|(_, member)| whole(member)));
    Ok(changes.ordered())
}

#[derive(Default)]
struct Found {
    inserted: Vec<ListedSegment>,
    deleted: Vec<ListedSegment>,
    new: HashSet<SegmentId>,
}

impl Found {
    /// Rows come in the order of their ids, whatever map they were found in.
    fn ordered(mut self) -> TableChanges {
        for part in [&mut self.inserted, &mut self.deleted] {
            part.retain(|segment| segment.live_rows() > 0);
            part.sort_by_key(|segment| (segment.reference.first_row_id, segment.reference.id));
        }
        TableChanges {
            inserted: ScanPart(Part::Only(self.inserted)),
            deleted: ScanPart(Part::Only(self.deleted)),
            kept: ScanPart(Part::Without(self.new)),
        }
    }
}

fn whole(member: &Member) -> ListedSegment {
    ListedSegment {
        ordinal: 0,
        reference: Arc::clone(&member.reference),
        deletes: member.deletes.clone(),
        hidden: None,
        statistics: None,
    }
}

/// The rows of a segment that went between two versions which both have it.
async fn fewer(
    segments: &SegmentStore,
    earlier: &Member,
    later: &Member,
) -> Result<Option<ListedSegment>> {
    let (then, now) = (vector(segments, earlier).await?, vector(segments, later).await?);
    if !then.without(&now).is_empty() {
        return Err(Error::unsupported("changes of a table whose deleted rows came back"));
    }
    let gone = now.without(&then);
    if gone.is_empty() {
        return Ok(None);
    }
    let rows = u32::try_from(earlier.reference.rows)
        .map_err(|_| Error::corrupted("a segment of too many rows"))?;
    let hidden = Some(Arc::new(gone.inverted(rows)));
    Ok(Some(ListedSegment { deletes: None, hidden, ..whole(earlier) }))
}

async fn vector(segments: &SegmentStore, member: &Member) -> Result<Arc<DeletionVector>> {
    match &member.deletes {
        Some(deletes) => segments.read_deletes(deletes).await,
        None => Ok(Arc::default()),
    }
}

/// The segments of a version, without those in the chunks that are skipped.
async fn members(
    segments: &SegmentStore,
    content: &TableContent,
    skipped: &HashSet<Arc<str>>,
) -> Result<Members> {
    let mut found = Members::new();
    for chunk in content.chunks().filter(|chunk| !skipped.contains(&chunk.object.path)) {
        add_chunk(segments, content, chunk, |_| true, &mut found).await?;
    }
    for reference in content.unfolded() {
        let deletes = content.deletes(reference.id).cloned();
        found.insert(reference.id, Member { reference: Arc::clone(reference), deletes });
    }
    Ok(found)
}

async fn add_chunk(
    segments: &SegmentStore,
    content: &TableContent,
    chunk: &ChunkRef,
    wanted: impl Fn(SegmentId) -> bool,
    found: &mut Members,
) -> Result<()> {
    let chunk = segments.open_chunk(chunk).await?;
    for index in 0..chunk.len() {
        let reference = chunk.segment(index)?;
        if content.is_removed(reference.id) || !wanted(reference.id) {
            continue;
        }
        let deletes = match content.deletes(reference.id) {
            Some(deletes) => Some(deletes.clone()),
            None => chunk.deletes(index)?,
        };
        found.insert(reference.id, Member { reference, deletes });
    }
    Ok(())
}

/// Adds the segments of the chunks that both versions have which lost rows, or
/// all of them, in between.
async fn touched_in_common(
    segments: &SegmentStore,
    (from, to): (&TableContent, &TableContent),
    common: &HashSet<Arc<str>>,
    (before, after): (&mut Members, &mut Members),
) -> Result<()> {
    let known = |id: &SegmentId| before.contains_key(id) || after.contains_key(id);
    let mut touched: HashSet<SegmentId> = HashSet::new();
    for (id, _) in from.all_deletes().chain(to.all_deletes()) {
        if from.deletes(id) != to.deletes(id) && !known(&id) {
            touched.insert(id);
        }
    }
    for id in from.removed().chain(to.removed()).map(|removed| removed.id) {
        if from.is_removed(id) != to.is_removed(id) && !known(&id) {
            touched.insert(id);
        }
    }
    if touched.is_empty() {
        return Ok(());
    }
    for chunk in from.chunks().filter(|chunk| common.contains(&chunk.object.path)) {
        add_chunk(segments, from, chunk, |id| touched.contains(&id), before).await?;
        add_chunk(segments, to, chunk, |id| touched.contains(&id), after).await?;
    }
    Ok(())
}

/// Plans a scan of a part of a table's rows, as [`plan_scan`](super::plan_scan)
/// of all of them. The part must be one of the content that `scan` has, or,
/// for rows that went, of an earlier one of the same table.
///
/// # Errors
/// As [`plan_scan`](super::plan_scan).
pub async fn plan_part_scan(
    scan: Arc<TableScan>,
    part: &ScanPart,
    projection: Option<&Vec<usize>>,
    filters: &[Arc<dyn PhysicalExpr>],
    (partitions, batch_size): (usize, usize),
) -> Result<Arc<dyn ExecutionPlan>> {
    let listing = match &part.0 {
        Part::Only(segments) => Listing::of(segments.clone()),
        Part::Without(excluded) => {
            Listing::read(&scan, filters).await?.without(&scan, excluded).await?
        }
    };
    let partitions = listing.worthwhile_partitions(partitions);
    let source = SegmentSource::new(scan, Arc::new(listing), projection, filters)?
        .with_partitions(partitions)
        .with_batch_size(batch_size);
    Ok(DataSourceExec::from_data_source(source))
}

#[cfg(test)]
mod tests;
