//! RSA key pairs: the public key that is kept, and whether a text was signed
//! with the private one.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicEncryptingKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_types::{Code, Error, Name, Result, Secret, Timestamp, UserDefinition};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::{Access, UserId};

/// How long a signed text may be good for.
const LIFETIME_SECONDS: i64 = 3_600;

/// How far ahead the clock of who signed may be.
const AHEAD_SECONDS: i64 = 60;

/// Whose private half nobody has: for users without a key, so that it takes as
/// long as for those with one.
const NOBODYS: &str = include_str!("key/nobodys.b64");

/// An RSA public key of 2048 bits or more.
///
/// ```
/// use icecore_governance::PublicKey;
/// assert!(PublicKey::parse("MIIB").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads what stands between the lines of a PEM file `PUBLIC KEY`, or the
    /// file.
    ///
    /// # Errors
    /// `InvalidInput` for anything else, and for a key of less than 2048 bits.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let base64: String = lines.flat_map(str::split_whitespace).collect();
        let invalid = || {
            Error::new(Code::INVALID_OPTION, "not an RSA public key of 2048 bits or more")
                .with_help("openssl rsa -in rsa_key.p8 -pubout -out rsa_key.pub makes one")
        };
        let der = STANDARD.decode(base64).map_err(|_| invalid())?;
        let key = PublicEncryptingKey::from_der(&der).map_err(|_| invalid())?;
        if key.key_size_bits() < 2_048 { Err(invalid()) } else { Ok(Self(der)) }
    }

    /// As it is stored: base64 of its DER form.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// `SHA256:` and base64 of its hash, by which its owner knows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD.encode(digest(&SHA256, &self.0)))
    }

    fn verifying(&self) -> Option<DecodingKey> {
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", self.to_base64());
        DecodingKey::from_rsa_pem(pem.as_bytes()).ok()
    }
}

/// Whether a JSON Web Token of the algorithm RS256 was signed with a key of the
/// user, for this account, and is good now. Nobody has signed one.
///
/// ```
/// use icecore_governance::{Access, UserId, verify_jwt};
/// use icecore_types::{Secret, Timestamp};
/// let (access, now) = (Access::default(), Timestamp::from_micros(0));
/// assert!(!verify_jwt(&access, Some(UserId::DEFAULT), &Secret::new("a.b.c"), now));
/// ```
pub fn verify_jwt(access: &Access, user: Option<UserId>, given: &Secret, now: Timestamp) -> bool {
    let entry = user.and_then(|user| access.user(user));
    let definition = entry.map(|user| user.definition());
    let texts = definition.map(keys).unwrap_or_default();
    let nobody = Name::quoted("");
    let name = entry.map_or(&nobody, |user| user.name());
    if texts.is_empty() {
        let _work = signed(access, name, NOBODYS, given, now);
        return false;
    }
    let right = texts.iter().any(|key| signed(access, name, key, given, now));
    right && definition.is_some_and(|user| !user.disabled)
}

fn keys(user: &UserDefinition) -> Vec<&str> {
    [&user.public_key, &user.public_key_2].into_iter().flatten().map(String::as_str).collect()
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: i64,
    exp: i64,
}

fn signed(access: &Access, user: &Name, key: &str, given: &Secret, now: Timestamp) -> bool {
    let Ok(key) = PublicKey::parse(key) else { return false };
    let Some(verifying) = key.verifying() else { return false };
    // The account's clock says what is over, not the machine's.
    let mut rules = Validation::new(Algorithm::RS256);
    rules.required_spec_claims = HashSet::new();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    let Ok(token) = decode::<Claims>(given.expose(), &verifying, &rules) else { return false };
    let Claims { iss, sub, iat, exp } = token.claims;
    let subject = format!("{}.{}", access.account.as_str(), user.as_str());
    let now = now.as_micros().div_euclid(1_000_000);
    sub == subject
        && iss == format!("{subject}.{}", key.fingerprint())
        && iat <= now.saturating_add(AHEAD_SECONDS)
        && (0..=LIFETIME_SECONDS).contains(&exp.saturating_sub(iat))
        && now < exp
}

#[cfg(test)]
mod tests;
