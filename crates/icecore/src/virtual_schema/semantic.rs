//! Semantic views, and what they define.

use arrow::array::RecordBatch;
use icecore_sql::ShowKind;
use icecore_types::{ObjectKind, Result, SemanticViewDefinition, SqlType};

use super::Listing;
use crate::cells::{Cell, Columns, batch};
use crate::statement::listed;

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const VIEWS: Columns = &[
    ("CATALOG", TEXT),
    ("SCHEMA", TEXT),
    ("NAME", TEXT),
    ("OWNER", TEXT),
    ("COMMENT", TEXT),
    ("CREATED", TIME),
    ("LAST_ALTERED", TIME),
    ("DEFINITION", TEXT),
];

pub(super) fn views(listing: &Listing<'_>) -> Result<RecordBatch> {
    let views = listing.objects(&[ObjectKind::SemanticView]).into_iter().map(|object| {
        let mut row = listing.path(object);
        row.extend(listing.about(object)?);
        row.push(Cell::text(object.body().read::<SemanticViewDefinition>()?.text));
        Ok(row)
    });
    batch(VIEWS, views.collect::<Result<_>>()?)
}

const EXPRESSIONS: Columns = &[
    ("SEMANTIC_VIEW_CATALOG", TEXT),
    ("SEMANTIC_VIEW_SCHEMA", TEXT),
    ("SEMANTIC_VIEW_NAME", TEXT),
    ("TABLE_NAME", TEXT),
    ("NAME", TEXT),
    ("DATA_TYPE", TEXT),
    ("EXPRESSION", TEXT),
    ("SYNONYMS", TEXT),
    ("COMMENT", TEXT),
];

pub(super) fn expressions(listing: &Listing<'_>, what: ShowKind) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for object in listing.objects(&[ObjectKind::SemanticView]) {
        for found in listed(listing.binder, listing.state, object, what)? {
            let mut row = listing.path(object);
            row.extend([
                Cell::maybe_text(found.table),
                Cell::text(found.name),
                Cell::maybe_text(found.data_type),
                Cell::text(found.expression),
                Cell::maybe_text(found.synonyms),
                Cell::maybe_text(found.comment),
            ]);
            rows.push(row);
        }
    }
    batch(EXPRESSIONS, rows)
}
