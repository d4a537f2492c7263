//! A queue of SQS, by its JSON protocol over the HTTP client of the object
//! store: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use icecore_types::{Code, Error, Result};

#[cfg(feature = "s3")]
mod client;
#[cfg(test)]
#[cfg(feature = "s3")]
mod tests;

use super::{Notice, NotificationSource};

/// With which region, keys and endpoint a queue is asked: the settings of S3
/// by the names that `object_store` gives them.
///
/// ```
/// use icecore_raw::SqsOptions;
/// let options = SqsOptions::default().setting("region", "eu-central-1");
/// assert_eq!(options, SqsOptions::default().setting("region", "eu-central-1"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqsOptions {
    settings: BTreeMap<String, String>,
    environment: bool,
}

impl SqsOptions {
    /// Sets one, for example `region`, `access_key_id` or `allow_http`.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Lets the `AWS_*` variables of the environment set what no
    /// [`setting`](Self::setting) does. Without it they are not read.
    #[must_use]
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }
}

/// A queue that S3 sends its notifications to.
///
/// ```
/// use icecore_raw::{NotificationSource, SqsOptions, SqsQueue};
/// let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/landing";
/// # if cfg!(feature = "s3") {
/// let options = SqsOptions::default().setting("access_key_id", "k").setting("secret_access_key", "s");
/// let queue = SqsQueue::open(url, &options)?;
/// assert_eq!(queue.name(), url);
/// # }
/// assert!(SqsQueue::open("ftp://host/queue", &SqsOptions::default()).is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Debug)]
pub struct SqsQueue {
    url: String,
    #[cfg(feature = "s3")]
    client: client::Client,
}

impl SqsQueue {
    /// The queue at this URL, `https://sqs.<region>.amazonaws.com/<account>/<name>`
    /// or the like on another host; nothing is asked of it yet.
    ///
    /// # Errors
    /// `InvalidInput` for another URL and for settings that do not go together,
    /// `Unsupported` where S3 is not built in.
    pub fn open(url: &str, options: &SqsOptions) -> Result<Self> {
        check_url(url)?;
        Self::connect(url, options)
    }

    #[cfg(feature = "s3")]
    fn connect(url: &str, options: &SqsOptions) -> Result<Self> {
        Ok(Self { url: url.to_owned(), client: client::Client::new(url, options)? })
    }

    #[cfg(not(feature = "s3"))]
    fn connect(_: &str, _: &SqsOptions) -> Result<Self> {
        Err(Error::unsupported("notifications from SQS: S3 is not built in"))
    }
}

/// `http(s)://host[:port]/path`, without user, query or fragment.
fn check_url(url: &str) -> Result<()> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let (host, path) = rest.and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let fine = !host.is_empty()
        && !path.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/'));
    if fine {
        return Ok(());
    }
    Err(Error::new(Code::INVALID_OPTION, format!("not the URL of a queue: '{url}'"))
        .with_help("write https://sqs.<region>.amazonaws.com/<account>/<name>"))
}

#[cfg(feature = "s3")]
impl NotificationSource for SqsQueue {
    fn name(&self) -> &str {
        &self.url
    }

    fn receive(&self, most: usize) -> BoxFuture<'_, Result<Vec<Notice>>> {
        Box::pin(self.client.receive(most))
    }

    fn forget(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.client.delete(receipts))
    }
}

#[cfg(not(feature = "s3"))]
impl NotificationSource for SqsQueue {
    fn name(&self) -> &str {
        &self.url
    }

    fn receive(&self, _most: usize) -> BoxFuture<'_, Result<Vec<Notice>>> {
        Box::pin(async { Err(Error::unsupported("notifications from SQS")) })
    }

    fn forget(&self, _receipts: Vec<String>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Err(Error::unsupported("notifications from SQS")) })
    }
}
