//! Requests and answers.

use std::time::Duration;

use futures::future::BoxFuture;
use icecore_types::{Code, Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use object_store::{ClientOptions, CredentialProvider, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::SqsOptions;
use crate::notification::{Notice, s3_events};

/// Messages of one request: the most that SQS has.
const MOST_AT_ONCE: usize = 10;
/// How long a message that was received is kept from others: much longer than
/// it takes to write it down.
const VISIBILITY: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

type Credentials = std::sync::Arc<dyn CredentialProvider<Credential = AwsCredential>>;

#[derive(Debug)]
pub(super) struct Client {
    queue: String,
    endpoint: String,
    region: String,
    credentials: Credentials,
    http: HttpClient,
}

#[derive(Deserialize)]
struct Received {
    #[serde(rename = "Messages", default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "ReceiptHandle")]
    receipt: String,
    #[serde(rename = "Body")]
    body: String,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "Failed", default)]
    failed: Vec<Value>,
}

impl Client {
    pub(super) fn new(queue: &str, options: &SqsOptions) -> Result<Self> {
        let wrong = |source| {
            let message = format!("the queue cannot be used url='{queue}'");
            Error::new(Code::INVALID_OPTION, message).with_source(source)
        };
        let builder = settings(options)?;
        let setting = |key| builder.get_config_value(&key);
        let region = region_of(queue)
            .or_else(|| setting(AmazonS3ConfigKey::Region))
            .unwrap_or_else(|| "us-east-1".to_owned());
        let plain = options.settings.get("allow_http").is_some_and(|value| value == "true");
        if queue.starts_with("http://") && !plain {
            return Err(Error::new(Code::INVALID_OPTION, format!("not encrypted: '{queue}'"))
                .with_help("write https://, or open the engine with the setting allow_http"));
        }
        let http_options = ClientOptions::new().with_allow_http(plain).with_timeout(TIMEOUT);
        let http = ReqwestConnector::default().connect(&http_options).map_err(wrong)?;
        // Nothing is asked of a bucket: this only finds the keys.
        let keys = builder.with_bucket_name("queue").with_region(&region).build().map_err(wrong)?;
        let credentials = std::sync::Arc::clone(keys.credentials());
        let host = queue.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        Ok(Self {
            queue: queue.to_owned(),
            endpoint: format!("{host}/"),
            region,
            credentials,
            http,
        })
    }

    pub(super) async fn receive(&self, most: usize) -> Result<Vec<Notice>> {
        let mut notices = Vec::new();
        while notices.len() < most {
            let asked = (most - notices.len()).min(MOST_AT_ONCE);
            let request = json!({
                "QueueUrl": self.queue,
                "MaxNumberOfMessages": asked,
                "VisibilityTimeout": VISIBILITY.as_secs(),
                "WaitTimeSeconds": 0,
            });
            let received: Received = self.ask("ReceiveMessage", &request).await?;
            if received.messages.is_empty() {
                break;
            }
            notices.extend(received.messages.into_iter().map(|message| Notice {
                receipt: message.receipt,
                events: s3_events(&message.body),
            }));
        }
        Ok(notices)
    }

    pub(super) fn delete(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for batch in receipts.chunks(MOST_AT_ONCE) {
                let entry = |(id, receipt): (usize, &String)| json!({"Id": id.to_string(), "ReceiptHandle": receipt});
                let entries: Vec<Value> = batch.iter().enumerate().map(entry).collect();
                let request = json!({"QueueUrl": self.queue, "Entries": entries});
                let deleted: Deleted = self.ask("DeleteMessageBatch", &request).await?;
                if !deleted.failed.is_empty() {
                    // They come again, and are known then.
                    tracing::debug!(queue = self.queue, "messages were not deleted");
                }
            }
            Ok(())
        })
    }

    async fn ask<T: DeserializeOwned>(&self, action: &str, body: &Value) -> Result<T> {
        let request = self.request(action, body).await?;
        let sent = self.http.execute(request).await;
        let response =
            sent.map_err(|source| self.failed(action, "no answer").with_source(source))?;
        let status = response.status().as_u16();
        let read = response.into_body().bytes().await;
        let bytes = read.map_err(|source| self.failed(action, "no answer").with_source(source))?;
        match status {
            200 => serde_json::from_slice(&bytes)
                .map_err(|source| self.failed(action, "not an answer of SQS").with_source(source)),
            401 | 403 => Err(Error::new(
                Code::INSUFFICIENT_PRIVILEGES,
                format!("the queue refuses {action} url={} status={status}", self.queue),
            )),
            status => Err(self.failed(action, &format!("status={status}"))),
        }
    }

    async fn request(&self, action: &str, body: &Value) -> Result<HttpRequest> {
        let credential = self.credentials.get_credential().await?;
        let mut request = HttpRequest::new(body.to_string().into());
        let internal = |what: &str| Error::internal(format!("a request to SQS: {what}"));
        *request.method_mut() = "POST".parse().map_err(|_| internal("its method"))?;
        *request.uri_mut() = self.endpoint.parse().map_err(|_| internal("its URL"))?;
        let target = HeaderValue::from_str(&format!("AmazonSQS.{action}"))
            .map_err(|_| internal("its target"))?;
        request.headers_mut().insert("content-type", HeaderValue::from_static(CONTENT_TYPE));
        request.headers_mut().insert("x-amz-target", target);
        AwsAuthorizer::new(&credential, "sqs", &self.region).authorize(&mut request, None);
        Ok(request)
    }

    fn failed(&self, action: &str, why: &str) -> Error {
        let message = format!("the queue does not do {action} url={}: {why}", self.queue);
        Error::new(Code::STORE_UNAVAILABLE, message)
    }
}

fn settings(options: &SqsOptions) -> Result<AmazonS3Builder> {
    let mut builder = match options.environment {
        true => AmazonS3Builder::from_env(),
        false => AmazonS3Builder::new(),
    };
    for (key, value) in &options.settings {
        let key: AmazonS3ConfigKey = key.parse().map_err(|source| {
            let message = format!("not a setting of S3: '{key}'");
            Error::new(Code::INVALID_OPTION, message).with_source(source)
        })?;
        builder = builder.with_config(key, value);
    }
    Ok(builder)
}

/// The region in `https://sqs.<region>.amazonaws.com/..`.
fn region_of(queue: &str) -> Option<String> {
    let host = queue.split('/').nth(2)?;
    let rest = host.strip_prefix("sqs.")?;
    let (region, domain) = rest.split_once('.')?;
    domain.starts_with("amazonaws.").then(|| region.to_owned())
}
