//! A script's commands: statements, and the lines that are for the shell.

use std::time::Duration;

use icecore::parse_advance;
use icecore::{Code, Error, Result, split};

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Run this statement.
    Statement(String),
    /// Switch to the session of this name.
    Session(String),
    /// Move the simulated clock on.
    Clock(Duration),
    /// What stands here is neither.
    Broken(Error),
}

/// The commands of a script. A line that begins with a backslash is for the
/// shell, wherever it is not inside a string or a comment; it ends a statement
/// as a semicolon does.
pub(crate) fn commands(text: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut sql = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('\\') && split(&sql).is_ok() {
            commands.extend(statements(&std::mem::take(&mut sql)));
            commands.push(shell_command(line.trim()).unwrap_or_else(Command::Broken));
        } else {
            sql.push_str(line);
        }
    }
    commands.extend(statements(&sql));
    commands
}

fn statements(sql: &str) -> Vec<Command> {
    match split(sql) {
        Ok(pieces) => pieces.into_iter().map(|piece| Command::Statement(piece.text)).collect(),
        Err(error) => vec![Command::Broken(error)],
    }
}

/// Reads a line that begins with a backslash.
pub(crate) fn shell_command(line: &str) -> Result<Command> {
    let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
    match words.as_slice() {
        ["\\session", name] => Ok(Command::Session((*name).to_owned())),
        ["\\clock", by] => parse_advance(by).map(Command::Clock),
        _ => Err(Error::new(Code::SYNTAX, format!("not a command of the shell: '{line}'"))
            .with_help("there are \\session NAME and \\clock +25h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .into_iter()
            .map(|command| match command {
                Command::Statement(sql) => sql,
                Command::Session(name) => format!("session {name}"),
                Command::Clock(by) => format!("clock {}", by.as_secs()),
                Command::Broken(error) => format!("broken {}", error.code().number()),
            })
            .collect()
    }

    #[test]
    fn lines_for_the_shell_stand_between_statements() {
        assert_eq!(
            shown("select 1; select 2\n\\session b\n  \\clock +2h\nselect 3;\n"),
            ["select 1", "select 2", "session b", "clock 7200", "select 3"]
        );
    }

    #[test]
    fn a_backslash_inside_a_string_is_text() {
        assert_eq!(shown("select '\n\\session b\n';"), ["select '\n\\session b\n'"]);
        assert_eq!(shown("/*\n\\session b\n*/ select 1"), ["select 1"]);
    }

    #[test]
    fn mistakes_stand_where_they_were_made() {
        assert_eq!(
            shown("select 1;\n\\nonsense\n\\clock -1h\nselect 'open"),
            ["select 1", "broken 001003", "broken 001420", "broken 001003"]
        );
    }
}
