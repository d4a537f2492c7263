use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;

use super::*;
use crate::StageFiles;

fn record(name: &str, key: &str) -> String {
    format!(
        r#"{{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1",
        "eventTime":"2013-01-01T05:00:00.000Z","eventName":"{name}",
        "s3":{{"s3SchemaVersion":"1.0","configurationId":"c",
        "bucket":{{"name":"retail","arn":"arn:aws:s3:::retail"}},
        "object":{{"key":"{key}","size":1024,"eTag":"d41d","sequencer":"0055AED6DCD90281E5"}}}}}}"#
    )
}

fn message(records: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

fn locations(text: &str) -> Vec<String> {
    s3_events(text).unwrap().into_iter().map(|event| event.location).collect()
}

#[test]
fn created_objects_are_events_and_others_are_not() {
    let text = message(&[
        record("ObjectCreated:Put", "a.csv"),
        record("ObjectRemoved:Delete", "b.csv"),
        record("s3:ObjectCreated:CompleteMultipartUpload", "d/c.csv"),
        record("ObjectRestore:Completed", "e.csv"),
    ]);
    assert_eq!(locations(&text), ["s3://retail/a.csv", "s3://retail/d/c.csv"]);
    let event = &s3_events(&text).unwrap()[0];
    assert_eq!((event.size_bytes, event.etag.as_deref()), (Some(1024), Some("d41d")));
    assert_eq!(event.sequencer.as_deref(), Some("0055AED6DCD90281E5"));
    assert_eq!(event.happened.unwrap().to_string(), "2013-01-01T05:00:00Z");
}

#[test]
fn keys_are_sent_as_forms_send_them() {
    for (sent, key) in [
        ("a+b.csv", "a b.csv"),
        ("a%2Bb.csv", "a+b.csv"),
        ("%C3%A4/%E2%82%AC.csv", "ä/€.csv"),
        ("a%2520b", "a%20b"),
        ("d%2Fe.csv", "d/e.csv"),
    ] {
        let text = message(&[record("ObjectCreated:Put", sent)]);
        assert_eq!(locations(&text), [format!("s3://retail/{key}")]);
    }
    for bad in ["a%2", "a%zz", "a%FF"] {
        assert!(s3_events(&message(&[record("ObjectCreated:Put", bad)])).is_err(), "{bad}");
    }
}

#[test]
fn the_first_message_is_a_test_and_sns_wraps_them() {
    let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"retail"}"#;
    assert!(s3_events(test).unwrap().is_empty());
    for inner in [test.to_owned(), message(&[record("ObjectCreated:Put", "a.csv")])] {
        let wrapped = serde_json::json!({"Type": "Notification", "Message": inner}).to_string();
        assert_eq!(s3_events(&wrapped).unwrap(), s3_events(&inner).unwrap());
    }
}

#[test]
fn anything_else_is_an_error() {
    for text in ["", "{}", "[]", "null", r#"{"Records":[{}]}"#, r#"{"Records":{}}"#, "\u{0}"] {
        assert!(s3_events(text).is_err(), "{text}");
    }
    assert!(s3_events(&format!(r#"{{"Records":[],"x":"{}"}}"#, "x".repeat(2 << 20))).is_err());
}

#[test]
fn a_location_is_below_another_only_part_by_part() {
    let event = FileEvent::new("s3://retail/2013/a.csv");
    assert_eq!(event.below("s3://retail/2013"), Some("a.csv"));
    assert_eq!(event.below("s3://retail/2013/"), Some("a.csv"));
    for other in ["s3://retai", "s3://retail/201", "s3://retail/2013/a.csv", "s3://other/"] {
        assert_eq!(event.below(other), None, "{other}");
    }
}

#[tokio::test]
async fn a_watched_folder_announces_what_is_new_and_what_changed() {
    let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("in"), "in".to_owned());
    stage.put_bytes("old.csv", b"1".to_vec()).await.unwrap();
    let before = WatchedFiles::new(stage.clone(), "memory://in/", "", Vec::new());
    let known = before.all().await.unwrap();
    let watched = WatchedFiles::new(stage.clone(), "memory://in/", "", known);
    let receive = |most: usize| watched.receive(most);
    assert!(receive(10).await.unwrap().is_empty());
    stage.put_bytes("b.csv", b"1".to_vec()).await.unwrap();
    stage.put_bytes("a.csv", b"1".to_vec()).await.unwrap();
    assert_eq!(receive(1).await.unwrap().len(), 1, "no more than was asked for");
    let notices = receive(10).await.unwrap();
    assert_eq!(notices.len(), 2, "they come until they are forgotten");
    watched.forget(notices.into_iter().map(|notice| notice.receipt).collect()).await.unwrap();
    assert!(receive(10).await.unwrap().is_empty());
    stage.put_bytes("a.csv", b"2".to_vec()).await.unwrap();
    let notices = receive(10).await.unwrap();
    assert_eq!(notices[0].events.as_ref().unwrap()[0].location, "memory://in/a.csv");
}

#[test]
fn only_urls_of_queues_are_opened() {
    for url in [
        "",
        "sqs.eu-west-1.amazonaws.com/1/q",
        "https://user@host/q",
        "https://host",
        "https://host/",
        "https://host/q?x=1",
        "https://host/q#x",
        "file:///etc/passwd",
        "http://[::1]/q",
    ] {
        assert!(SqsQueue::open(url, &SqsOptions::default()).is_err(), "{url}");
    }
    let plain = "http://127.0.0.1:5000/123456789012/q";
    assert!(SqsQueue::open(plain, &SqsOptions::default()).is_err(), "it is not encrypted");
}

proptest! {
    #[test]
    fn no_message_does_more_than_fail(text in "\\PC{0,200}") {
        let _ = s3_events(&text);
    }

    #[test]
    fn every_key_comes_back(key in "\\PC{1,40}") {
        let sent: String = key.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        }).collect();
        prop_assert_eq!(locations(&message(&[record("ObjectCreated:Put", &sent)])), [format!("s3://retail/{key}")]);
    }
}
