//! Files that want to do harm, and files that are merely broken.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use icecore_types::{ByteSize, Code, ErrorKind, Result, SqlType};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, RowError, StageFiles, TargetColumn,
    check_format, read_file,
};

fn format(options: &[(&str, &str)]) -> FileFormat {
    let given: Vec<_> =
        options.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    FileFormat::from_definition(&check_format(&given).unwrap()).unwrap()
}

fn target(matching: FieldMatch) -> Arc<FileTarget> {
    let column = |(index, name): (usize, &str)| TargetColumn {
        name: name.to_owned(),
        ordinal: index + 1,
        sql_type: SqlType::TEXT,
        not_null: false,
        output: index.to_string(),
    };
    let columns = ["a", "b"].into_iter().enumerate().map(column).collect();
    Arc::new(FileTarget::new("T", columns).matching(matching))
}

/// Rows that were read, and errors; the rows are dropped as they come.
fn read_named(
    name: &str,
    bytes: Vec<u8>,
    options: &[(&str, &str)],
) -> Result<(u64, Vec<RowError>)> {
    let by_name = options.contains(&("TYPE", "JSON")) || options.contains(&("TYPE", "PARQUET"));
    let matching = if by_name { FieldMatch::CaseSensitive } else { FieldMatch::Position };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes(name, bytes).await?;
        let file = stage.open(&stage.list("", None).await?[0]);
        let reading = ReadOptions { block_bytes: ByteSize::mib(1), threads: 2 };
        let mut reading = read_file(file, &format(options), target(matching), &reading)?;
        let (mut rows, mut errors) = (0, Vec::new());
        while let Some(block) = reading.blocks.try_next().await? {
            rows += block.batch.num_rows() as u64;
            errors.extend(block.errors);
        }
        Ok((rows, errors))
    })
}

fn read(bytes: &[u8], options: &[(&str, &str)]) -> Result<(u64, Vec<RowError>)> {
    read_named("f", bytes.to_vec(), options)
}

