//! Committing: what queued while the last PUT was in flight goes into one
//! record, and its outcome is found out before anything else is tried.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};
use icecore_types::{Code, Error, Hash, RecordNumber, Result, Timer, Timestamp, WriterId};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::conflict::{Accepted, attempt};
use crate::durable::is_poisoned;
use crate::head::Head;
use crate::log::StoredRecord;
use crate::record::{self, EncodedTransaction, RecordPlace};
use crate::timeline::Timeline;
use crate::{Commit, Transaction};

/// Transactions share a record up to this size; a larger one has its own.
const RECORD_BYTES: usize = 256 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A transaction that waits for its record.
struct Pending {
    transaction: Transaction,
    updates: Box<RawValue>,
    answer: oneshot::Sender<Result<Commit>>,
}

/// A transaction in a record.
struct Member {
    pending: Pending,
    commit: Commit,
    /// Its updates as this record has them, if that is not as they were
    /// planned.
    rebased: Option<Box<RawValue>>,
}

impl Member {
    fn updates(&self) -> &RawValue {
        self.rebased.as_deref().unwrap_or(&self.pending.updates)
    }
}

/// A record on its way: from its first PUT until its outcome is known nothing
/// else is put, for it could still land.
struct Batch {
    number: RecordNumber,
    bytes: Bytes,
    head: Head,
    members: Vec<Member>,
    /// Whether its members were told that its outcome is unknown.
    abandoned: bool,
}

/// What became of a PUT.
enum Landing {
    Landed,
    /// Another writer's record stands there.
    Taken(Bytes),
    /// The store refused it, and it was never asked before: nothing happened.
    Refused(Error),
    Unknown(Option<Error>),
}

/// The one writer of this process to an account's log.
pub(crate) struct Committer {
    writer: WriterId,
    deadline: Duration,
    queue: Mutex<VecDeque<Pending>>,
    /// Held by whoever of the waiting drives; it outlives a driver that is
    /// cancelled, so that the next one goes on where that one stopped.
    in_flight: tokio::sync::Mutex<Option<Batch>>,
}

impl Committer {
    pub(crate) fn new(writer: WriterId, deadline: Duration) -> Self {
        let queue = Mutex::new(VecDeque::new());
        Self { writer, deadline, queue, in_flight: tokio::sync::Mutex::new(None) }
    }

    pub(crate) fn writer(&self) -> WriterId {
        self.writer
    }

    /// Commits; whoever waits first commits for all that wait.
    pub(crate) async fn commit(
        &self,
        timeline: &Timeline,
        transaction: Transaction,
    ) -> Result<Commit> {
        let updates = encode_updates(&transaction.updates)?;
        let (answer, mut answered) = oneshot::channel();
        self.queue.lock().push_back(Pending { transaction, updates, answer });
        tokio::select! {
            biased;
            result = &mut answered => received(result.ok()),
            mut in_flight = self.in_flight.lock() => loop {
                match answered.try_recv() {
                    Ok(result) => return result,
                    Err(oneshot::error::TryRecvError::Closed) => return received(None),
                    Err(oneshot::error::TryRecvError::Empty) => {
                        self.step(timeline, &mut in_flight).await;
                    }
                }
            },
        }
    }

    /// Brings one record to its end.
    async fn step(&self, timeline: &Timeline, in_flight: &mut Option<Batch>) {
        if in_flight.is_none() {
            *in_flight = self.gather(timeline);
        }
        let Some(batch) = in_flight else { return };
        // A driver that is dropped here leaves the batch to the next one.
        match self.land(timeline, batch).await {
            Landing::Unknown(cause) => self.abandon(batch, cause),
            Landing::Landed => {
                if let Some(batch) = in_flight.take() {
                    acknowledge(timeline, batch);
                }
            }
            Landing::Taken(bytes) => {
                if let Some(batch) = in_flight.take() {
                    self.make_way(timeline, batch, bytes);
                }
            }
            Landing::Refused(error) => {
                for member in in_flight.take().into_iter().flat_map(|batch| batch.members) {
                    reply(member.pending, Err(error.clone()));
                }
            }
        }
    }

