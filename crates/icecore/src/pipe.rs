//! Pipes as Rust handles them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use icecore_governance::Verb;
use icecore_raw::FileEvent;
use icecore_types::{QualifiedName, Result, Timestamp};

use crate::pipes::{BoundPipe, NewEvent, PipeStatus};
use crate::statement::{InsertFiles, Planning, Request, run_request, unobserved};
use crate::{Icecore, Session};

/// The report reaches this far back.
const REPORTED: Duration = Duration::from_secs(10 * 60);

/// A pipe by its name.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); CREATE STAGE s").await?;
/// let pipe = session.create_pipe("p", "COPY INTO t FROM @s").await?;
/// pipe.insert_files(["not_there.csv"]).await?;
/// assert_eq!(pipe.status().await?.pending_file_count, 1);
/// lake.run_due().await?;
/// let report = pipe.insert_report().await?;
/// assert_eq!((report[0].path.as_str(), report[0].loaded), ("not_there.csv", false));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Pipe {
    session: Session,
    name: QualifiedName,
}

/// A file that a pipe has dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestedFile {
    /// Its path in the stage.
    pub path: String,
    /// Whether it was loaded, in part at least.
    pub loaded: bool,
    /// Rows of it that were loaded.
    pub rows: u64,
    /// The first reason why all or some of it was not.
    pub first_error: Option<String>,
    /// When.
    pub time: Timestamp,
}

impl Pipe {
    pub(crate) async fn find(session: Session, name: QualifiedName) -> Result<Self> {
        let planning = Planning::begin(&session).await?;
        let name = planning.pipe(&name, Verb::Describe)?.name()?;
        planning.authorize()?;
        Ok(Self { session, name })
    }

    /// Its full name.
    pub fn name(&self) -> &QualifiedName {
        &self.name
    }

