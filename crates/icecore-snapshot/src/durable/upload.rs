//! Uploads in parts that end durable or not at all.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use object_store_014 as newer;

use super::{Shared, complete, convert};

#[derive(Debug)]
pub(super) struct DurableUpload {
    /// Gone when it is completed or aborted.
    upload: Option<Box<dyn newer::MultipartUpload>>,
    shared: Arc<Shared>,
}

impl DurableUpload {
    pub(super) fn new(upload: Box<dyn newer::MultipartUpload>, shared: Arc<Shared>) -> Self {
        Self { upload: Some(upload), shared }
    }

    fn take(&mut self) -> Result<Box<dyn newer::MultipartUpload>> {
        self.upload.take().ok_or_else(ended)
    }
}

fn ended() -> Error {
    Error::Generic { store: "LocalStore", source: "the upload has ended".into() }
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(upload) = self.upload.as_mut() else {
            return async { Err(ended()) }.boxed();
        };
        let part = upload.put_part(data.into_iter().collect());
        async move { part.await.map_err(convert::error) }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.shared.check()?;
        let mut upload = self.take()?;
        let running = async move { upload.complete().await }.boxed();
        complete(Arc::clone(&self.shared), running).await.map(convert::put_result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.take()?.abort().await.map_err(convert::error)
    }
}
