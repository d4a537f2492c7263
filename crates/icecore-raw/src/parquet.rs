//! Reading Parquet: columns by name, page by page, every size that the file
//! claims checked before it is believed. Statistics are never read.

mod columns;
mod footer;
mod pages;
mod thrift;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use icecore_types::{Code, Error, Result};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::json::one_column;
use crate::{FileTarget, ParquetFormat, RawFile, RowBlock};
use columns::Columns;
pub(crate) use footer::Footer;
use pages::PageSource;

type Sender = mpsc::Sender<Result<RowBlock>>;

/// The rows of a Parquet file.
///
/// # Errors
/// `InvalidInput` if the target counts fields.
pub(crate) fn read(
    file: RawFile,
    format: &Arc<ParquetFormat>,
    target: Arc<FileTarget>,
) -> Result<BoxStream<'static, Result<RowBlock>>> {
    if !target.field_match().is_by_name() {
        return Err(one_column("PARQUET"));
    }
    let format = Arc::clone(format);
    let blocks = async move {
        let (sender, receiver) = mpsc::channel(1);
        let handle = Handle::current();
        spawn_blocking(move || {
            let work = || read_on_thread(file, format, target, handle, &sender);
            // A decoder that panics must not look like the end of the file.
            let outcome = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(damaged("its decoder gave up")));
            if let Err(error) = outcome {
                // Without a receiver nobody wants to know.
                let _ = sender.blocking_send(Err(error));
            }
        });
        stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|block| (block, receiver))
        })
    };
    Ok(blocks.flatten_stream().boxed())
}

fn read_on_thread(
    file: RawFile,
    format: Arc<ParquetFormat>,
    target: Arc<FileTarget>,
    handle: Handle,
    sender: &Sender,
) -> Result<()> {
    let source = PageSource::new(file, handle);
    let footer = Footer::read(&source)?;
    let columns = Columns::new(&footer, format, target)?;
    let source = source.bounded(footer.has_prefixes(columns.leaves()));
    let mut rows = 0;
    for group in 0..footer.row_groups() {
        let expected = footer.check_row_group(group, columns.leaves())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
            source.clone(),
            footer.arrow().clone(),
        )
        .with_row_groups(vec![group])
        .with_projection(columns.projection(&footer))
        .with_batch_size(source.batch_rows())
        .build()
        .map_err(unreadable)?;
        let before = rows;
        for batch in reader {
            let batch = batch.map_err(arrow_error)?;
            for part in columns::parts(&batch) {
                let block = columns.block(&part, rows)?;
                rows += block.rows_parsed;
                if sender.blocking_send(Ok(block)).is_err() {
                    return Ok(());
                }
            }
        }
        if rows - before != expected {
            return Err(damaged(&format!(
                "a row group has {} rows and claims {expected}",
                rows - before
            )));
        }
    }
    Ok(())
}

/// The columns of a file: name, type if it is not nested, and whether NULL may
/// be in it.
///
/// # Errors
/// As reading the file.
pub(crate) async fn columns_of(
    file: RawFile,
) -> Result<Vec<(String, Option<icecore_types::SqlType>, bool)>> {
    let (name, handle) = (file.name.clone(), Handle::current());
    let read = move || {
        let footer = Footer::read(&PageSource::new(file, handle))?;
        let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
            let leaf = footer.leaf_of(index);
            let ty = leaf.and_then(|_| icecore_values::sql_type_of(field.data_type()).ok());
            (field.name().clone(), ty, field.is_nullable())
        };
        Ok(footer.fields().iter().enumerate().map(column).collect())
    };
    spawn_blocking(move || {
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged("its decoder gave up")))
    })
    .await
    .map_err(|error| Error::internal("reading a footer").with_source(error))?
    .map_err(|error: Error| error.context(format_args!("file '{name}'")))
}

/// A file that is not what a Parquet file must be.
pub(crate) fn damaged(why: &str) -> Error {
    Error::new(Code::UNREADABLE_FILE, format!("parquet data is damaged: {why}"))
}

/// The error that came through the reader, or what is wrong with the file.
pub(crate) fn unreadable(error: ParquetError) -> Error {
    match &error {
        ParquetError::External(source) => match source.downcast_ref::<Error>() {
            Some(ours) => ours.clone(),
            None => damaged("it cannot be decoded").with_source(error),
        },
        ParquetError::NYI(what) => Error::unsupported(format_args!("parquet: {what}")),
        _ => damaged("it cannot be decoded").with_source(error),
    }
}

fn arrow_error(error: arrow::error::ArrowError) -> Error {
    use std::error::Error as _;
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return ours.clone();
        }
        source = inner.source();
    }
    // Arrow keeps the text of a reader's error and loses the error.
    damaged("it cannot be decoded").with_source(error)
}
