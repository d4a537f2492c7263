//! Files that are being read: each by a task of its own, small ones a few at a
//! time before it is their turn, so that neither the latency of requests nor
//! the parsing of one file holds up the others.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::vec;

use futures::StreamExt;
use icecore_raw::{StageFile, read_file};
use icecore_types::{Hash, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::block::{Prepared, Preparing};
use crate::FileMetadata;
use crate::metadata::FileFacts;

/// Files that are read at the same time at most.
const FILES: usize = 16;
/// Stored bytes that are read ahead at most; one file may be longer.
const BYTES: u64 = 8 << 20;
/// Blocks of a file that wait for their turn.
const BLOCKS: usize = 1;

/// The files of a COPY in their order.
pub(super) struct Ahead {
    preparing: Arc<Preparing>,
    waiting: vec::IntoIter<StageFile>,
    reading: VecDeque<Reading>,
    bytes: u64,
}

/// A file that is being read. Dropping it stops that.
pub(super) struct Reading {
    pub(super) file: StageFile,
    blocks: mpsc::Receiver<Result<Prepared>>,
    hash: Arc<OnceLock<Hash>>,
    task: JoinHandle<()>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ahead {
    pub(super) fn new(preparing: Preparing, files: Vec<StageFile>) -> Self {
        Self {
            preparing: Arc::new(preparing),
            waiting: files.into_iter(),
            reading: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The next file. Must be called on a tokio runtime.
    pub(super) fn next(&mut self) -> Option<Reading> {
        self.fill();
        let next = self.reading.pop_front()?;
        self.bytes -= next.file.size_bytes;
        Some(next)
    }

    fn fill(&mut self) {
        while self.reading.len() < FILES {
            let Some(next) = self.waiting.as_slice().first() else { return };
            let room = self.bytes + next.size_bytes <= BYTES;
            if !room && !self.reading.is_empty() {
                return;
            }
            let Some(file) = self.waiting.next() else { return };
            self.bytes += file.size_bytes;
            self.reading.push_back(Reading::start(Arc::clone(&self.preparing), file));
        }
    }
}

impl Reading {
    fn start(preparing: Arc<Preparing>, file: StageFile) -> Self {
        let (sender, blocks) = mpsc::channel(BLOCKS);
        let hash = Arc::new(OnceLock::new());
        let (filled, facts) = (Arc::clone(&hash), file.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = read(&preparing, facts, &sender, &filled).await {
                // Without a receiver nobody wants to know.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { file, blocks, hash, task }
    }

    /// Its next records; none at its end. Nothing follows an error.
    pub(super) async fn next(&mut self) -> Option<Result<Prepared>> {
        self.blocks.recv().await
    }

    /// The hash of its bytes, if all of them were read.
    pub(super) fn hash(&self) -> Option<Hash> {
        self.hash.get().copied()
    }
}

async fn read(
    preparing: &Preparing,
    file: StageFile,
    sender: &mpsc::Sender<Result<Prepared>>,
    hash: &OnceLock<Hash>,
) -> Result<()> {
    let plan = &preparing.plan;
    let transform = plan.transform.iter().flat_map(|transform| transform.metadata.iter().copied());
    let asked = plan.metadata.iter().map(|given| given.item).chain(transform);
    let content_key = match asked.into_iter().any(|item| item == FileMetadata::ContentKey) {
        true => Some(plan.stage.content_key(&file).await?),
        false => None,
    };
    let facts = FileFacts { content_key, began: plan.now, file };
    let raw = plan.stage.open(&facts.file);
    let mut reading = read_file(raw, &plan.format, Arc::clone(&plan.target), &plan.read)?;
    while let Some(block) = reading.blocks.next().await {
        let prepared = preparing.prepare(block?, &facts)?;
        if sender.send(Ok(prepared)).await.is_err() {
            return Ok(());
        }
    }
    if let Some(found) = reading.content_hash() {
        hash.get_or_init(|| found);
    }
    Ok(())
}
