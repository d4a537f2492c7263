use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::Int32Type;
use futures::TryStreamExt;
use icecore_types::{Code, ErrorKind, Result, SqlType};
use icecore_values::format_array;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, RowError, StageFiles, TargetColumn,
    check_format, read_file,
};

#[derive(Debug, Default)]
struct Loaded {
    rows: Vec<Vec<String>>,
    numbers: Vec<i64>,
    errors: Vec<RowError>,
}

fn format(options: &[(&str, &str)]) -> FileFormat {
    let parquet = [("TYPE", "PARQUET")];
    let given: Vec<_> = parquet
        .iter()
        .chain(options)
        .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]))
        .collect();
    FileFormat::from_definition(&check_format(&given).unwrap()).unwrap()
}

fn target(columns: &[(&str, &str)]) -> FileTarget {
    let columns = columns.iter().enumerate().map(|(index, (name, ty))| TargetColumn {
        name: (*name).to_owned(),
        ordinal: index + 1,
        sql_type: SqlType::parse(ty.trim_end_matches('!')).unwrap(),
        not_null: ty.ends_with('!'),
        output: (index + 1).to_string(),
    });
    FileTarget::new("T", columns.collect()).matching(FieldMatch::CaseInsensitive)
}

fn written(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    written(columns, WriterProperties::default())
}

fn read(bytes: &[u8], format: &FileFormat, target: &FileTarget) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f.parquet", bytes.to_vec()).await?;
        let file = stage.list("", None).await?.remove(0);
        let target = Arc::new(target.clone());
        let options = ReadOptions::default();
        let mut reading = read_file(stage.open(&file), format, Arc::clone(&target), &options)?;
        let mut loaded = Loaded::default();
        while let Some(block) = reading.blocks.try_next().await? {
            loaded.numbers.extend(block.row_numbers().values());
            let texts: Vec<_> = block
                .batch
                .columns()
                .iter()
                .zip(target.columns())
                .map(|(array, column)| format_array(array, &column.sql_type).unwrap())
                .collect();
            for row in 0..block.batch.num_rows() {
                let text =
                    |t: &StringArray| t.iter().nth(row).flatten().unwrap_or("NULL").to_owned();
                loaded.rows.push(texts.iter().map(text).collect());
            }
            loaded.errors.extend(block.errors);
        }
        Ok(loaded)
    })
}

fn integers(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

#[test]
fn columns_are_found_by_name_and_cast() {
    let bytes = file(vec![
        ("skipped", Arc::new(StringArray::from(vec!["x", "y"]))),
        ("N", Arc::new(Int32Array::from(vec![Some(1), None]))),
        (
            "amount",
            Arc::new(Decimal128Array::from(vec![1250, 7]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("day", Arc::new(Date32Array::from(vec![15764, 15765]))),
        ("moment", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]))),
        ("text", Arc::new(StringArray::from(vec![Some("2.50"), Some("\\N")]))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"ab"[..], b"cd"]))),
        ("big", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("f", Arc::new(Float64Array::from(vec![0.5, 2.0]))),
    ]);
    let columns = target(&[
        ("n", "INT"),
        ("AMOUNT", "NUMBER(10,1)"),
        ("DAY", "VARCHAR"),
        ("MOMENT", "TIMESTAMP"),
        ("TEXT", "NUMBER(10,2)"),
        ("BYTES", "VARCHAR"),
        ("BIG", "NUMBER(38,0)"),
        ("F", "FLOAT"),
        ("MISSING", "DATE"),
    ]);
    let loaded = read(&bytes, &format(&[]), &columns).unwrap();
    assert_eq!(
        loaded.rows,
        [
            [
                "1",
                "12.5",
                "2013-02-28",
                "1970-01-01 00:00:00.000",
                "2.50",
                "ab",
                "18446744073709551615",
                "0.5",
                "NULL"
            ],
            [
                "NULL",
                "0.1",
                "2013-03-01",
                "1970-01-01 00:00:01.500",
                "NULL",
                "cd",
                "0",
                "2",
                "NULL"
            ],
        ]
    );
    let none = read(&bytes, &format(&[]), &target(&[("OTHER", "INT")])).unwrap();
    assert_eq!(none.rows, [["NULL"], ["NULL"]]);
    let hex = read(&bytes, &format(&[]), &target(&[("BYTES", "BINARY")])).unwrap();
    assert_eq!(hex.rows, [["6162"], ["6364"]]);
}

