//! Where an external stage is: its URL, parsed once.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path as FolderPath, PathBuf};

use icecore_types::{Code, Error, Result};

/// The place that the URL of an external stage names.
///
/// - the scheme is `s3`, `s3compat`, `memory` or `file`, in lower case;
/// - there is no user, password, query or fragment in it;
/// - a bucket has 3 to 63 lower-case letters, digits, dots and hyphens, begins
///   and ends with a letter or digit, and is no address;
/// - a path has no empty part, no `.` and no `..`, and no control character,
///   backslash or percent escape of one of these;
/// - `s3compat` has an endpoint, which no other scheme has, and it is no
///   link-local, multicast or unspecified address.
///
/// ```
/// use icecore_raw::{StagePlace, StageUrl};
/// let url = StageUrl::parse("s3://retail/2013/", None)?;
/// assert_eq!(url.to_string(), "s3://retail/2013/");
/// assert!(matches!(url.place(), StagePlace::S3 { bucket, .. } if bucket == "retail"));
/// assert!(StageUrl::parse("s3://user:secret@retail/", None).is_err());
/// assert!(StageUrl::parse("http://retail/", None).is_err());
/// assert!(StageUrl::parse("file:///data/../etc/", None).is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageUrl {
    place: StagePlace,
    /// Below the bucket or the root, without slashes at its ends.
    path: String,
}

/// What a stage's URL names.
///
/// ```
/// use icecore_raw::{StagePlace, StageUrl};
/// let url = StageUrl::parse("memory://bucket/a/", None)?;
/// assert_eq!(url.place(), &StagePlace::Memory { bucket: "bucket".to_owned() });
/// assert_eq!(url.path(), "a");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StagePlace {
    /// A bucket of S3, or of a service that speaks as S3 does.
    S3 {
        /// Its name.
        bucket: String,
        /// The service, if it is not S3 itself.
        endpoint: Option<Endpoint>,
    },
    /// A bucket inside the engine, which ends with it.
    Memory {
        /// Its name.
        bucket: String,
    },
    /// A folder of the machine.
    Folder,
}

/// A service that speaks as S3 does.
///
/// ```
/// use icecore_raw::Endpoint;
/// let endpoint = Endpoint::parse("minio.example.com:9000")?;
/// assert_eq!(endpoint.to_string(), "https://minio.example.com:9000");
/// assert!(endpoint.is_public());
/// assert!(!Endpoint::parse("http://127.0.0.1:9000")?.is_public());
/// assert!(Endpoint::parse("169.254.169.254").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    host: String,
    port: Option<u16>,
}

/// A URL is at most this long.
const MOST_URL_BYTES: usize = 2048;

impl StageUrl {
    /// Reads and checks a URL and its endpoint.
    ///
    /// # Errors
    /// `Unsupported` for a scheme of another cloud, `InvalidInput` for anything
    /// else that breaks a rule above.
    pub fn parse(url: &str, endpoint: Option<&str>) -> Result<Self> {
        let (scheme, rest) = check_text(url)?
            .split_once("://")
            .ok_or_else(|| invalid("it has no scheme").with_help(KNOWN))?;
        let endpoint = endpoint.map(Endpoint::parse).transpose()?;
        if endpoint.is_some() != (scheme == "s3compat") {
            return Err(invalid("ENDPOINT and s3compat:// go together").with_help(KNOWN));
        }
        let place = match scheme {
            "s3" | "s3compat" => StagePlace::S3 { bucket: bucket(rest)?.to_owned(), endpoint },
            "memory" => StagePlace::Memory { bucket: bucket(rest)?.to_owned() },
            "file" if rest.starts_with('/') => StagePlace::Folder,
            "file" => {
                return Err(invalid("a file URL has three slashes and an absolute path"));
            }
            "gcs" | "azure" | "s3gov" | "s3china" | "gs" | "abfs" | "abfss" => {
                return Err(Error::unsupported(format_args!("stage URL scheme {scheme}://"))
                    .with_help(KNOWN));
            }
            _ => return Err(invalid("its scheme is not known").with_help(KNOWN)),
        };
        let path = match (&place, rest.split_once('/')) {
            (_, Some((_, path))) => path,
            (_, None) => "",
        };
        Ok(Self { place, path: check_path(path)?.to_owned() })
    }

    /// What it names.
    pub const fn place(&self) -> &StagePlace {
        &self.place
    }

    /// The path below the bucket or the root, without slashes at its ends.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The folder that it names, if it is one of the machine.
    pub fn folder(&self) -> Option<PathBuf> {
        match self.place {
            StagePlace::Folder => Some(FolderPath::new("/").join(&self.path)),
            _ => None,
        }
    }

    /// Whether all that is below `other` includes all that is below this:
    /// part by part, so that `/data` does not include `/database`.
    pub fn is_within(&self, allowed: &Self) -> bool {
        let rest = self.path.strip_prefix(&allowed.path);
        let below = rest.is_some_and(|rest| {
            allowed.path.is_empty() || rest.is_empty() || rest.starts_with('/')
        });
        self.place == allowed.place && below
    }
}

