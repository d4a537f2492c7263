//! An account with short words for what tests do to it.

use std::fmt::Write;
use std::sync::Arc;

use icecore_snapshot::{Account, Commit, Head, OpenOptions, Transaction, Update};
use icecore_testkit::TestEnv;
use icecore_types::{
    AccountId, Body, ColumnDefinition, ColumnId, Deletes, DeletesRef, Env, LoadKey, LoadRecord,
    Name, ObjectId, ObjectKind, QueryId, Result, RowId, SegmentId, SegmentLocation, SegmentRef,
    SqlType, SystemTimer, TableDefinition, Timestamp, TransactionId, Version,
};
use object_store::ObjectStore;

/// Ids of the objects that [`Lab::furnish`] makes.
pub const DATABASE: ObjectId = ObjectId::from_bits(0xD);
pub const SCHEMA: ObjectId = ObjectId::from_bits(0x5);
pub const TABLE: ObjectId = ObjectId::from_bits(0x7);
/// The role that owns what is made.
pub const ROLE: ObjectId = ObjectId::from_bits(0x1);
/// The role that owns what is cloned.
pub const OTHER_ROLE: ObjectId = ObjectId::from_bits(0x2);

pub const ACCOUNT: AccountId = AccountId::from_bits(0xA);

pub struct Lab {
    pub account: Account,
}

impl Lab {
    pub async fn open(store: Arc<dyn ObjectStore>, seed: u64) -> Self {
        Self::with(TestEnv::new(store, seed).env, OpenOptions::default()).await.unwrap()
    }

    /// On a store whose answers take time.
    pub async fn open_slow(store: Arc<dyn ObjectStore>, seed: u64) -> Self {
        let env = Env { timer: Arc::new(SystemTimer::default()), ..TestEnv::new(store, seed).env };
        Self::with(env, OpenOptions::default()).await.unwrap()
    }

    pub async fn with(env: Env, options: OpenOptions) -> Result<Self> {
        Ok(Self { account: Account::open(env, ACCOUNT, options).await? })
    }

    pub fn head(&self) -> Arc<Head> {
        self.account.head()
    }

    pub fn transaction(&self) -> Transaction {
        self.transaction_at(self.head().version())
    }

    pub fn transaction_at(&self, read: Version) -> Transaction {
        Transaction::new(TransactionId::from_bits(self.account.env().ids.next()), read)
    }

    pub async fn try_run(&self, update: Update) -> Result<Commit> {
        self.account.commit(self.transaction().update(update)).await
    }

    pub async fn run(&self, update: Update) -> Version {
        self.try_run(update).await.unwrap().version()
    }

    /// A database, a schema and a table.
    pub async fn furnish(&self) {
        self.run(create(DATABASE, ObjectKind::Database, None, "D")).await;
        self.run(create(SCHEMA, ObjectKind::Schema, Some(DATABASE), "S")).await;
        self.run(create(TABLE, ObjectKind::Table, Some(SCHEMA), "T")).await;
    }

    pub fn segment(&self, table: ObjectId, rows: u64) -> SegmentRef {
        segment(self.account.next_segment_id(), table, rows)
    }

    pub async fn append(&self, table: ObjectId, rows: u64) -> Version {
        let segments = vec![self.segment(table, rows)];
        self.run(Update::Append { table, segments }).await
    }

    pub fn rows(&self, table: ObjectId) -> u64 {
        self.head().content(table).map_or(0, |content| content.rows())
    }
}

pub fn segment(id: SegmentId, table: ObjectId, rows: u64) -> SegmentRef {
    SegmentRef {
        id,
        table,
        rows,
        first_row_id: RowId::new(0),
        location: SegmentLocation::Inline { bytes: "rows".into() },
        statistics: "".into(),
    }
}

pub fn name(text: &str) -> Name {
    Name::quoted(text)
}

pub fn columns(ids: &[u32]) -> Body {
    let column = |id: &u32| ColumnDefinition {
        id: ColumnId::new(*id),
        name: name(&format!("C{id}")),
        sql_type: SqlType::parse("NUMBER(38,0)").unwrap(),
        not_null: false,
        default: None,
        value_before: None,
        comment: None,
    };
    let columns = ids.iter().map(column).collect();
    let table = TableDefinition { columns, next_column: 10, ..TableDefinition::default() };
    Body::of(&table).unwrap()
}

pub fn create(id: ObjectId, kind: ObjectKind, parent: Option<ObjectId>, called: &str) -> Update {
    let body = if kind == ObjectKind::Table { columns(&[1, 2]) } else { Body::default() };
    Update::CreateObject { id, kind, parent, name: name(called), owner: ROLE, body }
}

pub fn clone(
    source: ObjectId,
    at: Version,
    id: ObjectId,
    parent: Option<ObjectId>,
    called: &str,
) -> Update {
    let (name, without) = (name(called), Vec::new());
    Update::CloneObject { source, at, id, parent, name, owner: OTHER_ROLE, without }
}

pub fn deletes(segment: SegmentId, rows: u64) -> (SegmentId, Deletes) {
    (segment, Deletes { location: DeletesRef::Inline { bytes: "positions".into() }, rows })
}

/// Deletes of these rows, in the format in which they merge.
pub fn positions(segment: SegmentId, rows: impl IntoIterator<Item = u32>) -> (SegmentId, Deletes) {
    let rows: roaring::RoaringBitmap = rows.into_iter().collect();
    let mut bytes = Vec::new();
    rows.serialize_into(&mut bytes).unwrap();
    (segment, Deletes { location: DeletesRef::Inline { bytes: bytes.into() }, rows: rows.len() })
}

pub fn file(path: &str) -> LoadRecord {
    LoadRecord {
        key: LoadKey { file: path.into(), etag: "e".into() },
        query_id: QueryId::from_bits(1),
        loaded_at: Timestamp::from_micros(0),
        size_bytes: 1,
        rows_parsed: 1,
        rows_loaded: 1,
        errors: 0,
        first_error: None,
    }
}

/// Everything that can be read of a head, at all of its versions.
pub fn image(head: &Head) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {} {}", head.record(), head.version(), head.time());
    for version in (0..=head.version().get()).map(Version::new) {
        let _ = writeln!(text, "{version} {:?}", head.time_of(version));
        for object in head.objects() {
            let id = object.id();
            let _ = writeln!(text, " {:?}", head.object_at(id, version));
            let content = head.content_at(id, version);
            let _ = writeln!(text, " {:?}", content.as_deref().map(picture));
        }
    }
    for object in head.objects() {
        let parent = Some(object.id());
        let children: Vec<_> = head.children(parent).map(|child| child.id()).collect();
        let dropped: Vec<_> = head.dropped(parent).iter().map(|child| child.id()).collect();
        let _ = writeln!(text, "{} {children:?} {dropped:?}", object.id());
        let files: Vec<_> =
            head.pipe_files(object.id()).into_iter().flat_map(|it| it.files()).collect();
        let _ = writeln!(text, " {files:?}");
    }
    text
}

fn picture(content: &icecore_snapshot::TableContent) -> String {
    let segments: Vec<_> = content.unfolded().map(|it| (it.id, it.rows, it.first_row_id)).collect();
    let deletes: Vec<_> = content.all_deletes().map(|(id, it)| (id, it.rows)).collect();
    let chunks: Vec<_> = content.chunks().map(|chunk| &chunk.object.path).collect();
    let loads: Vec<_> = content.loads().map(|load| &load.key.file).collect();
    let (rows, next) = (content.rows(), content.next_row_id());
    format!("{rows} {next:?} {chunks:?} {segments:?} {deletes:?} {loads:?}")
}
