//! What shows that somebody is a user.

use icecore_types::{Code, Error, Secret};
use serde::{Deserialize, Serialize};

/// What a login gives. Nothing shows it.
#[derive(Clone)]
pub(super) enum Proof {
    Password(Secret),
    Token(Secret),
    Jwt(Secret),
}

impl Proof {
    pub(super) fn factor(&self) -> Factor {
        match self {
            Self::Password(_) => Factor::Password,
            Self::Token(_) => Factor::Token,
            Self::Jwt(_) => Factor::KeyPair,
        }
    }

    /// That it is no proof, and never why.
    pub(super) fn refused(&self) -> Error {
        match self {
            Self::Password(_) => {
                Error::new(Code::LOGIN_FAILED, "incorrect username or password was specified")
            }
            Self::Token(_) => {
                Error::new(Code::TOKEN_INVALID, "programmatic access token is invalid")
            }
            Self::Jwt(_) => Error::new(Code::JWT_INVALID, "JWT token is invalid"),
        }
    }
}

/// The kind of a proof, as the history keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Factor {
    #[default]
    Password,
    Token,
    KeyPair,
}

impl Factor {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::Token => "PROGRAMMATIC_ACCESS_TOKEN",
            Self::KeyPair => "RSA_KEYPAIR",
        }
    }
}
