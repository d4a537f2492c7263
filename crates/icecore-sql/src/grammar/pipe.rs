//! CREATE and ALTER PIPE.

use icecore_types::{Code, Error, QualifiedName, Result, Timestamp};
use sqlparser::tokenizer::Token;

use super::create::Existing;
use super::{copy, if_exists, option};
use crate::cursor::Cursor;
use crate::{AlterPipe, CopyInto, CreatePipe, OnError, PipeAction, Statement};

/// Options of COPY INTO that say what one statement does once; a pipe goes on.
const FORBIDDEN: &[&str] =
    &["FILES", "SIZE_LIMIT", "PURGE", "FORCE", "RETURN_FAILED_ONLY", "VALIDATION_MODE"];

pub(super) fn create_pipe(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreatePipe> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let name = cursor.qualified_name()?;
    if cursor.is_next("CLONE") {
        return Err(Error::unsupported("CREATE PIPE .. CLONE"));
    }
    let (mut auto_ingest, mut channel, mut comment) = (None, None, None);
    while !cursor.is_next("AS") {
        let known = cursor.peek_word().unwrap_or_default().to_owned();
        let given = match known.as_str() {
            "AUTO_INGEST" => auto_ingest.is_some(),
            "NOTIFICATION_CHANNEL" => channel.is_some(),
            "COMMENT" => comment.is_some(),
            "ERROR_INTEGRATION" | "AWS_SNS_TOPIC" | "INTEGRATION" => {
                return Err(Error::unsupported(format_args!("CREATE PIPE .. {known}")).with_help(
                    "NOTIFICATION_CHANNEL = '<URL of a queue>' says where notifications are",
                ));
            }
            _ => return Err(cursor.unexpected()),
        };
        if given {
            return Err(cursor.unexpected().with_help("an option is given once"));
        }
        let key = option::key(cursor)?;
        match key.as_str() {
            "AUTO_INGEST" => auto_ingest = Some(option::boolean(cursor, &key)?),
            "NOTIFICATION_CHANNEL" => channel = Some(cursor.string()?),
            _ => comment = Some(cursor.string()?),
        }
    }
    let auto_ingest = auto_ingest.unwrap_or(false);
    if channel.is_some() && !auto_ingest {
        return Err(Error::new(
            Code::INVALID_OPTION,
            "a pipe with NOTIFICATION_CHANNEL has AUTO_INGEST = TRUE",
        ));
    }
    cursor.expect(&["AS"])?;
    let from = cursor.at();
    let copy = pipe_copy(cursor)?;
    Ok(CreatePipe {
        or_replace: existing.or_replace,
        if_not_exists,
        name,
        auto_ingest,
        notification_channel: channel,
        comment,
        copy,
        copy_text: cursor.text_since(from).to_owned(),
    })
}

/// The COPY INTO of a pipe: without the options that a pipe cannot have, and
/// with SKIP_FILE where it does not say what to do about errors.
pub(crate) fn pipe_copy(cursor: &mut Cursor<'_>) -> Result<CopyInto> {
    let keys = options_ahead(cursor);
    if let Some(forbidden) = keys.iter().find(|key| FORBIDDEN.contains(&key.as_str())) {
        return Err(not_in_a_pipe(forbidden));
    }
    let Statement::CopyInto(copy) = copy::copy(cursor)? else {
        return Err(not_in_a_pipe("a location as the target"));
    };
    let mut copy = *copy;
    if !keys.iter().any(|key| key == "ON_ERROR") {
        copy.on_error = OnError::SkipFile;
    } else if copy.on_error == OnError::AbortStatement {
        return Err(not_in_a_pipe("ON_ERROR = ABORT_STATEMENT"));
    }
    Ok(copy)
}

fn not_in_a_pipe(what: &str) -> Error {
    Error::new(Code::INVALID_OPTION, format!("the COPY INTO of a pipe cannot have {what}"))
        .with_help(
            "a pipe loads each file once, and skips a file with errors (ON_ERROR = SKIP_FILE)",
        )
}

