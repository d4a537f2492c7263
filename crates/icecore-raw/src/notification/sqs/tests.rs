//! A queue of a real server: what a bucket says comes, until it is forgotten.

use icecore_testkit::Moto;

use super::{SqsOptions, SqsQueue};
use crate::notification::{FileEvent, NotificationSource};

fn options(server: &Moto) -> SqsOptions {
    server
        .settings()
        .iter()
        .fold(SqsOptions::default(), |options, (key, value)| options.setting(key, value))
}

async fn locations(queue: &SqsQueue) -> (Vec<String>, Vec<FileEvent>) {
    let notices = queue.receive(100).await.unwrap();
    let receipts = notices.iter().map(|notice| notice.receipt.clone()).collect();
    let events = notices.into_iter().flat_map(|notice| notice.events.unwrap()).collect();
    (receipts, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_tells_a_queue_what_was_put() {
    let server = Moto::start().unwrap();
    server.create_bucket("landing").unwrap();
    let url = server.create_queue("arrivals", "landing").unwrap();
    let queue = SqsQueue::open(&url, &options(&server)).unwrap();
    // The message that the bucket sends first is a test.
    let (receipts, events) = locations(&queue).await;
    assert!(events.is_empty(), "{events:?}");
    queue.forget(receipts).await.unwrap();

    for name in ["in/a+b%20c.csv", "in/plain.csv"] {
        let answer = server.send("PUT", &format!("/landing/{name}"), &[], "1\n").unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }
    for n in 0..12 {
        server.send("PUT", &format!("/landing/many/{n}.csv"), &[], "1\n").unwrap();
    }
    let (receipts, events) = locations(&queue).await;
    assert_eq!(events.len(), 14, "more than one request gives");
    let mut found: Vec<&str> = events.iter().map(|event| event.location.as_str()).collect();
    found.sort_unstable();
    assert!(found.contains(&"s3://landing/in/plain.csv"), "{found:?}");
    assert!(found.contains(&"s3://landing/in/a+b c.csv"), "{found:?}");
    assert_eq!(events[0].size_bytes, Some(2));
    assert!(queue.receive(10).await.unwrap().is_empty(), "received, they are kept from others");
    queue.forget(receipts).await.unwrap();

    let missing = url.replace("arrivals", "nowhere");
    let queue = SqsQueue::open(&missing, &options(&server)).unwrap();
    let error = queue.receive(1).await.unwrap_err();
    assert!(error.message().contains("ReceiveMessage"), "{error}");
}
