use std::io::Write;
use std::sync::Arc;

use arrow::array::Array;
use flate2::write::GzEncoder;
use futures::TryStreamExt;
use icecore_types::{ByteSize, Code, ErrorKind, Result, SqlType};
use icecore_values::format_array;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::{
    Compression, CsvFormat, FileFormat, FileTarget, ReadOptions, RowError, StageFiles,
    TargetColumn, check_format, read_file,
};

mod model;

type Row = Vec<Option<String>>;

#[derive(Debug, Default)]
struct Loaded {
    rows: Vec<Row>,
    parsed: u64,
    errors: Vec<RowError>,
    batches: usize,
}

fn target(columns: &[(&str, bool)]) -> Arc<FileTarget> {
    let columns = columns.iter().enumerate().map(|(index, (ty, not_null))| TargetColumn {
        name: format!("C{}", index + 1),
        ordinal: index + 1,
        sql_type: SqlType::parse(ty).unwrap(),
        not_null: *not_null,
        output: (index + 1).to_string(),
    });
    Arc::new(FileTarget::new("T", columns.collect()))
}

fn format(options: &[(&str, &str)]) -> CsvFormat {
    let given: Vec<_> =
        options.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    CsvFormat::from_definition(&check_format(&given).unwrap()).unwrap()
}

fn read(bytes: &[u8], format: &CsvFormat, target: &Arc<FileTarget>, block: u64) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f.csv", bytes.to_vec()).await?;
        let file = stage.list("", None).await?.remove(0);
        let options = ReadOptions { block_bytes: ByteSize::bytes(block), threads: 2 };
        let format = FileFormat::Csv(Arc::new(format.clone()));
        let mut reading = read_file(stage.open(&file), &format, Arc::clone(target), &options)?;
        let mut loaded = Loaded::default();
        while let Some(block) = reading.blocks.try_next().await? {
            loaded.batches += 1;
            loaded.parsed += block.rows_parsed;
            assert_eq!(block.rows_refused() as usize, block.errors.len());
            loaded.errors.extend(block.errors);
            let texts: Vec<_> = block
                .batch
                .columns()
                .iter()
                .zip(target.columns())
                .map(|(array, column)| format_array(array, &column.sql_type).unwrap())
                .collect();
            for row in 0..block.batch.num_rows() {
                let text = |t: &arrow::array::StringArray| {
                    t.is_valid(row).then(|| t.value(row).to_owned())
                };
                loaded.rows.push(texts.iter().map(text).collect());
            }
        }
        assert_eq!(reading.content_hash(), Some(icecore_types::Hash::of(bytes)));
        Ok(loaded)
    })
}

/// Reads with blocks of every size, which must make no difference.
fn read_all(bytes: &[u8], format: &CsvFormat, columns: &[(&str, bool)]) -> Loaded {
    let target = target(columns);
    let whole = read(bytes, format, &target, 1 << 20).unwrap();
    for block in 1..=bytes.len() as u64 + 1 {
        let cut = read(bytes, format, &target, block).unwrap();
        assert_eq!(
            (&cut.rows, cut.parsed, &cut.errors),
            (&whole.rows, whole.parsed, &whole.errors),
            "block={block}"
        );
    }
    whole
}

fn rows(expected: &[&[&str]]) -> Vec<Row> {
    let cell = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
    expected.iter().map(|row| row.iter().map(cell).collect()).collect()
}

const TEXT2: &[(&str, bool)] = &[("VARCHAR", false), ("VARCHAR", false)];

#[test]
fn fields_become_values_of_their_types() {
    let columns = [
        ("INT", false),
        ("NUMBER(10,2)", false),
        ("DATE", false),
        ("TIMESTAMP", false),
        ("BOOLEAN", false),
        ("VARCHAR", false),
    ];
    let text = "1,2.5,2013-01-31,2013-01-31 10:00:00,true,long enough for a buffer\n,,,,,\n";
    let loaded = read_all(text.as_bytes(), &format(&[]), &columns);
    assert_eq!(loaded.rows[0][1].as_deref(), Some("2.50"));
    assert_eq!(loaded.rows[0][5].as_deref(), Some("long enough for a buffer"));
    assert_eq!(loaded.rows[1], vec![None; 6]);
    assert_eq!((loaded.parsed, loaded.errors.len()), (2, 0));
}