/// The words outside parentheses that a sign of equality follows.
fn options_ahead(cursor: &Cursor<'_>) -> Vec<String> {
    let rest = cursor.lexemes().get(cursor.at()..).unwrap_or_default();
    let (mut depth, mut keys) = (0_usize, Vec::new());
    for pair in rest.windows(2) {
        let [first, second] = pair else { continue };
        match &first.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 && second.token == Token::Eq => {
                keys.push(word.value.to_uppercase());
            }
            _ => {}
        }
    }
    keys
}

/// Whether the statement is a call of SYSTEM$PIPE_FORCE_RESUME: it changes the
/// pipe, so it stands alone.
pub(super) fn is_force_resume(cursor: &Cursor<'_>) -> bool {
    let call = |verb| cursor.are_next(&[verb, "SYSTEM$PIPE_FORCE_RESUME"]);
    call("CALL") || call("SELECT")
}

pub(super) fn force_resume(cursor: &mut Cursor<'_>) -> Result<AlterPipe> {
    cursor.advance();
    cursor.expect(&["SYSTEM$PIPE_FORCE_RESUME"])?;
    cursor.expect_token(&Token::LParen)?;
    let name = QualifiedName::parse(&cursor.string()?)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(AlterPipe { name, if_exists: false, action: PipeAction::ForceResume })
}

pub(super) fn alter_pipe(cursor: &mut Cursor<'_>) -> Result<AlterPipe> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    let action = if cursor.accept(&["REFRESH"]) {
        refresh(cursor)?
    } else if cursor.accept(&["SET"]) {
        set(cursor)?
    } else {
        cursor.expect(&["UNSET"])?;
        unset(cursor)?
    };
    if !cursor.is_done() {
        return Err(cursor.unexpected().with_help("ALTER sets one property at a time"));
    }
    Ok(AlterPipe { name, if_exists, action })
}

fn refresh(cursor: &mut Cursor<'_>) -> Result<PipeAction> {
    let (mut prefix, mut modified_after) = (None, None);
    while !cursor.is_done() {
        match option::key(cursor)?.as_str() {
            "PREFIX" if prefix.is_none() => prefix = Some(cursor.string()?),
            "MODIFIED_AFTER" if modified_after.is_none() => {
                modified_after = Some(Timestamp::parse(&cursor.string()?)?);
            }
            key @ ("PREFIX" | "MODIFIED_AFTER") => {
                let message = format!("option given twice key={key}");
                return Err(Error::new(Code::INVALID_OPTION, message));
            }
            other => {
                return Err(Error::unsupported(format_args!("ALTER PIPE .. REFRESH {other}")));
            }
        }
    }
    Ok(PipeAction::Refresh { prefix: prefix.unwrap_or_default(), modified_after })
}

fn set(cursor: &mut Cursor<'_>) -> Result<PipeAction> {
    refuse_tag(cursor, "SET")?;
    match option::key(cursor)?.as_str() {
        key @ "PIPE_EXECUTION_PAUSED" => option::boolean(cursor, key).map(PipeAction::SetPaused),
        "COMMENT" => cursor.string().map(|text| PipeAction::SetComment(Some(text))),
        other => Err(Error::unsupported(format_args!("ALTER PIPE .. SET {other}"))),
    }
}

fn unset(cursor: &mut Cursor<'_>) -> Result<PipeAction> {
    refuse_tag(cursor, "UNSET")?;
    let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
    cursor.advance();
    match key.as_str() {
        "PIPE_EXECUTION_PAUSED" => Ok(PipeAction::SetPaused(false)),
        "COMMENT" => Ok(PipeAction::SetComment(None)),
        other => Err(Error::unsupported(format_args!("ALTER PIPE .. UNSET {other}"))),
    }
}

fn refuse_tag(cursor: &Cursor<'_>, verb: &str) -> Result<()> {
    if cursor.is_next("TAG") {
        return Err(Error::unsupported(format_args!("ALTER PIPE .. {verb} TAG")));
    }
    Ok(())
}
