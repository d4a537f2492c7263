//! The engine with its sessions, and the running of commands.

use std::collections::HashMap;
use std::io::{self, Write};

use icecore::{Error, Icecore, QueryResult, Result, Session};

use crate::options::{Format, Options};
use crate::output::{self, Failure};
use crate::progress::Spinner;
use crate::script::{Command, commands};

/// The name of the session that a script begins in.
const FIRST_SESSION: &str = "default";

/// How a script ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How many of its commands failed.
    pub(crate) failures: usize,
}

/// What sessions begin with.
#[derive(Clone, Debug)]
struct Defaults {
    user: Option<String>,
    role: Option<String>,
    warehouse: Option<String>,
    database: Option<String>,
    schema: Option<String>,
}

/// An open engine, its sessions by name, and how far the output is.
pub(crate) struct Shell {
    lake: Icecore,
    defaults: Defaults,
    sessions: HashMap<String, Session>,
    current: String,
    format: Format,
    continue_on_error: bool,
    statements: u64,
}

impl Shell {
    /// Opens what the options describe, and its first session.
    pub(crate) async fn open(options: &Options) -> Result<Self> {
        let mut shell = Self {
            lake: options.engine()?.await?,
            defaults: Defaults {
                user: options.user.clone(),
                role: options.role.clone(),
                warehouse: options.warehouse.clone(),
                database: options.database.clone(),
                schema: options.schema.clone(),
            },
            sessions: HashMap::new(),
            current: FIRST_SESSION.to_owned(),
            format: options.format,
            continue_on_error: options.continue_on_error,
            statements: 0,
        };
        shell.session(FIRST_SESSION).await?;
        Ok(shell)
    }

    /// The name of the current session, if it is not the first.
    pub(crate) fn session_name(&self) -> Option<&str> {
        (self.current != FIRST_SESSION).then_some(&self.current)
    }

    /// The session of this name, made on first use.
    pub(crate) async fn session(&mut self, name: &str) -> Result<Session> {
        if let Some(session) = self.sessions.get(name) {
            return Ok(session.clone());
        }
        let session = self.new_session().await?;
        self.sessions.insert(name.to_owned(), session.clone());
        Ok(session)
    }

    pub(crate) async fn current(&mut self) -> Result<Session> {
        let name = self.current.clone();
        self.session(&name).await
    }

    /// A session that begins as all do.
    pub(crate) async fn new_session(&self) -> Result<Session> {
        let Defaults { user, role, warehouse, database, schema } = &self.defaults;
        let mut builder = self.lake.session();
        if let Some(user) = user {
            builder = builder.user(user);
        }
        if let Some(role) = role {
            builder = builder.role(role);
        }
        if let Some(warehouse) = warehouse {
            builder = builder.warehouse(warehouse);
        }
        if let Some(database) = database {
            builder = builder.database(database);
        }
        if let Some(schema) = schema {
            builder = builder.schema(schema);
        }
        builder.await
    }

    /// Runs a script and prints what it gives, up to its first failure or, if
    /// that was asked for, to its end.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(crate) async fn run_script(&mut self, text: &str) -> io::Result<Ended> {
        let mut ended = Ended::default();
        for command in commands(text) {
            if !self.run_command(command).await? {
                ended.failures += 1;
                if !self.continue_on_error {
                    break;
                }
            }
        }
        Ok(ended)
    }

    /// Runs one command and prints what it gives, a failure too; whether it
    /// succeeded.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(crate) async fn run_command(&mut self, command: Command) -> io::Result<bool> {
        let done = match command {
            Command::Statement(sql) => return self.run_statement(&sql).await,
            Command::Broken(error) => {
                self.statements += 1;
                self.report(&error)?;
                return Ok(false);
            }
            Command::Session(name) => self.session(&name).await.map(|_| self.current = name),
            Command::Clock(by) => self.lake.advance(by).await,
        };
        if let Err(error) = &done {
            output::print_error(error);
        }
        Ok(done.is_ok())
    }

    async fn run_statement(&mut self, sql: &str) -> io::Result<bool> {
        self.statements += 1;
        let spinner = Spinner::start();
        let printed = match self.execute(sql, &spinner).await {
            Ok(result) => {
                let out = io::stdout().lock();
                let mut out = io::BufWriter::new(out);
                let printed =
                    output::print(&mut out, self.format, self.statements, result, &spinner).await;
                out.flush()?;
                printed
            }
            Err(error) => Err(Failure::Engine(error)),
        };
        spinner.stop();
        match printed {
            Ok(()) => {}
            Err(Failure::Output(error)) => return Err(error),
            Err(Failure::Engine(error)) => {
                self.report(&error)?;
                return Ok(false);
            }
        }
        match self.lake.run_due().await {
            Ok(()) => Ok(true),
            Err(error) => {
                output::print_error(&error.context("work that was due after the statement"));
                Ok(false)
            }
        }
    }

    async fn execute(&mut self, sql: &str, spinner: &Spinner) -> Result<QueryResult> {
        let session = self.current().await?;
        let spinner = spinner.clone();
        session.execute(sql).on_progress(move |progress| spinner.show(&progress)).await
    }

    /// Tells of a failed statement: in JSON it has a line as every statement
    /// has, otherwise it is no result.
    fn report(&self, error: &Error) -> io::Result<()> {
        if self.format == Format::Json {
            return output::print_json_error(&mut io::stdout().lock(), self.statements, error);
        }
        output::print_error(error);
        Ok(())
    }

    /// Writes what the engine still holds.
    pub(crate) async fn close(self) -> Result<()> {
        let Self { lake, sessions, .. } = self;
        drop(sessions);
        lake.close().await
    }
}
