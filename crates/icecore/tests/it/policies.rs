//! Policies, held against every way around them.

mod constraints;
mod doors;
mod fallible;
mod random;
mod tags;

use icecore::Session;

use crate::engine;

/// A session and what it has run.
async fn session(script: &str) -> Session {
    let session = engine().await.session().await.unwrap();
    session.execute(script).await.unwrap();
    session
}
