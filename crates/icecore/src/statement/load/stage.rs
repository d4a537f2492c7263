//! Stages as statements name them, and what PUT, GET, LIST and REMOVE do to
//! their files.

use std::sync::Arc;

use icecore_governance::Verb;
use icecore_raw::{LocalFolder, PutResult, StageFiles, StageUrl, local_files};
use icecore_snapshot::Head;
use icecore_sql::{Get, List, Put, Remove, StageAddress, StageName, StageRef};
use icecore_types::{
    Code, Error, ObjectId, ObjectKind, ObjectTags, Result, StageDefinition, StageLocation,
};
use object_store::path::Path;
use regex::Regex;

use super::results::{got_rows, list_rows, put_rows, removed_rows};
use crate::Progress;
use crate::engine::Engine;
use crate::load_history::LoadRow;
use crate::progress::Observer;
use crate::statement::Planning;
use crate::statement::perform::Performed;

/// What is done with the files of a stage.
pub(crate) enum StageChange {
    /// With the stage that pipes may load from.
    Put {
        stage: StageFiles,
        id: Option<ObjectId>,
        put: Put,
    },
    Get {
        stage: StageFiles,
        get: Get,
        pattern: Option<Regex>,
    },
    List {
        stage: StageFiles,
        path: String,
        pattern: Option<Regex>,
    },
    Remove {
        stage: StageFiles,
        path: String,
        pattern: Option<Regex>,
    },
}

impl Planning {
    /// The files of a stage, and how the stage is defined.
    pub(crate) fn stage(
        &self,
        stage: &StageRef,
        verb: Verb,
    ) -> Result<(StageFiles, StageDefinition)> {
        let engine = self.session.engine();
        let internal = StageDefinition {
            location: StageLocation::Internal,
            file_format: None,
            comment: None,
            tags: ObjectTags::default(),
        };
        match &stage.stage {
            StageName::Named(name) => {
                let object = self.resolver.object(ObjectKind::Stage, name)?;
                self.resolver.act(verb, object);
                let definition: StageDefinition = object.body().read()?;
                let (id, shown) = (object.id().to_string(), object.name().as_str().to_lowercase());
                Ok((stage_files(engine, &definition.location, &[&id], shown)?, definition))
            }
            StageName::Table(name) => {
                let table = self.resolver.object(ObjectKind::Table, name)?;
                self.resolver.act(verb, table);
                let id = table.id().to_string();
                let shown = format!("@%{}", table.name());
                Ok((stage_files(engine, &internal.location, &[&id], shown)?, internal))
            }
            StageName::User => {
                // By id: another user of the same name finds nothing there.
                let user = self.acting.session.user().ok_or_else(|| {
                    Error::new(Code::OPERATION_IMPOSSIBLE, "nobody's stage @~ is asked for")
                })?;
                let folder = ["~", &user.object().to_string()];
                let shown = "@~".to_owned();
                Ok((stage_files(engine, &internal.location, &folder, shown)?, internal))
            }
            StageName::Url(address) => {
                let StageAddress { url, endpoint, region, credentials } = address.clone();
                let location = self.external_place(url, endpoint, region, credentials)?;
                let files = stage_files(engine, &location, &[], String::new())?;
                Ok((files, StageDefinition { location, ..internal }))
            }
        }
    }

    pub(in crate::statement) fn put(&self, put: &Put) -> Result<StageChange> {
        let (stage, _) = self.stage(&put.target, Verb::PutStage)?;
        let id = match put.target.stage.named() {
            Some(name) => Some(self.resolver.object(ObjectKind::Stage, name)?.id()),
            None => None,
        };
        Ok(StageChange::Put { stage, id, put: put.clone() })
    }

    pub(in crate::statement) fn get(&self, get: &Get) -> Result<StageChange> {
        let (stage, _) = self.stage(&get.stage, Verb::ReadStage)?;
        let pattern = pattern(get.pattern.as_deref())?;
        Ok(StageChange::Get { stage, get: get.clone(), pattern })
    }

    pub(in crate::statement) fn list(&self, list: &List) -> Result<StageChange> {
        let (stage, _) = self.stage(&list.stage, Verb::ListStage)?;
        let pattern = pattern(list.pattern.as_deref())?;
        Ok(StageChange::List { stage, path: list.stage.path.clone(), pattern })
    }

