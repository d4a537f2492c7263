//! What becomes of rows, one after the other.

use std::collections::HashSet;

use crate::pipes::Dice;

const TEXTS: [&str; 5] = ["a", "b", "ab", "ccc", "zz"];

/// K, V and S.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub k: Option<i64>,
    pub v: Option<i64>,
    pub s: Option<&'static str>,
}

impl Row {
    pub fn random(dice: &mut Dice) -> Self {
        let mut number = |most: u64| (dice.below(6) > 0).then(|| dice.below(most) as i64);
        let (k, v, s) = (number(9), number(14), number(TEXTS.len() as u64));
        Self { k, v, s: s.and_then(|at| TEXTS.get(at as usize).copied()) }
    }

    fn texts(&self) -> [Option<String>; 3] {
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        [number(self.k), number(self.v), self.s.map(str::to_owned)]
    }

    /// As rows of queries are shown.
    pub fn shown(&self) -> String {
        self.texts().map(|text| text.unwrap_or_else(|| "NULL".to_owned())).join("|")
    }

    pub fn csv(&self) -> String {
        self.texts().map(Option::unwrap_or_default).join(",")
    }

    pub fn sql(&self) -> String {
        let number = |value: Option<i64>| value.map_or("NULL".into(), |it| it.to_string());
        let text = self.s.map_or("NULL".into(), |text| format!("'{text}'"));
        format!("({}::INT, {}::INT, {text}::VARCHAR)", number(self.k), number(self.v))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    NotNull,
    Values,
    Range,
    Matches,
    Parent,
    Condition,
    UniqueK,
    UniqueVS,
}

pub const CHECKS: [(Check, &str); 8] = [
    (Check::NotNull, "NOT NULL (s)"),
    (Check::Values, "ACCEPTED VALUES (k IN (0, 1, 2, 3, 4, 5, 6))"),
    (Check::Range, "RANGE (v BETWEEN 1 AND 10)"),
    (Check::Matches, "MATCHES (s, '[a-c]+')"),
    (Check::Parent, "REFERENCES (k) parent (k)"),
    (Check::Condition, "(24 / v > k)"),
    (Check::UniqueK, "UNIQUE (k)"),
    (Check::UniqueVS, "UNIQUE (v, s)"),
];

impl Check {
    /// Why a row does not pass by itself.
    fn fault(self, row: &Row) -> Option<String> {
        let (k, v, s) = (row.k, row.v, row.s);
        match self {
            Self::NotNull => s.is_none().then(|| "S is NULL".to_owned()),
            Self::Values => {
                k.filter(|k| *k > 6).map(|k| format!("K = {k} is not an accepted value"))
            }
            Self::Range => v
                .filter(|v| !(1..=10).contains(v))
                .map(|v| format!("V = {v} is not between 1 and 10")),
            Self::Matches => {
                s.filter(|s| *s == "zz").map(|s| format!("S = '{s}' does not match '[a-c]+'"))
            }
            Self::Parent => {
                k.filter(|k| k % 2 == 1).map(|k| format!("K = {k} is not in ICECORE.PUBLIC.PARENT"))
            }
            Self::Condition => match (v, k) {
                (Some(0), _) => Some("24 / v > k: Division by zero".to_owned()),
                (Some(v), Some(k)) if 24 <= k * v => Some("24 / v > k is false".to_owned()),
                _ => None,
            },
            Self::UniqueK | Self::UniqueVS => None,
        }
    }

