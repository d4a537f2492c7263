//! A script that is about to run.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use icecore_types::Result;

use crate::progress::Observer;
use crate::session::Session;
use crate::{Progress, QueryResult, statement};

/// One or more statements; they run when this is awaited, and stop when the
/// future is dropped.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// let result = session
///     .execute("SELECT 1 AS one")
///     .on_progress(|progress| eprintln!("{progress}"))
///     .await?;
/// assert_eq!(result.columns().len(), 1);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "nothing runs until it is awaited"]
pub struct Execute {
    session: Session,
    sql: String,
    observer: Observer,
}

impl Execute {
    pub(crate) fn new(session: Session, sql: String) -> Self {
        Self { session, sql, observer: statement::unobserved() }
    }

    /// Calls `tell` now and then while files are loaded and rows are computed.
    pub fn on_progress(mut self, tell: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.observer = Observer(Arc::new(tell));
        self
    }
}

impl IntoFuture for Execute {
    type Output = Result<QueryResult>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { statement::execute(&self.session, &self.sql, self.observer).await })
    }
}
