//! Channels that nobody has used for long are dropped.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_types::{ChannelDefinition, ErrorKind, ObjectId, ObjectKind, Result};

use crate::engine::Engine;
use crate::session::SessionBuilder;
use crate::statement::{Request, run_request, unobserved};

/// As long as that, as in Snowflake.
const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Drops every channel that was not used for 30 days, with its offset token,
/// as the owner of its table.
///
/// # Errors
/// The store's; what was not dropped is dropped the next time.
pub(super) fn run(engine: &Arc<Engine>) -> BoxFuture<'_, Result<()>> {
    run_all(engine).boxed()
}

async fn run_all(engine: &Arc<Engine>) -> Result<()> {
    for (channel, owner) in idle(engine)? {
        let session = SessionBuilder::new(Arc::clone(engine)).owner(owner).await?;
        let request = Request::DropIdleChannel(channel);
        match run_request(&session, request, &unobserved()).await {
            // It was used, or dropped, in this moment.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            result => result.map(drop)?,
        }
    }
    Ok(())
}

fn idle(engine: &Engine) -> Result<Vec<(ObjectId, ObjectId)>> {
    let (head, now) = (engine.account.head(), engine.now());
    let mut idle = Vec::new();
    for object in head.objects().filter(|it| it.kind() == ObjectKind::Channel && it.is_live()) {
        let channel: ChannelDefinition = object.body().read()?;
        if now.since(channel.active) > IDLE {
            idle.push((object.id(), object.owner()));
        }
    }
    Ok(idle)
}
