//! What there is.

use arrow::array::RecordBatch;
use icecore_raw::FileType;
use icecore_snapshot::Object;
use icecore_types::{
    FileFormatDefinition, Name, ObjectKind, Result, SqlType, StageDefinition, StageLocation,
};

use super::Listing;
use crate::cells::{Cell, Columns, batch};
use crate::statement::{columns_of, comment_of};

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

/// What has columns.
const RELATIONS: &[ObjectKind] = &[ObjectKind::Table, ObjectKind::DynamicTable, ObjectKind::View];

impl Listing<'_> {
    /// Database, schema and name of an object, as cells.
    pub(super) fn path(&self, object: &Object) -> Vec<Cell> {
        let path = self.binder.resolver().path(object.id());
        path.iter().map(|name| Cell::text(name.as_str())).collect()
    }

    /// Owner, comment, and when it was made and changed.
    pub(super) fn about(&self, object: &Object) -> Result<[Cell; 4]> {
        Ok([
            Cell::text(self.binder.resolver().owner_name(object)),
            Cell::maybe_text(comment_of(object.kind(), object.body())?),
            Cell::Time(object.created_at()),
            Cell::Time(object.changed_at()),
        ])
    }

    fn retention(&self, object: &Object) -> Cell {
        Cell::Number(i64::from(self.binder.resolver().retention_days(object)))
    }
}

const DATABASES: Columns = &[
    ("DATABASE_NAME", TEXT),
    ("DATABASE_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("RETENTION_TIME", INTEGER),
];

pub(super) fn databases(listing: &Listing<'_>) -> Result<RecordBatch> {
    containers(listing, ObjectKind::Database, DATABASES)
}

const SCHEMATA: Columns = &[
    ("CATALOG_NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("SCHEMA_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("RETENTION_TIME", INTEGER),
];

pub(super) fn schemata(listing: &Listing<'_>) -> Result<RecordBatch> {
    containers(listing, ObjectKind::Schema, SCHEMATA)
}

fn containers(listing: &Listing<'_>, kind: ObjectKind, columns: Columns) -> Result<RecordBatch> {
    let rows = listing.objects(&[kind]).into_iter().map(|object| {
        let mut row = listing.path(object);
        row.extend(listing.about(object)?);
        row.push(listing.retention(object));
        Ok(row)
    });
    batch(columns, rows.collect::<Result<_>>()?)
}

const TABLES: Columns = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("TABLE_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("TABLE_TYPE", TEXT),
    ("TABLE_ID", TEXT),
    ("ROW_COUNT", INTEGER),
    ("BYTES", INTEGER),
    ("RETENTION_TIME", INTEGER),
];

pub(super) fn tables(listing: &Listing<'_>) -> Result<RecordBatch> {
    let rows = listing.objects(RELATIONS).into_iter().map(|object| {
        let mut row = listing.path(object);
        row.extend(listing.about(object)?);
        // How many rows there are is hidden with the rows.
        let content = match object.policies()?.row_access {
            Some(_) => None,
            None => listing.binder.resolver().head().content(object.id()),
        };
        row.push(Cell::text(match object.kind() {
            ObjectKind::Table => "BASE TABLE",
            other => other.sql(),
        }));
        row.push(Cell::text(object.id().to_string()));
        row.push(content.map_or(Cell::Null, |content| Cell::count(content.rows())));
        row.push(content.map_or(Cell::Null, |content| Cell::count(content.stored_bytes())));
        row.push(match object.kind().has_rows() {
            true => listing.retention(object),
            false => Cell::Null,
        });
        Ok(row)
    });
    batch(TABLES, rows.collect::<Result<_>>()?)
}

const VIEWS: Columns = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("TABLE_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("VIEW_DEFINITION", TEXT),
    ("IS_SECURE", TEXT),
];

pub(super) fn views(listing: &Listing<'_>) -> Result<RecordBatch> {
    let rows = listing.objects(&[ObjectKind::View]).into_iter().map(|object| {
        let mut row = listing.path(object);
        row.extend(listing.about(object)?);
        row.push(Cell::text(listing.binder.resolver().text_of_view(object)?));
        row.push(Cell::text(if object.is_secure()? { "YES" } else { "NO" }));
        Ok(row)
    });
    batch(VIEWS, rows.collect::<Result<_>>()?)
}

const COLUMNS: Columns = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("COLUMN_NAME", TEXT),
    ("ORDINAL_POSITION", INTEGER),
    ("COLUMN_DEFAULT", TEXT),
    ("IS_NULLABLE", TEXT),
    ("DATA_TYPE", TEXT),
    ("CHARACTER_MAXIMUM_LENGTH", INTEGER),
    ("NUMERIC_PRECISION", INTEGER),
    ("NUMERIC_SCALE", INTEGER),
    ("COMMENT", TEXT),
];

pub(super) fn columns(listing: &Listing<'_>) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for object in listing.objects(RELATIONS) {
        // A view that cannot be read any more has no columns.
        let Ok(columns) = columns_of(object, listing.binder, listing.state) else { continue };
        for (at, column) in columns.into_iter().enumerate() {
            let (name, length, precision, scale) = parts(&column.sql_type);
            let mut row = listing.path(object);
            row.extend([
                Cell::text(column.name),
                Cell::Number(at as i64 + 1),
                Cell::maybe_text(column.default),
                Cell::text(if column.not_null { "NO" } else { "YES" }),
                Cell::text(name),
                length,
                precision,
                scale,
                Cell::maybe_text(column.comment),
            ]);
            rows.push(row);
        }
    }
    batch(COLUMNS, rows)
}

