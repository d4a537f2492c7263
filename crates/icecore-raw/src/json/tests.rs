use std::sync::Arc;

use futures::TryStreamExt;
use icecore_types::{ByteSize, Code, ErrorKind, Result, SqlType};
use icecore_values::format_array;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::{
    FieldMatch, FileFormat, FileTarget, ReadOptions, RowError, StageFiles, TargetColumn,
    check_format, read_file,
};

#[derive(Debug, Default)]
struct Loaded {
    rows: Vec<Vec<String>>,
    numbers: Vec<i64>,
    parsed: u64,
    errors: Vec<RowError>,
}

fn format(options: &[(&str, &str)]) -> FileFormat {
    let json = [("TYPE", "JSON")];
    let given: Vec<_> = json
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
    FileTarget::new("T", columns.collect()).matching(FieldMatch::CaseSensitive)
}

fn read(bytes: &[u8], format: &FileFormat, target: &FileTarget, block: u64) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
        stage.put_bytes("f.json", bytes.to_vec()).await?;
        let file = stage.list("", None).await?.remove(0);
        let options = ReadOptions { block_bytes: ByteSize::bytes(block), threads: 2 };
        let target = Arc::new(target.clone());
        let mut reading = read_file(stage.open(&file), format, Arc::clone(&target), &options)?;
        let mut loaded = Loaded::default();
        while let Some(block) = reading.blocks.try_next().await? {
            loaded.parsed += block.rows_parsed;
            loaded.numbers.extend(block.row_numbers().values());
            let texts: Vec<_> = block
                .batch
                .columns()
                .iter()
                .zip(target.columns())
                .map(|(array, column)| format_array(array, &column.sql_type).unwrap())
                .collect();
            for row in 0..block.batch.num_rows() {
                let text = |t: &arrow::array::StringArray| {
                    t.iter().nth(row).flatten().unwrap_or("NULL").to_owned()
                };
                loaded.rows.push(texts.iter().map(text).collect());
            }
            assert_eq!(block.rows_refused() as usize, block.errors.len());
            loaded.errors.extend(block.errors);
        }
        assert_eq!(reading.content_hash(), Some(icecore_types::Hash::of(bytes)));
        Ok(loaded)
    })
}

/// Reads with blocks of many sizes, which must make no difference.
fn read_all(text: &str, options: &[(&str, &str)], columns: &[(&str, &str)]) -> Loaded {
    let (format, target) = (format(options), target(columns));
    let whole = read(text.as_bytes(), &format, &target, 1 << 20).unwrap();
    for block in 1..=text.len() as u64 + 1 {
        let cut = read(text.as_bytes(), &format, &target, block).unwrap();
        assert_eq!(
            (&cut.rows, &cut.numbers, cut.parsed, &cut.errors),
            (&whole.rows, &whole.numbers, whole.parsed, &whole.errors),
            "block={block}"
        );
    }
    whole
}

const A: &[(&str, &str)] = &[("a", "INT")];

#[test]
fn documents_follow_each_other_in_every_way() {
    for text in [
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}",
        "{\"a\":1}\r\n{\"a\":2}\r\n\r\n{\"a\":3}\r\n",
        "{\"a\":1},{\"a\":2},\n{\"a\":3}",
        "{\"a\":1}{\"a\":2} {\"a\":3}",
        "{\n \"a\" :\n 1\n}\n{ \"b\": [1, {\"a\": \"}\"}], \"a\":2 }\n{\"a\":3}",
        "\u{feff}{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
    ] {
        let loaded = read_all(text, &[], A);
        assert_eq!(loaded.rows, [["1"], ["2"], ["3"]], "{text}");
        assert_eq!(loaded.numbers, [1, 2, 3]);
        assert!(loaded.errors.is_empty());
    }
    assert_eq!(read_all(" \n ", &[], A).parsed, 0);
    assert_eq!(read_all("", &[], A).parsed, 0);
}

#[test]
fn an_outer_array_is_stripped_or_is_one_document() {
    let text = "[{\"a\":1},\n {\"a\":2}]";
    let strip = [("STRIP_OUTER_ARRAY", "TRUE")];
    assert_eq!(read_all(text, &strip, A).rows, [["1"], ["2"]]);
    let whole = read_all(text, &[], A);
    assert_eq!((whole.parsed, whole.rows.len()), (1, 0));
    assert!(whole.errors[0].message.contains("strip_outer_array=true"));
    // Two arrays, and documents beside them.
    let text = "[{\"a\":1}]\n{\"a\":2}\n[{\"a\":3},[{\"a\":4}]]";
    let loaded = read_all(text, &strip, A);
    assert_eq!((loaded.rows.len(), loaded.parsed), (3, 4));
    assert_eq!(loaded.errors[0].row, 4);
}

