mod judged;
mod transformed;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_raw::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, StageFiles, TargetColumn, check_format,
};
use icecore_segment::{ColumnCache, WriteOptions};
use icecore_snapshot::{Account, OpenOptions, Transaction};
use icecore_testkit::TestEnv;
use icecore_types::{
    AccountId, Body, ByteSize, Code, ColumnId, Error, ErrorKind, Name, ObjectId, ObjectKind,
    QueryId, SqlType, TableDefinition, Timestamp, TransactionId,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use parking_lot::Mutex;

use super::*;
use crate::{
    Again, Diversion, Diverted, DivertedRows, FieldValues, FileMetadata, MetadataColumn, OnError,
    Refusal, RefusedRow, Rejected, RowJudge, Transform, TransformedColumn,
};

const TABLE: ObjectId = ObjectId::from_bits(3);

/// A table `T(ID INT NOT NULL, NAME VARCHAR(8), N INT)` and a stage.
struct World {
    account: Account,
    segments: SegmentStore,
    stage: StageFiles,
    statements: u128,
    told: Arc<Told>,
}

/// What a COPY told.
#[derive(Default)]
struct Told {
    steps: Mutex<Vec<Progress>>,
    rejected: Mutex<Vec<Rejected>>,
}

impl CopyWatcher for Told {
    fn progress(&self, step: Progress) {
        self.steps.lock().push(step);
    }

    fn rejected(&self, rows: Vec<Rejected>) -> BoxFuture<'_, Result<()>> {
        self.rejected.lock().extend(rows);
        async { Ok(()) }.boxed()
    }
}

impl World {
    async fn new() -> Self {
        let env = TestEnv::new(Arc::new(InMemory::new()), 1).env;
        let account = Account::open(env.clone(), AccountId::from_bits(9), OpenOptions::default())
            .await
            .unwrap();
        let make = |id: u128, kind, parent: Option<u128>, name: &str| Update::CreateObject {
            id: ObjectId::from_bits(id),
            kind,
            parent: parent.map(ObjectId::from_bits),
            name: Name::unquoted(name),
            owner: ObjectId::from_bits(1),
            body: Body::of(&TableDefinition::default()).unwrap(),
        };
        let transaction = Transaction::new(TransactionId::from_bits(1), account.head().version())
            .update(make(1, ObjectKind::Database, None, "D"))
            .update(make(2, ObjectKind::Schema, Some(1), "S"))
            .update(make(3, ObjectKind::Table, Some(2), "T"));
        account.commit(transaction).await.unwrap();
        let names = account.clone();
        let segments = SegmentStore::new(
            env.store.clone(),
            account.root().clone(),
            Arc::new(move || names.next_segment_id()),
            Arc::new(ColumnCache::new(ByteSize::mib(16))),
        );
        let stage = StageFiles::new(env.store, Path::from("stage/7"), "landing".to_owned());
        Self { account, segments, stage, statements: 0, told: Arc::default() }
    }

    async fn put(&self, path: &str, text: &str) {
        self.stage.put_bytes(path, text.as_bytes().to_vec()).await.unwrap();
    }

    async fn plan(&mut self, on_error: OnError) -> CopyPlan {
        self.statements += 1;
        let column = |ordinal: usize, name: &str, sql_type, not_null| TargetColumn {
            name: name.to_owned(),
            ordinal,
            sql_type,
            not_null,
            output: ordinal.to_string(),
        };
        let columns = vec![
            column(1, "ID", SqlType::Integer, true),
            column(2, "NAME", SqlType::Varchar { length: 8 }, false),
            column(3, "N", SqlType::Integer, false),
        ];
        let format =
            check_format(&[("FIELD_OPTIONALLY_ENCLOSED_BY".to_owned(), vec!["\"".to_owned()])]);
        CopyPlan {
            table: TABLE,
            target: Arc::new(FileTarget::new("T", columns)),
            schema: Arc::new(Schema::new(vec![
                Field::new("1", DataType::Int64, false),
                Field::new("2", DataType::Utf8View, true),
                Field::new("3", DataType::Int64, true),
            ])),
            transform: None,
            defaults: Vec::new(),
            metadata: Vec::new(),
            truncated: Vec::new(),
            size_limit: None,
            again: Again::IfNotKnown,
            judge: None,
            diversion: None,
            files: self.stage.list("", None).await.unwrap(),
            stage: self.stage.clone(),
            format: FileFormat::from_definition(&format.unwrap()).unwrap(),
            on_error,
            query_id: QueryId::from_bits(self.statements),
            now: self.account.env().clock.now(),
            read: ReadOptions { block_bytes: ByteSize::bytes(16), threads: 2 },
            write: WriteOptions::default(),
        }
    }

