//! What the command line says.

use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, ValueEnum};
use icecore::{Builder, Durability, Error, Icecore, Settings, Timestamp};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With borders, to be read by people.
    Table,
    /// A header, then rows; NULL is empty, an empty string is "".
    Csv,
    /// One line for each statement.
    Json,
}

/// What a commit to a folder of this machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sync {
    /// The disk.
    Full,
    /// The operating system: faster, and lost commits after a power failure.
    Os,
}

/// Where statements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Text(String),
    File(PathBuf),
    /// The standard input.
    Piped,
}

/// The shell of the Icecore engine.
///
/// Runs what -c and -f name, in their order and in one process. Without them it
/// reads the standard input, and on a terminal it is interactive. A line
/// `\session NAME` switches to another session, `\clock +25h` moves a simulated
/// clock. Results go to the standard output, all else to standard error; the
/// status is 1 if a statement failed.
#[derive(Debug, Parser)]
#[command(name = "icecore", version)]
pub(crate) struct Options {
    /// Where everything is kept: a path, file:// or s3:// URL. In memory if not
    /// given.
    #[arg(long, value_name = "URL", default_value = "memory://")]
    pub(crate) store: String,
    /// What a commit to a folder of this machine waits for.
    #[arg(long, value_enum, default_value = "full")]
    durability: Sync,
    /// Only DEFAULT, until there are more.
    #[arg(long, value_name = "A")]
    pub(crate) account: Option<String>,
    /// The user; ICECORE if not given.
    #[arg(long, value_name = "U")]
    pub(crate) user: Option<String>,
    /// The role; the user's default one if not given.
    #[arg(long, value_name = "R")]
    pub(crate) role: Option<String>,
    /// Only COMPUTE_WH, until there are more.
    #[arg(long, value_name = "W")]
    pub(crate) warehouse: Option<String>,
    /// The database that sessions begin in.
    #[arg(long, value_name = "D")]
    pub(crate) database: Option<String>,
    /// The schema that sessions begin in.
    #[arg(long, value_name = "S")]
    pub(crate) schema: Option<String>,
    /// Statements to run, separated by semicolons.
    #[arg(short, long = "command", id = "command", value_name = "SQL")]
    commands: Vec<String>,
    /// A file of statements to run.
    #[arg(short, long = "file", id = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Runs the statements after a failed one too; the status is 1 all the
    /// same.
    #[arg(long)]
    pub(crate) continue_on_error: bool,
    /// Runs on a clock that stands here until \clock moves it.
    #[arg(long, value_name = "RFC3339")]
    simulated_clock: Option<String>,
    /// What ids come from under a simulated clock; 0 if not given.
    #[arg(long, value_name = "N", requires = "simulated_clock")]
    seed: Option<u64>,
    /// What -c and -f name, in their order.
    #[arg(skip)]
    pub(crate) inputs: Vec<Input>,
}

/// The one account that there is.
const DEFAULT_ACCOUNT: &str = "DEFAULT";

impl Options {
    /// Reads the command line; prints help or a mistake and exits.
    pub(crate) fn from_command_line() -> Self {
        Self::from_matches(&Self::command().get_matches()).unwrap_or_else(|error| error.exit())
    }

    fn from_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self::from_arg_matches(matches)?;
        let commands = std::mem::take(&mut options.commands).into_iter().map(Input::Text);
        let files = std::mem::take(&mut options.files).into_iter().map(Input::File);
        let indices = |id| matches.indices_of(id).into_iter().flatten();
        let mut ordered: Vec<(usize, Input)> =
            indices("command").zip(commands).chain(indices("file").zip(files)).collect();
        ordered.sort_by_key(|(index, _)| *index);
        options.inputs = ordered.into_iter().map(|(_, input)| input).collect();
        Ok(options)
    }

    /// The engine that they describe.
    pub(crate) fn engine(&self) -> Result<Builder, Error> {
        if let Some(account) = &self.account
            && !account.eq_ignore_ascii_case(DEFAULT_ACCOUNT)
        {
            return Err(Error::unsupported(format_args!("account {account}"))
                .with_help(format!("the only account is {DEFAULT_ACCOUNT}")));
        }
        let durability = match self.durability {
            Sync::Full => Durability::Full,
            Sync::Os => Durability::Os,
        };
        let settings = Settings { durability, ..Settings::default() };
        let mut builder = Icecore::builder(&self.store).settings(settings);
        if self.store.starts_with("s3://") {
            builder = builder.s3_from_environment();
        }
        if let Some(start) = &self.simulated_clock {
            builder = builder.simulated_clock(Timestamp::parse(start)?);
            builder = builder.seed(self.seed.unwrap_or(0));
        }
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let arguments = [&["icecore"], arguments].concat();
        Options::from_matches(&Options::command().try_get_matches_from(arguments)?)
    }

    #[test]
    fn inputs_keep_their_order() {
        let options = parse(&["-f", "a", "-c", "1", "--format", "csv", "-c", "2", "-f", "b"]);
        let file = |name: &str| Input::File(name.into());
        let text = |sql: &str| Input::Text(sql.to_owned());
        assert_eq!(options.unwrap().inputs, [file("a"), text("1"), text("2"), file("b")]);
    }

    #[test]
    fn a_seed_needs_a_simulated_clock() {
        assert!(parse(&["--seed", "1"]).is_err());
        assert!(parse(&["--seed", "1", "--simulated-clock", "2013-01-01T00:00:00Z"]).is_ok());
    }

    #[test]
    fn accounts_and_moments_are_checked() {
        let refused = |arguments: &[&str]| parse(arguments).unwrap().engine().unwrap_err();
        assert!(refused(&["--account", "other"]).message().contains("account other"));
        assert!(parse(&["--account", "default"]).unwrap().engine().is_ok());
        assert!(refused(&["--simulated-clock", "noon"]).message().contains("noon"));
    }
}