#[test]
fn members_find_their_columns_by_name() {
    let columns = [("A", "INT"), ("b", "VARCHAR"), ("C", "DATE")];
    let text = "{\"a\":1,\"b\":\"x\",\"C\":\"2013-02-28\",\"d\":{}}\n{\"A\":2}\n";
    let exact = read_all(text, &[], &columns);
    assert_eq!(exact.rows, [["NULL", "x", "2013-02-28"], ["2", "NULL", "NULL"]]);
    let folded = target(&columns).matching(FieldMatch::CaseInsensitive);
    let loaded = read(text.as_bytes(), &format(&[]), &folded, 64).unwrap();
    assert_eq!(loaded.rows, [["1", "x", "2013-02-28"], ["2", "NULL", "NULL"]]);
    let both = b"{\"a\":1,\"A\":2}";
    let loaded = read(both, &format(&[]), &folded, 64).unwrap();
    assert!(loaded.errors[0].message.contains("two members belong to one column"));
    let last = read(both, &format(&[("ALLOW_DUPLICATE", "TRUE")]), &folded, 64).unwrap();
    assert_eq!(last.rows[0][0], "2");
    let error = read(both, &format(&[]), &folded.clone().matching(FieldMatch::Position), 64);
    assert_eq!(error.unwrap_err().code(), Code::INVALID_OPTION);
}

#[test]
fn values_become_values_of_their_columns() {
    let columns = [
        ("n", "NUMBER(10,2)"),
        ("f", "FLOAT"),
        ("t", "TIMESTAMP"),
        ("b", "BOOLEAN"),
        ("s", "VARCHAR"),
        ("x", "BINARY"),
    ];
    let text = r#"{"n":1.005,"f":1e3,"t":"2013-01-31T10:00:00","b":true,"s":12.50,"x":"ff01"}
        {"n":"7","f":null,"t":null,"b":"no","s":"a\u00e9\ud83d\ude00\n","x":null}"#;
    let loaded = read_all(text, &[], &columns);
    assert_eq!(
        loaded.rows,
        [
            ["1.01", "1000", "2013-01-31 10:00:00.000", "true", "12.50", "FF01"],
            ["7.00", "NULL", "NULL", "false", "aé😀\n", "NULL"],
        ]
    );
}