    /// Runs a plan and commits what it says.
    async fn run(&self, plan: CopyPlan) -> Result<CopyOutcome> {
        let head = self.account.head();
        let content = head.content(TABLE).unwrap();
        let outcome = copy_into(&plan, content, &self.segments, &*self.told).await?;
        if let Some(update) = outcome.update.clone() {
            let id = TransactionId::from_bits(1000 + plan.query_id.to_bits());
            let transaction = Transaction::new(id, head.version()).update(update);
            self.account.commit(transaction).await?;
        }
        Ok(outcome)
    }

    async fn copy(&mut self, on_error: OnError) -> Result<CopyOutcome> {
        let plan = self.plan(on_error).await;
        self.run(plan).await
    }

    fn told(&self) -> Vec<Rejected> {
        self.told.rejected.lock().clone()
    }

    /// The ids that are in the table, in order of the rows.
    async fn ids(&self) -> Vec<i64> {
        let head = self.account.head();
        let mut ids = Vec::new();
        let mut segments: Vec<_> = head.content(TABLE).unwrap().unfolded().cloned().collect();
        segments.sort_by_key(|segment| segment.first_row_id);
        for segment in segments {
            let segment = self.segments.open(&segment).await.unwrap();
            for group in 0..segment.row_groups().len() {
                let columns =
                    self.segments.read(&segment, group, &[ColumnId::new(1)]).await.unwrap();
                let column = columns[0].as_ref().unwrap();
                ids.extend_from_slice(column.as_primitive::<Int64Type>().values());
            }
        }
        ids
    }
}

fn statuses(outcome: &CopyOutcome) -> Vec<(&str, &str, u64, u64, u64, u64)> {
    let row = |file: &'_ crate::FileResult| {
        (
            file.status.as_str(),
            file.rows_parsed,
            file.rows_loaded,
            file.error_limit,
            file.errors_seen,
        )
    };
    outcome
        .files
        .iter()
        .map(|file| {
            let (status, parsed, loaded, limit, seen) = row(file);
            (file.file.as_str(), status, parsed, loaded, limit, seen)
        })
        .collect()
}

/// Rows 1 and 4 are malformed.
const MALFORMED: &str = "1,a,1,extra\n2,b,2\n3,c,3\n4,\"d\"x,4\n5,e,5\n";

#[tokio::test]
async fn a_skipped_file_is_tried_again_and_good_ones_are_not() {
    let mut world = World::new().await;
    world.put("bad.csv", MALFORMED).await;
    world.put("good.csv", "7,g,7\n8,h,8\n").await;
    let outcome = world.copy(OnError::SkipFile).await.unwrap();
    assert_eq!(
        statuses(&outcome),
        [("bad.csv", "LOAD_FAILED", 5, 0, 1, 2), ("good.csv", "LOADED", 2, 2, 1, 0)]
    );
    assert_eq!(world.ids().await, [7, 8]);
    let again = world.copy(OnError::SkipFile).await.unwrap();
    assert_eq!(statuses(&again), [("bad.csv", "LOAD_FAILED", 5, 0, 1, 2)]);
    assert!(again.update.is_none());
    assert_eq!(world.ids().await, [7, 8]);
}

