//! An example as it runs: what it says, runs, shows and checks, on the
//! terminal and for its page.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use icecore::{Code, Error, Icecore, QueryId, Result, Session, TextRow};

use crate::page::{Block, Page, PageTable};

/// How many rows of a result are shown.
const SHOWN_ROWS: usize = 20;
const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// One run of an example.
pub(crate) struct Notebook {
    lake: Icecore,
    session: Session,
    page: Page,
    others: Vec<(String, Page)>,
    checks: usize,
}

/// What a statement left: its id, and the rows that it changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) query_id: QueryId,
    pub(crate) rows: i64,
}

impl Notebook {
    /// A new one with a session of its own.
    pub(crate) async fn open(lake: &Icecore) -> Result<Self> {
        let session = lake.session().await?;
        Ok(Self {
            lake: lake.clone(),
            session,
            page: Page::default(),
            others: Vec::new(),
            checks: 0,
        })
    }

    pub(crate) fn lake(&self) -> &Icecore {
        &self.lake
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Goes on in another session; gives the one before.
    pub(crate) fn seat(&mut self, session: Session) -> Session {
        std::mem::replace(&mut self.session, session)
    }

    /// How many checks have passed.
    pub(crate) fn checks(&self) -> usize {
        self.checks
    }

    /// The name of the whole, and what it is about.
    pub(crate) fn title(&mut self, title: &str, about: &str) {
        println!("{title}\n{}\n\n{about}", "=".repeat(title.chars().count()));
        self.page.begin(title, about);
    }

    /// The name of a part.
    pub(crate) fn heading(&mut self, text: &str) {
        println!("\n{text}\n{}", "-".repeat(text.chars().count()));
        self.page.add(Block::Heading(text.to_owned()));
    }

    /// A paragraph.
    pub(crate) fn say(&mut self, text: &str) {
        println!("\n{text}");
        self.page.add(Block::Text(text.to_owned()));
    }

    /// A picture for the page.
    pub(crate) fn chart(&mut self, caption: &str, svg: String) {
        self.page.add(Block::Chart { caption: caption.to_owned(), svg });
    }

    /// What happened, one line each.
    pub(crate) fn log(&mut self, lines: Vec<String>) {
        println!();
        lines.iter().for_each(|line| println!("   {}", line.replace('`', "")));
        self.page.add(Block::Log(lines));
    }

    /// A page of its own beside this one, and a link to it.
    pub(crate) fn attach(&mut self, file: &str, text: &str, page: Page) {
        println!("\n{text}: {file}");
        self.page.add(Block::Link { text: text.to_owned(), page: file.to_owned() });
        self.others.push((file.to_owned(), page));
    }

    /// Moves the clock to this minute of the day, and runs what falls due until
    /// then.
    pub(crate) async fn until(&self, minute: u32) -> Result<()> {
        let today = self.lake.now().as_micros().rem_euclid(MICROS_PER_DAY);
        let wanted = i64::from(minute) * 60_000_000;
        let by = u64::try_from(wanted - today).unwrap_or(0);
        self.lake.advance(Duration::from_micros(by)).await
    }

    /// Runs a statement whose rows are of no interest.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<Done> {
        self.echo(sql);
        let result = self.session.execute(sql).await?;
        let affected = result.rows_affected();
        let rows = affected.and_then(|rows| rows.try_into().ok()).unwrap_or(0);
        let done = Done { query_id: result.query_id(), rows };
        result.collect().await?;
        self.lake.run_due().await?;
        if let Some(rows) = affected {
            println!("   {rows} rows");
        }
        Ok(done)
    }

    /// Runs a statement and shows its rows, the first of them if there are
    /// many.
    pub(crate) async fn show(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        self.echo(sql);
        let result = self.session.execute(sql).await?;
        let columns: Vec<(String, bool)> = result
            .columns()
            .iter()
            .map(|column| (column.name.clone(), column.sql_type.is_numeric()))
            .collect();
        let rows = result.texts().await?;
        self.lake.run_due().await?;
        let shown = rows.iter().take(SHOWN_ROWS).cloned().collect();
        let table =
            PageTable { columns, rows: shown, hidden: rows.len().saturating_sub(SHOWN_ROWS) };
        print_table(&table);
        self.page.add(Block::Table(table));
        Ok(rows)
    }