    /// Puts what is queued and valid into one record; whoever is refused has
    /// an answer at once.
    fn gather(&self, timeline: &Timeline) -> Option<Batch> {
        let base = timeline.head();
        let mut head = Head::clone(&base);
        head.record = base.record.next();
        let number = head.record;
        let (mut members, mut bytes) = (Vec::new(), 0);
        loop {
            let next = self.queue.lock().pop_front();
            let Some(pending) = next else { break };
            if pending.answer.is_closed() {
                continue;
            }
            let size = pending.updates.get().len();
            if !members.is_empty() && bytes + size > RECORD_BYTES {
                self.queue.lock().push_front(pending);
                break;
            }
            let transaction = &pending.transaction;
            match head.landed(transaction.id, transaction.read_version) {
                Some(commit) if commit.record() < number => {
                    reply(pending, Ok(commit));
                    continue;
                }
                // Its twin is in this very record: its outcome is ours.
                Some(_) => {
                    self.queue.lock().push_front(pending);
                    break;
                }
                None => {}
            }
            let time = next_time(&head, timeline.log.env.clock.now());
            let judged = attempt(&head, transaction, time).map_err(Error::from);
            match judged.and_then(|Accepted { head, rebased }| {
                let rebased = rebased.map(|updates| encode_updates(&updates)).transpose()?;
                Ok((head, rebased))
            }) {
                Ok((next, rebased)) => {
                    head = next;
                    let commit = Commit::new(transaction.id, head.version(), number, time);
                    bytes += size;
                    members.push(Member { pending, commit, rebased });
                }
                Err(error) => reply(pending, Err(error)),
            }
        }
        self.encode(&base, head, members)
    }

    fn encode(&self, base: &Head, mut head: Head, members: Vec<Member>) -> Option<Batch> {
        let place = RecordPlace {
            store: base.store,
            account: base.account,
            number: head.record,
            first_version: base.version().next(),
            previous: base.record_hash,
            writer: self.writer,
        };
        let transactions: Vec<_> = members
            .iter()
            .map(|member| EncodedTransaction {
                id: member.commit.transaction(),
                time: member.commit.time(),
                queries: &member.pending.transaction.queries,
                updates: member.updates(),
            })
            .collect();
        if transactions.is_empty() {
            return None;
        }
        match record::encode(place, &transactions) {
            Ok(bytes) => {
                head.record_hash = Some(Hash::of(&bytes));
                Some(Batch { number: head.record, bytes, head, members, abandoned: false })
            }
            Err(error) => {
                members.into_iter().for_each(|member| reply(member.pending, Err(error.clone())));
                None
            }
        }
    }

    /// Puts the record until it is known what stands in its place. It never
    /// moves on while a delayed PUT of ours could still fill the place.
    async fn land(&self, timeline: &Timeline, batch: &Batch) -> Landing {
        let log = &timeline.log;
        let mut deadline = Deadline::new(&log.env.timer, self.deadline);
        let mut pause = None;
        loop {
            let put = log.create_record(batch.number, batch.bytes.clone());
            let Some(put) = deadline.within(put).await else { return Landing::Unknown(None) };
            let Err(refused) = put else { return Landing::Landed };
            if is_poisoned(&refused) {
                return Landing::Unknown(Some(refused.into()));
            }
            let read = log.read_record(batch.number);
            match deadline.within(read).await {
                None => return Landing::Unknown(Some(refused.into())),
                Some(Ok(Some(bytes))) if bytes == batch.bytes => return Landing::Landed,
                Some(Ok(Some(bytes))) => return Landing::Taken(bytes),
                Some(Ok(None)) if pause.is_none() && !batch.abandoned && is_certain(&refused) => {
                    return Landing::Refused(refused.into());
                }
                Some(_) => {}
            }
            // The first time at once: most such errors are over by then.
            let length: Duration = pause.unwrap_or_default();
            pause = Some((length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE));
            if length.is_zero() {
                continue;
            }
            let jitter = log.env.ids.next() % (length.as_micros() / 2).max(1);
            let length = length + Duration::from_micros(u64::try_from(jitter).unwrap_or(0));
            if deadline.within(log.env.timer.sleep(length)).await.is_none() {
                return Landing::Unknown(Some(refused.into()));
            }
        }
    }