#[tokio::test]
async fn good_rows_are_loaded_if_it_is_to_continue() {
    let mut world = World::new().await;
    world.put("bad.csv", MALFORMED).await;
    let outcome = world.copy(OnError::Continue).await.unwrap();
    assert_eq!(statuses(&outcome), [("bad.csv", "PARTIALLY_LOADED", 5, 3, 5, 2)]);
    let codes: Vec<_> = world.told().iter().map(|r| r.error.code.number()).collect();
    assert_eq!(codes, ["100080", "100016"]);
    let file = &outcome.files[0];
    assert!(file.first_error.as_ref().unwrap().starts_with("Number of columns in file (4)"));
    assert_eq!((file.first_error_line, file.first_error_character), (Some(1), Some(6)));
    assert_eq!(file.first_error_column_name.as_deref(), Some("\"T\"[4]"));
    assert_eq!(world.ids().await, [2, 3, 5]);
    // A file that was loaded in part was loaded.
    assert!(world.copy(OnError::Continue).await.unwrap().files.is_empty());
}

#[tokio::test]
async fn the_first_bad_row_aborts_with_its_place() {
    let mut world = World::new().await;
    world.put("a.csv", "1,a,1\n2,b,2\n").await;
    world.put("b.csv", "3,c,3\n4,d,x\n5,e,y\n").await;
    let error = world.copy(OnError::AbortStatement).await.unwrap_err();
    assert_eq!(error.code(), Code::NOT_A_NUMBER);
    assert_eq!(
        error.message(),
        "Numeric value 'x' is not recognized\n  File 'b.csv', line 2, character 5\n  Row 2 \
         starts at line 2, column \"T\"[\"N\":3]\n  If you would like to continue loading when \
         an error is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' for the \
         ON_ERROR option."
    );
    assert!(world.ids().await.is_empty());
    world.put("b.csv", "3,c,3\n").await;
    let outcome = world.copy(OnError::AbortStatement).await.unwrap();
    assert_eq!(
        statuses(&outcome),
        [("a.csv", "LOADED", 2, 2, 1, 0), ("b.csv", "LOADED", 1, 1, 1, 0)]
    );
    assert_eq!(world.ids().await, [1, 2, 3]);
}

#[tokio::test]
async fn a_file_is_loaded_once_until_it_changes() {
    let mut world = World::new().await;
    world.put("a.csv", "1,a,1\n").await;
    assert_eq!(world.copy(OnError::AbortStatement).await.unwrap().files.len(), 1);
    let nothing = world.copy(OnError::AbortStatement).await.unwrap();
    assert!(nothing.files.is_empty() && nothing.update.is_none());
    // Put again with the same content: still known.
    world.put("a.csv", "1,a,1\n").await;
    assert!(world.copy(OnError::AbortStatement).await.unwrap().files.is_empty());
    // Other content, of the same length.
    world.put("a.csv", "2,a,1\n").await;
    assert_eq!(world.copy(OnError::AbortStatement).await.unwrap().files.len(), 1);
    assert_eq!(world.ids().await, [1, 2]);
    // And back to the content that was loaded first.
    world.put("a.csv", "1,a,1\n").await;
    assert!(world.copy(OnError::AbortStatement).await.unwrap().files.is_empty());
    let mut forced = world.plan(OnError::AbortStatement).await;
    forced.again = Again::Always;
    assert_eq!(world.run(forced).await.unwrap().files.len(), 1);
    assert_eq!(world.ids().await, [1, 2, 1]);
    // The same content under another name is another file.
    world.put("b.csv", "1,a,1\n").await;
    assert_eq!(world.copy(OnError::AbortStatement).await.unwrap().files.len(), 1);
}

#[tokio::test]
async fn two_loads_of_one_file_do_not_both_take_effect() {
    let mut world = World::new().await;
    world.put("a.csv", "1,a,1\n").await;
    let head = world.account.head();
    let content = head.content(TABLE).unwrap();
    let plan = world.plan(OnError::AbortStatement).await;
    let late = copy_into(&plan, content, &world.segments, &Told::default()).await.unwrap();
    world.copy(OnError::AbortStatement).await.unwrap();
    let transaction =
        Transaction::new(TransactionId::from_bits(77), head.version()).update(late.update.unwrap());
    let error = world.account.commit(transaction).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.ids().await, [1]);
}

