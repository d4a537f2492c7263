//! The shell on a terminal: a line editor around the running of commands.

use std::io;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};
use tokio::runtime::Runtime;

use crate::completion::ShellHelper;
use crate::output::print_error;
use crate::script::commands;
use crate::shell::{Ended, Shell};

const HELP: &str = "\
Statements end with a semicolon and may have several lines; Tab completes.
  \\session NAME   another session, made on first use
  \\clock +25h     moves a simulated clock on
  \\help           this
  \\quit           the end, as Ctrl-D";

/// What a line that was read asks for.
enum Asked {
    Nothing,
    Help,
    Quit,
    Run(String),
}

/// Reads and runs until the end of the input. A failed statement is no failure
/// of an interactive shell.
pub(crate) fn run(mut shell: Shell, runtime: &Runtime) -> (Shell, io::Result<Ended>) {
    let mut editor = match editor(&shell, runtime) {
        Ok(editor) => editor,
        Err(error) => return (shell, Err(error)),
    };
    let history = history_file();
    if let Some(file) = &history {
        // There is none before the first time.
        let _ = editor.load_history(file);
    }
    eprintln!("icecore {}: \\help for help", env!("CARGO_PKG_VERSION"));
    let outcome = read_and_run(&mut shell, &mut editor, runtime);
    if let Some(file) = &history
        && let Err(error) = editor.save_history(file)
    {
        eprintln!("the history was not kept: {}: {error}", file.display());
    }
    (shell, outcome.map(|()| Ended::default()))
}

type ShellEditor = Editor<ShellHelper, DefaultHistory>;

fn editor(shell: &Shell, runtime: &Runtime) -> io::Result<ShellEditor> {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
    let mut editor = Editor::with_config(config.build()).map_err(io::Error::other)?;
    let session = runtime.block_on(shell.new_session()).map_err(io::Error::other)?;
    editor.set_helper(Some(ShellHelper::new(session, runtime.handle().clone())));
    Ok(editor)
}

fn history_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".icecore_history"))
}

fn read_and_run(shell: &mut Shell, editor: &mut ShellEditor, runtime: &Runtime) -> io::Result<()> {
    loop {
        let prompt = runtime.block_on(prompt(shell));
        let asked = match editor.readline(&prompt) {
            Ok(line) => asked(line),
            Err(ReadlineError::Interrupted) => Asked::Nothing,
            Err(ReadlineError::Eof) => Asked::Quit,
            Err(error) => return Err(io::Error::other(error)),
        };
        match asked {
            Asked::Nothing => {}
            Asked::Help => eprintln!("{HELP}"),
            Asked::Quit => return Ok(()),
            Asked::Run(text) => runtime.block_on(run_until_interrupted(shell, &text))?,
        }
    }
}

fn asked(line: String) -> Asked {
    match line.trim().trim_end_matches(';') {
        "" => Asked::Nothing,
        "\\help" | "\\h" | "\\?" => Asked::Help,
        "\\quit" | "\\q" | "exit" | "quit" => Asked::Quit,
        _ => Asked::Run(line),
    }
}

/// Runs the commands; Ctrl-C cancels the one that runs and leaves out the rest.
async fn run_until_interrupted(shell: &mut Shell, text: &str) -> io::Result<()> {
    for command in commands(text) {
        let went_well = tokio::select! {
            outcome = shell.run_command(command) => outcome?,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("cancelled");
                false
            }
        };
        if !went_well {
            break;
        }
    }
    Ok(())
}

/// Where unqualified names are looked up, and whose turn it is.
async fn prompt(shell: &mut Shell) -> String {
    let place = match shell.current().await {
        Ok(session) => {
            let parts = [session.current_database(), session.current_schema()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(".")
        }
        Err(error) => {
            print_error(&error);
            String::new()
        }
    };
    match shell.session_name() {
        Some(name) => format!("{name}@{place}> "),
        None => format!("{place}> "),
    }
}
