//! Passwords: kept as argon2id hashes.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use icecore_types::{Code, Error, Result, Secret};

/// How many bytes make two hashes of one password differ.
const SALT_BYTES: usize = 16;

/// How many characters a password has.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

/// The PHC string of a new password's hash. It takes long by intent: never on
/// a thread that serves others.
///
/// # Errors
/// `InvalidInput` for a password that is too short, too long, or without an
/// upper-case letter, a lower-case letter or a digit.
///
/// ```
/// use icecore_governance::{hash_password, verify_password};
/// use icecore_types::Secret;
/// let hash = hash_password(&Secret::new("Hidden-77"), [7; 16])?;
/// assert!(hash.starts_with("$argon2id$v=19$"));
/// assert!(verify_password(Some(&hash), &Secret::new("Hidden-77")));
/// assert!(!verify_password(Some(&hash), &Secret::new("hidden-77")));
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn hash_password(password: &Secret, salt: [u8; SALT_BYTES]) -> Result<String> {
    let text = password.expose();
    let has = |is: fn(char) -> bool| text.chars().any(is);
    let is_mixed = has(char::is_uppercase) && has(char::is_lowercase) && has(char::is_numeric);
    if !LENGTHS.contains(&text.chars().count()) || !is_mixed {
        return Err(Error::new(Code::INVALID_OPTION, "the password is not strong enough")
            .with_help("8 to 256 characters, with upper case, lower case and a digit"));
    }
    let hash = Argon2::default().hash_password_with_salt(text.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| Error::internal("the hash of a password"))
}

/// Whether a password is the one of a stored hash. Without one, or with one
/// that cannot be read, it is not, after the same work.
///
/// ```
/// use icecore_governance::verify_password;
/// use icecore_types::Secret;
/// assert!(!verify_password(None, &Secret::new("Hidden-77")));
/// ```
pub fn verify_password(stored: Option<&str>, given: &Secret) -> bool {
    let (hasher, given) = (Argon2::default(), given.expose().as_bytes());
    match stored.and_then(|text| PasswordHash::new(text).ok()) {
        Some(hash) => hasher.verify_password(given, &hash).is_ok(),
        None => {
            let _work = hasher.hash_password_with_salt(given, &[0; SALT_BYTES]);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_and_not_shown() {
        for weak in ["", "Abc-123", "lowercase-7", "UPPERCASE-7", "No-digits-at-all"] {
            let refused = hash_password(&Secret::new(weak), [0; 16]).unwrap_err();
            assert!(weak.is_empty() || !format!("{refused:?}").contains(weak));
        }
        assert!(hash_password(&Secret::new("Aa1".repeat(86)), [0; 16]).is_err());
    }

    #[test]
    fn one_password_has_many_hashes_and_none_opens_without() {
        let password = Secret::new("Hidden-77");
        let one = hash_password(&password, [1; 16]).unwrap();
        let other = hash_password(&password, [2; 16]).unwrap();
        assert_ne!(one, other);
        assert!(verify_password(Some(&one), &password) && verify_password(Some(&other), &password));
        for stored in [None, Some(""), Some("Hidden-77"), Some("$argon2id$")] {
            assert!(!verify_password(stored, &password), "{stored:?}");
        }
    }
}