/// A type as an information schema takes it apart: name, length, precision,
/// scale.
fn parts(ty: &SqlType) -> (&'static str, Cell, Cell, Cell) {
    let number = |value: u32| Cell::Number(i64::from(value));
    let none = || Cell::Null;
    match ty {
        SqlType::Integer => ("NUMBER", none(), number(38), number(0)),
        SqlType::Number { precision, scale } => {
            ("NUMBER", none(), number(u32::from(*precision)), number(u32::from(*scale)))
        }
        SqlType::Float => ("FLOAT", none(), none(), none()),
        SqlType::Varchar { length } => ("TEXT", number(*length), none(), none()),
        SqlType::Binary { length } => ("BINARY", number(*length), none(), none()),
        SqlType::Boolean => ("BOOLEAN", none(), none(), none()),
        SqlType::Date => ("DATE", none(), none(), none()),
        SqlType::Time => ("TIME", none(), none(), none()),
        SqlType::TimestampNtz => ("TIMESTAMP_NTZ", none(), none(), none()),
        SqlType::TimestampLtz => ("TIMESTAMP_LTZ", none(), none(), none()),
    }
}

const STAGES: Columns = &[
    ("STAGE_CATALOG", TEXT),
    ("STAGE_SCHEMA", TEXT),
    ("STAGE_NAME", TEXT),
    ("STAGE_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("STAGE_TYPE", TEXT),
    ("STAGE_URL", TEXT),
];

pub(super) fn stages(listing: &Listing<'_>) -> Result<RecordBatch> {
    in_schema(listing, ObjectKind::Stage, STAGES, |object| {
        Ok(match object.body().read::<StageDefinition>()?.location {
            StageLocation::Internal => vec![Cell::text("Internal Named"), Cell::text("")],
            StageLocation::External { url, .. } => {
                vec![Cell::text("External Named"), Cell::text(url)]
            }
        })
    })
}

const FILE_FORMATS: Columns = &[
    ("FILE_FORMAT_CATALOG", TEXT),
    ("FILE_FORMAT_SCHEMA", TEXT),
    ("FILE_FORMAT_NAME", TEXT),
    ("FILE_FORMAT_OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("FILE_FORMAT_TYPE", TEXT),
];

pub(super) fn file_formats(listing: &Listing<'_>) -> Result<RecordBatch> {
    in_schema(listing, ObjectKind::FileFormat, FILE_FORMATS, |object| {
        let format: FileFormatDefinition = object.body().read()?;
        Ok(vec![Cell::text(FileType::of(&format)?.as_str())])
    })
}

fn in_schema(
    listing: &Listing<'_>,
    kind: ObjectKind,
    columns: Columns,
    what: impl Fn(&Object) -> Result<Vec<Cell>>,
) -> Result<RecordBatch> {
    let rows = listing.objects(&[kind]).into_iter().map(|object| {
        let mut row = listing.path(object);
        row.extend(listing.about(object)?);
        row.extend(what(object)?);
        Ok(row)
    });
    batch(columns, rows.collect::<Result<_>>()?)
}

/// A name as text, for listings that are not of objects.
pub(super) fn name_cell(name: Option<&Name>) -> Cell {
    Cell::maybe_text(name.map(|name| name.as_str()))
}
