//! INFER_SCHEMA: which columns files have, and of which types.

mod guess;
mod records;

use icecore_types::{Code, Error, Result};

use crate::{FileFormat, StageFile, StageFiles, parquet};
use guess::Guess;

/// How columns are inferred.
///
/// ```
/// use icecore_raw::InferOptions;
/// assert!(!InferOptions::default().ignore_case);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InferOptions {
    /// Whether names that differ in case only are one, in upper case.
    pub ignore_case: bool,
    /// How many records of a file are looked at; all if unset.
    pub records_per_file: Option<u64>,
}

/// A column of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferredColumn {
    /// Its name; `c1`, `c2`, .. for CSV without names.
    pub name: String,
    /// Its type as a column declares it: `NUMBER(3, 0)`, `TEXT`; `VARIANT` for
    /// nested values.
    pub sql_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What reads it in a query of the stage.
    pub expression: String,
    /// The paths of the files that have it.
    pub files: Vec<String>,
}

/// A column as one file has it.
struct Found {
    name: String,
    guess: Guess,
    nullable: bool,
}

/// Columns of files at most.
const MOST_COLUMNS: usize = 10_000;

/// The columns that the files have, in the order in which they first have them.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::{FileFormat, InferOptions, StageFiles, infer_schema};
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// stage.put_bytes("a.csv", b"1,x\n12,2.5\n".to_vec()).await?;
/// let files = stage.list("", None).await?;
/// let found = infer_schema(&stage, &files, &FileFormat::default(), &InferOptions::default()).await?;
/// let types: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.sql_type.as_str())).collect();
/// assert_eq!(types, [("c1", "NUMBER(2, 0)"), ("c2", "TEXT")]);
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// What reading a file finds wrong with it.
pub async fn infer_schema(
    stage: &StageFiles,
    files: &[StageFile],
    format: &FileFormat,
    options: &InferOptions,
) -> Result<Vec<InferredColumn>> {
    let mut columns: Vec<(Found, Vec<String>)> = Vec::new();
    for file in files {
        let raw = stage.open(file);
        let found = match format {
            FileFormat::Csv(format) => records::csv(raw, format, options).await?,
            FileFormat::Json(format) => records::json(raw, format, options).await?,
            FileFormat::Parquet(format) => {
                let columns = parquet::columns_of(raw).await?;
                let found = |(name, ty, nullable): (String, _, bool)| Found {
                    name,
                    guess: Guess::of_type(ty, format.binary_as_text),
                    nullable,
                };
                columns.into_iter().map(found).collect()
            }
        };
        for column in found {
            merge(&mut columns, column, &file.path, options.ignore_case)?;
        }
    }
    let all = files.len();
    let inferred = |(index, (found, files)): (usize, (Found, Vec<String>))| {
        let sql_type = found.guess.sql_type();
        InferredColumn {
            expression: expression(format, index, &found.name, &sql_type, options.ignore_case),
            nullable: found.nullable || files.len() < all,
            name: found.name,
            sql_type,
            files,
        }
    };
    Ok(columns.into_iter().enumerate().map(inferred).collect())
}

fn merge(
    columns: &mut Vec<(Found, Vec<String>)>,
    mut found: Found,
    file: &str,
    ignore_case: bool,
) -> Result<()> {
    if ignore_case {
        found.name = found.name.to_uppercase();
    }
    let count = columns.len();
    match columns.iter_mut().find(|(known, _)| known.name == found.name) {
        Some((known, files)) => {
            known.guess.merge(&found.guess);
            known.nullable |= found.nullable;
            if files.last().is_none_or(|last| last != file) {
                files.push(file.to_owned());
            }
        }
        None if count == MOST_COLUMNS => {
            return Err(Error::new(
                Code::RESOURCES_EXHAUSTED,
                format!("the files have more than {MOST_COLUMNS} columns"),
            ));
        }
        None => columns.push((found, vec![file.to_owned()])),
    }
    Ok(())
}

fn expression(
    format: &FileFormat,
    index: usize,
    name: &str,
    sql_type: &str,
    ignore_case: bool,
) -> String {
    match format {
        FileFormat::Csv(_) => format!("${}::{sql_type}", index + 1),
        _ if ignore_case => format!("GET_IGNORE_CASE ($1, {name})::{sql_type}"),
        _ => format!("$1:{name}::{sql_type}"),
    }
}

#[cfg(test)]
mod tests;
