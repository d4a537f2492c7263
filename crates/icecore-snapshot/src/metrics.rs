//! Who pays for which stored bytes. Bytes belong to the table that first wrote
//! them, whoever else reads them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use icecore_types::{ObjectId, ObjectKind, SegmentId, Timestamp};

use crate::head::{Changes, Head};
use crate::{Object, TableContent};

/// The stored bytes of rows that a table first wrote, by why they are kept.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// use icecore_snapshot::{Account, OpenOptions};
/// use icecore_types::AccountId;
/// use std::time::Duration;
///
/// let account = Account::open(env.clone(), AccountId::from_bits(1), OpenOptions::default()).await?;
/// let day = Duration::from_secs(24 * 3600);
/// assert!(account.head().storage_metrics(env.clock.now(), |_| day).is_empty(), "no tables yet");
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageMetrics {
    /// The table, live or dropped.
    pub table: ObjectId,
    /// Its oldest ancestor among clones.
    pub clone_group: ObjectId,
    /// Of rows that are in it now.
    pub active_bytes: u64,
    /// Of rows that are only in versions of it inside its retention.
    pub time_travel_bytes: u64,
    /// Of rows that only other tables, its clones, still have.
    pub retained_for_clone_bytes: u64,
}

/// Why bytes are kept; the best reason counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Clone,
    Travel,
    Active,
}

/// A state of a table that is still kept.
struct Kept {
    table: ObjectId,
    content: Arc<TableContent>,
    is_current: bool,
}

/// Each kept segment: its owner, its bytes, why it is kept.
#[derive(Default)]
struct Tally(HashMap<SegmentId, (ObjectId, u64, Use)>);

impl Head {
    /// The storage of each table, live and dropped, ordered by id: what is
    /// kept at `now`, if changed and dropped content is kept for as long as
    /// `retention` says of a table. The rows of a quarantine are its table's.
    pub fn storage_metrics(
        &self,
        now: Timestamp,
        retention: impl Fn(&Object) -> Duration,
    ) -> Vec<StorageMetrics> {
        let holders = || self.objects().filter(|object| object.kind().has_rows());
        let kept: Vec<Kept> =
            holders().flat_map(|holder| self.kept(holder, now, retention(holder))).collect();
        let mut tally = Tally::default();
        kept.iter().for_each(|state| tally.count(state));
        let bytes = tally.by_owner(|owner| self.payer(owner));
        let of = |table: ObjectId, use_: Use| bytes.get(&(table, use_)).copied().unwrap_or(0);
        holders()
            .filter(|holder| holder.kind() != ObjectKind::Quarantine)
            .map(|table| StorageMetrics {
                table: table.id(),
                clone_group: table.clone_group(),
                active_bytes: of(table.id(), Use::Active),
                time_travel_bytes: of(table.id(), Use::Travel),
                retained_for_clone_bytes: of(table.id(), Use::Clone),
            })
            .collect()
    }

    /// The table that is charged for what an object holds.
    fn payer(&self, holder: ObjectId) -> ObjectId {
        match self.object(holder) {
            Some(object) if object.kind() == ObjectKind::Quarantine => {
                object.parent().unwrap_or(holder)
            }
            _ => holder,
        }
    }

    /// The states of a table that may still be read, the latest first. Those of
    /// which all is in the next later state too are left out: that one counts
    /// for them, and what it is used for is the same or better.
    fn kept(&self, table: &Object, now: Timestamp, retention: Duration) -> Vec<Kept> {
        let mut ended = table.dropped().map(|dropped| dropped.at());
        let mut later: Option<Changes> = None;
        let mut kept = Vec::new();
        let Some(history) = self.tables.get(&table.id()) else { return kept };
        for (place, version, changes) in history.newest_first() {
            if ended.is_some_and(|ended| ended.plus(retention) <= now) {
                break;
            }
            if later != Some(Changes::APPEND)
                && let Some(content) = history.content(place)
            {
                kept.push(Kept { table: table.id(), content, is_current: ended.is_none() });
            }
            later = Some(changes);
            ended = self.time_of(version);
        }
        kept
    }
}

impl Kept {
    fn reason(&self, owner: ObjectId) -> Use {
        match (owner == self.table, self.is_current) {
            (false, _) => Use::Clone,
            (true, false) => Use::Travel,
            (true, true) => Use::Active,
        }
    }
}

impl Tally {
    fn count(&mut self, state: &Kept) {
        let content = &state.content;
        for segment in content.unfolded() {
            self.note(segment.id, segment.table, segment.stored_bytes(), state);
        }
        for folded in content.folded() {
            for (segment, bytes) in folded.segments.iter() {
                if !content.is_removed(*segment) {
                    self.note(*segment, folded.table, *bytes, state);
                }
            }
        }
    }

    fn note(&mut self, segment: SegmentId, owner: ObjectId, bytes: u64, state: &Kept) {
        let reason = state.reason(owner);
        let entry = self.0.entry(segment).or_insert((owner, bytes, reason));
        entry.2 = entry.2.max(reason);
    }

    fn by_owner(self, payer: impl Fn(ObjectId) -> ObjectId) -> BTreeMap<(ObjectId, Use), u64> {
        let mut total: BTreeMap<(ObjectId, Use), u64> = BTreeMap::new();
        for (owner, bytes, reason) in self.0.into_values() {
            *total.entry((payer(owner), reason)).or_default() += bytes;
        }
        total
    }
}
