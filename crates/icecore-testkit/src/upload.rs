//! Uploads in parts, counted.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::counting::{Log, Verb};

/// An upload whose parts and whose end are requests.
#[derive(Debug)]
pub(crate) struct CountedUpload {
    inner: Box<dyn MultipartUpload>,
    path: Path,
    log: Arc<Log>,
}

impl CountedUpload {
    pub(crate) fn new(inner: Box<dyn MultipartUpload>, path: Path, log: Arc<Log>) -> Self {
        Self { inner, path, log }
    }
}

#[async_trait]
impl MultipartUpload for CountedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.log.add(Verb::Put, &self.path, data.content_length() as u64);
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.log.add(Verb::Put, &self.path, 0);
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
