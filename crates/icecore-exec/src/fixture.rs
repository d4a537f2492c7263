//! A table on an account in memory, for the tests of this crate.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, StringViewArray};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use datafusion_datasource::memory::MemorySourceConfig;
use datafusion_datasource::source::DataSourceExec;
use datafusion_execution::TaskContext;
use datafusion_execution::config::SessionConfig;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::common::collect;
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_segment::{ColumnCache, SegmentStore, WriteOptions};
use icecore_snapshot::{
    Account, ChunkWriter, FoldedSegment, OpenOptions, TableContent, Transaction, Update,
};
use icecore_testkit::test_env;
use icecore_types::{
    AccountId, Body, ByteSize, ChunkRef, ColumnId, Name, ObjectId, ObjectKind, Result,
    TransactionId,
};
use object_store::memory::InMemory;

use crate::permit::permitted;
use crate::scan::SegmentSource;
use crate::{Changes, ChangesSlot, ScanColumn, TableScan, WriteExec, WriteKind, WriteTarget};

pub(crate) const TABLE: ObjectId = ObjectId::from_bits(3);

/// ID INT, NAME VARCHAR, X FLOAT.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) struct Row(pub(crate) i64, pub(crate) Option<String>, pub(crate) Option<f64>);

pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) segments: SegmentStore,
    pub(crate) options: WriteOptions,
}

impl World {
    /// An empty table whose segments have at most 64 rows, in row groups of 16.
    pub(crate) async fn new() -> Self {
        let env = test_env(Arc::new(InMemory::new()));
        let id = AccountId::from_bits(1);
        let account = Account::open(env.clone(), id, OpenOptions::default()).await.unwrap();
        let names = account.clone();
        let segments = SegmentStore::new(
            env.store,
            account.root().clone(),
            Arc::new(move || names.next_segment_id()),
            Arc::new(ColumnCache::new(ByteSize::mib(16))),
        );
        let options = WriteOptions {
            segment_rows: 64,
            row_group_rows: 16,
            inline_bytes: ByteSize::bytes(0),
            ..WriteOptions::default()
        };
        let world = Self { account, segments, options };
        world.create().await;
        world
    }

    async fn create(&self) {
        let create = |bits, kind, parent: Option<u128>| Update::CreateObject {
            id: ObjectId::from_bits(bits),
            kind,
            parent: parent.map(ObjectId::from_bits),
            name: Name::unquoted("a"),
            owner: ObjectId::from_bits(1),
            body: Body::default(),
        };
        self.commit(vec![
            create(1, ObjectKind::Database, None),
            create(2, ObjectKind::Schema, Some(1)),
            create(3, ObjectKind::Table, Some(2)),
        ])
        .await;
    }

    pub(crate) async fn commit(&self, updates: Vec<Update>) {
        let id = TransactionId::from_bits(self.account.env().ids.next());
        let transaction = Transaction::new(id, self.account.head().version());
        let transaction = updates.into_iter().fold(transaction, Transaction::update);
        self.account.commit(transaction).await.unwrap();
    }

    pub(crate) fn content(&self) -> Arc<TableContent> {
        Arc::clone(self.account.head().content(TABLE).unwrap())
    }

    pub(crate) fn columns() -> Vec<ScanColumn> {
        rows_schema()
            .fields()
            .iter()
            .zip(1..)
            .map(|(field, id)| ScanColumn {
                id: ColumnId::new(id),
                field: Arc::clone(field),
                value_before: None,
            })
            .collect()
    }

    pub(crate) fn scan(&self, positions: bool) -> Arc<TableScan> {
        Arc::new(TableScan {
            table: TABLE,
            name: "T".into(),
            segments: self.segments.clone(),
            content: self.content(),
            columns: Self::columns(),
            positions,
        })
    }

    /// A plan over the whole table that has this many partitions.
    pub(crate) async fn plan(
        &self,
        filters: &[Arc<dyn PhysicalExpr>],
        (partitions, batch_size): (usize, usize),
    ) -> Arc<dyn ExecutionPlan> {
        partitioned(self.scan(false), filters, (partitions, batch_size)).await
    }

    fn target(&self, scan: Option<Arc<TableScan>>) -> WriteTarget {
        let stored = |(field, id): (&Arc<Field>, u32)| {
            Field::new(ColumnId::new(id).stored_name(), field.data_type().clone(), true)
        };
        let fields: Vec<_> = rows_schema().fields().iter().zip(1..).map(stored).collect();
        WriteTarget {
            table: TABLE,
            segments: self.segments.clone(),
            schema: Arc::new(Schema::new(fields)),
            options: self.options.clone(),
            scan,
            judge: None,
        }
    }

    /// Runs a write and commits it.
    pub(crate) async fn write(
        &self,
        input: Arc<dyn ExecutionPlan>,
        kind: WriteKind,
        scan: Option<Arc<TableScan>>,
    ) -> Changes {
        let slot = ChangesSlot::default();
        let plan = WriteExec::new(input, kind, self.target(scan), slot.clone()).unwrap();
        let answer = run(&plan).await;
        let changes = slot.take().unwrap();
        assert_eq!(answer[0].column(0).as_primitive::<UInt64Type>().value(0), changes.rows);
        let mut updates = Vec::new();
        let Changes { segments, deletes, removed, .. } = changes.clone();
        if !segments.is_empty() {
            updates.push(Update::Append { table: TABLE, segments });
        }
        if !deletes.is_empty() {
            updates.push(Update::SetDeletes { table: TABLE, deletes });
        }
        if !removed.is_empty() {
            updates.push(Update::RemoveSegments { table: TABLE, segments: removed });
        }
        if !updates.is_empty() {
            self.commit(updates).await;
        }
        changes
    }

