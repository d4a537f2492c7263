//! The same words in two versions of `object_store`.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta,
    PutMode, PutMultipartOptions, PutOptions, PutResult, RenameOptions, RenameTargetMode, Result,
};
use object_store_014 as newer;

pub(super) fn to_newer(path: &Path) -> Result<newer::path::Path> {
    newer::path::Path::parse(path.as_ref())
        .map_err(|source| Error::Generic { store: "LocalStore", source: Box::new(source) })
}

pub(super) fn from_newer(path: &newer::path::Path) -> Result<Path> {
    Ok(Path::parse(path.as_ref())?)
}

pub(super) fn error(error: newer::Error) -> Error {
    match error {
        newer::Error::NotFound { path, source } => Error::NotFound { path, source },
        newer::Error::AlreadyExists { path, source } => Error::AlreadyExists { path, source },
        newer::Error::Precondition { path, source } => Error::Precondition { path, source },
        newer::Error::NotModified { path, source } => Error::NotModified { path, source },
        newer::Error::NotSupported { source } => Error::NotSupported { source },
        newer::Error::NotImplemented { operation, implementer } => {
            Error::NotImplemented { operation, implementer }
        }
        newer::Error::PermissionDenied { path, source } => Error::PermissionDenied { path, source },
        newer::Error::Generic { store, source } => Error::Generic { store, source },
        other => Error::Generic { store: "LocalStore", source: Box::new(other) },
    }
}

fn refused(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "LocalStore".to_owned() }
}

pub(super) fn put_options(options: PutOptions) -> Result<newer::PutOptions> {
    if !options.tags.encoded().is_empty() || !options.attributes.is_empty() {
        return Err(refused("`put_opts` with tags or attributes"));
    }
    let mode = match options.mode {
        PutMode::Overwrite => newer::PutMode::Overwrite,
        PutMode::Create => newer::PutMode::Create,
        PutMode::Update(_) => return Err(refused("`put_opts` with mode `PutMode::Update`")),
    };
    Ok(newer::PutOptions { mode, extensions: options.extensions, ..Default::default() })
}

pub(super) fn put_multipart_options(
    options: PutMultipartOptions,
) -> Result<newer::PutMultipartOptions> {
    if !options.tags.encoded().is_empty() || !options.attributes.is_empty() {
        return Err(refused("`put_multipart_opts` with tags or attributes"));
    }
    Ok(newer::PutMultipartOptions { extensions: options.extensions, ..Default::default() })
}

pub(super) fn put_result(result: newer::PutResult) -> PutResult {
    PutResult { e_tag: result.e_tag, version: result.version }
}

pub(super) fn get_options(options: GetOptions) -> newer::GetOptions {
    newer::GetOptions {
        if_match: options.if_match,
        if_none_match: options.if_none_match,
        if_modified_since: options.if_modified_since,
        if_unmodified_since: options.if_unmodified_since,
        range: options.range.map(|range| match range {
            GetRange::Bounded(range) => newer::GetRange::Bounded(range),
            GetRange::Offset(offset) => newer::GetRange::Offset(offset),
            GetRange::Suffix(length) => newer::GetRange::Suffix(length),
        }),
        version: options.version,
        head: options.head,
        extensions: options.extensions,
    }
}

pub(super) fn get_result(result: newer::GetResult) -> Result<GetResult> {
    let payload = match result.payload {
        newer::GetResultPayload::File(file, path) => GetResultPayload::File(file, path),
        newer::GetResultPayload::Stream(stream) => {
            GetResultPayload::Stream(stream.map_err(error).boxed())
        }
    };
    let meta = meta(result.meta)?;
    // A file has no attributes.
    Ok(GetResult { payload, meta, range: result.range, attributes: Default::default() })
}

pub(super) fn meta(meta: newer::ObjectMeta) -> Result<ObjectMeta> {
    Ok(ObjectMeta {
        location: from_newer(&meta.location)?,
        last_modified: meta.last_modified,
        size: meta.size,
        e_tag: meta.e_tag,
        version: meta.version,
    })
}

pub(super) fn metas(
    stream: BoxStream<'static, newer::Result<newer::ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    stream.map(|found| meta(found.map_err(error)?)).boxed()
}

pub(super) fn copy_options(options: CopyOptions) -> newer::CopyOptions {
    let mode = match options.mode {
        CopyMode::Overwrite => newer::CopyMode::Overwrite,
        CopyMode::Create => newer::CopyMode::Create,
    };
    newer::CopyOptions { mode, extensions: options.extensions }
}

pub(super) fn rename_options(options: RenameOptions) -> newer::RenameOptions {
    let target_mode = match options.target_mode {
        RenameTargetMode::Overwrite => newer::RenameTargetMode::Overwrite,
        RenameTargetMode::Create => newer::RenameTargetMode::Create,
    };
    newer::RenameOptions { target_mode, extensions: options.extensions }
}
