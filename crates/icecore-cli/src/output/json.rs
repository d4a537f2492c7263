//! JSON: one line for each statement.

use std::io::{self, Write};

use icecore::{Error, QueryId, ResultColumn, TextRow};
use serde::Serialize;

/// The line of a statement that succeeded.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    statement: u64,
    query_id: String,
    columns: Vec<&'a str>,
    types: Vec<String>,
    rows: &'a [TextRow],
    rows_affected: Option<u64>,
}

impl<'a> Line<'a> {
    pub(super) fn of(
        statement: u64,
        query_id: QueryId,
        columns: &'a [ResultColumn],
        rows: &'a [TextRow],
        rows_affected: Option<u64>,
    ) -> Self {
        Self {
            statement,
            query_id: query_id.to_string(),
            columns: columns.iter().map(|column| column.name.as_str()).collect(),
            types: columns.iter().map(|column| column.sql_type.to_string()).collect(),
            rows,
            rows_affected,
        }
    }
}

/// The line of a statement that failed.
#[derive(Serialize)]
struct ErrorLine<'a> {
    statement: u64,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    sqlstate: &'a str,
    kind: String,
    message: &'a str,
}

pub(super) fn print(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Prints the line of a statement that failed.
pub(crate) fn print_json_error(
    out: &mut impl Write,
    statement: u64,
    error: &Error,
) -> io::Result<()> {
    let error = ErrorBody {
        code: error.code().number(),
        sqlstate: error.sqlstate(),
        kind: error.kind().to_string(),
        message: error.message(),
    };
    print(out, &ErrorLine { statement, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore::{Code, SqlType};

    #[test]
    fn the_lines_are_those_of_the_contract() {
        let columns = [
            ResultColumn { name: "N".to_owned(), sql_type: SqlType::Integer },
            ResultColumn { name: "S".to_owned(), sql_type: SqlType::Varchar { length: 3 } },
        ];
        let rows =
            [vec![Some("1".to_owned()), None], vec![Some("2".to_owned()), Some(String::new())]];
        let line = Line::of(1, QueryId::from_bits(5), &columns, &rows, None);
        let mut out = Vec::new();
        print(&mut out, &line).unwrap();
        let missing = Error::new(Code::OBJECT_NOT_FOUND, "object 'T' does not exist");
        print_json_error(&mut out, 2, &missing).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"statement":1,"query_id":"00000000-0000-0000-0000-000000000005","#,
                r#""columns":["N","S"],"types":["NUMBER(38,0)","VARCHAR(3)"],"#,
                r#""rows":[["1",null],["2",""]],"rows_affected":null}"#,
                "\n",
                r#"{"statement":2,"error":{"code":"002003","sqlstate":"42S02","kind":"NotFound","#,
                r#""message":"object 'T' does not exist"}}"#,
                "\n",
            )
        );
    }
}
