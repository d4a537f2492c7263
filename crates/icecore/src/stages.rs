//! Where stages are: the stores of their URLs, and the locations that the
//! embedding program allows.

use std::collections::HashMap;
use std::path::Path as FolderPath;
use std::sync::Arc;

use icecore_raw::{Endpoint, StagePlace, StageUrl, open_folder};
use icecore_snapshot::{Durability, StoreOptions, clocked_store, open_store_with};
use icecore_types::{Clock, Code, Error, Result, StageCredentials};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use parking_lot::Mutex;

/// A location that statements may name though it is the machine's own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// A folder, and all that is below it.
    Url(StageUrl),
    /// A service on this machine or in its network.
    Service(Endpoint),
}

/// The stores of external stages.
#[derive(Debug, Default)]
pub(crate) struct StageStores {
    allowed: Vec<Allowed>,
    /// Buckets inside the engine.
    memory: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
    /// Says when their files were written; the system's clock if there is none.
    clock: Option<Arc<dyn Clock>>,
}

impl StageStores {
    /// With the locations that the embedding program allows: `file:///folder/`,
    /// or `http://host:port` of a service in the machine's own network.
    ///
    /// # Errors
    /// `InvalidInput` for a text that is neither.
    pub(crate) fn allowing(locations: &[String]) -> Result<Self> {
        let allowed = |text: &String| match text.split_once("://") {
            Some(("http" | "https", _)) => Endpoint::parse(text).map(Allowed::Service),
            _ => match StageUrl::parse(text, None)? {
                url if *url.place() == StagePlace::Folder => Ok(Allowed::Url(url)),
                url => Err(Error::new(
                    Code::INVALID_OPTION,
                    format!("a location that needs no allowance url={url}"),
                )
                .with_help("allow file:///folder/ or http://host:port")),
            },
        };
        let allowed = locations.iter().map(allowed).collect::<Result<_>>()?;
        Ok(Self { allowed, ..Self::default() })
    }

    /// Whether statements may name this place.
    ///
    /// # Errors
    /// `Denied` for a folder or a service that is not allowed.
    pub(crate) fn check(&self, url: &StageUrl) -> Result<()> {
        match url.place() {
            StagePlace::Memory { .. } | StagePlace::S3 { endpoint: None, .. } => Ok(()),
            StagePlace::S3 { endpoint: Some(endpoint), .. } => self.check_service(endpoint),
            StagePlace::Folder => self.folder(url).map(drop),
        }
    }

    pub(crate) fn check_service(&self, endpoint: &Endpoint) -> Result<()> {
        let known = |allowed: &Allowed| matches!(allowed, Allowed::Service(a) if a == endpoint);
        if endpoint.is_public() || self.allowed.iter().any(known) {
            return Ok(());
        }
        Err(denied(
            "the endpoint of a stage is in the machine's own network, or has no TLS",
            &format!("Icecore::builder(..).allow_stage_location(\"{endpoint}\")"),
        ))
    }

    /// The folder that the embedding program named, and what is below it.
    fn folder(&self, url: &StageUrl) -> Result<(String, String)> {
        let around = self.allowed.iter().filter_map(|allowed| match allowed {
            Allowed::Url(allowed) if url.is_within(allowed) => Some(allowed),
            _ => None,
        });
        // The innermost: the fewest parts are taken on trust after it.
        let allowed = around.max_by_key(|allowed| allowed.path().len()).ok_or_else(|| {
            denied(
                "a folder of the machine is no stage",
                "Icecore::builder(..).allow_stage_location(\"file:///folder/\")",
            )
        })?;
        let below = url.path().get(allowed.path().len()..).unwrap_or_default();
        Ok((format!("/{}", allowed.path()), below.trim_start_matches('/').to_owned()))
    }

    /// The same with buckets inside the engine that go by this clock.
    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The bucket inside the engine of this name; made if there is none.
    pub(crate) fn bucket(&self, name: &str) -> Arc<dyn ObjectStore> {
        let mut buckets = self.memory.lock();
        let made = || -> Arc<dyn ObjectStore> {
            let bucket = Arc::new(InMemory::new());
            match &self.clock {
                Some(clock) => clocked_store(bucket, Arc::clone(clock)),
                None => bucket,
            }
        };
        Arc::clone(buckets.entry(name.to_owned()).or_insert_with(made))
    }