    /// The key of a row, and how it is named.
    fn key(self, row: &Row) -> Option<(String, String)> {
        match self {
            Self::UniqueK => row.k.map(|k| (k.to_string(), format!("K = {k}"))),
            Self::UniqueVS => match (row.v, row.s) {
                (Some(v), Some(s)) => Some((format!("{v} {s}"), format!("(V, S) = ({v}, '{s}')"))),
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Expected {
    pub name: String,
    pub check: Check,
    pub action: &'static str,
}

/// A row of the quarantine: its expectation, reason and place.
#[derive(Clone, Debug)]
pub struct Kept {
    pub row: Row,
    pub expectation: String,
    pub reason: String,
    /// File, number, line, record.
    pub place: String,
}

#[derive(Debug, PartialEq)]
enum Fate {
    Taken,
    Rejected,
    Kept(String, String),
    Failed,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub expectations: Vec<Expected>,
    pub table: Vec<Row>,
    pub quarantine: Vec<Kept>,
    /// Rows that each expectation judged in the last statement, and those that
    /// did not pass; nothing if it failed.
    pub tallies: Vec<[u64; 2]>,
}

/// What a statement knows, by expectation.
#[derive(Clone)]
struct Keys {
    /// Keys of the rows that are there.
    known: Vec<HashSet<String>>,
    tallies: Vec<[u64; 2]>,
}

impl Model {
    fn keys(&self) -> Keys {
        let of = |expected: &Expected| {
            let keys = self.table.iter().filter_map(|row| expected.check.key(row));
            keys.map(|(key, _)| key).collect()
        };
        let known: Vec<_> = self.expectations.iter().map(of).collect();
        Keys { tallies: vec![[0; 2]; known.len()], known }
    }

    /// Counts the rows that are judged, and those that do not pass.
    fn tally(&self, row: &Row, keys: &mut Keys, is_unique: bool) {
        for (at, expected) in self.expectations.iter().enumerate() {
            if matches!(expected.check, Check::UniqueK | Check::UniqueVS) != is_unique {
                continue;
            }
            let key = expected.check.key(row).map(|(key, _)| key);
            let is_known = key.is_some_and(|key| keys.known[at].contains(&key));
            let violates = is_known || expected.check.fault(row).is_some();
            keys.tallies[at][0] += 1;
            keys.tallies[at][1] += u64::from(violates);
        }
    }

    fn fate(&self, row: &Row, keys: &mut Keys) -> Fate {
        self.tally(row, keys, false);
        let by_itself = |at: usize| self.expectations[at].check.fault(row);
        if let Some(fate) = self.decide(by_itself) {
            return fate;
        }
        self.tally(row, keys, true);
        let known = &mut keys.known;
        let by_key = |at: usize| {
            let (key, shown) = self.expectations[at].check.key(row)?;
            known[at].contains(&key).then(|| format!("{shown} is there already"))
        };
        if let Some(fate) = self.decide(by_key) {
            return fate;
        }
        for (expected, keys) in self.expectations.iter().zip(known) {
            keys.extend(expected.check.key(row).map(|(key, _)| key));
        }
        Fate::Taken
    }

    /// The strictest action among the expectations with a fault.
    fn decide(&self, fault: impl Fn(usize) -> Option<String>) -> Option<Fate> {
        for action in ["FAIL", "REJECT ROW", "QUARANTINE"] {
            let faults: Vec<(&str, String)> = self
                .expectations
                .iter()
                .enumerate()
                .filter(|(_, expected)| expected.action == action)
                .filter_map(|(at, expected)| Some((expected.name.as_str(), fault(at)?)))
                .collect();
            let Some((first, _)) = faults.first() else { continue };
            let reasons: Vec<&str> = faults.iter().map(|(_, reason)| reason.as_str()).collect();
            return Some(match action {
                "FAIL" => Fate::Failed,
                "REJECT ROW" => Fate::Rejected,
                _ => Fate::Kept((*first).to_owned(), reasons.join("; ")),
            });
        }
        None
    }

    /// Rows of a statement; rejected and quarantined ones are counted, none if
    /// it fails.
    pub fn arrive(&mut self, rows: &[Row]) -> Option<[usize; 3]> {
        self.tallies.clear();
        let mut after = self.clone();
        let (mut keys, mut counts) = (self.keys(), [0; 3]);
        for (at, row) in rows.iter().enumerate() {
            match self.fate(row, &mut keys) {
                Fate::Failed => return None,
                Fate::Rejected => counts[1] += 1,
                Fate::Taken => {
                    counts[0] += 1;
                    after.table.push(row.clone());
                }
                Fate::Kept(expectation, reason) => {
                    counts[2] += 1;
                    let place = format!("NULL|{}|NULL|NULL", at + 1);
                    after.quarantine.push(Kept { row: row.clone(), expectation, reason, place });
                }
            }
        }
        *self = Self { tallies: keys.tallies, ..after };
        Some(counts)
    }

    /// Files of a COPY: their rows of the result, none if it fails.
    pub fn copy(&mut self, folder: usize, files: &[&[Row]], on_error: &str) -> Option<Vec<String>> {
        self.tallies.clear();
        let (mut after, mut results) = (self.clone(), Vec::new());
        let mut keys = self.keys();
        for (number, rows) in files.iter().enumerate() {
            let (mut file_keys, mut taken, mut kept, mut bad) =
                (keys.clone(), Vec::new(), Vec::new(), 0);
            for (at, row) in rows.iter().enumerate() {
                match self.fate(row, &mut file_keys) {
                    Fate::Failed => return None,
                    Fate::Rejected if on_error == "ABORT_STATEMENT" => return None,
                    Fate::Rejected => bad += 1,
                    Fate::Taken => taken.push(row.clone()),
                    Fate::Kept(expectation, reason) => {
                        let (line, record) = (at + 1, row.csv());
                        let place = format!("{folder}/f{number}.csv|{line}|{line}|{record}");
                        kept.push(Kept { row: row.clone(), expectation, reason, place });
                    }
                }
            }
            let errors = bad + kept.len();
            let skipped = match on_error {
                "SKIP_FILE" => bad > 0,
                "SKIP_FILE_2" => bad > 1,
                "'SKIP_FILE_40%'" => bad * 100 > 40 * rows.len(),
                _ => false,
            };
            let (status, loaded) = match skipped || bad == rows.len() {
                true => ("LOAD_FAILED", 0),
                false if errors == 0 => ("LOADED", taken.len()),
                false => ("PARTIALLY_LOADED", taken.len()),
            };
            keys.tallies.clone_from(&file_keys.tallies);
            if status != "LOAD_FAILED" {
                keys = file_keys;
                after.table.extend(taken);
                after.quarantine.extend(kept);
            }
            results.push(format!("f{number}.csv|{status}|{}|{loaded}|{errors}", rows.len()));
        }
        *self = Self { tallies: keys.tallies, ..after };
        Some(results)
    }

    /// Rows replayed and kept, none if it fails.
    pub fn replay(&mut self) -> Option<[usize; 2]> {
        let mut after = Self { quarantine: Vec::new(), ..self.clone() };
        let (mut keys, mut counts) = (self.keys(), [0; 2]);
        for kept in &self.quarantine {
            match self.fate(&kept.row, &mut keys) {
                Fate::Failed => return None,
                Fate::Taken => {
                    counts[0] += 1;
                    after.table.push(kept.row.clone());
                }
                Fate::Rejected => unreachable!("REJECT ROW became QUARANTINE"),
                Fate::Kept(expectation, reason) => {
                    counts[1] += 1;
                    after.quarantine.push(Kept { expectation, reason, ..kept.clone() });
                }
            }
        }
        *self = after;
        Some(counts)
    }
}