#[test]
fn nested_values_are_text_in_a_text_column_only() {
    let columns = [("v", "VARCHAR")];
    let text = r#"{"v": {"a" : [1, {"b": null}, "x\ty"], "c":null } }"#;
    let loaded = read_all(text, &[], &columns);
    assert_eq!(loaded.rows, [[r#"{"a":[1,{"b":null},"x\ty"],"c":null}"#]]);
    let strip = [("STRIP_NULL_VALUES", "TRUE")];
    let loaded = read_all(text, &strip, &columns);
    assert_eq!(loaded.rows, [[r#"{"a":[1,{},"x\ty"]}"#]]);
    let loaded = read_all(r#"{"v":[null,null,3]}"#, &strip, &columns);
    assert_eq!(loaded.rows, [["[,,3]"]]);
    let loaded = read_all(r#"{"v":{"a":1}}"#, &[], &[("v", "INT")]);
    let error = &loaded.errors[0];
    assert_eq!((error.code, error.character), (Code::INVALID_VALUE, 6));
    assert_eq!(error.column.as_deref(), Some("\"T\"[\"v\":1]"));
    assert_eq!(error.message, "Failed to cast variant value {\"a\":1} to NUMBER(38,0)");
}

#[test]
fn a_name_that_stands_twice_is_refused_or_the_last_counts() {
    let text = r#"{"a":1,"a":2}"#;
    let refused = read_all(text, &[], A);
    assert_eq!(refused.rows.len(), 0);
    assert!(refused.errors[0].message.contains("a name stands twice"));
    assert_eq!(refused.errors[0].character, 8);
    let last = [("ALLOW_DUPLICATE", "TRUE")];
    assert_eq!(read_all(text, &last, A).rows, [["2"]]);
    let nested = r#"{"v":{"a":1,"b":0,"a":2,"c":{"x":1,"x":3}}}"#;
    let loaded = read_all(nested, &last, &[("v", "VARCHAR")]);
    assert_eq!(loaded.rows, [[r#"{"b":0,"a":2,"c":{"x":3}}"#]]);
    assert_eq!(read_all(nested, &[], &[("v", "VARCHAR")]).errors.len(), 1);
}

#[test]
fn texts_that_mean_null_and_blanks() {
    let columns = [("a", "VARCHAR"), ("b", "INT")];
    let text = r#"{"a":"\\N","b":" 3 "} {"a":" x ","b":null}"#;
    assert_eq!(read_all(text, &[], &columns).rows, [["NULL", "3"], [" x ", "NULL"]]);
    let trim = [("TRIM_SPACE", "TRUE")];
    assert_eq!(read_all(text, &trim, &columns).rows, [["NULL", "3"], ["x", "NULL"]]);
    let null_if = [("NULL_IF", "3")];
    let given = r#"{"a":"3","b":3}"#;
    assert_eq!(read_all(given, &null_if, &columns).rows, [["NULL", "NULL"]]);
}

#[test]
fn bad_documents_are_refused_with_their_place_and_the_rest_is_read() {
    let text = "{\"a\":1}\n{\"a\":x}\n{\"a\":\"y\"}\n {\"a\":2]\n{\"a\":4}\n";
    let loaded = read_all(text, &[], A);
    assert_eq!(loaded.rows, [["1"], ["4"]]);
    assert_eq!(loaded.numbers, [1, 5]);
    let places: Vec<_> =
        loaded.errors.iter().map(|error| (error.row, error.line, error.character)).collect();
    assert_eq!(places, [(2, 2, 6), (3, 3, 6), (4, 4, 8)]);
    assert_eq!(loaded.errors[1].code, Code::NOT_A_NUMBER);
    assert_eq!(loaded.errors[2].record, "{\"a\":2]");
    for (bad, what) in [
        ("{\"a\":1", "goes on with a comma"),
        ("{\"a\":\"x", "does not end"),
        ("{\"a\":01}", "not a number"),
        ("{\"a\":1.}", "not a number"),
        ("{\"a\":-}", "not a number"),
        ("{\"a\":1e}", "not a number"),
        ("{\"a\" 1}", "colon"),
        ("{a:1}", "name in quotes"),
        ("{\"a\":1,}", "name in quotes"),
        ("{\"a\":\"\\q\"}", "escaped"),
        ("{\"a\":\"\\ud800\"}", "half"),
        ("{\"a\":\"\\u12g4\"}", "hexadecimal"),
        ("{\"a\":\"x\ty\"}", "control"),
        ("}", "no value starts"),
        ("nul", "no value starts"),
        ("17", "no object"),
        ("\"x\"", "no object"),
    ] {
        let loaded = read_all(bad, &[], A);
        assert_eq!((loaded.rows.len(), loaded.errors.len()), (0, 1), "{bad}");
        assert!(loaded.errors[0].message.contains(what), "{bad}: {}", loaded.errors[0].message);
    }
}

#[test]
fn a_document_on_one_line_ends_with_it() {
    let text = "{\"a\":1}\n{\"a\":\n2}\n{\"a\":3}";
    assert_eq!(read_all(text, &[], A).rows, [["1"], ["2"], ["3"]]);
    let line = [("MULTI_LINE", "FALSE")];
    let loaded = read_all(text, &line, A);
    assert_eq!(loaded.rows, [["1"], ["3"]]);
    assert!(!loaded.errors.is_empty());
}

#[test]
fn null_is_refused_where_it_must_be() {
    let loaded = read_all("{\"a\":null}\n{}\n{\"a\":1}", &[], &[("a", "INT!")]);
    assert_eq!(loaded.rows, [["1"]]);
    assert!(loaded.errors.iter().all(|error| error.code == Code::NULL_NOT_ALLOWED));
    assert_eq!(loaded.errors.len(), 2);
}

#[test]
fn bytes_that_are_no_text_are_refused_or_replaced() {
    let bytes = b"{\"a\":\"x\xffy\"}\n{\"a\":\"z\"}";
    let columns = target(&[("a", "VARCHAR")]);
    let loaded = read(bytes, &format(&[]), &columns, 64).unwrap();
    assert_eq!((loaded.rows.len(), loaded.errors[0].code), (1, Code::MALFORMED_RECORD));
    for key in ["REPLACE_INVALID_CHARACTERS", "IGNORE_UTF8_ERRORS"] {
        let loaded = read(bytes, &format(&[(key, "TRUE")]), &columns, 64).unwrap();
        assert_eq!(loaded.rows, [["x\u{fffd}y"], ["z"]]);
    }
}

#[test]
fn depth_members_and_length_are_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let text = target(&[("a", "VARCHAR")]);
    let read = |document: &str| read(document.as_bytes(), &format(&[]), &text, 1 << 20);
    assert!(read(&nested(255)).unwrap().errors.is_empty());
    let loaded = read(&nested(256)).unwrap();
    assert!(loaded.errors[0].message.contains("256 brackets"));
    let loaded = read(&"[".repeat(1_000_000)).unwrap();
    assert_eq!(loaded.errors.len(), 1);
    let members = |count: usize| {
        let all: Vec<_> = (0..count).map(|i| format!("\"k{i}\":{i}")).collect();
        format!("{{{}}}", all.join(","))
    };
    assert!(read(&members(10_000)).unwrap().errors.is_empty());
    let loaded = read(&members(10_001)).unwrap();
    assert!(loaded.errors[0].message.contains("10000 members"));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(17 << 20));
    let error = read(&long).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
    assert!(error.help().unwrap().contains("STRIP_OUTER_ARRAY"));
}