#[tokio::test]
async fn files_are_skipped_by_number_and_by_share_of_bad_rows() {
    let text: String =
        (0..10).map(|i| format!("{},x,{}\n", i, if i % 5 == 3 { "?" } else { "1" })).collect();
    for (on_error, limit, loaded) in [
        (OnError::SkipFileCount(2), 2, 0),
        (OnError::SkipFileCount(3), 3, 8),
        (OnError::SkipFilePercent(20.0), 3, 8),
        (OnError::SkipFilePercent(19.0), 2, 0),
    ] {
        let mut world = World::new().await;
        world.put("a.csv", &text).await;
        let outcome = world.copy(on_error).await.unwrap();
        let status = if loaded == 0 { "LOAD_FAILED" } else { "PARTIALLY_LOADED" };
        assert_eq!(statuses(&outcome), [("a.csv", status, 10, loaded, limit, 2)], "{on_error:?}");
        assert_eq!(world.ids().await.len() as u64, loaded);
    }
}

#[tokio::test]
async fn null_and_length_are_checked_row_by_row() {
    let mut world = World::new().await;
    world.put("a.csv", ",a,1\n2,too long for it,2\n3,c,\n").await;
    world.copy(OnError::Continue).await.unwrap();
    let codes: Vec<_> = world.told().iter().map(|r| r.error.code).collect();
    assert_eq!(codes, [Code::NULL_NOT_ALLOWED, Code::STRING_TOO_LONG]);
    assert_eq!(world.ids().await, [3]);
}