#[test]
fn empty_fields_are_null_unless_told_otherwise() {
    let columns = [("INT", false), ("VARCHAR", false), ("VARCHAR", false)];
    let loaded = read_all(b"1,,x\n", &format(&[]), &columns);
    assert_eq!(loaded.rows, rows(&[&["1", "NULL", "x"]]));
    let kept = format(&[("EMPTY_FIELD_AS_NULL", "FALSE")]);
    let loaded = read_all(b"1,,x\n,5,x\n", &kept, &columns);
    assert_eq!(loaded.rows, rows(&[&["1", "", "x"]]));
    let error = &loaded.errors[0];
    assert_eq!((error.row, error.code), (2, Code::NOT_A_NUMBER));
    assert_eq!(error.column.as_deref(), Some("\"T\"[\"C1\":1]"));
}

#[test]
fn null_if_applies_to_every_type() {
    let mut format = format(&[]);
    format.null_if = vec!["NULL".to_owned(), String::new(), "a rather long null".to_owned()];
    let columns = [("VARCHAR", false), ("INT", false), ("VARCHAR", false)];
    let loaded =
        read_all(b"NULL,2,\na rather long null,NULL,a rather long nulL\n", &format, &columns);
    assert_eq!(
        loaded.rows,
        rows(&[&["NULL", "2", "NULL"], &["NULL", "NULL", "a rather long nulL"]])
    );
}

#[test]
fn the_default_null_is_seen_before_its_escape() {
    let loaded = read_all(b"\\N,a\\,b\nc\\\\,\\\"\n", &format(&[]), TEXT2);
    assert_eq!(loaded.rows, rows(&[&["NULL", "a,b"], &["c\\", "\""]]));
}

#[test]
fn quotes_are_data_unless_they_enclose() {
    let text = b"\"a,b\",\"c \"\"d\"\" e\"\n f\"g,\"\"\n\"two\nlines\",x\r\n \"y\",z";
    let enclosed = format(&[("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")]);
    let loaded = read_all(text, &enclosed, TEXT2);
    assert_eq!(
        loaded.rows,
        rows(&[&["a,b", "c \"d\" e"], &[" f\"g", ""], &["two\nlines", "x"], &[" \"y\"", "z"]])
    );
    let loaded = read_all(b"\"a\",b\n", &format(&[]), TEXT2);
    assert_eq!(loaded.rows, rows(&[&["\"a\"", "b"]]));
}

#[test]
fn trimmed_blanks_uncover_quotes() {
    let trim = format(&[("FIELD_OPTIONALLY_ENCLOSED_BY", "'"), ("TRIM_SPACE", "TRUE")]);
    let loaded = read_all(b"  ' a ' ,\tb \n  ,x\\ \n", &trim, TEXT2);
    assert_eq!(loaded.rows, rows(&[&[" a ", "b"], &["NULL", "x "]]));
    let plain = format(&[("TRIM_SPACE", "TRUE")]);
    assert_eq!(read_all(b" a , b\n", &plain, TEXT2).rows, rows(&[&["a", "b"]]));
}

#[test]
fn line_ends_marks_and_headers_are_no_data() {
    let skip = format(&[("SKIP_HEADER", "1")]);
    let loaded = read_all(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4", &skip, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["1", "2"], &["3", "4"]]));
    let kept = format(&[("SKIP_BYTE_ORDER_MARK", "FALSE")]);
    let loaded = read_all(b"\xef\xbb\xbf1,2\n", &kept, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["\u{feff}1", "2"]]));
    for empty in [b"".as_slice(), b"a,b", b"a,b\n"] {
        assert_eq!(read_all(empty, &skip, TEXT2).parsed, 0);
    }
}

#[test]
fn blank_lines_are_records_unless_skipped() {
    let skip = format(&[("SKIP_BLANK_LINES", "TRUE")]);
    let loaded = read_all(b"\n1,2\n\r\n\n3,4\n\n", &skip, TEXT2);
    assert_eq!((loaded.rows, loaded.parsed), (rows(&[&["1", "2"], &["3", "4"]]), 2));
    let loaded = read_all(b"1,2\n\n3,4\n", &format(&[]), TEXT2);
    assert_eq!((loaded.parsed, loaded.rows.len()), (3, 2));
    assert_eq!((loaded.errors[0].row, loaded.errors[0].code), (2, Code::FIELD_COUNT));
    let one = read_all(b"a\n\nb\n", &format(&[]), &[("VARCHAR", false)]);
    assert_eq!(one.rows, rows(&[&["a"], &["NULL"], &["b"]]));
}

#[test]
fn delimiters_may_be_long_or_absent() {
    let long = format(&[("FIELD_DELIMITER", "0x7c|"), ("RECORD_DELIMITER", "\\r\\n--\\n")]);
    let loaded = read_all(b"a|b||c\r\n--\nd\n||e\r\n--", &long, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["a|b", "c"], &["d\n", "e\r\n--"]]));
    let whole = format(&[("FIELD_DELIMITER", "NONE"), ("RECORD_DELIMITER", "NONE")]);
    let loaded = read_all(b"a,b\nc", &whole, &[("VARCHAR", false)]);
    assert_eq!(loaded.rows, rows(&[&["a,b\nc"]]));
}

