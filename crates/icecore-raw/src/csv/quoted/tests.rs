//! The quick scan against the careful one, which defines the grammar.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::csv::header::Layout;
use crate::{CsvFormat, FileTarget};

fn reading(options: &[(&str, &str)]) -> Reading {
    let given: Vec<_> =
        options.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
    let checked = crate::check_format(&given).unwrap();
    let format = CsvFormat::from_definition(&checked).unwrap();
    Reading {
        grammar: Grammar::new(&format),
        parse: format.parse_options().unwrap(),
        format: Arc::new(format),
        target: Arc::new(FileTarget::new("T", Vec::new())),
    }
}

/// Boundary, record by record.
fn careful_boundary(data: &[u8], grammar: &Grammar) -> Option<usize> {
    let mut end = 0;
    while let Some(record) = scan_record(data, end, false, grammar, |_| {}) {
        end = record.next;
    }
    (end > 0).then_some(end)
}

#[test]
fn what_gives_delimiters_another_meaning_is_not_for_the_quick_scan() {
    let of = |options: &[(&str, &str)], data: &[u8]| {
        Quotes::of(&reading(options).grammar, data).is_some()
    };
    let quoted = ("FIELD_OPTIONALLY_ENCLOSED_BY", "\"");
    assert!(of(&[quoted], b"1,\"a\"\n"));
    assert!(!of(&[], b"1,\"a\"\n"));
    assert!(!of(&[quoted], b"1,\"a\\\"\n"));
    assert!(!of(&[quoted, ("TRIM_SPACE", "TRUE")], b"1,\"a\"\n"));
    assert!(!of(&[quoted, ("MULTI_LINE", "FALSE")], b"1,\"a\"\n"));
    assert!(!of(&[quoted, ("FIELD_DELIMITER", "\r")], b"1\r\"a\"\n"));
    assert!(!of(&[quoted, ("FIELD_DELIMITER", "||")], b"1||\"a\"\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever the bytes, both see the same fields, bad records and boundary.
    #[test]
    fn both_scans_agree(
        data in "[a,\"\n\r;\u{e4} ]{0,60}",
        width in 1_usize..4,
        ragged: bool,
        record in prop_oneof![Just(None), Just(Some(";"))],
        blank: bool,
    ) {
        let mut options = vec![("FIELD_OPTIONALLY_ENCLOSED_BY", "\"")];
        options.extend(record.map(|delimiter| ("RECORD_DELIMITER", delimiter)));
        options.extend(blank.then_some(("SKIP_BLANK_LINES", "TRUE")));
        let reading = reading(&options);
        let data = data.as_bytes();
        let quotes = Quotes::of(&reading.grammar, data).unwrap();
        let layout = Layout::by_position(width, width, ragged);
        let empty = || Tokens::empty(&layout);
        let (mut quick, mut careful) = (empty(), empty());
        quotes.tokenize(data, width, &reading, &mut quick);
        careful.tokenize(data, (width, true), &reading);
        prop_assert_eq!(quick, careful);
        prop_assert_eq!(
            quotes.boundary(data, &reading.grammar),
            careful_boundary(data, &reading.grammar)
        );
    }
}
