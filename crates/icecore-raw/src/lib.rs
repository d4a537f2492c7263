//! Stages, file formats, and reading foreign files into Arrow with an exact place for each error.
