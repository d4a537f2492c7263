use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use icecore_types::{
    Code, ColumnDefinition, ColumnId, Error, Expectation, ExpectationCheck, Name, OnViolation,
    QualifiedName, QueryId, SqlType, TableDefinition, Timestamp,
};
use proptest::prelude::*;

use super::*;

/// K INT, NAME VARCHAR, X FLOAT, AT TIMESTAMP_NTZ.
type Row = (Option<i64>, Option<&'static str>, Option<f64>, Option<i64>);

const K: ColumnId = ColumnId::new(1);
const NAME: ColumnId = ColumnId::new(2);
const X: ColumnId = ColumnId::new(3);
const AT: ColumnId = ColumnId::new(4);
const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

fn table(expectations: &[(ExpectationCheck, OnViolation)]) -> TableDefinition {
    let column = |id, name: &str, sql_type| ColumnDefinition {
        id,
        name: Name::quoted(name),
        sql_type,
        not_null: false,
        default: None,
        value_before: None,
        comment: None,
    };
    let expectation =
        |(at, (check, on_violation)): (usize, &(ExpectationCheck, OnViolation))| Expectation {
            name: Name::quoted(&format!("E{at}")),
            check: check.clone(),
            on_violation: *on_violation,
        };
    TableDefinition {
        columns: vec![
            column(K, "K", SqlType::Integer),
            column(NAME, "NAME", SqlType::TEXT),
            column(X, "X", SqlType::Float),
            column(AT, "AT", SqlType::TimestampNtz),
        ],
        next_column: 5,
        expectations: expectations.iter().enumerate().map(expectation).collect(),
        ..TableDefinition::default()
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0))),
        Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.1))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.2))),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.3))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| Field::new((at + 1).to_string(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// `100 / k > 10`, which fails for a K of zero.
fn hundredth(text: &str) -> icecore_types::Result<RowExpression> {
    assert_eq!(text, "100 / k > 10");
    Ok(Arc::new(|batch: &RecordBatch| {
        let k = batch.column(0).as_primitive::<Int64Type>();
        if k.iter().any(|k| k == Some(0)) {
            return Err(Error::new(Code::DIVISION_BY_ZERO, "division by zero"));
        }
        Ok(k.iter().map(|k| k.map(|k| 100 / k > 10)).collect::<BooleanArray>())
    }))
}

fn judge(table: &TableDefinition) -> Judge {
    Judge::new(table, NOW, Strictness::AsDeclared, hundredth).unwrap()
}

fn parent() -> QualifiedName {
    QualifiedName::parse("d.s.p").unwrap()
}

fn reasons(check: ExpectationCheck, rows: &[Row]) -> Vec<(usize, String)> {
    let references = matches!(check, ExpectationCheck::References { .. });
    let mut judge = judge(&table(&[(check, OnViolation::Quarantine)]));
    if references {
        judge.learn(0, &[Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
    }
    let judgement = judge.judge(&batch(rows)).unwrap();
    judgement.refused.into_iter().map(|refusal| (refusal.row, refusal.reason)).collect()
}

#[test]
fn every_check_names_what_does_not_pass_and_lets_null_pass() {
    let row = (Some(1), Some("a"), Some(1.0), Some(NOW.as_micros()));
    let null = (None, None, None, None);
    let cases: Vec<(ExpectationCheck, Row, &str)> = vec![
        (ExpectationCheck::NotNull { column: NAME }, (Some(1), None, None, None), "NAME is NULL"),
        (
            ExpectationCheck::AcceptedValues { column: NAME, values: vec!["a".into(), "b".into()] },
            (Some(1), Some("c"), None, None),
            "NAME = 'c' is not an accepted value",
        ),
        (
            ExpectationCheck::Range { column: X, least: "0".into(), most: "2".into() },
            (Some(1), None, Some(2.5), None),
            "X = 2.5 is not between 0 and 2",
        ),
        (
            ExpectationCheck::Range { column: X, least: "0".into(), most: "2".into() },
            (Some(1), None, Some(f64::NAN), None),
            "X = NaN is not between 0 and 2",
        ),
        (
            ExpectationCheck::Matches { column: NAME, pattern: "a|bc".into() },
            (Some(1), Some("ab"), None, None),
            "NAME = 'ab' does not match 'a|bc'",
        ),
        (
            ExpectationCheck::References {
                columns: vec![K],
                parent: parent(),
                keys: vec![Name::quoted("K")],
            },
            (Some(3), None, None, None),
            "K = 3 is not in D.S.P",
        ),
        (
            ExpectationCheck::Freshness { column: AT, within_seconds: 60 },
            (None, None, None, Some(NOW.as_micros() - 60_000_001)),
            "AT = 1970-01-12 13:45:39.999999 is more than 60 seconds before 1970-01-12T13:46:40Z",
        ),
        (
            ExpectationCheck::Expression { text: "100 / k > 10".into(), columns: vec![K] },
            (Some(50), None, None, None),
            "100 / k > 10 is false",
        ),
        (
            ExpectationCheck::Expression { text: "100 / k > 10".into(), columns: vec![K] },
            (Some(0), None, None, None),
            "100 / k > 10: division by zero",
        ),
    ];
    for (check, bad, reason) in cases {
        let expected = vec![(1, reason.to_owned())];
        let nullable = !matches!(check, ExpectationCheck::NotNull { .. });
        let rows = if nullable { vec![row, bad, null] } else { vec![row, bad] };
        assert_eq!(reasons(check, &rows), expected);
    }
}

#[test]
fn zero_has_one_sign_in_ranges_and_keys() {
    let rows: Vec<Row> = vec![
        (None, None, Some(0.0), None),
        (None, None, Some(-0.0), None),
        (None, None, None, None),
    ];
    let range = ExpectationCheck::Range { column: X, least: "0".into(), most: "0".into() };
    assert_eq!(reasons(range, &rows), []);
    let unique = ExpectationCheck::Unique { columns: vec![X] };
    assert_eq!(reasons(unique, &rows), [(1, "X = -0 is there already".to_owned())]);
}

#[test]
fn a_key_belongs_to_the_first_row_that_is_taken_with_it() {
    let table = table(&[
        (ExpectationCheck::Unique { columns: vec![K] }, OnViolation::RejectRow),
        (ExpectationCheck::NotNull { column: NAME }, OnViolation::Quarantine),
    ]);
    let mut judge = judge(&table);
    judge.learn(0, &[Arc::new(Int64Array::from(vec![9]))]).unwrap();
    let a = Some("a");
    let rows: Vec<Row> = vec![
        (Some(1), None, None, None),
        (Some(1), a, None, None),
        (Some(1), a, None, None),
        (Some(9), a, None, None),
        (None, a, None, None),
        (None, a, None, None),
    ];
    let judgement = judge.judge(&batch(&rows)).unwrap();
    assert_eq!(judgement.taken, vec![false, true, false, false, true, true].into());
    let fates: Vec<(usize, bool)> = judgement
        .refused
        .iter()
        .map(|refusal| (refusal.row, refusal.action == OnViolation::Quarantine))
        .collect();
    assert_eq!(fates, [(0, true), (2, false), (3, false)]);
    assert_eq!(judge.tallies()[0], Tally { judged_rows: 5, violating_rows: 2 });
    // A file that is skipped takes no key.
    judge.keep().unwrap();
    let two = batch(&[(Some(2), a, None, None)]);
    assert_eq!(judge.judge(&two).unwrap().refused.len(), 0);
    judge.discard();
    assert_eq!(judge.judge(&two).unwrap().refused.len(), 0);
    judge.keep().unwrap();
    assert_eq!(judge.judge(&two).unwrap().refused.len(), 1);
}

#[test]
fn the_strictest_action_decides() {
    let check = |column| ExpectationCheck::NotNull { column };
    let actions = [
        (check(K), OnViolation::Warn),
        (check(NAME), OnViolation::Quarantine),
        (check(X), OnViolation::RejectRow),
        (check(AT), OnViolation::Fail),
    ];
    let table = table(&actions);
    let at = Some(NOW.as_micros());
    let warned = judge(&table).judge(&batch(&[(None, Some("a"), Some(1.0), at)])).unwrap();
    assert_eq!(warned.refused, []);
    let both = judge(&table).judge(&batch(&[(None, None, None, at)])).unwrap();
    assert_eq!(both.refused[0].expectation, Name::quoted("E2"));
    assert_eq!(both.refused[0].action, OnViolation::RejectRow);
    let mut failing = judge(&table);
    let error = failing.judge(&batch(&[(None, None, None, None)])).unwrap_err();
    assert_eq!(error.code(), Code::EXPECTATION_VIOLATED);
    assert_eq!(error.message(), "expectation 'E3' is violated: AT is NULL");
    assert_eq!(failing.tallies()[3].violating_rows, 1, "what failed is counted");

    let mut strict = Judge::new(&table, NOW, Strictness::Fail, hundredth).unwrap();
    let error = strict.judge(&batch(&[(Some(1), None, Some(1.0), at)])).unwrap_err();
    assert_eq!(error.message(), "expectation 'E1' is violated: NAME is NULL");
}

#[test]
fn rows_that_change_are_judged_by_what_changes() {
    let table = table(&[
        (ExpectationCheck::NotNull { column: NAME }, OnViolation::Fail),
        (ExpectationCheck::Freshness { column: AT, within_seconds: 1 }, OnViolation::Fail),
        (ExpectationCheck::Unique { columns: vec![K] }, OnViolation::Fail),
    ]);
    let strict = || Judge::new(&table, NOW, Strictness::Fail, hundredth).unwrap();
    let rows = batch(&[(Some(1), None, None, Some(0))]);
    assert!(strict().of_changed(&[NAME]).judge(&rows).is_err());
    let mut keys = strict().of_changed(&[K, AT]);
    assert_eq!(keys.judge(&rows).unwrap().refused, []);
    assert!(keys.meet(2, &[Arc::new(Int64Array::from(vec![2]))]).is_ok());
    assert!(keys.meet(2, &[Arc::new(Int64Array::from(vec![1]))]).is_err());
}

#[test]
fn constants_that_do_not_fit_are_named_with_their_expectation() {
    for check in [
        ExpectationCheck::Range { column: K, least: "x".into(), most: "2".into() },
        ExpectationCheck::AcceptedValues { column: K, values: vec!["x".into()] },
        ExpectationCheck::Matches { column: NAME, pattern: "(".into() },
    ] {
        let table = table(&[(check, OnViolation::Warn)]);
        let error = Judge::new(&table, NOW, Strictness::AsDeclared, hundredth).unwrap_err();
        assert!(error.to_string().contains("E0"), "{error}");
    }
}

#[test]
fn a_quarantine_gives_back_what_was_put_in() {
    let table = table(&[]);
    let quarantine = Quarantine::of(&table);
    let rows = batch(&[
        (Some(-5), Some("it's\n"), Some(0.1), Some(1)),
        (None, Some(""), Some(f64::INFINITY), None),
    ]);
    let note = |row| QuarantineNote {
        query_id: QueryId::from_bits(7),
        file: Some("a.csv".into()),
        line: None,
        row: Some(row),
        expectation: Name::quoted("e 1"),
        reason: "why".into(),
        record: None,
        at: NOW,
        state: QuarantineState::Kept,
    };
    let notes = vec![note(1), note(2)];
    let kept = quarantine.rows(&rows, &notes).unwrap();
    let (own, texts) = kept.columns().split_at(QuarantineColumn::ALL.len());
    assert_eq!(QuarantineNote::read(own).unwrap(), notes);
    let (typed, bad) = quarantine.typed(texts).unwrap();
    assert_eq!((typed.columns(), bad), (rows.columns(), vec![]));

    // A column that refuses NULL since, and one of another type.
    let mut now = table.clone();
    now.columns[0].not_null = true;
    now.columns[1].sql_type = SqlType::Integer;
    let (typed, bad) = Quarantine::of(&now).typed(texts).unwrap();
    let rows: HashSet<usize> = bad.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, HashSet::from([0, 1]));
    assert_eq!(typed.column(1).data_type(), &DataType::Int64);
}

/// What becomes of rows, one after the other, without arrays and kernels.
struct Model<'a> {
    expectations: &'a [(ExpectationCheck, OnViolation)],
    keys: Vec<HashSet<i64>>,
    tallies: Vec<Tally>,
}

impl Model<'_> {
    fn violates(&self, at: usize, row: &Row) -> bool {
        let (k, name, x, moment) = row;
        match &self.expectations[at].0 {
            ExpectationCheck::NotNull { .. } => name.is_none(),
            ExpectationCheck::AcceptedValues { .. } => name.is_some_and(|n| n != "a" && n != "b"),
            ExpectationCheck::Range { .. } => x.is_some_and(|x| !(0.0..=2.0).contains(&x)),
            ExpectationCheck::Matches { .. } => name.is_some_and(|name| name != "a"),
            ExpectationCheck::References { .. } => k.is_some_and(|k| k != 1 && k != 2),
            ExpectationCheck::Freshness { .. } => {
                moment.is_some_and(|moment| moment < NOW.as_micros() - 60_000_000)
            }
            ExpectationCheck::Expression { .. } => k.is_some_and(|k| k == 0 || 100 / k <= 10),
            ExpectationCheck::Unique { .. } => k.is_some_and(|k| self.keys[at].contains(&k)),
        }
    }

    /// Nothing if it is taken, else whether it is quarantined and the first
    /// expectation that decided; an error if the statement fails.
    fn fate(&mut self, row: &Row) -> Result<Option<(bool, usize)>, ()> {
        let is_key =
            |at: &usize| matches!(self.expectations[*at].0, ExpectationCheck::Unique { .. });
        let (keyed, plain): (Vec<usize>, Vec<usize>) =
            (0..self.expectations.len()).partition(is_key);
        for asked in [&plain, &keyed] {
            let mut violated = Vec::new();
            for at in asked {
                self.tallies[*at].judged_rows += 1;
                if self.violates(*at, row) {
                    self.tallies[*at].violating_rows += 1;
                    violated.push(*at);
                }
            }
            let first = |action| violated.iter().find(|at| self.expectations[**at].1 == action);
            if first(OnViolation::Fail).is_some() {
                return Err(());
            }
            if let Some(at) = first(OnViolation::RejectRow) {
                return Ok(Some((false, *at)));
            }
            if let Some(at) = first(OnViolation::Quarantine) {
                return Ok(Some((true, *at)));
            }
        }
        for at in keyed {
            self.keys[at].extend(row.0);
        }
        Ok(None)
    }
}

fn checks() -> impl Strategy<Value = ExpectationCheck> {
    prop_oneof![
        Just(ExpectationCheck::NotNull { column: NAME }),
        Just(ExpectationCheck::AcceptedValues {
            column: NAME,
            values: vec!["a".into(), "b".into()]
        }),
        Just(ExpectationCheck::Range { column: X, least: "0".into(), most: "2".into() }),
        Just(ExpectationCheck::Matches { column: NAME, pattern: "a".into() }),
        Just(ExpectationCheck::References {
            columns: vec![K],
            parent: parent(),
            keys: vec![Name::quoted("K")]
        }),
        Just(ExpectationCheck::Freshness { column: AT, within_seconds: 60 }),
        Just(ExpectationCheck::Expression { text: "100 / k > 10".into(), columns: vec![K] }),
        Just(ExpectationCheck::Unique { columns: vec![K] }),
    ]
}

fn actions() -> impl Strategy<Value = OnViolation> {
    prop_oneof![
        1 => Just(OnViolation::Fail),
        6 => Just(OnViolation::RejectRow),
        6 => Just(OnViolation::Quarantine),
        4 => Just(OnViolation::Warn),
    ]
}

fn rows() -> impl Strategy<Value = Row> {
    (
        prop::option::of(-1..20_i64),
        prop::option::of(prop::sample::select(vec!["a", "b", "c"])),
        prop::option::of(prop::sample::select(vec![-1.0, -0.0, 0.0, 1.0, 2.0, 2.1, f64::NAN])),
        prop::option::of((0..4_i64).prop_map(|n| NOW.as_micros() - n * 30_000_000)),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn batches_are_judged_as_rows_are_one_by_one(
        expectations in prop::collection::vec((checks(), actions()), 0..5),
        rows in prop::collection::vec(rows(), 0..40),
        cut in 1..15_usize,
    ) {
        let table = table(&expectations);
        let mut judge = judge(&table);
        let n = expectations.len();
        let mut model = Model {
            expectations: &expectations,
            keys: vec![HashSet::new(); n],
            tallies: vec![Tally::default(); n],
        };
        for (at, (check, _)) in expectations.iter().enumerate() {
            match check {
                ExpectationCheck::References { .. } => {
                    judge.learn(at, &[Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
                }
                ExpectationCheck::Unique { .. } => {
                    judge.learn(at, &[Arc::new(Int64Array::from(vec![3, 5]))]).unwrap();
                    model.keys[at].extend([3, 5]);
                }
                _ => {}
            }
        }
        for part in rows.chunks(cut) {
            let fates: Result<Vec<_>, ()> = part.iter().map(|row| model.fate(row)).collect();
            match (judge.judge(&batch(part)), fates) {
                (Err(error), Err(())) => {
                    prop_assert_eq!(error.code(), Code::EXPECTATION_VIOLATED);
                    return Ok(());
                }
                (Ok(judgement), Ok(fates)) => {
                    let taken: Vec<Option<bool>> =
                        fates.iter().map(|fate| Some(fate.is_none())).collect();
                    prop_assert_eq!(judgement.taken.iter().collect::<Vec<_>>(), taken);
                    let found: Vec<_> = judgement
                        .refused
                        .iter()
                        .map(|one| (one.row, one.action == OnViolation::Quarantine, one.expectation.to_string()))
                        .collect();
                    let expected: Vec<_> = fates
                        .iter()
                        .enumerate()
                        .filter_map(|(row, fate)| {
                            fate.map(|(kept, at)| (row, kept, format!("E{at}")))
                        })
                        .collect();
                    prop_assert_eq!(found, expected);
                    prop_assert_eq!(judge.tallies(), model.tallies.clone());
                }
                (found, expected) => {
                    prop_assert!(false, "found {found:?}, expected {expected:?}");
                }
            }
        }
    }
}
