use icecore_types::ErrorKind;

use super::*;

/// Parts that must not be in a path, and what else may stand around them.
const EVIL: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%2e",
    "",
    "a%2fb",
    "a%5cb",
    "a\\b",
    "a\0b",
    "a?b",
    "a#b",
    "a%00b",
    "a\nb",
    "..%2f..",
    "%2e%2e%2fetc",
    "\u{feff}",
];
const AROUND: &[(&str, &str)] =
    &[("", ""), ("a/", ""), ("", "/b"), ("a/", "/b"), ("a/b/c/", "/d"), ("x y/", "/z")];
const PLACES: &[&str] = &["s3://bucket/", "memory://bucket/", "file:///data/"];

#[test]
fn hundreds_of_urls_that_leave_their_place_are_refused() {
    let mut refused = 0;
    for place in PLACES {
        for evil in EVIL {
            for (before, behind) in AROUND {
                let url = format!("{place}{before}{evil}{behind}");
                // A slash at the end is no part.
                if evil.is_empty() && behind.is_empty() {
                    continue;
                }
                assert!(StageUrl::parse(&url, None).is_err(), "{url:?}");
                refused += 1;
            }
        }
    }
    let hosts = [
        "",
        "a",
        "ab",
        "-ab",
        "ab-",
        "Bucket",
        "buc_ket",
        "a..b",
        "user@bucket",
        "u:p@bucket",
        "bucket:80",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "bucket%2f",
        "b ucket",
        "bück",
        ".abc",
        "abc.",
        "*",
        "$(id)",
        "bucket@169.254.169.254",
    ];
    for scheme in ["s3", "memory"] {
        for host in hosts {
            for path in ["", "/", "/a/", "/a/b"] {
                let url = format!("{scheme}://{host}{path}");
                assert!(StageUrl::parse(&url, None).is_err(), "{url:?}");
                refused += 1;
            }
        }
    }
    for scheme in [
        "http",
        "https",
        "ftp",
        "S3",
        "FILE",
        "s3a",
        "s3n",
        "gopher",
        "data",
        "jar",
        "smb",
        "",
        "javascript",
        "azure",
        "gcs",
        "s3gov",
    ] {
        for rest in ["bucket/", "bucket/a", "user@bucket/", "127.0.0.1/"] {
            assert!(StageUrl::parse(&format!("{scheme}://{rest}"), None).is_err());
            refused += 1;
        }
    }
    for url in ["bucket", "/data", "s3:/bucket/", "s3//bucket", "file://data/", "file://host/data"]
    {
        assert!(StageUrl::parse(url, None).is_err(), "{url}");
        refused += 1;
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn what_is_read_is_what_is_shown() {
    for (url, shown) in [
        ("s3://retail", "s3://retail/"),
        ("s3://retail/", "s3://retail/"),
        ("s3://retail/a/b", "s3://retail/a/b/"),
        ("memory://a.b-c/x y/%20/", "memory://a.b-c/x y/%20/"),
        ("file:///data/in", "file:///data/in/"),
        ("file:///", "file:///"),
    ] {
        let parsed = StageUrl::parse(url, None).unwrap();
        assert_eq!(parsed.to_string(), shown);
        assert_eq!(StageUrl::parse(shown, None).unwrap(), parsed);
    }
    // What is refused is not repeated: it may hold a secret.
    let error = StageUrl::parse("s3://key:s3cret@bucket/", None).unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_place_is_within_another_part_by_part() {
    let url = |text| StageUrl::parse(text, None).unwrap();
    for (inner, outer, within) in [
        ("file:///data/a/", "file:///data/", true),
        ("file:///data/", "file:///data/", true),
        ("file:///database/", "file:///data/", false),
        ("file:///", "file:///data/", false),
        ("file:///data/", "file:///", true),
        ("s3://bucket/a/", "s3://bucket/", true),
        ("s3://other/a/", "s3://bucket/", false),
        ("memory://bucket/a/", "s3://bucket/", false),
    ] {
        assert_eq!(url(inner).is_within(&url(outer)), within, "{inner} {outer}");
    }
}

#[test]
fn endpoints_where_machines_tell_of_themselves_are_refused() {
    for endpoint in [
        "169.254.169.254",
        "http://169.254.169.254/",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
        "metadata.google.internal",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "user@host.example",
        "host.example/path",
        "host.example?x",
        "host.example:0",
        "host.example:99999",
        "host.example:x",
        "",
        "-a.example",
        "a..b",
        "ftp://host.example",
        "host name.example",
        "host.example:80:80",
    ] {
        assert!(Endpoint::parse(endpoint).is_err(), "{endpoint}");
    }
    for (endpoint, shown, public) in [
        ("minio.example.com", "https://minio.example.com", true),
        ("https://Minio.Example.com:9000/", "https://minio.example.com:9000", true),
        ("http://minio.example.com", "http://minio.example.com", false),
        ("127.0.0.1:9000", "https://127.0.0.1:9000", false),
        ("[::1]:9000", "https://[::1]:9000", false),
        ("[::ffff:10.0.0.1]", "https://[::ffff:10.0.0.1]", false),
        ("localhost:9000", "https://localhost:9000", false),
        ("minio", "https://minio", false),
        ("10.1.2.3", "https://10.1.2.3", false),
    ] {
        let parsed = Endpoint::parse(endpoint).unwrap();
        assert_eq!((parsed.to_string().as_str(), parsed.is_public()), (shown, public));
    }
    let error = StageUrl::parse("gcs://bucket/", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
