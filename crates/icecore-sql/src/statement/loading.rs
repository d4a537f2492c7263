//! Stages, their files, and loading them.

use std::fmt;

use icecore_types::{QualifiedName, Secret, StageCredentials};

/// Which place of files a statement names.
///
/// ```
/// use icecore_sql::{Limits, StageName, Statement, parse};
/// let parsed = parse("LIST @db.s.%flights/2013/", &Limits::default())?;
/// let Statement::List(list) = &parsed[0].statement else { panic!() };
/// assert!(matches!(list.stage.stage, StageName::Table(_)));
/// assert_eq!(list.stage.stage.to_string(), "@DB.S.%FLIGHTS");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageName {
    /// `@db.schema.stage`: a stage that was made.
    Named(QualifiedName),
    /// `@db.schema.%table`: the stage that every table has.
    Table(QualifiedName),
    /// `@~`: the stage that every user has.
    User,
    /// `'s3://bucket/folder/'`, in COPY INTO.
    Url(StageAddress),
}

impl StageName {
    /// The name of a stage that was made.
    pub fn named(&self) -> Option<&QualifiedName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Table(_) | Self::User | Self::Url(_) => None,
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "@{name}"),
            Self::Table(QualifiedName { database, schema, name }) => {
                f.write_str("@")?;
                for part in database.iter().chain(schema) {
                    write!(f, "{part}.")?;
                }
                write!(f, "%{name}")
            }
            Self::User => f.write_str("@~"),
            Self::Url(address) => f.write_str(&address.url),
        }
    }
}

/// A place outside of the account, as a statement says it.
///
/// ```
/// use icecore_sql::{Limits, StageName, Statement, parse};
/// let text = "COPY INTO t FROM 's3://bucket/a/b.csv' REGION = 'eu-central-1'";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// let StageName::Url(address) = &copy.from.stage else { panic!() };
/// assert_eq!((address.url.as_str(), copy.from.path.as_str()), ("s3://bucket/a/", "b.csv"));
/// assert_eq!(address.region.as_deref(), Some("eu-central-1"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageAddress {
    /// The URL to its last slash.
    pub url: String,
    /// ENDPOINT, as of CREATE STAGE.
    pub endpoint: Option<String>,
    /// REGION, as of CREATE STAGE.
    pub region: Option<String>,
    /// CREDENTIALS.
    pub credentials: Option<StageCredentials>,
}

/// A stage and a path in it, as `@db.schema.stage/path`.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("LIST @landing/2013/", &Limits::default())?;
/// let Statement::List(list) = &parsed[0].statement else { panic!() };
/// assert_eq!(list.stage.stage.to_string(), "@LANDING");
/// assert_eq!(list.stage.path, "2013/");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRef {
    /// The stage.
    pub stage: StageName,
    /// What follows the first slash, literally: a prefix of file names.
    pub path: String,
}

/// The value of an option, as it was written.
///
/// ```
/// use icecore_sql::OptionValue;
/// assert_eq!(OptionValue::Boolean(true).to_string(), "TRUE");
/// assert_eq!(OptionValue::List(vec!["NA".into(), String::new()]).to_string(), "('NA', '')");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// An unquoted word, upper case: AUTO, NONE, CSV.
    Word(String),
    /// Text in quotes.
    Text(String),
    /// A number, with its sign.
    Number(String),
    /// TRUE or FALSE.
    Boolean(bool),
    /// Texts in parentheses.
    List(Vec<String>),
    /// Text in quotes that nothing shows.
    Secret(Secret),
}

/// `KEY = value` pairs in the order written: upper-case keys, each at most
/// once. Which keys there are is for the receiver to say.
///
/// ```
/// use icecore_sql::{OptionValue, Options};
/// let mut options = Options::default();
/// options.insert("SKIP_HEADER", OptionValue::Number("1".into()))?;
/// assert!(options.insert("SKIP_HEADER", OptionValue::Number("2".into())).is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(pub(crate) Vec<(String, OptionValue)>);

/// Which file format a statement names.
///
/// ```
/// use icecore_sql::{FormatSpec, Limits, Statement, parse};
/// let text = "COPY INTO t FROM @s FILE_FORMAT = (FORMAT_NAME = 'db.s.csv')";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CopyInto(copy) = &parsed[0].statement else { panic!() };
/// assert!(matches!(copy.file_format, Some(FormatSpec::Named(_))));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatSpec {
    /// FORMAT_NAME.
    Named(QualifiedName),
    /// TYPE and options.
    Inline(Options),
}

/// PUT.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("PUT file:///data/*.csv @landing OVERWRITE = TRUE", &Limits::default())?;
/// let Statement::Put(put) = &parsed[0].statement else { panic!() };
/// assert_eq!(put.source, "/data/*.csv");
/// assert!(put.auto_compress && put.overwrite);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// The path without its `file://`, absolute or relative, possibly with
    /// `*` and `?` in its last part.
    pub source: String,
    /// Where the files go.
    pub target: StageRef,
    /// AUTO_COMPRESS: gzip what is not compressed. The default.
    pub auto_compress: bool,
    /// OVERWRITE: replace files of the same name.
    pub overwrite: bool,
}

/// GET.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("GET @landing/2013/ file:///data/ PATTERN = '.*gz'", &Limits::default())?;
/// let Statement::Get(get) = &parsed[0].statement else { panic!() };
/// assert_eq!((get.target.as_str(), get.parallel), ("/data/", 10));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Get {
    /// Where the files are.
    pub stage: StageRef,
    /// The folder's path without its `file://`, absolute or relative.
    pub target: String,
    /// PARALLEL: files that are fetched at the same time, 1 to 99.
    pub parallel: u8,
    /// A regular expression over names.
    pub pattern: Option<String>,
}

/// LIST.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("LS @s PATTERN = '.*[.]gz'", &Limits::default())?;
/// let Statement::List(list) = &parsed[0].statement else { panic!() };
/// assert_eq!(list.pattern.as_deref(), Some(".*[.]gz"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Where the files are.
    pub stage: StageRef,
    /// A regular expression over names.
    pub pattern: Option<String>,
}

/// REMOVE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("REMOVE @s/old/", &Limits::default())?;
/// let Statement::Remove(remove) = &parsed[0].statement else { panic!() };
/// assert_eq!(remove.stage.path, "old/");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Remove {
    /// Where the files are.
    pub stage: StageRef,
    /// A regular expression over names.
    pub pattern: Option<String>,
}
