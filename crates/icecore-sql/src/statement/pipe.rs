//! Pipes.

use icecore_types::{QualifiedName, Timestamp};

use super::CopyInto;

/// CREATE PIPE.
///
/// ```
/// use icecore_sql::{Limits, OnError, Statement, parse};
/// let text = "CREATE PIPE p AUTO_INGEST = TRUE AS COPY INTO t FROM @s/2013/";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreatePipe(create) = &parsed[0].statement else { panic!() };
/// assert!(create.auto_ingest);
/// assert_eq!(create.copy.on_error, OnError::SkipFile);
/// assert_eq!(create.copy_text, "COPY INTO t FROM @s/2013/");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePipe {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// AUTO_INGEST.
    pub auto_ingest: bool,
    /// NOTIFICATION_CHANNEL: where notifications are fetched from.
    pub notification_channel: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// What it does, with the ON_ERROR of pipes where none is written.
    pub copy: CopyInto,
    /// The same as it was written.
    pub copy_text: String,
}

/// ALTER PIPE.
///
/// ```
/// use icecore_sql::{Limits, PipeAction, Statement, parse};
/// let text = "ALTER PIPE p REFRESH PREFIX = '2013/'";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::AlterPipe(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(&alter.action, PipeAction::Refresh { prefix, .. } if prefix == "2013/"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterPipe {
    /// The pipe.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub action: PipeAction,
}

/// What ALTER PIPE does.
///
/// ```
/// use icecore_sql::PipeAction;
/// assert_ne!(PipeAction::SetPaused(true), PipeAction::SetPaused(false));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PipeAction {
    /// SET PIPE_EXECUTION_PAUSED.
    SetPaused(bool),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
    /// SYSTEM$PIPE_FORCE_RESUME: goes on, whatever kept it from that.
    ForceResume,
    /// REFRESH: takes the files that are there already.
    Refresh {
        /// PREFIX: only files whose name begins so below the pipe's path.
        prefix: String,
        /// MODIFIED_AFTER: only files that are newer.
        modified_after: Option<Timestamp>,
    },
}