/// The codecs, and how each compresses; decompression is ours alone.
fn compressed(codec: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match codec {
        "GZIP" => {
            let mut encoder =
                flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "DEFLATE" => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "RAW_DEFLATE" => {
            let mut encoder =
                flate2::write::DeflateEncoder::new(&mut out, flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "BZ2" => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "ZSTD" => out = zstd::encode_all(bytes, 1).unwrap(),
        "BROTLI" => {
            let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 1, 22);
            encoder.write_all(bytes).unwrap();
            drop(encoder);
        }
        other => panic!("{other}"),
    }
    out
}

const CODECS: [&str; 6] = ["GZIP", "DEFLATE", "RAW_DEFLATE", "BZ2", "ZSTD", "BROTLI"];

#[test]
fn every_compression_is_read_and_what_is_cut_off_is_an_error() {
    let text: String = (0..2_000).map(|i| format!("{i},{}\n", i * 7 % 31)).collect();
    for codec in CODECS {
        let whole = compressed(codec, text.as_bytes());
        let named = [("COMPRESSION", codec)];
        assert_eq!(read(&whole, &named).unwrap().0, 2_000, "{codec}");
        for length in [1, 2, 10, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
            let error = read(&whole[..length], &named).map(|(rows, _)| rows);
            // The last byte of a stream may be padding.
            if let Err(error) = &error {
                assert_eq!(error.code(), Code::UNREADABLE_FILE, "{codec} {length}: {error}");
            } else {
                assert_eq!((error.unwrap(), length), (2_000, whole.len() - 1), "{codec}");
            }
        }
        // Bytes behind the end are an error, or the next stream.
        let mut more = whole.clone();
        more.extend_from_slice(b"and more");
        assert_eq!(read(&more, &named).is_err(), codec != "BROTLI", "{codec}");
        let twice = [whole.clone(), whole.clone()].concat();
        let expected = match codec {
            "GZIP" | "BZ2" | "ZSTD" => Some(4_000),
            "BROTLI" => Some(2_000),
            _ => None,
        };
        assert_eq!(read(&twice, &named).ok().map(|(rows, _)| rows), expected, "{codec}");
        // Seen by itself where it has a mark or a name.
        let name = format!("f.{}", codec.to_lowercase());
        let auto = read_named(&name, whole, &[]).map(|(rows, _)| rows).ok();
        assert_eq!(auto == Some(2_000), codec != "BROTLI", "{codec}");
    }
}

#[test]
fn damaged_data_is_an_error_or_the_same_rows() {
    let text: String = (0..300).map(|i| format!("{i},{}\n", i * 7 % 31)).collect();
    for codec in CODECS {
        let whole = compressed(codec, text.as_bytes());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x24;
            if let Err(error) = read(&damaged, &[("COMPRESSION", codec)]) {
                let kinds = [ErrorKind::InvalidInput, ErrorKind::ResourcesExhausted];
                assert!(kinds.contains(&error.kind()), "{codec} {at}: {error}");
            }
        }
    }
}

/// The time of the machine is what is measured here.
#[test]
#[allow(clippy::disallowed_methods)]
fn bombs_end_in_time() {
    // Lines of nothing, so that rows cost nothing: what is left is the bomb.
    let zeros = vec![b'\n'; 80 << 20];
    // The others are not optimised where tests are built.
    for codec in ["GZIP", "DEFLATE", "RAW_DEFLATE", "ZSTD"] {
        let bomb = compressed(codec, &zeros);
        assert!(zeros.len() / bomb.len() > 250, "{codec}");
        let start = Instant::now();
        let options = [("COMPRESSION", codec), ("SKIP_BLANK_LINES", "TRUE")];
        let error = read(&bomb, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourcesExhausted, "{codec}: {error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{codec}");
    }
    // A window larger than any that is taken.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&zeros[..1 << 20]).unwrap();
    let wide = encoder.finish().unwrap();
    assert!(read(&wide, &[]).is_err());
}

#[test]
fn encodings_and_marks() {
    let utf16: Vec<u8> =
        "\u{feff}1,ü\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    let (rows, errors) = read(&utf16, &[]).unwrap();
    assert_eq!(rows, 0);
    assert_eq!(errors[0].code, Code::MALFORMED_RECORD, "{errors:?}");
    let latin = b"1,ok\n2,\xfc\n3,ok\n";
    let (rows, errors) = read(latin, &[]).unwrap();
    assert_eq!((rows, errors[0].row, errors[0].line, errors[0].character), (2, 2, 2, 3));
    assert_eq!(read(latin, &[("REPLACE_INVALID_CHARACTERS", "TRUE")]).unwrap().0, 3);
    for (mark, rows) in [("TRUE", 1), ("FALSE", 1)] {
        let read = read(b"\xef\xbb\xbf1,2\n", &[("SKIP_BYTE_ORDER_MARK", mark)]).unwrap();
        assert_eq!(read.0, rows);
    }
    let json = b"\xef\xbb\xbf{\"a\":1}";
    assert_eq!(read(json, &[("TYPE", "JSON")]).unwrap().0, 1);
    let kept = [("TYPE", "JSON"), ("SKIP_BYTE_ORDER_MARK", "FALSE")];
    assert_eq!(read(json, &kept).unwrap().1.len(), 1);
}

#[test]
fn ragged_rows_and_quotes_that_never_close_have_their_place() {
    let (rows, errors) = read(b"1,2\n3\n4,5,6\n7,8\n\n", &[]).unwrap();
    assert_eq!(rows, 2);
    let places: Vec<_> = errors.iter().map(|e| (e.row, e.line, e.code.number())).collect();
    assert_eq!(places, [(2, 2, "100080"), (3, 3, "100016"), (5, 5, "100080")]);
    let quoted = [("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")];
    let (rows, errors) = read(b"1,2\n3,\"4\n5,6\n7,8\n", &quoted).unwrap();
    assert_eq!((rows, errors.len(), errors[0].row, errors[0].start_line), (1, 1, 2, 2));
    // Without an end there is a limit.
    let endless = [b"1,\"".to_vec(), vec![b'x'; 17 << 20]].concat();
    assert_eq!(read(&endless, &quoted).unwrap_err().kind(), ErrorKind::ResourcesExhausted);
    let header = [("PARSE_HEADER", "TRUE"), ("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let named = runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f", b"a,\"b\n1,2\n".to_vec()).await?;
        let file = stage.open(&stage.list("", None).await?[0]);
        let target = target(FieldMatch::CaseSensitive);
        let reading = read_file(file, &format(&header), target, &ReadOptions::default())?;
        reading.blocks.try_collect::<Vec<_>>().await
    });
    assert_eq!(named.unwrap_err().code(), Code::UNREADABLE_FILE);
}

