//! What says of a folder that it is a store, and in which format.

use bytes::Bytes;
use icecore_types::{Code, Env, Error, Result};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::frame::{self, FORMAT_VERSION};
use crate::log::Log;
use crate::record::Hex;

const WHAT: &str = "format";
const PATH: &str = "format.json";
const MAGIC: &str = "icecore";
/// Times that another opener's file is looked for after ours was refused.
const ATTEMPTS: usize = 3;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    magic: String,
    store: Hex,
    version: u32,
    features: Vec<String>,
}

/// The id of the store, which is made if it is absent.
pub(crate) async fn open(env: &Env, log: &Log) -> Result<u128> {
    let path = Path::from(PATH);
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        if let Some(bytes) = log.read(&path).await? {
            return read(&bytes);
        }
        let store = env.ids.next();
        match log.create(&path, write(store)?).await {
            Ok(()) => return Ok(store),
            // Ours under a lost answer, or another opener's: reading tells.
            Err(error) => refused = Some(error),
        }
    }
    let error = Error::new(Code::STORE_UNAVAILABLE, "the store cannot be made path=format.json");
    Err(match refused {
        Some(source) => error.with_source(source),
        None => error,
    })
}

fn write(store: u128) -> Result<Bytes> {
    let format = Format {
        magic: MAGIC.to_owned(),
        store: Hex(store),
        version: FORMAT_VERSION,
        features: Vec::new(),
    };
    let body = serde_json::to_vec(&format)
        .map_err(|source| Error::internal("the format cannot be written").with_source(source))?;
    Ok(frame::encode(WHAT, &body).into())
}

fn read(bytes: &[u8]) -> Result<u128> {
    let body = frame::decode(WHAT, bytes)?;
    let format: Format = serde_json::from_slice(body)
        .map_err(|source| Error::corrupted("the body of format.json").with_source(source))?;
    if format.magic != MAGIC {
        return Err(frame::unknown_format(format!("magic '{}'", format.magic.escape_debug())));
    }
    if format.version != FORMAT_VERSION {
        return Err(frame::unknown_format(format!("format version {}", format.version)));
    }
    if let Some(word) = format.features.first() {
        return Err(frame::unknown_format(format!("feature '{}'", word.escape_debug())));
    }
    Ok(format.store.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_refused() {
        assert_eq!(read(&write(7).unwrap()).unwrap(), 7);
        for body in [
            r#"{"magic":"icecore","store":"7","version":1,"features":[]}"#,
            r#"{"magic":"icecore","store":"7","version":0,"features":["sealed"]}"#,
            r#"{"magic":"other","store":"7","version":0,"features":[]}"#,
        ] {
            let error = read(&frame::encode(WHAT, body.as_bytes())).unwrap_err();
            assert_eq!(error.code(), Code::UNKNOWN_FORMAT, "{body}");
        }
    }
}
