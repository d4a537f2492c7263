//! The members of documents, one after the other.

use std::sync::Arc;

use icecore_types::{Code, Error, Result};

use super::parse::{Kind, Parser};
use super::split::Splitter;
use crate::JsonFormat;
use crate::reading::Split;
use crate::source::{ChunkReader, Source};

/// The value of a member.
pub(crate) enum Member<'a> {
    Null,
    Nested,
    /// As it would be loaded.
    Text(&'a str),
}

const BLOCK_BYTES: usize = 1 << 20;

/// Gives each member of the first `most` documents to `see`, with its name; of
/// what is no object, nothing. Used on a blocking thread only.
///
/// # Errors
/// What is wrong with a document, with its line.
pub(crate) fn each_member(
    chunks: ChunkReader,
    format: Arc<JsonFormat>,
    most: u64,
    mut see: impl FnMut(&str, Member<'_>),
) -> Result<()> {
    let source = Source::open(chunks, format.compression)?;
    let mut splitter = Splitter::new(source, Arc::clone(&format), BLOCK_BYTES)?;
    let mut left = most;
    while left > 0
        && let Some(block) = splitter.next()?
    {
        for (start, end) in &block.records {
            let bytes = block.data.get(*start as usize..*end as usize).unwrap_or_default();
            let text = String::from_utf8_lossy(bytes);
            let mut parser = Parser::new(&text, format.allow_duplicate);
            let document = parser.document(|name, value| {
                let raw = text.get(value.start..value.end).unwrap_or_default();
                match value.kind {
                    Kind::Null => see(&name, Member::Null),
                    Kind::Object | Kind::Array => see(&name, Member::Nested),
                    Kind::Word | Kind::Number => see(&name, Member::Text(raw)),
                    Kind::Text => {
                        let decoded = Parser::new(raw, true).string().unwrap_or_default();
                        see(&name, Member::Text(&decoded));
                    }
                }
            });
            document.map_err(|malformed| {
                let line =
                    block.start.behind(block.data.get(..*start as usize).unwrap_or_default());
                Error::new(
                    Code::UNREADABLE_FILE,
                    format!("Error parsing JSON: {} line={}", malformed.what, line.line()),
                )
            })?;
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    Ok(())
}