    pub(in crate::statement) fn remove(&self, remove: &Remove) -> Result<StageChange> {
        let (stage, _) = self.stage(&remove.stage, Verb::RemoveStage)?;
        let pattern = pattern(remove.pattern.as_deref())?;
        Ok(StageChange::Remove { stage, path: remove.stage.path.clone(), pattern })
    }

    /// Does what a statement says to the files of a stage.
    pub(in crate::statement) async fn change_stage(
        &self,
        change: StageChange,
        observer: &Observer,
    ) -> Result<Performed> {
        match change {
            StageChange::Put { stage, id, put } => {
                let results = put_files(&stage, &put, observer).await?;
                if let Some(id) = id {
                    self.tell_pipes(id, &results).await?;
                }
                put_rows(&results)
            }
            StageChange::Get { stage, get, pattern } => {
                let target = LocalFolder::open(&get.target)?;
                let path = get.stage.path.as_str();
                let files = stage.list(path, pattern.as_ref()).await?;
                let got = stage.get(&files, path, &target, usize::from(get.parallel)).await?;
                got_rows(&got)
            }
            StageChange::List { stage, path, pattern } => {
                let files = stage.list(&path, pattern.as_ref()).await?;
                list_rows(&stage, &files).await
            }
            StageChange::Remove { stage, path, pattern } => {
                let removed = stage.remove(&path, pattern.as_ref()).await?;
                removed_rows(&stage, &removed)
            }
        }
    }
}

async fn put_files(stage: &StageFiles, put: &Put, observer: &Observer) -> Result<Vec<PutResult>> {
    let files = local_files(&put.source)?;
    let mut results = Vec::with_capacity(files.len());
    for (done, file) in files.iter().enumerate() {
        observer.tell(Progress {
            what: "uploading".into(),
            done: done as u64,
            total: Some(files.len() as u64),
            rows: 0,
        });
        let below = put.target.path.as_str();
        results.push(stage.put(file, below, put.auto_compress, put.overwrite).await?);
    }
    Ok(results)
}

/// The files of a place; inside the account of a folder of its own.
fn stage_files(
    engine: &Engine,
    location: &StageLocation,
    folder: &[&str],
    shown: String,
) -> Result<StageFiles> {
    match location {
        StageLocation::Internal => {
            let root = stages_root(engine);
            let prefix = folder.iter().fold(root, |path, part| path.join(*part));
            Ok(internal_files(engine, prefix, shown))
        }
        StageLocation::External { url, endpoint, region, credentials } => {
            let url = StageUrl::parse(url, endpoint.as_deref())?;
            let (store, prefix) =
                engine.stages.open(&url, region.as_deref(), credentials.as_ref())?;
            let url = url.to_string();
            let shown = url.trim_end_matches('/').to_owned();
            let keys = Arc::clone(&engine.content_keys);
            Ok(StageFiles::new(store, prefix, shown).at_url(url).with_keys(keys))
        }
    }
}

fn stages_root(engine: &Engine) -> Path {
    engine.account.root().clone().join("stage")
}

fn internal_files(engine: &Engine, prefix: Path, shown: String) -> StageFiles {
    let keys = Arc::clone(&engine.content_keys);
    StageFiles::new(Arc::clone(&engine.env.store), prefix, shown).with_keys(keys)
}

/// The files that a load was from, as far as it is known how they are reached:
/// those of a stage that is gone, or of a URL that a statement of an earlier
/// process named with its credentials, are not.
///
/// # Errors
/// `Denied` for a place that the program does not allow any more.
pub(crate) fn stage_of_load(
    engine: &Engine,
    head: &Head,
    load: &LoadRow,
) -> Result<Option<StageFiles>> {
    if let Some(opened) = &load.opened {
        return Ok(Some(opened.clone()));
    }
    if let Ok(prefix) = Path::parse(&load.location)
        && prefix.prefix_matches(&stages_root(engine))
    {
        return Ok(Some(internal_files(engine, prefix, load.stage.clone())));
    }
    let Some(stage) = load.stage_id.and_then(|id| head.object(id)).filter(|it| it.is_live()) else {
        return Ok(None);
    };
    let definition: StageDefinition = stage.body().read()?;
    let files = stage_files(engine, &definition.location, &[], String::new())?;
    // A stage that was moved since says nothing of the place before.
    Ok((files.location() == load.location).then_some(files))
}

/// A PATTERN: it holds for a whole name.
pub(crate) fn pattern(text: Option<&str>) -> Result<Option<Regex>> {
    text.map(StageFiles::pattern).transpose()
}
