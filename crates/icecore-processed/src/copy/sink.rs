//! Where rows go. The rows of a file are not the table's before it is known
//! that the file is kept: few are held in memory and then written together with
//! those of other files, many get segments of their own, which nothing names if
//! the file is skipped.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_segment::{SegmentStore, SegmentWriter};
use icecore_types::{ByteSize, Error, ObjectId, Result, SegmentRef};

use crate::{CopyPlan, OnError};

/// A file whose rows take more memory than this gets segments of its own.
const HELD_BYTES: ByteSize = ByteSize::mib(64);

/// Takes the rows of one file after the other: those that are loaded, and those
/// that go elsewhere with them.
pub(super) struct FileRows<'a> {
    loaded: Sink<'a>,
    diverted: Option<Sink<'a>>,
}

impl<'a> FileRows<'a> {
    pub(super) fn new(plan: &'a CopyPlan, segments: &'a SegmentStore) -> Self {
        let sink = |table, schema: &SchemaRef| Sink::new(plan, (table, schema.clone()), segments);
        Self {
            loaded: sink(plan.table, &plan.schema),
            diverted: plan.diversion.as_ref().map(|to| sink(to.table, &to.schema)),
        }
    }

    /// Adds rows to the current file.
    pub(super) async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.loaded.write(batch).await
    }

    /// Adds rows to the current file that go elsewhere.
    pub(super) async fn divert(&mut self, batch: RecordBatch) -> Result<()> {
        match &mut self.diverted {
            Some(diverted) => diverted.write(batch).await,
            None => Err(Error::internal("rows are diverted and nothing takes them")),
        }
    }

    /// Makes the rows of the current file the tables'.
    pub(super) async fn keep(&mut self) -> Result<()> {
        if let Some(diverted) = &mut self.diverted {
            diverted.keep().await?;
        }
        self.loaded.keep().await
    }

    /// Forgets the rows of the current file.
    pub(super) fn discard(&mut self) {
        if let Some(diverted) = &mut self.diverted {
            diverted.discard();
        }
        self.loaded.discard();
    }

    /// The segments of all files that are kept, in order, and those that are
    /// another table's, if there are any.
    pub(super) async fn finish(
        self,
    ) -> Result<(Vec<SegmentRef>, Option<(ObjectId, Vec<SegmentRef>)>)> {
        let diverted = match self.diverted {
            Some(diverted) => Some((diverted.table, diverted.finish().await?)),
            None => None,
        };
        let diverted = diverted.filter(|(_, segments)| !segments.is_empty());
        Ok((self.loaded.finish().await?, diverted))
    }
}

/// Rows of files into one table.
struct Sink<'a> {
    plan: &'a CopyPlan,
    table: ObjectId,
    schema: SchemaRef,
    segments: &'a SegmentStore,
    /// Segments of files that are kept, in order.
    written: Vec<SegmentRef>,
    /// Takes the rows of files that are kept, behind those of `written`.
    shared: Option<SegmentWriter>,
    /// Rows of the current file.
    held: Vec<RecordBatch>,
    held_bytes: u64,
    /// Takes the rows of the current file if they are many.
    own: Option<SegmentWriter>,
}

impl<'a> Sink<'a> {
    fn new(
        plan: &'a CopyPlan,
        (table, schema): (ObjectId, SchemaRef),
        segments: &'a SegmentStore,
    ) -> Self {
        Self {
            plan,
            table,
            schema,
            segments,
            written: Vec::new(),
            shared: None,
            held: Vec::new(),
            held_bytes: 0,
            own: None,
        }
    }

    fn writer(&self) -> SegmentWriter {
        let (schema, options) = (self.schema.clone(), self.plan.write.clone());
        self.segments.writer(self.table, schema, options)
    }

    /// Adds rows to the current file.
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        // A bad row of any file fails them all: nothing needs to be held.
        if self.plan.on_error == OnError::AbortStatement {
            return self.share(batch).await;
        }
        if let Some(own) = &mut self.own {
            return own.write(batch).await;
        }
        self.held_bytes += batch.get_array_memory_size() as u64;
        self.held.push(batch);
        if self.held_bytes > HELD_BYTES.get() {
            let mut own = self.writer();
            for batch in std::mem::take(&mut self.held) {
                own.write(batch).await?;
            }
            self.own = Some(own);
        }
        Ok(())
    }

    async fn share(&mut self, batch: RecordBatch) -> Result<()> {
        let mut shared = self.shared.take().unwrap_or_else(|| self.writer());
        shared.write(batch).await?;
        self.shared = Some(shared);
        Ok(())
    }

    /// Makes the rows of the current file the table's.
    async fn keep(&mut self) -> Result<()> {
        self.held_bytes = 0;
        for batch in std::mem::take(&mut self.held) {
            self.share(batch).await?;
        }
        if let Some(own) = self.own.take() {
            self.end_shared().await?;
            self.written.extend(own.finish().await?);
        }
        Ok(())
    }

    /// Forgets the rows of the current file.
    fn discard(&mut self) {
        (self.held, self.held_bytes, self.own) = (Vec::new(), 0, None);
    }

    async fn end_shared(&mut self) -> Result<()> {
        if let Some(shared) = self.shared.take() {
            self.written.extend(shared.finish().await?);
        }
        Ok(())
    }

    /// The segments of all files that are kept, in order.
    async fn finish(mut self) -> Result<Vec<SegmentRef>> {
        self.end_shared().await?;
        Ok(self.written)
    }
}