    pub(crate) async fn append(&self, rows: &[Row]) {
        let batches: Vec<_> = rows.chunks(50).map(batch).collect();
        if !batches.is_empty() {
            self.write(memory(&[batches]), WriteKind::Append, None).await;
        }
    }

    /// Deletes the rows for which `goes` holds.
    pub(crate) async fn delete(&self, goes: impl Fn(&Row) -> bool) -> Changes {
        let scan = self.scan(true);
        let places = self.places(&scan, goes).await;
        let places = places.iter().map(|batch| batch.project(&[3, 4]).unwrap()).collect();
        self.write(memory(&[places]), WriteKind::Delete, Some(scan)).await
    }

    /// The rows for which `holds`, with their places behind them.
    pub(crate) async fn places(
        &self,
        scan: &Arc<TableScan>,
        holds: impl Fn(&Row) -> bool,
    ) -> Vec<RecordBatch> {
        let plan = partitioned(Arc::clone(scan), &[], (1, 8192)).await;
        let mut found = vec![RecordBatch::new_empty(scan.schema())];
        for batch in run(plan.as_ref()).await {
            let kept: Vec<_> = rows_of(&batch).iter().map(&holds).collect();
            found.push(arrow::compute::filter_record_batch(&batch, &kept.into()).unwrap());
        }
        found
    }

    pub(crate) async fn fold(&self) {
        self.account.fold(TABLE, 0, self).await.unwrap().unwrap();
    }
}

impl ChunkWriter for World {
    fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<FoldedSegment>,
    ) -> BoxFuture<'_, Result<ChunkRef>> {
        self.segments.write_chunk(table, segments).boxed()
    }
}

/// A plan with exactly this many partitions, whether they are worth it or not.
pub(crate) async fn partitioned(
    scan: Arc<TableScan>,
    filters: &[Arc<dyn PhysicalExpr>],
    (partitions, batch_size): (usize, usize),
) -> Arc<dyn ExecutionPlan> {
    let plan = crate::plan_scan(scan, None, filters, None, partitions, batch_size).await.unwrap();
    let source = source(&plan).clone().with_partitions(partitions);
    DataSourceExec::from_data_source(source)
}

pub(crate) fn source(plan: &Arc<dyn ExecutionPlan>) -> &SegmentSource {
    plan.downcast_ref::<DataSourceExec>()
        .unwrap()
        .data_source()
        .downcast_ref::<SegmentSource>()
        .unwrap()
}

pub(crate) fn rows_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("ID", DataType::Int64, false),
        Field::new("NAME", DataType::Utf8View, true),
        Field::new("X", DataType::Float64, true),
    ]))
}

/// Rows with these ids, some of whose other values are missing.
pub(crate) fn some_rows(ids: std::ops::Range<i64>) -> Vec<Row> {
    ids.map(|id| {
        let name = (id % 7 != 3).then(|| format!("name of row {id}"));
        Row(id, name, (id % 5 != 1).then_some(id as f64 / 4.0))
    })
    .collect()
}

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    RecordBatch::try_new(
        rows_schema(),
        vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.1.clone()))),
            Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2))),
        ],
    )
    .unwrap()
}

pub(crate) fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let ids = batch.column(0).as_primitive::<Int64Type>();
    let names = batch.column(1).as_string_view();
    let xs = batch.column(2).as_primitive::<Float64Type>();
    (0..batch.num_rows())
        .map(|i| {
            let name = names.is_valid(i).then(|| names.value(i).to_owned());
            Row(ids.value(i), name, xs.is_valid(i).then(|| xs.value(i)))
        })
        .collect()
}

pub(crate) fn sorted(batches: &[RecordBatch]) -> Vec<Row> {
    let mut rows: Vec<_> = batches.iter().flat_map(rows_of).collect();
    rows.sort_by_key(|row| row.0);
    rows
}

/// The places of rows: segment, position.
pub(crate) fn places_of(batch: &RecordBatch) -> Vec<(u32, u32)> {
    let column = |index| batch.column(index).as_primitive::<UInt32Type>().values().clone();
    column(3).iter().copied().zip(column(4).iter().copied()).collect()
}

pub(crate) fn memory(partitions: &[Vec<RecordBatch>]) -> Arc<dyn ExecutionPlan> {
    let schema = partitions.iter().flatten().next().map(RecordBatch::schema);
    MemorySourceConfig::try_new_exec(partitions, schema.unwrap_or_else(rows_schema), None).unwrap()
}

pub(crate) fn context() -> Arc<TaskContext> {
    permitted(Arc::default())
}

pub(crate) fn context_with_batch_size(batch_size: usize) -> Arc<TaskContext> {
    let config = SessionConfig::new().with_batch_size(batch_size);
    permitted(Arc::new(TaskContext::default().with_session_config(config)))
}

/// All batches of all partitions, which are begun in order and run together.
pub(crate) async fn run(plan: &dyn ExecutionPlan) -> Vec<RecordBatch> {
    run_with(plan, &context()).await
}

pub(crate) async fn run_with(
    plan: &dyn ExecutionPlan,
    context: &Arc<TaskContext>,
) -> Vec<RecordBatch> {
    let partitions = plan.properties().output_partitioning().partition_count();
    let streams: Vec<_> = (0..partitions)
        .map(|partition| collect(plan.execute(partition, Arc::clone(context)).unwrap()))
        .collect();
    futures::future::try_join_all(streams).await.unwrap().concat()
}