    /// Runs a statement that is refused, and shows why.
    ///
    /// # Errors
    /// If it is not refused.
    pub(crate) async fn refused(&mut self, sql: &str) -> Result<Error> {
        self.echo(sql);
        match self.session.execute(sql).await {
            Err(error) => {
                let shown = error.to_string();
                self.log(shown.lines().map(str::to_owned).collect());
                Ok(error)
            }
            Ok(_) => {
                Err(Error::new(Code::INVALID_VALUE, format!("it was not refused: statement={sql}")))
            }
        }
    }

    /// The rows of a query that is asked on the side.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<TextRow>> {
        self.session.execute(sql).await?.texts().await
    }

    /// The one number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> Result<i64> {
        let rows = self.rows(sql).await?;
        let value = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        value.and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::new(Code::INVALID_VALUE, format!("not one number: {value:?} query={sql}"))
        })
    }

    /// Compares what came out with what must.
    ///
    /// # Errors
    /// If they differ: the example ends there.
    pub(crate) fn check<T: PartialEq + Display>(
        &mut self,
        what: &str,
        actual: T,
        expected: T,
    ) -> Result<()> {
        if actual != expected {
            return Err(Error::new(
                Code::INVALID_VALUE,
                format!("check failed: {what}: expected {expected}, got {actual}"),
            ));
        }
        self.checks += 1;
        println!("   ✓ {what}: {actual}");
        self.page.add(Block::Check(format!("{what}: {actual}")));
        Ok(())
    }

    /// Compares all rows of a query with those that another engine computed.
    ///
    /// # Errors
    /// If they differ, with the first difference.
    pub(crate) async fn check_rows(
        &mut self,
        what: &str,
        sql: &str,
        expected: &[TextRow],
    ) -> Result<Vec<TextRow>> {
        let actual = self.rows(sql).await?;
        self.check_equal(what, &actual, expected)?;
        Ok(actual)
    }

    /// Compares rows with those that another engine computed.
    ///
    /// # Errors
    /// If they differ, with the first difference.
    pub(crate) fn check_equal(
        &mut self,
        what: &str,
        actual: &[TextRow],
        expected: &[TextRow],
    ) -> Result<()> {
        for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
            if actual != expected {
                return Err(Error::new(
                    Code::INVALID_VALUE,
                    format!("check failed: {what} row={i}: expected {expected:?}, got {actual:?}"),
                ));
            }
        }
        self.check(&format!("{what}, rows equal to DuckDB's"), actual.len(), expected.len())
    }

    fn echo(&mut self, sql: &str) {
        println!();
        for (i, line) in sql.lines().enumerate() {
            println!("{} {line}", if i == 0 { ">" } else { " " });
        }
        self.page.add(Block::Sql(sql.to_owned()));
    }

    /// Writes the page, and those that are attached into the same folder.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        write(path, &self.page)?;
        self.others.iter().try_for_each(|(file, page)| write(&path.with_file_name(file), page))
    }
}

fn write(path: &Path, page: &Page) -> Result<()> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    written.and_then(|()| std::fs::write(path, page.html())).map_err(|error| {
        Error::new(Code::STORE_UNAVAILABLE, format!("cannot write path={}", path.display()))
            .with_source(error)
    })
}

/// The number in a column of a row; 0 where there is none.
pub(crate) fn number_in(row: &TextRow, column: usize) -> f64 {
    text_in(row, column).parse().unwrap_or(0.0)
}

/// The text in a column of a row; empty where there is none.
pub(crate) fn text_in(row: &TextRow, column: usize) -> &str {
    row.get(column).and_then(Option::as_deref).unwrap_or_default()
}

fn print_table(shown: &PageTable) {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(shown.columns.iter().map(|(name, _)| Cell::new(name)));
    for ((_, numeric), column) in shown.columns.iter().zip(table.column_iter_mut()) {
        if *numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(
        shown.rows.iter().map(|row| row.iter().map(|value| value.as_deref().unwrap_or("NULL"))),
    );
    println!("{table}");
    if shown.hidden > 0 {
        println!("   and {} more rows", shown.hidden);
    }
}