#[test]
fn ten_million_columns_are_too_many() {
    let wide = vec![b','; 10_000_000];
    let uneven = [("ERROR_ON_COLUMN_COUNT_MISMATCH", "FALSE")];
    let error = read(&wide, &uneven).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
    let (rows, errors) = read(&wide, &[]).unwrap();
    assert_eq!((rows, errors.len()), (0, 1));
    let deep = [vec![b'['; 1_000_000], b"1".to_vec()].concat();
    let (rows, errors) = read(&deep, &[("TYPE", "JSON")]).unwrap();
    assert_eq!((rows, errors.len()), (0, 1));
}

#[test]
fn a_file_that_changes_or_vanishes_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for options in [&[][..], &[("TYPE", "JSON")], &[("TYPE", "PARQUET")]] {
        for vanish in [true, false] {
            let by_name = !options.is_empty();
            let matching = if by_name { FieldMatch::CaseSensitive } else { FieldMatch::Position };
            let error = runtime.block_on(async {
                let store = Arc::new(InMemory::new());
                let stage = StageFiles::new(store.clone(), Path::default(), "s".to_owned())
                    .at_url("memory://bucket/");
                stage.put_bytes("f", vec![b'\n'; 100]).await.unwrap();
                let file = stage.open(&stage.list("", None).await.unwrap()[0]);
                match vanish {
                    true => store.delete(&Path::from("f")).await.unwrap(),
                    false => stage.put_bytes("f", vec![b' '; 100]).await.unwrap(),
                }
                let options = format(options);
                let reading =
                    read_file(file, &options, target(matching), &ReadOptions::default()).unwrap();
                reading.blocks.try_collect::<Vec<_>>().await.unwrap_err()
            });
            let code = if vanish { Code::FILE_NOT_FOUND } else { Code::CONFLICT };
            assert_eq!(error.code(), code, "{error}");
        }
    }
}

/// A bucket that lets nobody in.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed")
    }
}

fn closed<T>() -> object_store::Result<T> {
    Err(object_store::Error::PermissionDenied { path: "p".into(), source: "AKIASECRET".into() })
}

#[async_trait::async_trait]
impl ObjectStore for Closed {
    async fn put_opts(
        &self,
        _: &Path,
        _: object_store::PutPayload,
        _: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        closed()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        closed()
    }

    async fn get_opts(
        &self,
        _: &Path,
        _: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        closed()
    }

    fn delete_stream(
        &self,
        _: futures::stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<Path>> {
        Box::pin(futures::stream::iter([closed()]))
    }

    fn list(
        &self,
        _: Option<&Path>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        Box::pin(futures::stream::iter([closed()]))
    }

    async fn list_with_delimiter(
        &self,
        _: Option<&Path>,
    ) -> object_store::Result<object_store::ListResult> {
        closed()
    }

    async fn copy_opts(
        &self,
        _: &Path,
        _: &Path,
        _: object_store::CopyOptions,
    ) -> object_store::Result<()> {
        closed()
    }
}

#[test]
fn a_bucket_without_permission_says_so_and_shows_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(Closed), Path::default(), "s3://closed".to_owned())
            .at_url("s3://closed/");
        let errors = [
            stage.list("", None).await.unwrap_err(),
            stage.named("", &["a".to_owned()]).await.unwrap_err(),
            stage.put_bytes("a", Vec::new()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
            assert!(error.help().is_some());
            let all = format!("{error:?} {:?}", std::error::Error::source(&error));
            assert!(!all.contains("AKIASECRET"), "{all}");
        }
    });
}