    /// Another writer was first: its record counts, and everyone of the batch
    /// is judged again.
    fn make_way(&self, timeline: &Timeline, batch: Batch, bytes: Bytes) {
        match timeline.accept(bytes) {
            Ok(()) => {
                let mut queue = self.queue.lock();
                for member in batch.members.into_iter().rev() {
                    queue.push_front(member.pending);
                }
            }
            // It may even be our own record, damaged.
            Err(error) => {
                for member in batch.members {
                    let unknown = unknown(&member.pending, Some(error.clone()));
                    reply(member.pending, Err(unknown));
                }
            }
        }
    }

    /// Tells the members that nobody knows. The batch stays in flight: the
    /// next commit must find out first. If that does not either, it has no
    /// reason to wait: none of its bytes were sent.
    fn abandon(&self, batch: &mut Batch, cause: Option<Error>) {
        for member in batch.members.drain(..) {
            let unknown = unknown(&member.pending, cause.clone());
            reply(member.pending, Err(unknown));
        }
        if std::mem::replace(&mut batch.abandoned, true) {
            let waiting = std::mem::take(&mut *self.queue.lock());
            for pending in waiting {
                let what = "the outcome of an earlier commit cannot be found out";
                let error = Error::new(Code::STORE_UNAVAILABLE, what)
                    .with_help("try again when the store answers, or open it again");
                reply(pending, Err(with_cause(error, cause.clone())));
            }
        }
    }
}

fn acknowledge(timeline: &Timeline, batch: Batch) {
    let record = StoredRecord { number: batch.number, bytes: batch.bytes };
    // Readers of this process see the commit before its caller knows of it.
    timeline.advance(batch.head, vec![record]);
    for member in batch.members {
        reply(member.pending, Ok(member.commit));
    }
}

fn encode_updates(updates: &[crate::Update]) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(updates)
        .map_err(|source| Error::internal("a transaction cannot be encoded").with_source(source))
}

/// A caller that went away does not mind not being told.
fn reply(pending: Pending, result: Result<Commit>) {
    let _ = pending.answer.send(result);
}

fn received(result: Option<Result<Commit>>) -> Result<Commit> {
    result.unwrap_or_else(|| Err(Error::internal("a commit was not answered")))
}

fn unknown(pending: &Pending, cause: Option<Error>) -> Error {
    let id = pending.transaction.id;
    let error = Error::new(
        Code::COMMIT_OUTCOME_UNKNOWN,
        format!("it is not known whether the commit took effect transaction={id}"),
    );
    with_cause(error.with_help("open the store again and look whether it did"), cause)
}

fn with_cause(error: Error, cause: Option<Error>) -> Error {
    match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}

/// Time goes on from version to version whatever the clock does.
fn next_time(head: &Head, now: Timestamp) -> Timestamp {
    if head.version() == icecore_types::Version::ZERO {
        return now;
    }
    now.max(head.time().plus(Duration::from_micros(1)))
}

/// Whether the store says by itself that it did nothing, and will not.
fn is_certain(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(
        error,
        E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
            | E::NotSupported { .. }
            | E::NotImplemented { .. }
            | E::InvalidPath { .. }
    )
}

/// A moment on the outside timer until which something is waited for.
struct Deadline {
    timer: Arc<dyn Timer>,
    ends: Duration,
    alarm: BoxFuture<'static, ()>,
}

impl Deadline {
    fn new(timer: &Arc<dyn Timer>, after: Duration) -> Self {
        let ends = timer.elapsed() + after;
        Self { timer: timer.clone(), ends, alarm: timer.sleep(after) }
    }

    /// What `work` gives, unless the time is over before.
    async fn within<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        if self.timer.elapsed() >= self.ends {
            return None;
        }
        let work = std::pin::pin!(work);
        match select(work, &mut self.alarm).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}
