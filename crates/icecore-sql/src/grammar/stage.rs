//! What CREATE STAGE and ALTER STAGE say of a stage.

use icecore_types::{Code, Error, Result, StageCredentials};

use super::{if_exists, option};
use crate::cursor::Cursor;
use crate::{AlterStage, AlterStageAction, OptionValue, Options, StageProperties};

/// ALTER STAGE, behind these words.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Result<AlterStage> {
    let if_exists = if_exists(cursor);
    let name = cursor.qualified_name()?;
    let action = if cursor.accept(&["RENAME", "TO"]) {
        AlterStageAction::Rename(cursor.qualified_name()?)
    } else if cursor.accept(&["UNSET", "COMMENT"]) {
        AlterStageAction::UnsetComment
    } else {
        for word in ["REFRESH", "UNSET"] {
            if cursor.is_next(word) {
                return Err(Error::unsupported(format_args!("ALTER STAGE .. {word}")));
            }
        }
        cursor.expect(&["SET"])?;
        if cursor.is_done() {
            return Err(cursor.unexpected());
        }
        AlterStageAction::Set(Box::new(properties(cursor, "ALTER STAGE")?))
    };
    Ok(AlterStage { name, if_exists, action })
}

/// The properties, to the end of the statement.
pub(super) fn properties(cursor: &mut Cursor<'_>, statement: &str) -> Result<StageProperties> {
    let mut properties = StageProperties::default();
    let mut seen = Vec::new();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        if seen.contains(&key) {
            let message = format!("option given twice key={key}");
            return Err(Error::new(Code::INVALID_OPTION, message));
        }
        match key.as_str() {
            "URL" => properties.url = Some(cursor.string()?),
            "ENDPOINT" => properties.endpoint = Some(cursor.string()?),
            "REGION" => properties.region = Some(cursor.string()?),
            "CREDENTIALS" => properties.credentials = Some(credentials(cursor)?),
            "FILE_FORMAT" => properties.file_format = Some(option::file_format(cursor)?),
            "COMMENT" => properties.comment = Some(cursor.string()?),
            "ENCRYPTION" => encryption(&option::in_parentheses(cursor)?)?,
            "STORAGE_INTEGRATION" => {
                return Err(Error::unsupported(format_args!("{statement} .. STORAGE_INTEGRATION"))
                    .with_help("give CREDENTIALS = (AWS_KEY_ID = '..' AWS_SECRET_KEY = '..')"));
            }
            _ => return Err(Error::unsupported(format_args!("{statement} .. {key}"))),
        }
        seen.push(key);
        let _optional = cursor.accept_token(&sqlparser::tokenizer::Token::Comma);
    }
    Ok(properties)
}

pub(super) fn credentials(cursor: &mut Cursor<'_>) -> Result<StageCredentials> {
    let mut options = option::in_parentheses(cursor)?;
    let mut text = |key: &str| match options.remove(key) {
        None => Ok(None),
        Some(OptionValue::Text(text)) if !text.is_empty() => Ok(Some(text)),
        // The value is never shown.
        Some(_) => Err(Error::new(Code::INVALID_OPTION, format!("{key} is a text in quotes"))),
    };
    let (id, secret, token) = (text("AWS_KEY_ID")?, text("AWS_SECRET_KEY")?, text("AWS_TOKEN")?);
    if let Some((key, _)) = options.iter().next() {
        return Err(Error::unsupported(format_args!("CREDENTIALS .. {key}"))
            .with_help("AWS_KEY_ID, AWS_SECRET_KEY and AWS_TOKEN are read"));
    }
    let (Some(key_id), Some(secret)) = (id, secret) else {
        return Err(Error::new(
            Code::INVALID_OPTION,
            "CREDENTIALS needs AWS_KEY_ID and AWS_SECRET_KEY",
        ));
    };
    Ok(StageCredentials { key_id, secret, token })
}

/// The bytes are as the place keeps them: it may encrypt them by itself.
pub(super) fn encryption(options: &Options) -> Result<()> {
    let none = |value: &OptionValue| match value {
        OptionValue::Text(text) | OptionValue::Word(text) => text.eq_ignore_ascii_case("NONE"),
        _ => false,
    };
    if options.iter().count() == 1 && options.get("TYPE").is_some_and(none) {
        return Ok(());
    }
    Err(Error::unsupported("ENCRYPTION of a stage").with_help("write ENCRYPTION = (TYPE = 'NONE')"))
}