#[test]
fn a_wrong_number_of_fields_is_said_as_the_dialect_says_it() {
    let columns: Vec<_> = (0..10).map(|_| ("INT", false)).collect();
    let text = "1|2|3|4|5|6|7|8|9|10|11\n1|2|3|4|5|6|7|8|9|10\n1|2\n1|2|3|4|5|6|7|8|9|0|11\n";
    let pipes = format(&[("FIELD_DELIMITER", "|")]);
    let loaded = read_all(text.as_bytes(), &pipes, &columns);
    assert_eq!((loaded.parsed, loaded.rows.len()), (4, 1));
    let [first, second, third] = loaded.errors.as_slice() else { panic!("{:?}", loaded.errors) };
    let expected = "Number of columns in file (11) does not match that of the corresponding \
                    table (10), use file format option error_on_column_count_mismatch=false to \
                    ignore this error";
    assert_eq!((first.code, first.message.as_str()), (Code::FIELD_COUNT, expected));
    assert_eq!(first.column.as_deref(), Some("\"T\"[11]"));
    assert_eq!((first.row, first.line, first.character, first.byte_offset), (1, 1, 21, 20));
    assert_eq!((second.row, second.code, second.line), (3, Code::FIELD_COUNT, 3));
    assert_eq!(second.column.as_deref(), Some("\"T\"[\"C3\":3]"));
    assert_eq!((third.row, third.code), (4, Code::MALFORMED_RECORD));
    assert!(third.message.starts_with(
        "Field delimiter '|' found while expecting record delimiter '\\n'. Number of columns"
    ));
}

#[test]
fn a_mismatch_may_be_ignored_but_not_a_change() {
    let ignore = format(&[("ERROR_ON_COLUMN_COUNT_MISMATCH", "FALSE")]);
    let loaded = read_all(b"1,2,3\n4,5,6\n7,8\n", &ignore, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["1", "2"], &["4", "5"]]));
    assert_eq!(loaded.errors[0].row, 3);
    let loaded = read_all(b"1\n2\n", &ignore, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["1", "NULL"], &["2", "NULL"]]));
    let loaded = read_all(b"1\n", &ignore, &[("INT", false), ("INT", true)]);
    assert_eq!(loaded.errors[0].code, Code::NULL_NOT_ALLOWED);
}

#[test]
fn an_error_has_its_exact_place() {
    let columns = [("INT", false), ("VARCHAR(5)", false), ("INT", true)];
    let header = format(&[("SKIP_HEADER", "1"), ("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")]);
    let text = "h\n1,\"a\nb\",3\n2,\"é\nc\",x\n3,abcdef,y\n4,d,\nz,d,6\n";
    let loaded = read_all(text.as_bytes(), &header, &columns);
    let places: Vec<_> = loaded
        .errors
        .iter()
        .map(|e| (e.row, e.start_line, e.line, e.character, e.byte_offset, e.code.number()))
        .collect();
    let at = |needle: &str| text.find(needle).unwrap() as u64;
    assert_eq!(
        places,
        [
            (2, 4, 5, 4, at("x\n3"), "100038"),
            (3, 6, 6, 3, at("abcdef"), "100078"),
            (4, 7, 7, 5, at("4,d,") + 4, "100072"),
            (5, 8, 8, 1, at("z,d"), "100038"),
        ]
    );
    assert_eq!(loaded.errors[0].record, "2,\"é\nc\",x");
    assert_eq!(loaded.errors[0].message, "Numeric value 'x' is not recognized");
    assert_eq!(loaded.errors[1].column.as_deref(), Some("\"T\"[\"C2\":2]"));
}

#[test]
fn quotes_that_do_not_fit_refuse_their_record_only() {
    let enclosed = format(&[("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")]);
    let loaded = read_all(b"\"a\"x,b\nc,d\n\"e,f\ng", &enclosed, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["c", "d"]]));
    let codes: Vec<_> = loaded.errors.iter().map(|e| (e.row, e.code, e.character)).collect();
    assert_eq!(codes, [(1, Code::MALFORMED_RECORD, 4), (3, Code::MALFORMED_RECORD, 2)]);
    let single = format(&[("FIELD_OPTIONALLY_ENCLOSED_BY", "\""), ("MULTI_LINE", "FALSE")]);
    let loaded = read_all(b"\"a\nc,d\n", &single, TEXT2);
    assert_eq!((loaded.rows, loaded.errors.len()), (rows(&[&["c", "d"]]), 1));
}

