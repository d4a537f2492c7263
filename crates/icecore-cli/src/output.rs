//! Results as text: the shell's contract with whoever reads them.

mod csv;
mod json;
mod table;

use std::error::Error as _;
use std::io::{self, Write};

use futures::StreamExt;
use icecore::{Error, QueryResult, ResultColumn, TextRow, text_rows};

use crate::options::Format;
use crate::progress::Spinner;

pub(crate) use json::print_json_error;

/// Why a result was not printed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The statement failed.
    Engine(Error),
    /// Nobody takes the output.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Prints the result of a statement. Nothing is printed of a statement that
/// fails before its first rows; CSV is printed as it comes, so that of one that
/// fails later some rows are.
pub(crate) async fn print(
    out: &mut impl Write,
    format: Format,
    statement: u64,
    result: QueryResult,
    spinner: &Spinner,
) -> Result<(), Failure> {
    if format == Format::Csv {
        return print_csv(out, result, spinner).await;
    }
    let columns = result.columns().to_vec();
    let (query_id, rows_affected) = (result.query_id(), result.rows_affected());
    let rows = result.texts().await?;
    spinner.stop();
    match format {
        Format::Json => {
            let line = json::Line::of(statement, query_id, &columns, &rows, rows_affected);
            json::print(out, &line)?;
        }
        Format::Table | Format::Csv => table::print(out, &columns, &rows)?,
    }
    Ok(())
}

async fn print_csv(
    out: &mut impl Write,
    result: QueryResult,
    spinner: &Spinner,
) -> Result<(), Failure> {
    let columns: Vec<ResultColumn> = result.columns().to_vec();
    let mut batches = result.stream().boxed();
    let mut next = batches.next().await.transpose()?;
    spinner.stop();
    csv::print_header(out, &columns)?;
    while let Some(batch) = next {
        let rows: Vec<TextRow> = text_rows(&batch, &columns)?;
        csv::print_rows(out, &rows)?;
        next = batches.next().await.transpose()?;
    }
    Ok(())
}

/// Prints an error for people: what failed, what caused it, and what helps.
pub(crate) fn print_error(error: &Error) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
    if let Some(help) = error.help() {
        eprintln!("  help: {help}");
    }
}
