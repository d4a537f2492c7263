//! SYSTEM$WAIT.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, StringViewArray};
use icecore_types::{Result, SqlType};

use super::Planning;
use super::perform::{Performed, named_rows};

impl Planning {
    /// Waits; on a simulated clock by moving it, which runs what falls due.
    pub(super) async fn wait(&self, time: Duration) -> Result<Performed> {
        let engine = self.session.engine();
        match engine.simulated {
            Some(_) => self.session.lake().advance(time).await?,
            None => engine.env.timer.sleep(time).await,
        }
        let said = format!("waited {} seconds", time.as_secs_f64());
        let text: ArrayRef = Arc::new(StringViewArray::from_iter_values([said]));
        let rows = named_rows(vec![("SYSTEM$WAIT", SqlType::TEXT, text)])?;
        Ok(Performed::rows(rows))
    }
}
