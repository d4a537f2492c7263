//! Stages on folders and buckets, from outside.

use icecore::{ErrorKind, Icecore};

use crate::{rows, try_rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_a_stage_where_the_program_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("in");
    std::fs::create_dir_all(inside.join("deep")).unwrap();
    std::fs::write(folder.path().join("secret.csv"), "SECRET\n").unwrap();
    std::fs::write(inside.join("a.csv"), "1,one\n2,two\n").unwrap();
    std::fs::write(inside.join("deep/b.csv"), "3,three\n").unwrap();
    let around = format!("file://{}/", folder.path().display());
    let allowed = format!("file://{}/", inside.display());
    let lake = Icecore::builder("memory://").allow_stage_location(&allowed).await.unwrap();
    let session = lake.session().await.unwrap();
    let error = try_rows(&session, &format!("CREATE STAGE s URL = '{around}'")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.help().unwrap().contains("allow_stage_location"));
    rows(&session, &format!("CREATE STAGE s URL = '{allowed}'")).await;
    rows(&session, &format!("CREATE STAGE deep URL = '{allowed}deep/'")).await;
    assert_eq!(rows(&session, "SELECT COUNT(*), MAX($2) FROM @s").await, ["3|two"]);
    assert_eq!(rows(&session, "SELECT $2 FROM @deep").await, ["three"]);
    rows(&session, "CREATE TABLE t (n INT, name VARCHAR)").await;
    rows(&session, "COPY INTO t FROM @s").await;
    // The same files, whichever stage names them.
    assert_eq!(
        rows(&session, "COPY INTO t FROM @deep").await,
        ["Copy executed with 0 files processed."]
    );
    rows(&session, "REMOVE @deep").await;
    assert!(!inside.join("deep/b.csv").exists());
    for path in ["../secret.csv", "%2e%2e/secret.csv", "..%2fsecret.csv", "deep/../../secret.csv"] {
        let found = try_rows(&session, &format!("SELECT $1 FROM '@s/{path}'")).await;
        assert!(found.is_err() || found.unwrap().is_empty(), "{path}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), inside.join("link.csv"))
            .unwrap();
        assert_eq!(rows(&session, "SELECT COUNT(*) FROM @s").await, ["2"]);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("file://{}", folder.path().display());
    let lake = Icecore::open("memory://").await.unwrap();
    let session = lake.session().await.unwrap();
    rows(&session, "CREATE STAGE s").await;
    let unload = "FROM (SELECT SEQ4() AS n FROM TABLE(GENERATOR(ROWCOUNT => 3))) SINGLE = TRUE \
                  FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE)";
    for path in ["in/a.csv", "in/deep/b.csv", "in/c.txt"] {
        rows(&session, &format!("COPY INTO @s/{path} {unload}")).await;
    }
    let get = format!("GET @s/in/ {target} PATTERN = '.*csv' PARALLEL = 2");
    assert_eq!(rows(&session, &get).await, ["a.csv|6|DOWNLOADED|", "deep/b.csv|6|DOWNLOADED|"]);
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    assert_eq!((read("a.csv"), read("deep/b.csv")), ("0\n1\n2\n".into(), "0\n1\n2\n".into()));
    assert!(!folder.path().join("c.txt").exists());
    // What comes back is what was put.
    rows(&session, &format!("PUT {target}/a.csv @s/again AUTO_COMPRESS = FALSE")).await;
    assert_eq!(rows(&session, "SELECT SUM($1::INT) FROM @s/again").await, ["3"]);
    assert!(rows(&session, &format!("GET @s/none {target}")).await.is_empty());
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = try_rows(&session, &format!("GET @s {target}/file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_needs_no_allowance_to_be_dropped_or_described() {
    let folder = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let url = format!("file://{}/", folder.path().display());
    let path = store.path().display().to_string();
    let lake = Icecore::builder(&path).allow_stage_location(&url).await.unwrap();
    let session = lake.session().await.unwrap();
    rows(&session, &format!("CREATE STAGE s URL = '{url}'")).await;
    drop(session);
    lake.close().await.unwrap();
    // Opened without the allowance, the stage is there and gives nothing.
    let lake = Icecore::open(&path).await.unwrap();
    let session = lake.session().await.unwrap();
    let error = try_rows(&session, "SELECT $1 FROM @s").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    rows(&session, "SHOW STAGES").await;
    rows(&session, "DROP STAGE s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_memory_is_filled_from_rust() {
    use futures::StreamExt;
    use object_store::ObjectStoreExt;
    let lake = Icecore::open("memory://").await.unwrap();
    let session = lake.session().await.unwrap();
    let bucket = lake.memory_bucket("retail");
    bucket.put(&"in/a#b %.csv".into(), "1\n2\n".into()).await.unwrap();
    rows(&session, "CREATE STAGE s URL = 'memory://retail/in/'").await;
    assert_eq!(rows(&session, "SELECT SUM($1::INT) FROM @s").await, ["3"]);
    assert_eq!(lake.memory_bucket("other").list(None).count().await, 0);
}

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_is_a_bucket_of_a_service() {
    let server = icecore_testkit::Moto::start().unwrap();
    server.create_bucket("landing").unwrap();
    let endpoint = server.endpoint();
    let lake = Icecore::builder("memory://").allow_stage_location(&endpoint).await.unwrap();
    let session = lake.session().await.unwrap();
    rows(
        &session,
        &format!(
            "CREATE STAGE s URL = 's3compat://landing/2013/' ENDPOINT = '{endpoint}' \
             CREDENTIALS = (AWS_KEY_ID = 'test' AWS_SECRET_KEY = 'test')"
        ),
    )
    .await;
    rows(&session, "PUT file://../../testdata/csv/header.csv @s AUTO_COMPRESS = FALSE").await;
    assert_eq!(rows(&session, "SELECT $1 FROM @s ORDER BY 1 LIMIT 1").await, ["1"]);
    let listed = rows(&session, "LIST @s").await;
    assert!(listed[0].starts_with("s3compat://landing/2013/header.csv|"), "{listed:?}");
    rows(&session, "CREATE TABLE t (id INT, name VARCHAR, price FLOAT)").await;
    let copy = "COPY INTO t FROM @s FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1 \
                FIELD_OPTIONALLY_ENCLOSED_BY = '\"')";
    rows(&session, copy).await;
    assert_eq!(rows(&session, "SELECT COUNT(*), SUM(price) FROM t").await, ["3|12.625"]);
    assert_eq!(rows(&session, copy).await, ["Copy executed with 0 files processed."]);
    rows(&session, "REMOVE @s").await;
    assert!(rows(&session, "LIST @s").await.is_empty());
    let missing = format!("CREATE STAGE m URL = 's3compat://missing/' ENDPOINT = '{endpoint}'");
    rows(&session, &missing).await;
    let error = try_rows(&session, "SELECT $1 FROM @m").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable), "{error}");
}
