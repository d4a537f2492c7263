//! What the records of one file have.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use futures::TryStreamExt;
use icecore_types::{Error, Result, SqlType};
use tokio::task::spawn_blocking;

use super::guess::Guess;
use super::{Found, InferOptions};
use crate::{
    CsvFormat, FieldMatch, FileFormat, FileTarget, JsonFormat, RawFile, ReadOptions, TargetColumn,
    first_record, json, read_file,
};

/// The fields of a CSV file, which may all be NULL.
pub(super) async fn csv(
    file: RawFile,
    format: &Arc<CsvFormat>,
    options: &InferOptions,
) -> Result<Vec<Found>> {
    let first = first_record(file.clone(), format).await?;
    let named = format.parse_header;
    let names: Vec<String> = match named {
        true => first,
        false => (1..=first.len()).map(|field| format!("c{field}")).collect(),
    };
    let column = |(index, name): (usize, &String)| TargetColumn {
        name: name.clone(),
        ordinal: index + 1,
        sql_type: SqlType::TEXT,
        not_null: false,
        output: index.to_string(),
    };
    let columns = names.iter().enumerate().map(column).collect();
    let matching = if named { FieldMatch::CaseSensitive } else { FieldMatch::Ragged };
    let target = Arc::new(FileTarget::new("", columns).matching(matching));
    let format = FileFormat::Csv(Arc::clone(format));
    let mut reading = read_file(file, &format, target, &ReadOptions::default())?;
    let mut guesses = vec![Guess::default(); names.len()];
    let mut left = options.records_per_file.unwrap_or(u64::MAX);
    while left > 0
        && let Some(block) = reading.blocks.try_next().await?
    {
        let rows = usize::try_from(left).unwrap_or(usize::MAX).min(block.batch.num_rows());
        for (array, guess) in block.batch.columns().iter().zip(&mut guesses) {
            array.slice(0, rows).as_string_view().iter().flatten().for_each(|text| guess.see(text));
        }
        left -= rows as u64;
    }
    let found = |(name, guess)| Found { name, guess, nullable: true };
    Ok(names.into_iter().zip(guesses).map(found).collect())
}

/// The members of a file's documents, which may all be NULL.
pub(super) async fn json(
    file: RawFile,
    format: &Arc<JsonFormat>,
    options: &InferOptions,
) -> Result<Vec<Found>> {
    let name = file.name.clone();
    let most = options.records_per_file.unwrap_or(u64::MAX);
    let (format, chunks) = (Arc::clone(format), file.fetch(1 << 20));
    let read = move || {
        let mut found: Vec<Found> = Vec::new();
        json::each_member(chunks, format, most, |name, text| {
            let place = found.iter().position(|known| known.name == name);
            let place = place.unwrap_or_else(|| {
                let guess = Guess::default();
                found.push(Found { name: name.to_owned(), guess, nullable: true });
                found.len() - 1
            });
            let Some(known) = found.get_mut(place) else { return };
            match text {
                json::Member::Null => {}
                json::Member::Nested => known.guess.see_nested(),
                json::Member::Text(text) => known.guess.see(text),
            }
        })?;
        Ok(found)
    };
    spawn_blocking(read)
        .await
        .map_err(|error| Error::internal("reading documents").with_source(error))?
        .map_err(|error: Error| error.context(format_args!("file '{name}'")))
}
