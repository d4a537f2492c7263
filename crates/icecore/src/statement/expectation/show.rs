//! SHOW EXPECTATIONS.

use icecore_governance::Verb;
use icecore_sql::Scope;
use icecore_types::{Code, Error, ObjectKind, Result, SqlType, TableDefinition};

use crate::cells::{Cell, Columns};
use crate::statement::Planning;

pub(in crate::statement) const EXPECTATIONS: Columns = &[
    ("name", SqlType::TEXT),
    ("kind", SqlType::TEXT),
    ("check", SqlType::TEXT),
    ("on_violation", SqlType::TEXT),
];

impl Planning {
    /// The expectations of a table in the order of their declaration: names
    /// with rows.
    pub(in crate::statement) fn expectation_rows(
        &self,
        scope: Option<&Scope>,
    ) -> Result<Vec<(String, Vec<Cell>)>> {
        let Some(Scope::Table(name)) = scope else {
            return Err(Error::new(Code::INVALID_STATEMENT, "SHOW EXPECTATIONS of which table")
                .with_help("write SHOW EXPECTATIONS IN t"));
        };
        let table = self.resolver.object(ObjectKind::Table, name)?;
        self.resolver.act(Verb::Describe, table);
        let definition: TableDefinition = table.body().read()?;
        let row = |expectation: &icecore_types::Expectation| {
            let name = expectation.name.as_str().to_owned();
            let row = vec![
                Cell::text(&name),
                Cell::text(expectation.check.kind()),
                Cell::text(expectation.check.sql(&definition)),
                Cell::text(expectation.on_violation.sql()),
            ];
            (name, row)
        };
        Ok(definition.expectations.iter().map(row).collect())
    }
}
