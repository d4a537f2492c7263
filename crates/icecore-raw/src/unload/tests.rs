//! What is written is read back as it was.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int64Array, RecordBatch, StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use futures::TryStreamExt;
use icecore_types::SqlType;
use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;

use super::*;
use crate::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, StageFiles, TargetColumn, check_format,
    read_file,
};

/// A row of every type.
type Row = (
    Option<i64>,
    Option<i128>,
    Option<f64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<bool>,
    (Option<i32>, Option<i64>, Option<i64>),
);

fn row() -> impl Strategy<Value = Row> {
    // Texts that read as NULL are none of a file's texts.
    let text = prop_oneof![
        "[a-z ,\"'\\\\\n\r\t|;äöü€]{1,12}",
        Just("\\x".to_owned()),
        Just(",".to_owned()),
        Just("\"".to_owned()),
    ]
    .prop_filter("reads as NULL", |text| text != "\\N");
    let finite = any::<f64>().prop_filter("finite", |float| float.is_finite());
    let day = -700_000..2_900_000_i32;
    let time = 0..86_400_000_000_i64;
    let moment = -60_000_000_000_000_000..250_000_000_000_000_000_i64;
    let of = proptest::option::of::<BoxedStrategy<i64>>;
    (
        proptest::option::of(any::<i64>()),
        proptest::option::of(-99_999_999_999_999_999_999_i128..99_999_999_999_999_999_999),
        proptest::option::of(finite),
        proptest::option::of(text),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 1..6)),
        proptest::option::of(any::<bool>()),
        (proptest::option::of(day), of(time.boxed()), of(moment.boxed())),
    )
}

fn types() -> Vec<SqlType> {
    vec![
        SqlType::Integer,
        SqlType::Number { precision: 30, scale: 5 },
        SqlType::Float,
        SqlType::TEXT,
        SqlType::parse("BINARY").unwrap(),
        SqlType::Boolean,
        SqlType::Date,
        SqlType::Time,
        SqlType::TimestampNtz,
    ]
}

fn batch(rows: &[Row]) -> RecordBatch {
    let decimals = Decimal128Array::from_iter(rows.iter().map(|row| row.1));
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))),
        Arc::new(decimals.with_precision_and_scale(30, 5).unwrap()),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2))),
        Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.3.as_deref()))),
        Arc::new(BinaryViewArray::from_iter(rows.iter().map(|row| row.4.as_deref()))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.5))),
        Arc::new(Date32Array::from_iter(rows.iter().map(|row| row.6.0))),
        Arc::new(Time64MicrosecondArray::from_iter(rows.iter().map(|row| row.6.1))),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.6.2))),
    ];
    RecordBatch::try_new(target(FieldMatch::Position).schema().clone(), arrays).unwrap()
}

fn name(at: usize) -> String {
    format!("C{at}")
}

fn target(matching: FieldMatch) -> FileTarget {
    let column = |(at, sql_type): (usize, SqlType)| TargetColumn {
        name: name(at),
        ordinal: at + 1,
        sql_type,
        not_null: false,
        output: name(at),
    };
    let columns = types().into_iter().enumerate().map(column).collect();
    FileTarget::new("T", columns).matching(matching)
}