    /// The store of a place, and the path in it.
    ///
    /// # Errors
    /// As [`Self::check`]; `NotFound` for a folder that is not there,
    /// `Unsupported` for S3 where it is not built in.
    pub(crate) fn open(
        &self,
        url: &StageUrl,
        region: Option<&str>,
        credentials: Option<&StageCredentials>,
    ) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let path = || {
            Path::parse(url.path()).map_err(|source| {
                Error::new(Code::INVALID_OPTION, "the path of a stage").with_source(source)
            })
        };
        match url.place() {
            StagePlace::Memory { bucket } => Ok((self.bucket(bucket), path()?)),
            StagePlace::S3 { bucket, endpoint } => {
                if let Some(endpoint) = endpoint {
                    self.check_service(endpoint)?;
                }
                let options = s3_options(endpoint.as_ref(), region, credentials);
                Ok((open_store_with(&format!("s3://{bucket}"), &options)?, path()?))
            }
            StagePlace::Folder => {
                let (allowed, below) = self.folder(url)?;
                Ok((open_folder(FolderPath::new(&allowed), &below)?, Path::default()))
            }
        }
    }
}

fn denied(why: &str, how: &str) -> Error {
    Error::new(Code::INSUFFICIENT_PRIVILEGES, why)
        .with_help(format!("the program that embeds the engine allows it: {how}"))
}

/// Nothing is taken from the machine: neither its environment nor what its
/// network says of it.
fn s3_options(
    endpoint: Option<&Endpoint>,
    given: Option<&str>,
    credentials: Option<&StageCredentials>,
) -> StoreOptions {
    let mut options = StoreOptions::new(Durability::Full);
    if let Some(endpoint) = endpoint {
        let text = endpoint.to_string();
        options = options
            .s3_setting("region", given.unwrap_or(region(&text)))
            .s3_setting("endpoint", &text);
        if !endpoint.has_tls() {
            options = options.s3_setting("allow_http", "true");
        }
    } else {
        options = options.s3_setting("region", given.unwrap_or("us-east-1"));
    }
    match credentials {
        None => options.s3_setting("skip_signature", "true"),
        Some(StageCredentials { key_id, secret, token }) => {
            let options =
                options.s3_setting("access_key_id", key_id).s3_setting("secret_access_key", secret);
            match token {
                Some(token) => options.s3_setting("token", token),
                None => options,
            }
        }
    }
}

/// The region that an endpoint of S3 itself is in.
fn region(endpoint: &str) -> &str {
    endpoint
        .trim_start_matches("https://")
        .strip_prefix("s3.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com"))
        .unwrap_or("us-east-1")
}

#[cfg(test)]
mod tests {
    use icecore_types::{ErrorKind, SimulatedClock, Timestamp};
    use object_store::ObjectStoreExt;

    use super::*;

    fn url(text: &str) -> StageUrl {
        StageUrl::parse(text, None).unwrap()
    }

    #[test]
    fn only_what_the_program_allows_is_a_stage() {
        let stores = StageStores::allowing(&["file:///data/in/".to_owned()]).unwrap();
        for allowed in
            ["file:///data/in/", "file:///data/in/2013/", "memory://bucket/", "s3://bucket/a/"]
        {
            stores.check(&url(allowed)).unwrap();
        }
        for denied in ["file:///data/", "file:///data/inside/", "file:///etc/", "file:///"] {
            let error = stores.check(&url(denied)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{denied}");
            assert!(error.help().unwrap().contains("allow_stage_location"));
        }
        let near = StageUrl::parse("s3compat://bucket/", Some("http://127.0.0.1:5000")).unwrap();
        assert_eq!(stores.check(&near).unwrap_err().kind(), ErrorKind::Denied);
        let stores = StageStores::allowing(&["http://127.0.0.1:5000".to_owned()]).unwrap();
        stores.check(&near).unwrap();
        let other = StageUrl::parse("s3compat://bucket/", Some("http://127.0.0.1:5001")).unwrap();
        assert!(stores.check(&other).is_err());
        for wrong in ["s3://bucket/", "/data/", "ftp://x/", "file://data/"] {
            assert!(StageStores::allowing(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_in_memory_is_one_for_all_stages() {
        let stores = StageStores::default();
        assert!(Arc::ptr_eq(&stores.bucket("a-b"), &stores.bucket("a-b")));
        assert!(!Arc::ptr_eq(&stores.bucket("a-b"), &stores.bucket("c-d")));
    }

    #[tokio::test]
    async fn files_of_a_bucket_in_memory_have_the_times_of_the_clock() {
        let start = Timestamp::parse("2013-01-01T00:00:00Z").unwrap();
        let clock = Arc::new(SimulatedClock::starting_at(start));
        let bucket = StageStores::default().with_clock(clock).bucket("a");
        let path = Path::from("f.csv");
        bucket.put(&path, "1".into()).await.unwrap();
        assert_eq!(Some(bucket.head(&path).await.unwrap().last_modified), start.to_utc());
    }

    #[test]
    fn the_region_is_in_the_name_of_the_endpoint() {
        assert_eq!(region("https://s3.eu-west-1.amazonaws.com"), "eu-west-1");
        assert_eq!(region("https://storage.example.com"), "us-east-1");
    }
}
