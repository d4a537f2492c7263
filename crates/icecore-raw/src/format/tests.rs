use icecore_types::{Code, ErrorKind};

use super::*;

fn check(options: &[(&str, &[&str])]) -> Result<CsvFormat> {
    let given: Vec<_> = options
        .iter()
        .map(|(key, values)| {
            ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
        })
        .collect();
    let definition = check_format(&given)?;
    CsvFormat::from_definition(&definition)
}

#[test]
fn delimiters_are_given_in_many_ways() {
    for (text, delimiter) in [
        ("|", "|"),
        ("\\t", "\t"),
        ("\t", "\t"),
        ("\\136", "^"),
        ("0x5e", "^"),
        ("\\x5E", "^"),
        ("\\xC2\\xA2", "¢"),
        ("¢", "¢"),
        ("||", "||"),
    ] {
        let format = check(&[("FIELD_DELIMITER", &[text])]).unwrap();
        assert_eq!(format.field_delimiter.as_deref(), Some(delimiter), "{text}");
    }
    assert_eq!(check(&[("field_delimiter", &["none"])]).unwrap().field_delimiter, None);
    let newline = check(&[("RECORD_DELIMITER", &["\\n"])]).unwrap();
    assert_eq!(newline.record_delimiter, RecordDelimiter::Newline);
}

#[test]
fn options_that_fight_each_other_are_refused() {
    let cases: &[&[(&str, &[&str])]] = &[
        &[("FIELD_DELIMITER", &["aa"]), ("RECORD_DELIMITER", &["aabb"])],
        &[("FIELD_DELIMITER", &["\n"])],
        &[("FIELD_DELIMITER", &[""])],
        &[("FIELD_DELIMITER", &["123456789012345678901"])],
        &[("FIELD_DELIMITER", &["\\xff"])],
        &[("FIELD_DELIMITER", &["\\"])],
        &[("FIELD_DELIMITER", &["\""]), ("FIELD_OPTIONALLY_ENCLOSED_BY", &["\""])],
        &[("FIELD_OPTIONALLY_ENCLOSED_BY", &["|"])],
        &[("ESCAPE", &["ab"])],
        &[("SKIP_HEADER", &["-1"])],
        &[("SKIP_HEADER", &["1"]), ("skip_header", &["2"])],
        &[("TRIM_SPACE", &["MAYBE"])],
        &[("TRIM_SPACE", &[])],
        &[("TYPE", &["EXCEL"])],
        &[("STRIP_OUTER_ARRAY", &["TRUE"])],
        &[("BINARY_FORMAT", &["OCTAL"])],
        &[("DATE_FORMAT", &["QQ"])],
    ];
    for options in cases {
        let error = check(options).unwrap_err();
        assert_eq!(error.code(), Code::INVALID_OPTION, "{options:?}: {error}");
    }
}

#[test]
fn what_the_engine_does_not_have_is_refused_by_name() {
    for (key, value) in
        [("TYPE", "XML"), ("TYPE", "AVRO"), ("TYPE", "ORC"), ("ENCODING", "ISO-8859-1")]
    {
        let error = check(&[(key, &[value])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{key}: {error}");
        assert!(error.message().contains(key), "{error}");
    }
}

#[test]
fn lists_and_words_are_kept() {
    let format = check(&[("NULL_IF", &["NA", ""]), ("compression", &["gzip"])]).unwrap();
    assert_eq!(format.null_if, ["NA", ""]);
    let again = check_format(&[("NULL_IF".to_owned(), vec!["\\N".to_owned()])]).unwrap();
    assert_eq!(CsvFormat::from_definition(&again).unwrap(), CsvFormat::default());
    assert_eq!(format.compression, Compression::Gzip);
    assert!(check(&[("NULL_IF", &[])]).unwrap().null_if.is_empty());
    let format = check(&[("DATE_FORMAT", &["DD/MM/YYYY"]), ("TIME_FORMAT", &["auto"])]).unwrap();
    assert_eq!((format.date_format.as_str(), format.time_format.as_str()), ("DD/MM/YYYY", "AUTO"));
}

#[test]
fn every_option_that_can_be_set_is_described() {
    let definition =
        check_format(&[("FIELD_DELIMITER".to_owned(), vec!["\t".to_owned()])]).unwrap();
    let lines = describe_format(&definition);
    assert_eq!(lines.len(), 23);
    let line = lines.iter().find(|line| line.property == "FIELD_DELIMITER").unwrap();
    assert_eq!((line.value.as_str(), line.default), ("\\t", ","));
    for line in lines.iter().filter(|line| line.property != "TYPE") {
        // Shown defaults are what the option takes.
        let default = line.default.trim_matches(['[', ']']).replace("\\\\", "\\");
        let given = [(line.property.to_owned(), vec![default])];
        let format = CsvFormat::from_definition(&check_format(&given).unwrap()).unwrap();
        assert_eq!(format, CsvFormat::default(), "{}", line.property);
    }
}

#[test]
fn every_type_describes_the_options_that_it_takes() {
    for (file_type, count) in [("CSV", 23), ("JSON", 17), ("PARQUET", 8)] {
        let named = ("TYPE".to_owned(), vec![file_type.to_owned()]);
        let definition = check_format(std::slice::from_ref(&named)).unwrap();
        let default = FileFormat::from_definition(&definition).unwrap();
        assert_eq!(default.file_type().as_str(), file_type);
        let lines = describe_format(&definition);
        assert_eq!(lines.len(), count, "{file_type}");
        for line in lines.iter().filter(|line| line.property != "TYPE") {
            let value = line.default.trim_matches(['[', ']']).replace("\\\\", "\\");
            let given = [named.clone(), (line.property.to_owned(), vec![value])];
            let format = FileFormat::from_definition(&check_format(&given).unwrap()).unwrap();
            assert_eq!(format, default, "{file_type} {}", line.property);
        }
    }
}

#[test]
fn options_belong_to_their_type() {
    for (file_type, key, value) in [
        ("JSON", "FIELD_DELIMITER", ","),
        ("PARQUET", "STRIP_OUTER_ARRAY", "TRUE"),
        ("CSV", "BINARY_AS_TEXT", "TRUE"),
        ("JSON", "DATE_FORMAT", "QQ"),
        ("PARQUET", "COMPRESSION", "GZIP"),
        ("JSON", "COMPRESSION", "RAR"),
        ("CSV", "FILE_EXTENSION", "../x"),
    ] {
        let given = [("TYPE", file_type), (key, value)]
            .map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
        let error = check_format(&given).unwrap_err();
        assert_eq!(error.code(), Code::INVALID_OPTION, "{file_type} {key}: {error}");
    }
    for (file_type, key, value) in [
        ("JSON", "ENABLE_OCTAL", "TRUE"),
        ("PARQUET", "USE_LOGICAL_TYPE", "FALSE"),
        ("PARQUET", "COMPRESSION", "LZO"),
    ] {
        let given = [("TYPE", file_type), (key, value)]
            .map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
        let error = check_format(&given).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{file_type} {key}: {error}");
        assert!(error.message().contains(key), "{error}");
    }
}