async fn there_and_back(rows: &RecordBatch, options: &[(&str, &str)]) -> RecordBatch {
    let given: Vec<(String, Vec<String>)> =
        options.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    let format = FileFormat::from_definition(&check_format(&given).unwrap()).unwrap();
    let matching = match format {
        FileFormat::Csv(_) => FieldMatch::Position,
        _ => FieldMatch::CaseSensitive,
    };
    let columns = types().into_iter().enumerate();
    let columns = columns.map(|(at, sql_type)| UnloadColumn { name: name(at), sql_type }).collect();
    let shape = UnloadShape::new(format.clone(), columns, true).unwrap();
    let format = match format {
        FileFormat::Csv(csv) => {
            FileFormat::Csv(Arc::new(crate::CsvFormat { skip_header: 1, ..(*csv).clone() }))
        }
        other => other,
    };
    let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
    let path = format!("out/data.{}", shape.extension());
    let mut file = stage.create(&path, &shape, false).unwrap();
    file.write(rows.clone()).await.unwrap();
    assert_eq!(file.finish().await.unwrap().rows, rows.num_rows() as u64);
    let file = stage.open(&stage.list("", None).await.unwrap()[0]);
    let target = Arc::new(target(matching));
    let schema = Arc::clone(target.schema());
    let reading = read_file(file, &format, target, &ReadOptions::default()).unwrap();
    let blocks: Vec<_> = reading.blocks.try_collect().await.unwrap();
    let errors: Vec<_> = blocks.iter().flat_map(|block| &block.errors).collect();
    assert!(errors.is_empty(), "{options:?}: {errors:?}");
    let batches: Vec<_> = blocks.iter().map(|block| block.batch.clone()).collect();
    concat_batches(&schema, &batches).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_type_comes_back(rows in proptest::collection::vec(row(), 1..20)) {
        let written = batch(&rows);
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        for options in [
            &[("TYPE", "CSV")] as &[(&str, &str)],
            &[("TYPE", "CSV"), ("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")],
            &[
                ("TYPE", "CSV"),
                ("FIELD_DELIMITER", "||"),
                ("RECORD_DELIMITER", ";\n"),
                ("COMPRESSION", "ZSTD"),
            ],
            &[("TYPE", "CSV"), ("FIELD_OPTIONALLY_ENCLOSED_BY", "'"), ("ESCAPE", "\\"),
              ("COMPRESSION", "BZ2")],
            &[("TYPE", "JSON"), ("COMPRESSION", "DEFLATE")],
            &[("TYPE", "PARQUET")],
        ] {
            let read = runtime.block_on(there_and_back(&written, options));
            prop_assert_eq!(&read, &written, "{:?}", options);
        }
    }
}

#[test]
fn compressions_have_their_names() {
    let extension = |options: &[(&str, &str)]| {
        let given: Vec<(String, Vec<String>)> = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]))
            .collect();
        let format = FileFormat::from_definition(&check_format(&given).unwrap()).unwrap();
        UnloadShape::new(format, Vec::new(), false).unwrap().extension()
    };
    assert_eq!(extension(&[("TYPE", "JSON")]), "json.gz");
    assert_eq!(extension(&[("TYPE", "CSV"), ("COMPRESSION", "NONE")]), "csv");
    assert_eq!(extension(&[("TYPE", "CSV"), ("FILE_EXTENSION", "txt")]), "txt");
    assert_eq!(extension(&[("TYPE", "PARQUET")]), "snappy.parquet");
}

#[tokio::test]
async fn a_file_that_is_not_finished_is_never_seen() {
    let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
    let columns = vec![UnloadColumn { name: "N".to_owned(), sql_type: SqlType::Integer }];
    let shape = UnloadShape::new(FileFormat::default(), columns, false).unwrap();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let schema = Arc::new(Schema::new(vec![Field::new("N", numbers.data_type().clone(), true)]));
    let rows = RecordBatch::try_new(schema, vec![numbers]).unwrap();
    let mut file = stage.create("a", &shape, false).unwrap();
    file.write(rows.clone()).await.unwrap();
    drop(file);
    tokio::task::yield_now().await;
    assert!(stage.list("", None).await.unwrap().is_empty());
    let mut first = stage.create("a", &shape, false).unwrap();
    let mut second = stage.create("a", &shape, false).unwrap();
    first.write(rows.clone()).await.unwrap();
    second.write(rows).await.unwrap();
    let written = first.finish().await.unwrap();
    let error = second.finish().await.unwrap_err();
    assert_eq!(error.kind(), icecore_types::ErrorKind::AlreadyExists);
    stage.remove_written(&[written]).await;
    assert!(stage.list("", None).await.unwrap().is_empty());
}
