use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::User;

const NOW: i64 = 1_790_000_000;
const MINE: &str = "DEFAULT.ICECORE";

/// A new key: the public half as it is given, and what signs with the other.
fn pair() -> (PublicKey, EncodingKey) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(private.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let public = PublicKey::parse(&STANDARD.encode(public.as_ref())).unwrap();
    (public, EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap())
}

fn with_keys(first: Option<&PublicKey>, second: Option<&PublicKey>, disabled: bool) -> Access {
    let access = Access::default();
    let user = access.user(UserId::DEFAULT).unwrap().clone();
    let mut definition = user.definition().clone();
    definition.public_key = first.map(PublicKey::to_base64);
    definition.public_key_2 = second.map(PublicKey::to_base64);
    definition.disabled = disabled;
    let user = User::new(user.name().clone(), user.owner(), definition);
    access.with_user(UserId::DEFAULT, Some(user))
}

fn claims(key: &PublicKey, (iat, exp): (i64, i64)) -> Value {
    json!({ "iss": format!("{MINE}.{}", key.fingerprint()), "sub": MINE, "iat": iat, "exp": exp })
}

fn good(access: &Access, text: &str) -> bool {
    let now = Timestamp::from_micros(NOW * 1_000_000);
    verify_jwt(access, Some(UserId::DEFAULT), &Secret::new(text), now)
}

fn text(key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(Algorithm::RS256), claims, key).unwrap()
}

#[test]
fn either_key_of_a_user_opens_for_an_hour_at_most() {
    let (old, signs_old) = pair();
    let (new, signs_new) = pair();
    let hour = (NOW - 10, NOW + 3_590);
    let both = with_keys(Some(&old), Some(&new), false);
    assert!(good(&both, &text(&signs_old, &claims(&old, hour))));
    assert!(good(&both, &text(&signs_new, &claims(&new, hour))));
    // Another key's fingerprint, another key's signature.
    assert!(!good(&both, &text(&signs_old, &claims(&new, hour))));
    assert!(!good(&with_keys(None, Some(&new), false), &text(&signs_old, &claims(&old, hour))));
    assert!(!good(&with_keys(None, None, false), &text(&signs_old, &claims(&old, hour))));
    assert!(!good(&with_keys(Some(&old), None, true), &text(&signs_old, &claims(&old, hour))));
    for (span, expected) in [
        ((NOW, NOW + 1), true),
        ((NOW - 3_599, NOW + 1), true),
        ((NOW - 3_600, NOW), false),
        ((NOW - 10, NOW + 3_591), false),
        ((NOW + 60, NOW + 120), true),
        ((NOW + 61, NOW + 120), false),
        ((NOW + 20, NOW + 10), false),
        ((i64::MIN, NOW + 10), false),
        ((NOW, i64::MAX), false),
    ] {
        let text = text(&signs_old, &claims(&old, span));
        assert_eq!(good(&both, &text), expected, "{span:?}");
    }
}

#[test]
fn what_is_not_for_this_user_and_account_opens_nothing() {
    let (key, signs) = pair();
    let access = with_keys(Some(&key), None, false);
    let right = claims(&key, (NOW, NOW + 60));
    assert!(good(&access, &text(&signs, &right)));
    for (claim, value) in [
        ("sub", json!("OTHER.ICECORE")),
        ("sub", json!("DEFAULT.ANA")),
        ("sub", json!("default.icecore")),
        ("iss", json!(MINE)),
        ("iss", json!(format!("DEFAULT.ANA.{}", key.fingerprint()))),
        ("exp", json!("tomorrow")),
        ("exp", Value::Null),
        ("iat", Value::Null),
    ] {
        let mut wrong = right.clone();
        wrong[claim] = value;
        assert!(!good(&access, &text(&signs, &wrong)), "{wrong}");
    }
}

/// The classical ways around a signature.
#[test]
fn a_signature_of_another_kind_is_none() {
    let (key, signs) = pair();
    let access = with_keys(Some(&key), None, false);
    let right = claims(&key, (NOW, NOW + 60));
    // The public key as the secret of a symmetric signature.
    let symmetric = EncodingKey::from_secret(key.to_base64().as_bytes());
    let forged = encode(&Header::new(Algorithm::HS256), &right, &symmetric).unwrap();
    assert!(!good(&access, &forged));
    let other = encode(&Header::new(Algorithm::RS512), &right, &signs).unwrap();
    assert!(!good(&access, &other));
    let signed = text(&signs, &right);
    let [_, body, signature] = signed.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let none = url.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for text in
        [format!("{none}.{body}."), format!("{none}.{body}.{signature}"), format!("{body}.{body}.")]
    {
        assert!(!good(&access, &text), "{text}");
    }
    let later = url.encode(claims(&key, (NOW, NOW + 120)).to_string());
    let head = signed.split('.').next().unwrap();
    assert!(!good(&access, &format!("{head}.{later}.{signature}")));
    for text in ["", ".", "..", "a.b.c", "\u{0}.\u{0}.\u{0}"] {
        assert!(!good(&access, text), "{text}");
    }
}

#[test]
fn a_key_is_read_as_openssl_writes_it() {
    let bare = PublicKey::parse(NOBODYS).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{NOBODYS}-----END PUBLIC KEY-----\n");
    assert_eq!(PublicKey::parse(&pem).unwrap(), bare);
    assert_eq!(PublicKey::parse(&bare.to_base64()).unwrap(), bare);
    assert!(bare.fingerprint().starts_with("SHA256:"));
    let short = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC162kiUmh3LCuaFN4MjzVq921S\
                 xNdlqSDzEZr68pidDyTJV/IdRUTO7Nw0FBFZpm2u9jafOhRbYeTPZ3IAslFYyU/z\
                 +abPHykDvJ0zy1JpsmO8t6nWlWU1MLj7J0PGLdbU9GUN8nbbGDQYIRfs6n7NrQnT\
                 3IjyANjQzh88Ua8xSwIDAQAB";
    for text in ["", "MIIB", "not base64!", short, &bare.to_base64()[8..]] {
        assert_eq!(PublicKey::parse(text).unwrap_err().code(), Code::INVALID_OPTION, "{text}");
    }
}