#[test]
fn values_that_do_not_fit_are_refused_with_their_row() {
    let bytes = file(vec![
        ("n", integers((0..10_000).map(Some).collect())),
        (
            "t",
            Arc::new(StringArray::from_iter_values(
                (0..10_000).map(|i| if i == 8_200 { "x".to_owned() } else { i.to_string() }),
            )),
        ),
    ]);
    let columns = target(&[("N", "NUMBER(4,0)"), ("T", "INT")]);
    let loaded = read(&bytes, &format(&[]), &columns).unwrap();
    assert_eq!((loaded.rows.len(), loaded.errors.len()), (9_999, 1));
    let error = &loaded.errors[0];
    assert_eq!((error.row, error.line, error.code), (8_201, 8_201, Code::NOT_A_NUMBER));
    assert_eq!(error.column.as_deref(), Some("\"T\"[\"T\":2]"));
    assert_eq!(error.record, "8200,x");
    assert_eq!(loaded.numbers[8_200], 8_202);
    let narrow = target(&[("N", "NUMBER(3,0)")]);
    let loaded = read(&bytes, &format(&[]), &narrow).unwrap();
    assert_eq!((loaded.rows.len(), loaded.errors[0].row), (1_000, 1_001));
    assert_eq!(loaded.errors[0].code, Code::OUT_OF_RANGE);
    let strict = target(&[("N", "INT!"), ("MISSING", "INT!")]);
    let loaded = read(&bytes, &format(&[]), &strict).unwrap();
    assert_eq!(loaded.rows.len(), 0);
    assert_eq!(loaded.errors[0].code, Code::NULL_NOT_ALLOWED);
    let error = read(&bytes, &format(&[]), &target(&[("N", "DATE")])).unwrap_err();
    assert_eq!(error.code(), Code::TYPE_MISMATCH);
}

