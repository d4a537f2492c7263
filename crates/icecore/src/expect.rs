//! Expectations as Rust declares them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use icecore_snapshot::Commit;
use icecore_sql::{AlterTableAction, CheckSpec, ExpectationSpec, ast};
use icecore_types::{Code, Error, Name, OnViolation, QualifiedName, Result};

use crate::Table;

/// An expectation that has a name; what a row has to pass comes next. NULL
/// passes every check but [`Expect::not_null`].
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE sales (id INT, amount NUMBER(10,2))").await?;
/// let sales = session.table("sales").await?;
/// sales.expect("has_id").not_null("id").fail().await?;
/// sales.expect("positive").that("amount > 0").quarantine().await?;
/// session.execute("INSERT INTO sales SELECT 1, 5.00 UNION ALL SELECT 2, -1.00").await?;
/// let kept = "SELECT id, METADATA$REASON FROM TABLE(QUARANTINE('sales'))";
/// let rows = session.execute(kept).await?.texts().await?;
/// assert_eq!(rows[0][1].as_deref(), Some("amount > 0 is false"));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is expected until it says what, and is awaited"]
pub struct Expect {
    table: Table,
    name: String,
}

impl Expect {
    pub(crate) fn new(table: Table, name: &str) -> Self {
        Self { table, name: name.to_owned() }
    }

    /// The column has a value.
    pub fn not_null(self, column: &str) -> Expectation {
        let check = Name::parse(column).map(CheckSpec::NotNull);
        self.check(check)
    }

    /// No two rows have the same values in these columns.
    pub fn unique<'a>(self, columns: impl IntoIterator<Item = &'a str>) -> Expectation {
        let check = names(columns).map(CheckSpec::Unique);
        self.check(check)
    }

    /// The value is one of these, which are read as values of the column.
    pub fn accepted_values<'a>(
        self,
        column: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Expectation {
        let values = values.into_iter().map(text).collect();
        let check = Name::parse(column).map(|column| CheckSpec::AcceptedValues { column, values });
        self.check(check)
    }

    /// The value is not below `least` and not above `most`, which are read as
    /// values of the column.
    pub fn range(self, column: &str, least: &str, most: &str) -> Expectation {
        let (least, most) = (Box::new(text(least)), Box::new(text(most)));
        let check = Name::parse(column).map(|column| CheckSpec::Range { column, least, most });
        self.check(check)
    }

    /// The whole text matches a regular expression.
    pub fn matches(self, column: &str, pattern: &str) -> Expectation {
        let pattern = pattern.to_owned();
        let check = Name::parse(column).map(|column| CheckSpec::Matches { column, pattern });
        self.check(check)
    }

    /// Another table or view has a row whose `keys` are the values of these
    /// columns.
    pub fn references<'a>(
        self,
        columns: impl IntoIterator<Item = &'a str>,
        parent: &str,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Expectation {
        let check = || {
            let (columns, keys) = (names(columns)?, names(keys)?);
            if columns.len() != keys.len() {
                return Err(Error::new(
                    Code::COLUMN_COUNT,
                    format!(
                        "references of a different number of columns columns={} keys={}",
                        columns.len(),
                        keys.len()
                    ),
                ));
            }
            let parent = QualifiedName::parse(parent)?;
            Ok(CheckSpec::References { columns, parent, keys })
        };
        let check = check();
        self.check(check)
    }

    /// The time is at most so long ago when a row arrives, to the second.
    pub fn fresh(self, column: &str, within: Duration) -> Expectation {
        let check = Name::parse(column).map(|column| CheckSpec::Freshness { column, within });
        self.check(check)
    }

    /// A condition of SQL over the row is not false.
    pub fn that(self, condition: &str) -> Expectation {
        let check = icecore_sql::parse_expression(condition).map(|expression| {
            let (text, expression) = (condition.to_owned(), Box::new(expression));
            CheckSpec::Expression { text, expression }
        });
        self.check(check)
    }

    fn check(self, check: Result<CheckSpec>) -> Expectation {
        Expectation { table: self.table, name: self.name, check }
    }
}

/// An expectation that says what a row has to pass; what becomes of one that
/// does not comes next. [`Expect`] shows some.
#[derive(Debug)]
#[must_use = "nothing is expected until it says what becomes of a row, and is awaited"]
pub struct Expectation {
    table: Table,
    name: String,
    check: Result<CheckSpec>,
}

impl Expectation {
    /// The row is a bad row of its file, or left out.
    pub fn reject_row(self) -> AddExpectation {
        self.on_violation(OnViolation::RejectRow)
    }

    /// The row goes to the table's quarantine.
    pub fn quarantine(self) -> AddExpectation {
        self.on_violation(OnViolation::Quarantine)
    }

    /// The statement that brings the row fails.
    pub fn fail(self) -> AddExpectation {
        self.on_violation(OnViolation::Fail)
    }

    /// The row is taken, and counted.
    pub fn warn(self) -> AddExpectation {
        self.on_violation(OnViolation::Warn)
    }

    fn on_violation(self, on_violation: OnViolation) -> AddExpectation {
        AddExpectation { expectation: self, on_violation }
    }
}

/// An expectation about to be declared. [`Expect`] shows some.
#[derive(Debug)]
#[must_use = "nothing is expected until it is awaited"]
pub struct AddExpectation {
    expectation: Expectation,
    on_violation: OnViolation,
}

impl AddExpectation {
    async fn run(self) -> Result<Commit> {
        let Self { expectation: Expectation { table, name, check }, on_violation } = self;
        let (name, check) = (Name::parse(&name)?, check?);
        let text = format!(
            "ALTER TABLE {} ADD EXPECTATION {name} .. ON VIOLATION {}",
            table.name(),
            on_violation.sql()
        );
        let expectation = Box::new(ExpectationSpec { name, check, on_violation });
        table.alter(text, AlterTableAction::AddExpectation(expectation)).await
    }
}

impl IntoFuture for AddExpectation {
    type Output = Result<Commit>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Name>> {
    names.into_iter().map(Name::parse).collect()
}

fn text(value: &str) -> ast::Expr {
    ast::Expr::value(ast::Value::SingleQuotedString(value.to_owned()))
}