#[test]
fn what_is_no_text_is_refused_or_replaced() {
    let loaded = read_all(b"a,b\nc,\xff\xfe\ne,f\n", &format(&[]), TEXT2);
    assert_eq!(loaded.rows, rows(&[&["a", "b"], &["e", "f"]]));
    assert!(loaded.errors[0].message.contains("Invalid UTF8 detected in string '0xFFFE'"));
    assert_eq!((loaded.errors[0].row, loaded.errors[0].character), (2, 3));
    let replace = format(&[("REPLACE_INVALID_CHARACTERS", "TRUE")]);
    let loaded = read_all(b"a,\xff\n", &replace, TEXT2);
    assert_eq!(loaded.rows, rows(&[&["a", "\u{fffd}"]]));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_seen_and_may_have_several_members() {
    let members = [gzip(b"1,2\n3"), gzip(b",4\n")].concat();
    let loaded = read_all(&members, &format(&[]), TEXT2);
    assert_eq!(loaded.rows, rows(&[&["1", "2"], &["3", "4"]]));
    let mut named = format(&[]);
    named.compression = Compression::Gzip;
    assert_eq!(read_all(&members, &named, TEXT2).rows.len(), 2);
    assert_eq!(read_all(b"", &named, TEXT2).parsed, 0);
}

#[test]
fn damaged_gzip_is_an_error_and_never_fewer_rows() {
    let whole = gzip("1,2\n".repeat(50).as_bytes());
    let target = target(TEXT2);
    // The first two bytes make it gzip.
    for end in 2..whole.len() {
        let error = read(&whole[..end], &format(&[]), &target, 64).unwrap_err();
        assert_eq!(error.code(), Code::UNREADABLE_FILE, "{end}: {error}");
        assert!(error.message().starts_with("file 'f.csv': gzip data"), "{error}");
    }
    for at in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // Bits that pad the last byte mean nothing.
        if let Ok(loaded) = read(&damaged, &format(&[]), &target, 64) {
            assert_eq!(loaded.rows, vec![rows(&[&["1", "2"]]).remove(0); 50], "{at}");
        }
    }
    let mut named = format(&[]);
    named.compression = Compression::Gzip;
    assert!(read(b"1,2\n", &named, &target, 64).is_err());
    let error = read(b"BZh91AY&SY", &format(&[]), &target, 64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn bombs_and_endless_records_are_stopped() {
    let bomb = gzip(&vec![b'\n'; 80 << 20]);
    let skip = format(&[("SKIP_BLANK_LINES", "TRUE")]);
    let error = read(&bomb, &skip, &target(TEXT2), 1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
    let endless = vec![b'x'; (16 << 20) + 1];
    let error = read(&[&endless[..], b"\n1,2\n"].concat(), &format(&[]), &target(TEXT2), 1 << 20)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
    let ignore = format(&[("ERROR_ON_COLUMN_COUNT_MISMATCH", "FALSE")]);
    let error = read(&vec![b','; 10_001], &ignore, &target(TEXT2), 1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
}

#[test]
fn all_errors_are_told_and_short_records_make_smaller_blocks() {
    let text = "x\n".repeat(300_000);
    let target = target(&[("INT", false)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f", text.into_bytes()).await.unwrap();
        let file = stage.open(&stage.list("", None).await.unwrap()[0]);
        let options = ReadOptions::default();
        let reading = read_file(file, &FileFormat::default(), target, &options).unwrap();
        let blocks: Vec<_> = reading.blocks.try_collect().await.unwrap();
        let errors: Vec<_> = blocks.iter().flat_map(|block| &block.errors).collect();
        assert!(errors.iter().map(|error| error.row).eq(1..=300_000));
        assert_eq!((errors[299_999].line, errors[299_999].byte_offset), (300_000, 599_998));
        assert_eq!(blocks.iter().map(|block| block.rows_parsed).max(), Some(128 << 10));
    });
}

#[test]
fn a_file_that_changes_is_not_read_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(InMemory::new());
        let stage = StageFiles::new(store.clone(), Path::from("s"), "s".to_owned());
        stage.put_bytes("f", b"1,2\n".to_vec()).await.unwrap();
        let file = stage.open(&stage.list("", None).await.unwrap()[0]);
        store.put(&Path::from("s/f"), "9,9\n".into()).await.unwrap();
        let options = ReadOptions::default();
        let reading = read_file(file, &FileFormat::default(), target(TEXT2), &options).unwrap();
        let error = reading.blocks.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    });
}