impl fmt::Display for StageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            StagePlace::S3 { bucket, endpoint: None } => write!(f, "s3://{bucket}/")?,
            StagePlace::S3 { bucket, endpoint: Some(_) } => write!(f, "s3compat://{bucket}/")?,
            StagePlace::Memory { bucket } => write!(f, "memory://{bucket}/")?,
            StagePlace::Folder => f.write_str("file:///")?,
        }
        match self.path.as_str() {
            "" => Ok(()),
            path => write!(f, "{path}/"),
        }
    }
}

impl Endpoint {
    /// Reads `host`, `host:port`, or one of these behind `https://` or
    /// `http://`; https if neither is said.
    ///
    /// # Errors
    /// `InvalidInput` for anything else, and for an address that is link-local,
    /// multicast or unspecified: where a machine tells of itself.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Error::new(Code::INVALID_OPTION, format!("ENDPOINT cannot be used: {why}"))
                .with_help("write ENDPOINT = 'storage.example.com' or 'host:port'")
        };
        let (tls, rest) = match text.split_once("://") {
            None => (true, text),
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err(bad("its scheme is not http or https")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("?"))),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port.map(|port| port.parse::<u16>()) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(bad("its port is no number from 1 to 65535")),
        };
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if host.parse::<IpAddr>().is_err() && !is_host_name(&host) {
            return Err(bad("its host is no name and no address"));
        }
        let endpoint = Self { tls, host, port };
        if endpoint.is_forbidden() {
            return Err(bad("its host is link-local, multicast or unspecified"));
        }
        Ok(endpoint)
    }

    fn address(&self) -> Option<IpAddr> {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => {
                Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
            }
            Ok(address) => Some(address),
            Err(_) => None,
        }
    }

    fn is_forbidden(&self) -> bool {
        match self.address() {
            Some(IpAddr::V4(a)) => {
                a.is_link_local() || a.is_multicast() || a.is_unspecified() || a.is_broadcast()
            }
            Some(IpAddr::V6(a)) => {
                a.is_unicast_link_local() || a.is_multicast() || a.is_unspecified()
            }
            None => {
                let known = ["metadata.google.internal", "metadata", "instance-data"];
                known.contains(&self.host.as_str())
            }
        }
    }

    /// Whether it is neither this machine nor in a private network, as far as
    /// its text says, and is reached through TLS.
    pub fn is_public(&self) -> bool {
        let public = match self.address() {
            Some(IpAddr::V4(a)) => !a.is_loopback() && !a.is_private(),
            Some(IpAddr::V6(a)) => !a.is_loopback() && !a.is_unique_local(),
            None => {
                self.host != "localhost"
                    && !self.host.ends_with(".localhost")
                    && self.host.contains('.')
                    && !self.host.ends_with(".internal")
                    && !self.host.ends_with(".local")
            }
        };
        public && self.tls
    }

    /// Whether it is reached through TLS.
    pub const fn has_tls(&self) -> bool {
        self.tls
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "https://" } else { "http://" })?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

const KNOWN: &str = "a stage is s3://bucket/path/, s3compat://bucket/path/ with ENDPOINT, \
                     memory://bucket/path/ or file:///folder/";

/// The text of a URL is never repeated: it may hold what somebody took for a
/// place of credentials.
fn invalid(why: &str) -> Error {
    Error::new(Code::INVALID_OPTION, format!("the URL of the stage cannot be used: {why}"))
}

fn check_text(url: &str) -> Result<&str> {
    if url.len() > MOST_URL_BYTES {
        return Err(invalid("it is too long"));
    }
    if url.chars().any(|c| c.is_control() || matches!(c, '\\' | '?' | '#' | '\u{feff}')) {
        return Err(invalid("it has a query, a fragment, a backslash or a control character"));
    }
    Ok(url)
}

fn bucket(rest: &str) -> Result<&str> {
    let bucket = rest.split('/').next().unwrap_or_default();
    if bucket.contains('@') {
        return Err(invalid("it names a user").with_help("give CREDENTIALS = (..)"));
    }
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = bucket.as_bytes();
    let ends = [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(letter));
    let plain = bytes.iter().all(|byte| letter(byte) || matches!(byte, b'-' | b'.'));
    let address = bucket.parse::<IpAddr>().is_ok();
    if !(3..=63).contains(&bytes.len()) || !ends || !plain || bucket.contains("..") || address {
        return Err(invalid("its bucket is no name of a bucket"));
    }
    Ok(bucket)
}

fn check_path(path: &str) -> Result<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(path);
    }
    for part in path.split('/') {
        let lower = part.to_ascii_lowercase().replace("%2e", ".");
        let escape = lower.contains("%2f") || lower.contains("%5c") || lower.contains("%00");
        if part.is_empty() || lower == "." || lower == ".." || escape {
            return Err(invalid("its path has an empty part, '.', '..' or an escaped separator"));
        }
    }
    Ok(path)
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in digits is an address in some notation.
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && !numeric
}

#[cfg(test)]
mod tests;
