//! What the dialect has and the engine does not, by its name.

use icecore_types::{Error, Result};
use sqlparser::tokenizer::Token;

use crate::cursor::Cursor;
use crate::staged::{is_position, reads_stage};

/// Statements, by their first word.
const STATEMENTS: &[(&str, &str)] = &[
    ("MERGE", "MERGE"),
    ("BEGIN", "transactions of several statements (BEGIN)"),
    ("START", "transactions of several statements (START TRANSACTION)"),
    ("COMMIT", "transactions of several statements (COMMIT)"),
    ("ROLLBACK", "transactions of several statements (ROLLBACK)"),
    ("SET", "session variables (SET)"),
    ("UNSET", "session variables (UNSET)"),
    ("CALL", "CALL"),
    ("EXECUTE", "EXECUTE"),
    ("DECLARE", "scripting (DECLARE)"),
    ("LET", "scripting (LET)"),
    ("RETURN", "scripting (RETURN)"),
    ("IF", "scripting (IF)"),
    ("FOR", "scripting (FOR)"),
    ("WHILE", "scripting (WHILE)"),
    ("LOOP", "scripting (LOOP)"),
    ("COMMENT", "COMMENT ON"),
];

/// Kinds of objects, by the words after CREATE, ALTER, DROP, UNDROP, SHOW and
/// DESCRIBE.
const OBJECTS: &[&str] = &[
    "ACCOUNT",
    "ACCOUNTS",
    "AGGREGATION",
    "ALERT",
    "ALERTS",
    "API",
    "APPLICATION",
    "AUTHENTICATION",
    "BACKUP",
    "BACKUPS",
    "CATALOG",
    "COMPUTE",
    "CONNECTION",
    "CONNECTIONS",
    "CORTEX",
    "DATA",
    "DATABASE",
    "DYNAMIC",
    "EVENT",
    "EXTERNAL",
    "FAILOVER",
    "FUNCTION",
    "FUNCTIONS",
    "GIT",
    "GLOBAL",
    "GRANTS",
    "HYBRID",
    "ICEBERG",
    "IMAGE",
    "INTEGRATION",
    "INTEGRATIONS",
    "JOIN",
    "LISTING",
    "LISTINGS",
    "LOCAL",
    "LOCKS",
    "MANAGED",
    "MASKING",
    "MATERIALIZED",
    "MODEL",
    "NETWORK",
    "NOTEBOOK",
    "NOTIFICATION",
    "ORGANIZATION",
    "PACKAGES",
    "PASSWORD",
    "PRIMARY",
    "PRIVACY",
    "PROCEDURE",
    "PROCEDURES",
    "PROJECTION",
    "RECURSIVE",
    "REGIONS",
    "REPLICATION",
    "RESOURCE",
    "RESULT",
    "ROLE",
    "ROLES",
    "ROW",
    "SEARCH",
    "SECRET",
    "SECRETS",
    "SECURE",
    "SECURITY",
    "SEMANTIC",
    "SEQUENCE",
    "SEQUENCES",
    "SERVICE",
    "SESSION",
    "SHARE",
    "SHARES",
    "STORAGE",
    "STREAM",
    "STREAMLIT",
    "STREAMS",
    "TASK",
    "TASKS",
    "TEMP",
    "TEMPORARY",
    "TRANSACTION",
    "TRANSACTIONS",
    "TRANSIENT",
    "TYPE",
    "USER",
    "USERS",
    "VARIABLES",
    "VOLATILE",
    "WAREHOUSE",
    "WORKSPACE",
];

/// For a statement that begins with no word of the grammar.
pub(super) fn statement(cursor: &Cursor<'_>) -> Error {
    let first = cursor.peek_word().unwrap_or_default();
    match STATEMENTS.iter().find(|(word, _)| *word == first) {
        Some((_, name)) => Error::unsupported(name),
        None => cursor.unexpected(),
    }
}

/// For an object of a kind that is not in the grammar of `verb`.
pub(super) fn object(cursor: &Cursor<'_>, verb: &str) -> Error {
    let Some(first) = cursor.peek_word().filter(|word| OBJECTS.contains(word)) else {
        return cursor.unexpected();
    };
    // The second word belongs to the kind in MASKING POLICY and in TRANSIENT
    // TABLE, and is a name in TASK t.
    let pairs = [
        "POLICY",
        "TABLE",
        "TABLES",
        "VIEW",
        "VIEWS",
        "MONITOR",
        "MONITORS",
        "INTEGRATION",
        "ACCESS",
        "GROUP",
        "SET",
        "POOL",
        "REPOSITORY",
        "SERVICE",
        "STAGE",
        "SCHEMA",
        "DATABASE",
        "ROLE",
        "FILE",
        "PACKAGE",
        "LAKE",
        "ACCOUNT",
        "FUNCTION",
        "OPTIMIZATION",
    ];
    match cursor.peek_word_at(1).filter(|word| pairs.contains(word)) {
        Some("ACCESS") => Error::unsupported(format_args!("{verb} {first} ACCESS POLICY")),
        Some(second) => Error::unsupported(format_args!("{verb} {first} {second}")),
        None => Error::unsupported(format_args!("{verb} {first}")),
    }
}

/// Refuses tokens that no query of the engine may hold.
pub(super) fn tokens(cursor: &Cursor<'_>) -> Result<()> {
    let rest = cursor.lexemes().get(cursor.at()..).unwrap_or_default();
    let staged = reads_stage(cursor.lexemes());
    for lexeme in rest {
        match &lexeme.token {
            Token::AtSign if staged => {}
            Token::Placeholder(text) if staged && is_position(text) => {}
            Token::AtSign => return Err(Error::unsupported("a stage in a query (@stage)")),
            Token::LongArrow => return Err(Error::unsupported("the pipe operator (->>)")),
            Token::Placeholder(text) if text == "?" => {
                return Err(Error::unsupported("bind variables (?)"));
            }
            Token::Placeholder(text) if text[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return Err(Error::unsupported(format_args!("columns by position ({text})")));
            }
            Token::Placeholder(text) if text.starts_with('$') => {
                return Err(Error::unsupported(format_args!("session variables ({text})")));
            }
            _ => {}
        }
    }
    Ok(())
}
