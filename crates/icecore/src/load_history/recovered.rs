//! Loads that were committed and that the journal does not know, because the
//! process that ran them died before it wrote them down: from what tables and
//! pipes remember of their files.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use icecore_snapshot::{Head, KnownFile, Object};
use icecore_types::{
    LoadRecord, ObjectId, ObjectKind, PipeDefinition, QueryId, StageDefinition, StageLocation,
    Timestamp,
};
use object_store::path::Path;

use super::{FAILED, FileRow, LoadRow};

/// Loads by statement, table and place.
type Found = BTreeMap<(QueryId, ObjectId, String), LoadRow>;

/// The loads since `oldest` that are not among these rows. What a table or a
/// pipe has forgotten is not found, nor are files that failed in a COPY.
pub(super) fn loads(
    known: &[Arc<LoadRow>],
    head: &Head,
    (root, oldest): (&Path, Timestamp),
) -> Vec<LoadRow> {
    let places = Places::new(head, root);
    let mut found = Found::new();
    let statements: HashSet<QueryId> = known.iter().map(|load| load.query_id).collect();
    let of_pipes: HashSet<(ObjectId, &str)> = known
        .iter()
        .filter_map(|load| load.pipe.map(|pipe| (pipe, load)))
        .flat_map(|(pipe, load)| load.files.iter().map(move |file| (pipe, file)))
        .filter(|(_, file)| file.status != FAILED)
        .map(|(pipe, file)| (pipe, &*file.file))
        .collect();
    for object in head.objects() {
        if let Some(content) = head.content(object.id()) {
            let loads = content.loads().filter(|load| load.loaded_at >= oldest);
            for load in loads.filter(|load| !statements.contains(&load.query_id)) {
                places.add(object.id(), load, &mut found);
            }
        }
        if object.kind() == ObjectKind::Pipe {
            let files = head.pipe_files(object.id()).into_iter().flat_map(|files| files.files());
            let lost = files.filter(|(path, file)| {
                file.loaded && file.at >= oldest && !of_pipes.contains(&(object.id(), *path))
            });
            lost.for_each(|(path, file)| places.add_of_pipe(object, (path, file), &mut found));
        }
    }
    found.into_values().collect()
}

/// Where files are, by what load keys begin with.
struct Places<'a> {
    head: &'a Head,
    /// What is before the names of internal stages.
    internal: String,
    /// The URLs of live stages, without a slash at the end.
    external: Vec<(String, ObjectId)>,
}

/// A part of a load key, how LIST shows it, and the stage if it has a name.
struct Place {
    location: String,
    shown: String,
    stage: Option<ObjectId>,
}

impl<'a> Places<'a> {
    fn new(head: &'a Head, root: &Path) -> Self {
        let stages = head.objects().filter(|it| it.kind() == ObjectKind::Stage && it.is_live());
        let external = stages.filter_map(|stage| {
            match stage.body().read::<StageDefinition>().ok()?.location {
                StageLocation::External { url, .. } => {
                    Some((url.trim_end_matches('/').to_owned(), stage.id()))
                }
                StageLocation::Internal => None,
            }
        });
        let mut external: Vec<_> = external.collect();
        // The innermost of stages within each other.
        external.sort_by_key(|(url, _)| std::cmp::Reverse(url.len()));
        Self { head, internal: format!("{}/", root.clone().join("stage")), external }
    }

    /// A full path as the place of its stage and the path there.
    fn split<'f>(&self, file: &'f str) -> (Place, &'f str) {
        let behind = |location: &str| {
            file.strip_prefix(location).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file)
        };
        if let Some(rest) = file.strip_prefix(&self.internal) {
            let parts = if rest.starts_with("~/") { 2 } else { 1 };
            let names: Vec<&str> = rest.splitn(parts + 1, '/').take(parts).collect();
            let place = self.internal_place(&names.join("/"));
            let path = behind(&place.location);
            return (place, path);
        }
        let outer = self.external.iter().find(|(url, _)| behind(url) != file);
        let (location, stage) = match outer {
            Some((url, stage)) => (url.clone(), Some(*stage)),
            None => (file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned(), None),
        };
        let path = behind(&location);
        (Place { shown: location.clone(), location, stage }, path)
    }

    fn internal_place(&self, folder: &str) -> Place {
        let location = format!("{}{folder}", self.internal);
        let owner = folder.parse().ok().and_then(|id: ObjectId| self.head.object(id));
        let (shown, stage) = match owner {
            Some(stage) if stage.kind() == ObjectKind::Stage => {
                (stage.name().as_str().to_lowercase(), Some(stage.id()))
            }
            Some(table) => (format!("@%{}", table.name()), None),
            None => ("@~".to_owned(), None),
        };
        Place { location, shown, stage }
    }

    /// A file that a table remembers.
    fn add(&self, table: ObjectId, load: &LoadRecord, found: &mut Found) {
        let (place, path) = self.split(&load.key.file);
        let key = (load.query_id, table, place.location.clone());
        let row = found
            .entry(key)
            .or_insert_with(|| recovered((load.query_id, table), (place, None), load.loaded_at));
        row.records_rejected += load.errors;
        row.files.push(FileRow {
            size_bytes: Some(load.size_bytes),
            rows_parsed: Some(load.rows_parsed),
            errors: Some(load.errors),
            ..file_row(path, load.rows_loaded, load.first_error.clone())
        });
    }

    /// A file that a pipe remembers.
    fn add_of_pipe(&self, pipe: &Object, (path, file): (&str, &KnownFile), found: &mut Found) {
        let Ok(definition) = pipe.body().read::<PipeDefinition>() else { return };
        let Some(query) = self.head.query_of(file.version) else { return };
        let (table, stage) = (definition.table, definition.stage);
        let place = match &definition.location {
            StageLocation::Internal => self.internal_place(&stage.to_string()),
            StageLocation::External { url, .. } => {
                let location = url.trim_end_matches('/').to_owned();
                Place { shown: location.clone(), location, stage: Some(stage) }
            }
        };
        let key = (query, table, place.location.clone());
        let row = found
            .entry(key)
            .or_insert_with(|| recovered((query, table), (place, Some(pipe.id())), file.at));
        let error = file.error.as_ref().map(|error| error.to_string());
        row.files.push(file_row(path, file.rows, error));
    }
}

fn recovered(
    (query_id, table): (QueryId, ObjectId),
    (place, pipe): (Place, Option<ObjectId>),
    at: Timestamp,
) -> LoadRow {
    LoadRow {
        query_id,
        table,
        attempt: 0,
        began: at,
        ended: at,
        transformed: false,
        records_rejected: 0,
        location: place.location,
        stage: place.shown,
        stage_id: place.stage,
        opened: None,
        recovered: true,
        // It is not known whether it was to remove them: none is missed.
        purged: true,
        pipe,
        received: None,
        files: Vec::new(),
    }
}

fn file_row(path: &str, rows_loaded: u64, first_error: Option<String>) -> FileRow {
    let status = if first_error.is_none() { "Loaded" } else { "Partially loaded" };
    FileRow {
        file: path.to_owned(),
        status: status.to_owned(),
        size_bytes: None,
        rows_parsed: None,
        rows_loaded,
        errors: None,
        error_limit: None,
        first_error,
        first_error_line: None,
        first_error_character: None,
        first_error_column: None,
    }
}
