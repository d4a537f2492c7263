//! Files to steps: the standard syntax, and the lines that move the clock.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use icecore::parse_advance;
use sqllogictest::{DefaultColumnType, Record, parse_with_name};

/// A parsed record of the standard syntax.
pub type SltRecord = Record<DefaultColumnType>;

/// One thing to do.
///
/// ```
/// use icecore_slt::{Script, Step};
/// let script = Script::parse("a.slt", "clock +90m\n")?;
/// assert!(matches!(script.steps(), [Step::Clock(by)] if by.as_secs() == 5_400));
/// # Ok::<(), icecore_slt::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub enum Step {
    /// Move the clock on by this much.
    Clock(Duration),
    /// A record of the standard syntax.
    Record(Box<SltRecord>),
}

/// A file that has been read: its steps in order, comments left out.
///
/// ```
/// use icecore_slt::Script;
/// let script = Script::parse("a.slt", "# one\nstatement ok\nSELECT 1\n")?;
/// assert_eq!(script.steps().len(), 1);
/// assert!(Script::parse("a.slt", "nonsense\n").is_err());
/// # Ok::<(), icecore_slt::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    steps: Vec<Step>,
}

/// Why a file is no script, with the place.
///
/// ```
/// let error = icecore_slt::Script::parse("a.slt", "clock -1h\n").unwrap_err();
/// assert!(error.to_string().starts_with("a.slt:1: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Reads a file, and those that it includes by `include PATH`.
    ///
    /// # Errors
    /// If it cannot be read, or is no script.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScriptError(format!("{name}: cannot be read: {error}")))?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a script whose name is shown in failures; files that
    /// it includes are found beside that name.
    ///
    /// # Errors
    /// If it is no script.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let (text, clocks) = take_clocks(name, text)?;
        let records = parse_with_name::<DefaultColumnType>(&text, name)
            .map_err(|error| ScriptError(format!("{}: {}", error.location(), error.kind())))?;
        let mut clocks = clocks.into_iter();
        let mut steps = Vec::new();
        for record in records {
            match record {
                Record::Newline | Record::Comment(_) => {}
                Record::Include { filename, .. } => {
                    steps.extend(Self::read(&beside(name, &filename))?.steps);
                }
                Record::Sleep { duration, .. } if duration == CLOCK_MARK => {
                    steps.extend(clocks.next().map(Step::Clock));
                }
                Record::Sleep { loc, .. } => {
                    return Err(ScriptError(format!(
                        "{loc}: the clock stands still: write clock +1s instead of sleep 1s"
                    )));
                }
                other => steps.push(Step::Record(Box::new(other))),
            }
        }
        Ok(Self { name: name.to_owned(), steps })
    }

    /// The name that failures show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What to do, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// Stands for a `clock` line while the standard parser reads the file: no
/// script can wait for so odd a time by accident.
const CLOCK_MARK: Duration = Duration::from_nanos(987_654_321);

fn beside(name: &str, other: &str) -> std::path::PathBuf {
    Path::new(name).parent().unwrap_or(Path::new("")).join(other)
}

/// Replaces each `clock` line by one line that the standard parser knows, so
/// that line numbers stay, and returns what was replaced. A line inside a
/// statement or its result is none.
fn take_clocks(name: &str, text: &str) -> Result<(String, Vec<Duration>), ScriptError> {
    let mut replaced = String::with_capacity(text.len());
    let mut clocks = Vec::new();
    let mut in_record = false;
    for (number, line) in text.lines().enumerate() {
        let amount = (!in_record).then(|| line.trim().strip_prefix("clock ")).flatten();
        if let Some(amount) = amount {
            clocks.push(parse_advance(amount).map_err(|error| {
                ScriptError(format!("{name}:{}: {}", number + 1, error.message()))
            })?);
            replaced.push_str("sleep 987654321ns\n");
            continue;
        }
        let first = line.split_whitespace().next();
        in_record = match first {
            None => false,
            Some("statement" | "query" | "let" | "system") => true,
            Some(_) => in_record,
        };
        replaced.push_str(line);
        replaced.push('\n');
    }
    Ok((replaced, clocks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_line_inside_a_statement_is_text() {
        let script = Script::parse("a", "statement ok\nSELECT '\nclock +1h\n'\n\nclock +1h\n");
        let script = script.unwrap();
        let [Step::Record(record), Step::Clock(by)] = script.steps() else {
            panic!("{:?}", script.steps());
        };
        assert!(record.to_string().contains("clock +1h"));
        assert_eq!(*by, Duration::from_secs(3600));
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, place) in [
            ("statement ok\nSELECT 1\n\nclock 1h\n", "a:4: "),
            ("clock +1x\n", "a:1: "),
            ("# a comment\nsleep 1s\n", "a:2: "),
            ("query\nSELECT 1\n\nunknown record\n", "a:4: "),
        ] {
            let error = Script::parse("a", text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Script::parse("folder/a", "include missing.slt\n").unwrap_err();
        assert!(error.to_string().starts_with("folder/missing.slt: "), "{error}");
    }
}