    /// Tells it of files, by names below the location that it loads: each is
    /// loaded once when the pipe runs next. What returns is kept.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone, `Unavailable` if it is not known whether
    /// the names are kept.
    pub async fn insert_files(
        &self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<()> {
        let names = names.into_iter().map(Into::into).collect();
        let request = Request::InsertFiles(InsertFiles { pipe: self.name.clone(), names });
        run_request(&self.session, request, &unobserved()).await.map(drop)
    }

    /// The files that it has dealt with in the last ten minutes, the oldest
    /// first.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone.
    pub async fn insert_report(&self) -> Result<Vec<IngestedFile>> {
        self.load_history(self.session.engine().now().minus(REPORTED)).await
    }

    /// The files that it has dealt with since then, at most 14 days ago, the
    /// oldest first.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone.
    pub async fn load_history(&self, since: Timestamp) -> Result<Vec<IngestedFile>> {
        let (planning, pipe) = self.now().await?;
        let known = planning.resolver.head().pipe_files(pipe.id);
        let mut files: Vec<IngestedFile> = known
            .into_iter()
            .flat_map(|known| known.files())
            .filter(|(_, file)| file.at >= since)
            .map(|(path, file)| IngestedFile {
                path: path.to_owned(),
                loaded: file.loaded,
                rows: file.rows,
                first_error: file.error.as_deref().map(str::to_owned),
                time: file.at,
            })
            .collect();
        files.sort_by(|a, b| (a.time, &a.path).cmp(&(b.time, &b.path)));
        Ok(files)
    }

    /// What SYSTEM$PIPE_STATUS says.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone.
    pub async fn status(&self) -> Result<PipeStatus> {
        let (planning, pipe) = self.now().await?;
        self.session.engine().pipe_status(planning.resolver.head(), &pipe)
    }

    /// Keeps it from loading: what it is told of waits.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone.
    pub async fn pause(&self) -> Result<()> {
        self.alter("SET PIPE_EXECUTION_PAUSED = TRUE").await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// `InvalidInput` for a pipe that only goes on by force: one that was
    /// paused for more than 14 days, or is a clone.
    pub async fn resume(&self) -> Result<()> {
        self.alter("SET PIPE_EXECUTION_PAUSED = FALSE").await
    }

    /// Tells it of the files whose path below its own begins with `prefix` and
    /// that were written in the last 7 days, unless it or its table has loaded
    /// them.
    ///
    /// # Errors
    /// `NotFound` if the pipe is gone, else the store's.
    pub async fn refresh(&self, prefix: &str) -> Result<()> {
        self.alter(&format!("REFRESH PREFIX = {}", quoted(prefix))).await
    }

    async fn alter(&self, what: &str) -> Result<()> {
        self.session.execute(&format!("ALTER PIPE {} {what}", self.name)).await.map(drop)
    }

    async fn now(&self) -> Result<(Planning, BoundPipe)> {
        let planning = Planning::begin(&self.session).await?;
        let pipe = planning.pipe(&self.name, Verb::Describe)?;
        planning.authorize()?;
        self.session.engine().pipes.events.catch_up().await?;
        Ok((planning, pipe))
    }
}

impl Session {
    /// A pipe by its name, which is a SQL identifier.
    ///
    /// # Errors
    /// `NotFound` if there is no such pipe.
    pub async fn pipe(&self, name: &str) -> Result<Pipe> {
        Pipe::find(self.clone(), QualifiedName::parse(name)?).await
    }

    /// Makes a pipe of this COPY INTO.
    pub fn create_pipe(&self, name: &str, copy: &str) -> CreatePipe {
        CreatePipe {
            session: self.clone(),
            name: name.to_owned(),
            copy: copy.to_owned(),
            options: Vec::new(),
        }
    }
}

/// A pipe about to be made.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); CREATE STAGE s").await?;
/// let pipe = session.create_pipe("p", "COPY INTO t FROM @s").auto_ingest().comment("it's live").await?;
/// assert_eq!(pipe.name().to_string(), "ICECORE.PUBLIC.P");
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "no pipe is made until it is awaited"]
pub struct CreatePipe {
    session: Session,
    name: String,
    copy: String,
    options: Vec<String>,
}

impl CreatePipe {
    /// Takes the notifications of its location, not only files by name.
    pub fn auto_ingest(mut self) -> Self {
        self.options.push("AUTO_INGEST = TRUE".to_owned());
        self
    }

    /// Fetches them from the queue at this URL.
    pub fn notification_channel(mut self, url: &str) -> Self {
        self.options.push(format!("NOTIFICATION_CHANNEL = {}", quoted(url)));
        self
    }

    /// What its owner says of it.
    pub fn comment(mut self, comment: &str) -> Self {
        self.options.push(format!("COMMENT = {}", quoted(comment)));
        self
    }

    async fn run(self) -> Result<Pipe> {
        let name = QualifiedName::parse(&self.name)?;
        // One COPY INTO and nothing behind it.
        icecore_sql::parse_pipe_copy(&self.copy)?;
        let sql = format!("CREATE PIPE {name} {} AS {}", self.options.join(" "), self.copy);
        self.session.execute(&sql).await?;
        Pipe::find(self.session, name).await
    }
}

impl IntoFuture for CreatePipe {
    type Output = Result<Pipe>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

impl Icecore {
    /// Says that files came to be, to whichever pipes load their locations.
    /// What returns is kept: saying it twice loads them once.
    ///
    /// # Errors
    /// `Unavailable` if it is not known whether it is kept.
    pub async fn notify(&self, events: impl IntoIterator<Item = FileEvent>) -> Result<()> {
        let events = events.into_iter().map(|event| NewEvent::for_all("NOTIFY", event));
        self.engine().pipes.events.add(events.collect()).await
    }

    /// Says what a message of S3 says.
    ///
    /// # Errors
    /// `InvalidInput` if it is no notification of S3; as [`notify`](Self::notify).
    pub async fn notify_s3(&self, message: &str) -> Result<()> {
        self.notify(icecore_raw::s3_events(message)?).await
    }
}
