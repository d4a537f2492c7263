//! ALTER USER .. ADD and REMOVE PROGRAMMATIC ACCESS TOKEN, and SHOW of them.

use arrow::array::RecordBatch;
use icecore_governance::{Access, NewToken, RoleId, Session, TokenRules, UserId};
use icecore_sql::{OptionValue, Options, Scope, Show};
use icecore_types::{
    Code, Error, Name, QualifiedName, Result, Secret, SqlType, TokenRecord, UserDefinition,
};

use super::user::invalid;
use super::{DONE, absent};
use crate::cells::{Cell, Columns};
use crate::statement::show::{cut, selected, shown};
use crate::statement::{Change, NetworkPolicies, Planning};

/// How many tokens a user has at the most.
const MOST: usize = 15;

const TEXT: SqlType = SqlType::TEXT;
const TOKENS: Columns = &[
    ("name", TEXT),
    ("user_name", TEXT),
    ("role_restriction", TEXT),
    ("expires_at", SqlType::TimestampLtz),
    ("status", TEXT),
    ("created_on", SqlType::TimestampLtz),
];

impl Planning {
    /// ADD: its text is shown once and not kept.
    pub(super) fn add_token(&self, user: UserId, name: &Name, options: &Options) -> Result<Change> {
        let (access, session) = (&self.acting.access, &self.acting.session);
        let new = new_token(access, user, name, options)?;
        let definition = access.user(user).map(|user| user.definition());
        let governed = NetworkPolicies::of(self.resolver.head(), definition)?.any();
        let engine = self.session.engine();
        let text = Secret::new(text_of(engine.env.ids.secret()));
        let after = access.alter_tokens(session, user, |definition| {
            let (kind, tokens) = (definition.kind, &mut definition.tokens);
            if tokens.iter().any(|token| token.name == *name) {
                let what = format!("token '{name}' already exists");
                return Err(Error::new(Code::ALREADY_EXISTS, what));
            }
            if tokens.len() == MOST {
                let what = format!("a user has at most {MOST} tokens");
                return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what)
                    .with_help("ALTER USER .. REMOVE PROGRAMMATIC ACCESS TOKEN ends one"));
            }
            tokens.push(TokenRules::default().issue(new, &text, (kind, governed), engine.now())?);
            Ok(())
        })?;
        let change = self.accessed(&after, DONE)?;
        Ok(Change { issued: Some((name.clone(), text)), ..change })
    }

    /// REMOVE: what it opened from then on is refused.
    pub(super) fn remove_token(&self, user: UserId, name: &Name) -> Result<Change> {
        let remove = |definition: &mut UserDefinition| {
            let before = definition.tokens.len();
            definition.tokens.retain(|token| token.name != *name);
            match definition.tokens.len() < before {
                true => Ok(()),
                false => Err(Error::new(
                    Code::OBJECT_NOT_FOUND,
                    format!("token '{name}' does not exist or not authorized"),
                )),
            }
        };
        let after = self.acting.access.alter_tokens(&self.acting.session, user, remove)?;
        self.accessed(&after, DONE)
    }

    /// SHOW USER PROGRAMMATIC ACCESS TOKENS: the session's user's, or those of
    /// a user whom it owns.
    pub(in crate::statement) fn show_tokens(&self, show: &Show) -> Result<RecordBatch> {
        let (access, session) = (&self.acting.access, &self.acting.session);
        let asked = match &show.scope {
            Some(Scope::User(name)) => Some(self.user(name)?),
            Some(_) => return Err(Error::unsupported("SHOW USER PROGRAMMATIC ACCESS TOKENS IN")),
            None => session.user(),
        };
        let user = asked.and_then(|id| access.user(id).filter(|user| self.is_mine(id, user)));
        let Some(user) = user else {
            return match &show.scope {
                Some(Scope::User(name)) => Err(absent("user", &QualifiedName::bare(name.clone()))),
                _ => shown(show, TOKENS, Vec::new()),
            };
        };
        let found = user.definition().tokens.iter();
        let found = found.filter(|token| selected(show, token.name.as_str())).collect();
        let rows = cut(show, found).into_iter().map(|token| self.token_row(user.name(), token));
        shown(show, TOKENS, rows.collect())
    }

    fn token_row(&self, user: &Name, token: &TokenRecord) -> Vec<Cell> {
        let role = token.role.and_then(|role| self.acting.access.role(RoleId::new(role)));
        let end = TokenRules::default().end_of(token);
        let over = self.session.engine().now() >= end;
        vec![
            Cell::text(token.name.as_str()),
            Cell::text(user.as_str()),
            Cell::maybe_text(role.map(|role| role.name().as_str())),
            Cell::Time(end),
            Cell::text(if over { "EXPIRED" } else { "ACTIVE" }),
            Cell::Time(token.created),
        ]
    }
}

fn new_token(access: &Access, user: UserId, name: &Name, options: &Options) -> Result<NewToken> {
    let mut new = NewToken { name: name.clone(), role: None, days: None };
    for (key, value) in options.iter() {
        match (key, value) {
            ("ROLE_RESTRICTION", OptionValue::Word(role) | OptionValue::Text(role)) => {
                let role = Name::parse(role)?;
                let found = access
                    .role_id(None, &role)
                    .ok_or_else(|| absent("role", &QualifiedName::bare(role)))?;
                Session::restricted_to(access, user, found)?;
                new.role = Some(found);
            }
            ("DAYS_TO_EXPIRY", OptionValue::Number(days)) => {
                let days = days.parse().map_err(|_| invalid(key, value, "a number of days"))?;
                new.days = Some(days);
            }
            ("ROLE_RESTRICTION" | "DAYS_TO_EXPIRY", _) => {
                return Err(invalid(key, value, "another kind of value"));
            }
            _ => {
                return Err(Error::unsupported(format_args!("PROGRAMMATIC ACCESS TOKEN .. {key}")));
            }
        }
    }
    Ok(new)
}

/// Its beginning says what it is to who finds it where it should not be.
fn text_of(bits: [u8; 32]) -> String {
    let hex: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("icecore_pat_{hex}")
}
