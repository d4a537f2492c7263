//! Tables with as many segments as one likes, of which only the metadata is
//! there: what a commit, a clone or a plan does must not read their rows.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_segment::{ColumnCache, ColumnStatistics, Scalar, SegmentStore, Statistics};
use icecore_snapshot::{Account, ChunkWriter, FoldedSegment, OpenOptions, Transaction, Update};
use icecore_types::{
    AccountId, ByteSize, ChunkRef, ColumnId, Hash, Name, NameSpace, ObjectId, ObjectRef, Result,
    RowId, SegmentId, SegmentLocation, SegmentRef, TransactionId,
};
use object_store::ObjectStore;

use crate::Outcome;
use crate::counted::{Counted, env};

/// The table of [`fake_segments`], in the default schema.
pub const FAKED_TABLE: &str = "T";

/// Rows of a faked segment.
const ROWS: u64 = 1 << 20;

/// The account that an engine opens.
const ACCOUNT: AccountId = AccountId::from_bits(1);

/// Makes an account on an empty store whose table [`FAKED_TABLE`] (N INT) has
/// this many segments, all of them in manifest chunks. Their statistics are
/// real and ascending, the objects with their rows are missing.
///
/// # Errors
/// The engine's, and if the store is not empty.
pub async fn fake_segments(store: &Arc<dyn ObjectStore>, segments: u64) -> Outcome {
    let world = Counted::open(Arc::clone(store)).await?;
    world.session.execute(&format!("CREATE TABLE {FAKED_TABLE} (n INT)")).await?;
    drop(world);
    let account = Account::open(env(Arc::clone(store)), ACCOUNT, OpenOptions::default()).await?;
    let table = find(&account)?;
    let references =
        (0..segments).map(|at| reference(account.next_segment_id(), table, at)).collect();
    let id = TransactionId::from_bits(account.env().ids.next());
    let append = Update::Append { table, segments: references };
    account.commit(Transaction::new(id, account.head().version()).update(append)).await?;
    let chunks = Chunks::new(&account);
    account.fold(table, 0, &chunks).await?.ok_or("nothing was folded")?;
    // Opening is then one read of a checkpoint, however long the record was.
    account.checkpoint().await?;
    Ok(())
}

fn find(account: &Account) -> Outcome<ObjectId> {
    let head = account.head();
    let mut parent = None;
    let path = [
        (NameSpace::Database, "ICECORE"),
        (NameSpace::Schema, "PUBLIC"),
        (NameSpace::Relation, FAKED_TABLE),
    ];
    for (space, name) in path {
        let found = head.lookup(parent, space, &Name::quoted(name));
        parent = Some(found.ok_or_else(|| format!("no {name}"))?.id());
    }
    parent.ok_or_else(|| "no table".into())
}

fn reference(id: SegmentId, table: ObjectId, at: u64) -> SegmentRef {
    let first = (at * ROWS) as i64;
    let column = ColumnStatistics {
        min: Some(Scalar::Integer(first)),
        max: Some(Scalar::Integer(first + ROWS as i64 - 1)),
        min_exact: true,
        max_exact: true,
        distinct: Some(ROWS),
        total_bytes: 8 * ROWS,
        ..ColumnStatistics::default()
    };
    let columns = [(ColumnId::new(1), column)].into_iter().collect();
    SegmentRef {
        id,
        table,
        rows: ROWS,
        first_row_id: RowId::new(0),
        location: SegmentLocation::Object {
            object: ObjectRef {
                path: format!("segment/{}/{id}.parquet", id.spread()).into(),
                size_bytes: 3 << 20,
                hash: Hash::of(&at.to_be_bytes()),
            },
            footer_bytes: 4_096,
            footer_hash: Hash::of(&at.to_le_bytes()),
        },
        statistics: Statistics { rows: ROWS, columns }.encode(),
    }
}

/// Writes manifest chunks as the engine does.
struct Chunks(SegmentStore);

impl Chunks {
    fn new(account: &Account) -> Self {
        let names = account.clone();
        Self(SegmentStore::new(
            Arc::clone(&account.env().store),
            account.root().clone(),
            Arc::new(move || names.next_segment_id()),
            Arc::new(ColumnCache::new(ByteSize::mib(1))),
        ))
    }
}

impl ChunkWriter for Chunks {
    fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<FoldedSegment>,
    ) -> BoxFuture<'_, Result<ChunkRef>> {
        self.0.write_chunk(table, segments).boxed()
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_faked_table_plans_and_counts_without_its_rows() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        fake_segments(&store, 10).await.unwrap();
        let world = Counted::open(store).await.unwrap();
        let rows = world.session.execute("SELECT COUNT(*), MAX(n) FROM t").await.unwrap();
        let rows = rows.texts().await.unwrap();
        let last = (10 * ROWS - 1).to_string();
        assert_eq!(rows, [[Some((10 * ROWS).to_string()), Some(last)]]);
        let put = world.one_put("CREATE TABLE u CLONE t").await.unwrap();
        assert!(put.bytes < 1_024);
    }
}
