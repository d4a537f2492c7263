//! Who logged in and who tried: in memory and in the journal `logins`.

use std::net::IpAddr;
use std::sync::Arc;

use icecore_snapshot::Journal;
use icecore_types::{Env, Error, Name, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::attempts::Attempts;
use super::proof::Factor;
use crate::kept::Kept;

/// One login, or one that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginRow {
    pub(crate) event: u64,
    pub(crate) at: Timestamp,
    /// Absent if there is no such user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    /// What was given as a proof.
    #[serde(default)]
    pub(crate) factor: Factor,
    /// What the client says it is, and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<(String, String)>,
    /// Code and message, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
}

impl LoginRow {
    pub(super) fn error_of(error: &Error) -> (String, String) {
        (error.code().number().to_owned(), error.message().to_owned())
    }
}

/// The logins of an account, in the order in which they ended.
pub(crate) struct Logins {
    rows: Kept<LoginRow>,
    attempts: Attempts,
}

impl Logins {
    /// Reads what was kept.
    pub(crate) async fn open(env: &Env, journal: Journal) -> Result<Self> {
        let rows = Kept::open(env, journal).await?;
        Ok(Self { rows, attempts: Attempts::default() })
    }

    pub(crate) fn journal(&self) -> &Journal {
        self.rows.journal()
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Adds a login; it is stored with the next flush.
    pub(super) fn record(&self, row: LoginRow) {
        let _kept = self.rows.add(row);
    }

    /// Stores what was added, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.rows.flush().await
    }

    /// All that is remembered, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<LoginRow>> {
        self.rows.rows()
    }
}
