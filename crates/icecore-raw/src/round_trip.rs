//! Random tables, written as files of every type, read back equal.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use futures::TryStreamExt;
use icecore_types::{ByteSize, SqlType};
use icecore_values::format_array;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, Encoding};
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use crate::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, StageFiles, TargetColumn, check_format,
    read_file,
};

/// A row: a value or NULL for each column.
type Row =
    (Option<i64>, Option<i64>, Option<i64>, Option<bool>, Option<i32>, Option<i64>, Option<String>);

const COLUMNS: [(&str, &str); 7] = [
    ("n", "INT"),
    ("d", "NUMBER(18,4)"),
    ("f", "FLOAT"),
    ("b", "BOOLEAN"),
    ("day", "DATE"),
    ("t", "TIMESTAMP_NTZ"),
    ("s", "VARCHAR"),
];

fn row() -> impl Strategy<Value = Row> {
    let text = prop_oneof![
        4 => "[a-c,\"'|\\\\ \n\r\t{}:]{0,9}",
        1 => any::<String>().prop_map(|text| text.replace('\0', "0")),
    ];
    (
        proptest::option::of(any::<i64>()),
        proptest::option::of(-1_000_000_000_000_000..1_000_000_000_000_000_i64),
        proptest::option::of(-1_000_000..1_000_000_i64),
        proptest::option::of(any::<bool>()),
        proptest::option::of(-700_000..2_900_000_i32),
        proptest::option::of(-60_000_000_000_000_000..250_000_000_000_000_000_i64),
        proptest::option::of(text),
    )
}

fn columns(rows: &[Row]) -> Vec<ArrayRef> {
    let all = rows.iter();
    vec![
        Arc::new(all.clone().map(|r| r.0).collect::<Int64Array>()),
        Arc::new(
            all.clone()
                .map(|r| r.1.map(i128::from))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(18, 4)
                .unwrap(),
        ),
        Arc::new(all.clone().map(|r| r.2.map(|f| f as f64 / 64.0)).collect::<Float64Array>()),
        Arc::new(all.clone().map(|r| r.3).collect::<BooleanArray>()),
        Arc::new(all.clone().map(|r| r.4).collect::<Date32Array>()),
        Arc::new(all.clone().map(|r| r.5).collect::<TimestampMicrosecondArray>()),
        Arc::new(all.map(|r| r.6.clone()).collect::<StringArray>()),
    ]
}

type Texts = Vec<Vec<Option<String>>>;

fn texts(arrays: &[ArrayRef]) -> Texts {
    let rows = arrays.first().map_or(0, |array| array.len());
    let columns: Vec<_> = arrays
        .iter()
        .zip(COLUMNS)
        .map(|(array, (_, ty))| {
            let ty = SqlType::parse(ty).unwrap();
            let held = icecore_values::canonical(array).unwrap().0;
            format_array(&held, &ty).unwrap()
        })
        .collect();
    let value = |column: &StringArray, row| column.iter().nth(row).flatten().map(str::to_owned);
    (0..rows).map(|row| columns.iter().map(|column| value(column, row)).collect()).collect()
}

fn csv(rows: &Texts) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        let field = |value: &Option<String>| {
            value.as_ref().map_or("\\N".into(), |text| format!("\"{}\"", text.replace('"', "\"\"")))
        };
        let line = row.iter().map(field).collect::<Vec<_>>().join("|");
        writeln!(bytes, "{line}").unwrap();
    }
    bytes
}

fn json(rows: &Texts, array: bool) -> Vec<u8> {
    let quoted = |text: &str| {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c < ' ' || c as u32 % 7 == 3 => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out + "\""
    };
    let document = |row: &Vec<Option<String>>| {
        let members = row.iter().zip(COLUMNS).enumerate().map(|(at, (value, (name, _)))| {
            let value = match value {
                None => "null".to_owned(),
                Some(text) if at < 2 || at == 3 => text.clone(),
                Some(text) => quoted(text),
            };
            format!("\"{name}\": {value}")
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    };
    let documents: Vec<String> = rows.iter().map(document).collect();
    match array {
        true => format!("[{}]", documents.join(",\n")).into_bytes(),
        false => documents.join("\n").into_bytes(),
    }
}

fn parquet(arrays: Vec<ArrayRef>, codec: Codec, encoding: Option<Encoding>) -> Vec<u8> {
    let named = COLUMNS.iter().map(|(name, _)| *name).zip(arrays).map(|(n, a)| (n, a, true));
    let batch = RecordBatch::try_from_iter_with_nullable(named).unwrap();
    let mut properties = WriterProperties::builder()
        .set_compression(codec)
        .set_max_row_group_row_count(Some(7))
        .set_data_page_row_count_limit(3);
    if let Some(encoding) = encoding {
        properties =
            properties.set_dictionary_enabled(false).set_column_encoding("s".into(), encoding);
    }
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn read(bytes: Vec<u8>, options: &[(&str, &str)], matching: FieldMatch, block: u64) -> Texts {
    let given: Vec<_> =
        options.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    let format = FileFormat::from_definition(&check_format(&given).unwrap()).unwrap();
    let column = |(index, (name, ty)): (usize, &(&str, &str))| TargetColumn {
        name: (*name).to_owned(),
        ordinal: index + 1,
        sql_type: SqlType::parse(ty).unwrap(),
        not_null: false,
        output: index.to_string(),
    };
    let columns = COLUMNS.iter().enumerate().map(column).collect();
    let target = Arc::new(FileTarget::new("T", columns).matching(matching));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f", bytes).await.unwrap();
        let file = stage.open(&stage.list("", None).await.unwrap()[0]);
        let options = ReadOptions { block_bytes: ByteSize::bytes(block), threads: 2 };
        let mut reading = read_file(file, &format, target, &options).unwrap();
        let mut rows = Vec::new();
        while let Some(block) = reading.blocks.try_next().await.unwrap() {
            assert!(block.errors.is_empty(), "{:?}", block.errors);
            rows.extend(texts(block.batch.columns()));
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(row(), 1..40), block in 1..200_u64) {
        let arrays = columns(&rows);
        let expected = texts(&arrays);
        let options = [
            ("FIELD_DELIMITER", "|"),
            ("FIELD_OPTIONALLY_ENCLOSED_BY", "\""),
            ("ESCAPE_UNENCLOSED_FIELD", "NONE"),
        ];
        // A text that is what NULL is written as is NULL, quoted or not.
        let nulled: Texts = expected
            .iter()
            .map(|row| row.iter().cloned().map(|v| v.filter(|text| text != "\\N")).collect())
            .collect();
        prop_assert_eq!(&read(csv(&expected), &options, FieldMatch::Position, block), &nulled);
        let options = [("TYPE", "JSON"), ("STRIP_OUTER_ARRAY", "TRUE")];
        for array in [true, false] {
            let found = read(json(&expected, array), &options, FieldMatch::CaseSensitive, block);
            prop_assert_eq!(&found, &nulled);
        }
        let options = [("TYPE", "PARQUET")];
        for (codec, encoding) in [
            (Codec::UNCOMPRESSED, None),
            (Codec::SNAPPY, Some(Encoding::DELTA_BYTE_ARRAY)),
            (Codec::ZSTD(Default::default()), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY)),
        ] {
            let bytes = parquet(arrays.clone(), codec, encoding);
            let found = read(bytes, &options, FieldMatch::CaseInsensitive, block);
            prop_assert_eq!(&found, &nulled);
        }
    }
}