#[tokio::test]
async fn columns_without_a_field_have_their_default() {
    let mut world = World::new().await;
    world.put("a.csv", "1\n2\n").await;
    let mut plan = world.plan(OnError::AbortStatement).await;
    let first = plan.target.columns()[0].clone();
    plan.target = Arc::new(FileTarget::new("T", vec![first]));
    let value: ArrayRef = Arc::new(StringViewArray::from(vec!["given"]));
    plan.defaults = vec![(ColumnId::new(2), value)];
    world.run(plan).await.unwrap();
    let head = world.account.head();
    let segment = head.content(TABLE).unwrap().unfolded().next().unwrap().clone();
    let segment = world.segments.open(&segment).await.unwrap();
    let ids = [ColumnId::new(2), ColumnId::new(3)];
    let columns = world.segments.read(&segment, 0, &ids).await.unwrap();
    let names = columns[0].as_ref().unwrap();
    assert_eq!(names.as_string_view().iter().collect::<Vec<_>>(), [Some("given"); 2]);
    assert_eq!(columns[1].as_ref().unwrap().null_count(), 2);

    let mut plan = world.plan(OnError::AbortStatement).await;
    plan.target = Arc::new(FileTarget::new("T", plan.target.columns()[1..].to_vec()));
    assert_eq!(world.run(plan).await.unwrap_err().code(), Code::NULL_NOT_ALLOWED);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_alone() {
    let mut world = World::new().await;
    world.stage.put_bytes("a.gz", vec![0x1f, 0x8b, 8, 0, 0]).await.unwrap();
    world.put("b.csv", "1,a,1\n").await;
    for on_error in [OnError::Continue, OnError::SkipFile] {
        let mut plan = world.plan(on_error).await;
        plan.again = Again::Always;
        let outcome = world.run(plan).await.unwrap();
        assert_eq!(outcome.files[0].status, FileStatus::LoadFailed);
        assert!(outcome.files[0].first_error.as_ref().unwrap().contains("gzip data"));
        assert_eq!(outcome.files[1].status, FileStatus::Loaded);
    }
    let error = world.copy(OnError::AbortStatement).await.unwrap_err();
    assert_eq!(error.code(), Code::UNREADABLE_FILE);
    assert!(error.message().contains("a.gz"));
}

#[tokio::test]
async fn many_small_files_share_segments_and_keep_their_order() {
    let mut world = World::new().await;
    for i in 0..30 {
        let bad = if i % 7 == 3 { "x,\n" } else { "" };
        world.put(&format!("{i:02}.csv"), &format!("{i},a,{}\n{bad}", "1")).await;
    }
    let seen = Told::default();
    let head = world.account.head();
    let plan = world.plan(OnError::SkipFile).await;
    let outcome =
        copy_into(&plan, head.content(TABLE).unwrap(), &world.segments, &seen).await.unwrap();
    let Some(Update::Load { files, segments, .. }) = outcome.update.clone() else { panic!() };
    assert_eq!((files.len(), segments.len()), (26, 1));
    let transaction = Transaction::new(TransactionId::from_bits(5), head.version())
        .update(outcome.update.unwrap());
    world.account.commit(transaction).await.unwrap();
    let expected: Vec<i64> = (0..30).filter(|i| i % 7 != 3).collect();
    assert_eq!(world.ids().await, expected);
    let steps = seen.steps.into_inner();
    assert!(steps.is_sorted_by_key(|step| (step.files_done, step.rows_parsed)));
    assert_eq!(steps.last().map(|step| (step.files, step.files_done)), Some((30, 29)));
}

#[test]
fn a_copy_can_move_between_threads() {
    fn check(_: impl Send) {}
    fn all(plan: &CopyPlan, content: &TableContent, segments: &SegmentStore) {
        check(copy_into(plan, content, segments, &Told::default()));
    }
    let _ = all;
}

#[tokio::test]
async fn files_are_loaded_until_the_limit_is_exceeded() {
    let mut world = World::new().await;
    let line = "1,aaaa,1\n";
    for name in ["a", "b", "c", "d"] {
        world.put(name, &line.repeat(100)).await;
    }
    let mut plan = world.plan(OnError::AbortStatement).await;
    plan.size_limit = Some(ByteSize::bytes(2_250));
    assert_eq!(world.run(plan).await.unwrap().files.len(), 3);
    let mut plan = world.plan(OnError::AbortStatement).await;
    plan.size_limit = Some(ByteSize::bytes(1));
    let rest = world.run(plan).await.unwrap();
    assert_eq!(statuses(&rest), [("d", "LOADED", 100, 100, 1, 0)]);
}

#[tokio::test]
async fn after_64_days_a_file_is_uncertain() {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let mut world = World::new().await;
    world.put("old.csv", "1,a,1\n").await;
    let written = world.stage.list("", None).await.unwrap()[0].last_modified.as_micros();
    let at =
        |plan: &mut CopyPlan, days: i64| plan.now = Timestamp::from_micros(written + days * DAY);
    let mut first = world.plan(OnError::AbortStatement).await;
    at(&mut first, 1);
    assert_eq!(world.run(first).await.unwrap().files.len(), 1);
    let mut load = async |days, again| {
        let mut plan = world.plan(OnError::AbortStatement).await;
        at(&mut plan, days);
        plan.again = again;
        world.run(plan).await.unwrap().files.len()
    };
    // Still remembered, although the file itself is older than 64 days.
    assert_eq!(load(65, Again::IfUncertain).await, 0);
    // No longer: nobody knows whether it was loaded.
    assert_eq!(load(66, Again::IfNotKnown).await, 0);
    assert_eq!(load(66, Again::IfUncertain).await, 1);
    // Which is remembered again.
    assert_eq!(load(67, Again::IfUncertain).await, 0);
    assert_eq!(load(67, Again::Always).await, 1);
    // An old file that a table never loaded is known not to be loaded as long
    // as all loads of the table are remembered.
    let plan = world.plan(OnError::AbortStatement).await;
    let mut plan = CopyPlan { now: Timestamp::from_micros(written + 200 * DAY), ..plan };
    let told = Told::default();
    let empty = TableContent::default();
    let outcome = copy_into(&plan, &empty, &world.segments, &told).await.unwrap();
    assert_eq!(outcome.files.len(), 1);
    plan.now = Timestamp::from_micros(written + 300 * DAY);
    assert!(world.run(plan).await.unwrap().files.is_empty());
}

#[tokio::test]
async fn files_are_checked_and_not_loaded() {
    let mut world = World::new().await;
    world.put("a.csv", "1,a,1\n2,b,2\n").await;
    world.put("b.csv", MALFORMED).await;
    let plan = world.plan(OnError::AbortStatement).await;
    let content = TableContent::default();
    let check = async |mode| {
        let told = Told::default();
        let rows = check_files(&plan, &content, mode, &told).await?;
        let rows: usize = rows.iter().map(RecordBatch::num_rows).sum();
        Ok::<_, Error>((rows, told.rejected.into_inner().len()))
    };
    assert_eq!(check(CheckMode::Rows(1)).await.unwrap(), (1, 0));
    assert_eq!(check(CheckMode::Rows(2)).await.unwrap(), (2, 0));
    let error = check(CheckMode::Rows(3)).await.unwrap_err();
    assert_eq!(error.code(), Code::FIELD_COUNT);
    assert_eq!(check(CheckMode::Errors).await.unwrap(), (0, 2));
    // Loaded in part, it is looked at again only if all errors are asked for.
    world.copy(OnError::Continue).await.unwrap();
    let head = world.account.head();
    let told = Told::default();
    let again = world.plan(OnError::AbortStatement).await;
    let content = head.content(TABLE).unwrap();
    check_files(&again, content, CheckMode::Errors, &told).await.unwrap();
    assert!(told.rejected.lock().is_empty());
    check_files(&again, content, CheckMode::AllErrors, &told).await.unwrap();
    assert_eq!(told.rejected.lock().len(), 2);
}

#[tokio::test]
async fn texts_are_cut_and_metadata_is_filled_in() {
    let mut world = World::new().await;
    world.put("a.csv", "1,abcdefghijk,1\n2,äöüäöüäöüä,2\n").await;
    let mut plan = world.plan(OnError::AbortStatement).await;
    let mut columns = plan.target.columns()[..2].to_vec();
    columns[1].sql_type = SqlType::TEXT;
    plan.target = Arc::new(FileTarget::new("T", columns).matching(FieldMatch::Ragged));
    plan.truncated = vec![(ColumnId::new(2), 8)];
    let item = FileMetadata::RowNumber;
    let (column, sql_type) = (ColumnId::new(3), SqlType::Integer);
    plan.metadata = vec![MetadataColumn { column, sql_type, item }];
    world.run(plan).await.unwrap();
    let head = world.account.head();
    let segment = head.content(TABLE).unwrap().unfolded().next().unwrap().clone();
    let segment = world.segments.open(&segment).await.unwrap();
    let ids = [ColumnId::new(2), ColumnId::new(3)];
    let columns = world.segments.read(&segment, 0, &ids).await.unwrap();
    let texts = columns[0].as_ref().unwrap().as_string_view().clone();
    assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["abcdefgh", "äöüäöüäö"]);
    assert_eq!(columns[1].as_ref().unwrap().as_primitive::<Int64Type>().values(), &[1, 2]);
}

#[tokio::test]
async fn every_bad_record_is_told_a_few_at_a_time() {
    let mut world = World::new().await;
    world.put("a.csv", &"x,a,1\n".repeat(20_000)).await;
    let mut plan = world.plan(OnError::SkipFile).await;
    plan.read.block_bytes = ByteSize::kib(64);
    let outcome = world.run(plan).await.unwrap();
    assert_eq!(statuses(&outcome), [("a.csv", "LOAD_FAILED", 20_000, 0, 1, 20_000)]);
    let rows: Vec<u64> = world.told().iter().map(|rejected| rejected.error.row).collect();
    assert!(rows.into_iter().eq(1..=20_000));
}