#[test]
fn texts_are_cleaned_and_bytes_that_are_none_refused() {
    let bytes = file(vec![
        ("t", Arc::new(StringArray::from(vec![" a ", "NA", "2"]))),
        ("b", Arc::new(BinaryArray::from(vec![&b"x"[..], b"\xff", b"z"]))),
        ("n", integers(vec![Some(1), Some(2), Some(3)])),
    ]);
    let columns = target(&[("T", "VARCHAR"), ("N", "INT")]);
    let cleaned = format(&[("TRIM_SPACE", "TRUE"), ("NULL_IF", "NA")]);
    let loaded = read(&bytes, &cleaned, &columns).unwrap();
    assert_eq!(loaded.rows, [["a", "1"], ["NULL", "2"], ["2", "3"]]);
    // NULL_IF holds for every type.
    let loaded = read(&bytes, &format(&[("NULL_IF", "2")]), &columns).unwrap();
    assert_eq!(loaded.rows, [[" a ", "1"], ["NA", "NULL"], ["NULL", "3"]]);
    let columns = target(&[("B", "VARCHAR")]);
    let loaded = read(&bytes, &format(&[]), &columns).unwrap();
    assert_eq!((loaded.rows.len(), loaded.errors[0].row), (2, 2));
    let replaced = format(&[("REPLACE_INVALID_CHARACTERS", "TRUE")]);
    assert_eq!(read(&bytes, &replaced, &columns).unwrap().rows[1], ["\u{fffd}"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let nested = file(vec![("l", Arc::new(list)), ("n", integers(vec![Some(1)]))]);
    let error = read(&nested, &format(&[]), &target(&[("L", "VARCHAR")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("nested parquet column 'l'"), "{error}");
    assert_eq!(read(&nested, &format(&[]), &target(&[("N", "INT")])).unwrap().rows, [["1"]]);
    let counted = target(&[("N", "INT")]).matching(FieldMatch::Position);
    assert_eq!(read(&nested, &format(&[]), &counted).unwrap_err().code(), Code::INVALID_OPTION);
    let twice = file(vec![("a", integers(vec![Some(1)])), ("A", integers(vec![Some(2)]))]);
    assert!(read(&twice, &format(&[]), &target(&[("A", "INT")])).is_err());
    let exact = target(&[("A", "INT")]).matching(FieldMatch::CaseSensitive);
    assert_eq!(read(&twice, &format(&[]), &exact).unwrap().rows, [["2"]]);
}

#[test]
fn every_compression_and_encoding_is_read_alike() {
    let texts: Vec<String> =
        (0..3_000).map(|i| format!("prefix that repeats {}", i % 97)).collect();
    let columns = || -> Vec<(&str, ArrayRef)> {
        vec![
            ("n", integers((0..3_000).map(|i| (i % 11 > 0).then_some(i)).collect())),
            ("t", Arc::new(StringArray::from_iter_values(&texts))),
        ]
    };
    let wanted = target(&[("N", "INT"), ("T", "VARCHAR")]);
    let expected = read(&file(columns()), &format(&[]), &wanted).unwrap().rows;
    assert_eq!(expected.len(), 3_000);
    for compression in
        [Compression::SNAPPY, Compression::ZSTD(Default::default()), Compression::LZ4_RAW]
    {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(701))
            .set_data_page_row_count_limit(100);
        let bytes = written(columns(), properties.build());
        assert_eq!(read(&bytes, &format(&[]), &wanted).unwrap().rows, expected, "{compression}");
    }
    for encoding in [Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_LENGTH_BYTE_ARRAY] {
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_column_encoding(ColumnPath::from("t"), encoding);
        let bytes = written(columns(), properties.build());
        assert_eq!(read(&bytes, &format(&[]), &wanted).unwrap().rows, expected, "{encoding}");
    }
    let old = WriterProperties::builder().set_compression(Compression::LZ4).build();
    let error = read(&written(columns(), old), &format(&[]), &wanted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// Damaged in every place, a file is an error or the same rows: never a panic,
/// never endless.
#[test]
fn a_damaged_file_is_an_error_and_never_takes_the_engine_down() {
    let bytes = file(vec![
        ("n", integers((0..50).map(Some).collect())),
        ("t", Arc::new(StringArray::from_iter_values((0..50).map(|i| format!("text {i}"))))),
    ]);
    let wanted = target(&[("N", "INT"), ("T", "VARCHAR")]);
    for length in 0..bytes.len() {
        let error = read(&bytes[..length], &format(&[]), &wanted).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidInput), "{length}: {error}");
    }
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            if let Err(error) = read(&damaged, &format(&[]), &wanted) {
                let kinds = [
                    ErrorKind::InvalidInput,
                    ErrorKind::ResourcesExhausted,
                    ErrorKind::Unsupported,
                ];
                assert!(kinds.contains(&error.kind()), "{at}: {error}");
            }
        }
    }
}

#[test]
fn claims_of_the_footer_are_checked_before_they_are_believed() {
    use super::thrift::{Fault, check_footer};
    // A schema of one element that claims two thousand million children.
    let claims = [0x29, 0x1c, 0x55, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x00];
    assert_eq!(check_footer(&claims), Err(Fault::Malformed));
    // A list of row groups that claims as many.
    let groups = [0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    assert_eq!(check_footer(&groups), Err(Fault::Truncated));
    // A schema a hundred groups deep.
    let mut deep = vec![0x29, 0xfc, 101];
    for level in 0..101 {
        let children = if level == 100 { 0 } else { 2 };
        deep.extend([0x55, children, 0x00]);
    }
    deep.push(0x00);
    assert_eq!(check_footer(&deep), Err(Fault::Malformed));
    assert_eq!(check_footer(&[0x1c; 100]), Err(Fault::Malformed));
}
