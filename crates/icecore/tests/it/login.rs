//! Sessions of users who prove to be them, and what is remembered of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use icecore::{Icecore, Login, Session};

const PASSWORD: &str = "Hidden-77";

async fn run(session: &Session, sql: &str) {
    let done = session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    done.collect().await.unwrap();
}

async fn shown(session: &Session, sql: &str) -> String {
    super::rows(session, sql).await.join("\n")
}

/// An account with a user ANA who has a password, and its administrator.
async fn with_ana(lake: &Icecore) -> Session {
    let admin = lake.session().role("accountadmin").await.unwrap();
    run(&admin, &format!("CREATE USER ana PASSWORD = '{PASSWORD}' COMMENT = 'kept'")).await;
    admin
}

async fn code(lake: &Icecore, user: &str, password: &str) -> String {
    match lake.login(Login::new(user).password(password)).await {
        Ok(_) => "in".to_owned(),
        Err(error) => format!("{} {}", error.code().number(), error.message()),
    }
}

const REFUSED: &str = "390100 incorrect username or password was specified";

/// A12.4: a wrong password stands in the history with its error.
#[tokio::test]
async fn who_is_refused_is_not_told_why() {
    let lake = Icecore::open("memory://").await.unwrap();
    let admin = with_ana(&lake).await;
    run(&admin, "CREATE USER off PASSWORD = 'Hidden-77' DISABLED = TRUE; CREATE USER bare").await;
    let address = "10.1.2.3".parse().unwrap();
    let login = Login::new("ana").password(PASSWORD).from(address).client("notebook", "1.0");
    let ana = lake.login(login).await.unwrap();
    assert!(shown(&ana, "SELECT CURRENT_USER()").await.contains("ANA"));
    for (user, password) in
        [("ana", "hidden-77"), ("ana", ""), ("off", PASSWORD), ("bare", ""), ("nobody", PASSWORD)]
    {
        assert_eq!(code(&lake, user, password).await, REFUSED, "{user}");
    }
    assert_eq!(lake.login(Login::new("ana")).await.unwrap_err().message(), &REFUSED[7..]);
    let role = Login::new("ana").password(PASSWORD).role("sysadmin");
    assert_eq!(lake.login(role).await.unwrap_err().code().number(), "003013");

    let sql = "SELECT user_name, is_success, error_code, client_ip, reported_client_type \
               FROM TABLE(icecore.information_schema.login_history())";
    let all = shown(&admin, sql).await;
    assert_eq!(all.matches("390100").count(), 6, "{all}");
    assert!(all.contains("10.1.2.3") && all.contains("notebook"), "{all}");
    let mine = shown(&ana, sql).await;
    assert!(mine.lines().count() == 5 && mine.lines().all(|row| row.starts_with("ANA|")), "{mine}");
    let usage = "SELECT COUNT(*), COUNT(user_name) FROM snowflake.account_usage.login_history";
    assert_eq!(shown(&admin, usage).await, "8|7");
}

#[tokio::test]
async fn no_password_is_kept_or_shown() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Icecore::open(folder.path().to_str().unwrap()).await.unwrap();
    let admin = with_ana(&lake).await;
    run(&admin, "ALTER USER ana SET PASSWORD = 'Hidden-88'").await;
    run(&admin, "EXPLAIN ACCESS ALTER USER ana SET PASSWORD = 'Hidden-89'").await;
    for sql in [
        "ALTER USER ana SET PASSWORD = 'Hidden-90",
        "ALTER USR ana SET PASSWORD = 'Hidden-91'",
        "ALTER USER ana SET PASSWORD = 'hidden-92'",
        "CREATE USER svc TYPE = SERVICE PASSWORD = 'Hidden-93'",
        "CREATE USER bob PASSWORD = 'Hidden-94' NOSUCH = 1",
        "ALTER USER ana SET PASSWORD = Hidden_95",
        "ALTER USER ana SET PASSWORD = ('Hidden-96')",
    ] {
        let error = admin.execute(sql).await.unwrap_err();
        assert!(
            !format!("{error:?} {error}").to_lowercase().contains("hidden"),
            "{sql}: {error:?}"
        );
    }
    let login = Login::new("ana").password("Hidden-88");
    assert!(!format!("{login:?}").contains("Hidden"));
    lake.login(login).await.unwrap();
    assert_eq!(code(&lake, "ana", PASSWORD).await, REFUSED);
    for sql in [
        "SELECT query_text, error_message FROM TABLE(information_schema.query_history())",
        "SELECT * FROM snowflake.account_usage.access_history",
        "SELECT * FROM snowflake.account_usage.users",
        "SHOW USERS",
    ] {
        let text = shown(&admin, sql).await.to_lowercase();
        assert!(!text.contains("hidden-") && !text.contains("hidden_95"), "{sql}: {text}");
        assert!(!text.contains("argon2"), "{sql}: {text}");
    }
    drop(admin);
    lake.close().await.unwrap();
    for entry in files(folder.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        let found = bytes.windows(7).any(|bytes| bytes.eq_ignore_ascii_case(b"hidden-"));
        assert!(!found, "{}", entry.display());
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn wrong_passwords_lock_a_user_out_for_a_while() {
    let lake = super::engine().await;
    let _admin = with_ana(&lake).await;
    for _ in 0..5 {
        assert_eq!(code(&lake, "ana", "wrong").await, REFUSED);
    }
    assert_eq!(code(&lake, "ana", PASSWORD).await, REFUSED);
    lake.advance(Duration::from_secs(14 * 60)).await.unwrap();
    assert_eq!(code(&lake, "ana", PASSWORD).await, REFUSED);
    lake.advance(Duration::from_secs(60)).await.unwrap();
    assert_eq!(code(&lake, "ana", PASSWORD).await, "in");
}

#[tokio::test]
async fn logins_are_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().to_str().unwrap();
    let sql = "SELECT * FROM snowflake.account_usage.login_history";
    let before = {
        let lake = Icecore::open(url).await.unwrap();
        let admin = with_ana(&lake).await;
        assert_eq!(code(&lake, "ana", PASSWORD).await, "in");
        assert_eq!(code(&lake, "ana", "wrong").await, REFUSED);
        let before = shown(&admin, sql).await;
        drop(admin);
        lake.close().await.unwrap();
        before
    };
    let lake = Icecore::open(url).await.unwrap();
    let admin = lake.session().role("accountadmin").await.unwrap();
    assert_eq!(shown(&admin, sql).await, before);
    assert!(before.contains("YES") && before.contains("NO"));
    assert_eq!(code(&lake, "ana", PASSWORD).await, "in");
}

async fn from(lake: &Icecore, user: &str, address: &str) -> String {
    let mut login = Login::new(user).password(PASSWORD);
    if !address.is_empty() {
        login = login.from(address.parse().unwrap());
    }
    match lake.login(login).await {
        Ok(_) => "in".to_owned(),
        Err(error) => error.code().number().to_owned(),
    }
}

/// A10.8, and what else an address may be.
#[tokio::test]
async fn a_network_policy_stands_before_the_password() {
    let lake = Icecore::open("memory://").await.unwrap();
    let admin = with_ana(&lake).await;
    run(
        &admin,
        "CREATE USER bob PASSWORD = 'Hidden-77'; CREATE DATABASE d; \
         CREATE NETWORK RULE office TYPE = IPV4 VALUE_LIST = ('192.168.1.0/24'); \
         CREATE NETWORK RULE six TYPE = IPV6 VALUE_LIST = ('2001:db8::/32'); \
         CREATE NETWORK POLICY all_of_us ALLOWED_NETWORK_RULE_LIST = ('office', 'six') \
             BLOCKED_IP_LIST = ('192.168.1.99'); \
         CREATE NETWORK POLICY home ALLOWED_IP_LIST = ('10.0.0.1'); \
         ALTER ACCOUNT SET NETWORK_POLICY = all_of_us",
    )
    .await;
    for (address, expected) in [
        ("192.168.1.5", "in"),
        ("192.168.1.99", "390422"),
        ("10.0.0.1", "390422"),
        ("::ffff:192.168.1.5", "in"),
        ("::ffff:192.168.1.99", "390422"),
        ("2001:db8::7", "in"),
        ("2001:db9::7", "390422"),
        ("", "390422"),
    ] {
        assert_eq!(from(&lake, "ana", address).await, expected, "{address}");
        let nobody = if expected == "in" { "390100" } else { expected };
        assert_eq!(from(&lake, "nobody", address).await, nobody, "{address}");
    }
    run(&admin, "ALTER USER ana SET NETWORK_POLICY = home").await;
    for (address, expected) in [("10.0.0.1", "in"), ("192.168.1.5", "390100"), ("", "390100")] {
        assert_eq!(from(&lake, "ana", address).await, expected, "{address}");
    }
    assert_eq!(from(&lake, "bob", "192.168.1.5").await, "in");
    let sql = "SELECT error_code, COUNT(*) FROM snowflake.account_usage.login_history \
               WHERE user_name = 'ANA' GROUP BY 1 ORDER BY 1";
    assert_eq!(shown(&admin, sql).await, "390422|7\nNULL|4");
    run(&admin, "ALTER NETWORK RULE office SET VALUE_LIST = ('172.16.0.0/12')").await;
    assert_eq!(from(&lake, "bob", "192.168.1.5").await, "390422");
    run(&admin, "ALTER ACCOUNT UNSET NETWORK_POLICY; ALTER USER ana UNSET NETWORK_POLICY").await;
    for user in ["ana", "bob"] {
        assert_eq!(from(&lake, user, "8.8.8.8").await, "in");
    }
}

/// Who is kept out by an address guesses no password, and locks nobody out.
#[tokio::test]
async fn an_address_that_is_refused_is_no_guess() {
    let lake = super::engine().await;
    let admin = with_ana(&lake).await;
    run(
        &admin,
        "CREATE NETWORK POLICY p ALLOWED_IP_LIST = ('10.0.0.1'); \
         ALTER ACCOUNT SET NETWORK_POLICY = p",
    )
    .await;
    for _ in 0..7 {
        let login = Login::new("ana").password("wrong").from("10.0.0.2".parse().unwrap());
        assert_eq!(lake.login(login).await.unwrap_err().code().number(), "390422");
    }
    assert_eq!(from(&lake, "ana", "10.0.0.1").await, "in");
}

const OFFICE: &str = "CREATE NETWORK POLICY office ALLOWED_IP_LIST = ('10.0.0.0/8'); \
                      ALTER ACCOUNT SET NETWORK_POLICY = office";

async fn issued(session: &Session, sql: &str) -> String {
    let row = shown(session, sql).await;
    let text = row.split('|').nth(1).unwrap().to_owned();
    assert!(text.starts_with("icecore_pat_") && text.len() == 76, "{text}");
    text
}

fn with_token(user: &str, text: &str) -> Login {
    Login::new(user).token(text).from("10.0.0.1".parse().unwrap())
}

async fn number(lake: &Icecore, login: Login) -> String {
    match lake.login(login).await {
        Ok(_) => "in".to_owned(),
        Err(error) => error.code().number().to_owned(),
    }
}

/// A10.10
#[tokio::test]
async fn a_token_opens_for_its_time_and_its_role() {
    let lake = super::engine().await;
    let admin = with_ana(&lake).await;
    run(
        &admin,
        "CREATE ROLE r; CREATE ROLE s; GRANT ROLE r TO USER ana; GRANT ROLE s TO USER ana; \
         GRANT ROLE sysadmin TO ROLE s; CREATE DATABASE d; CREATE TABLE d.public.t (a INT); \
         GRANT USAGE ON DATABASE d TO ROLE s; GRANT USAGE ON SCHEMA d.public TO ROLE s; \
         GRANT SELECT ON TABLE d.public.t TO ROLE s",
    )
    .await;
    let narrow = issued(&admin, "ALTER USER ana ADD PAT narrow ROLE_RESTRICTION = 'R'").await;
    let wide = issued(&admin, "ALTER USER ana ADD PAT wide DAYS_TO_EXPIRY = 30").await;
    // Without a network policy before the user none is good.
    assert_eq!(number(&lake, with_token("ana", &narrow)).await, "394400");
    run(&admin, OFFICE).await;
    let session = lake.login(with_token("ana", &narrow)).await.unwrap();
    assert_eq!(shown(&session, "SELECT CURRENT_USER(), CURRENT_ROLE()").await, "ANA|R");
    for sql in ["USE ROLE s", "USE SECONDARY ROLES ALL", "SELECT * FROM d.public.t"] {
        assert!(session.execute(sql).await.is_err(), "{sql}");
    }
    let free = lake.login(with_token("ana", &wide).role("s")).await.unwrap();
    run(&free, "SELECT * FROM d.public.t; USE ROLE r").await;
    // What a token opened makes no other, and ends none.
    for (session, sql) in [
        (&session, "ALTER USER ana ADD PAT more"),
        (&free, "ALTER USER ana ADD PAT more"),
        (&free, "ALTER USER ana REMOVE PAT narrow"),
    ] {
        let refused = session.execute(sql).await.unwrap_err();
        assert_eq!(refused.code().number(), "003001", "{sql}");
    }
    for (login, expected) in [
        (with_token("ana", &narrow).role("s"), "003013"),
        (with_token("ana", &narrow[..75]), "394400"),
        (with_token("ana", ""), "394400"),
        (with_token("nobody", &narrow), "394400"),
        (with_token("ana", PASSWORD), "394400"),
        (Login::new("ana").password(&narrow).from("10.0.0.1".parse().unwrap()), "390100"),
        (with_token("ana", &narrow).from("11.0.0.1".parse().unwrap()), "390422"),
    ] {
        assert_eq!(number(&lake, login.clone()).await, expected, "{login:?}");
    }
    lake.advance(Duration::from_secs(16 * 86_400)).await.unwrap();
    assert_eq!(number(&lake, with_token("ana", &narrow)).await, "394400");
    assert_eq!(number(&lake, with_token("ana", &wide)).await, "in");
    run(&admin, "ALTER USER ana REMOVE PAT wide").await;
    assert_eq!(number(&lake, with_token("ana", &wide)).await, "394400");
    let sql = "SELECT first_authentication_factor, is_success, COUNT(*) \
               FROM snowflake.account_usage.login_history \
               WHERE user_name = 'ANA' GROUP BY 1, 2 ORDER BY 1, 2";
    let expected = "PASSWORD|NO|1\nPROGRAMMATIC_ACCESS_TOKEN|NO|8\nPROGRAMMATIC_ACCESS_TOKEN|YES|3";
    assert_eq!(shown(&admin, sql).await, expected);
}

/// The text of a token stands nowhere once it was shown.
#[tokio::test]
async fn no_token_is_kept_or_shown() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Icecore::open(folder.path().to_str().unwrap()).await.unwrap();
    let admin = with_ana(&lake).await;
    run(&admin, OFFICE).await;
    let text = issued(&admin, "ALTER USER ana ADD PAT t").await;
    assert!(!format!("{:?}", with_token("ana", &text)).contains(&text));
    for sql in [
        "SELECT * FROM TABLE(information_schema.query_history())",
        "SELECT * FROM snowflake.account_usage.access_history",
        "SELECT * FROM snowflake.account_usage.users",
        "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ana",
    ] {
        assert!(!shown(&admin, sql).await.contains(&text), "{sql}");
    }
    drop(admin);
    lake.close().await.unwrap();
    for entry in files(folder.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        let found = bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        assert!(!found, "{}", entry.display());
    }
    let lake = Icecore::open(folder.path().to_str().unwrap()).await.unwrap();
    assert_eq!(number(&lake, with_token("ana", &text)).await, "in");
}

/// A12.4: of a signed text of no user nobody's name is kept.
#[tokio::test]
async fn a_key_of_the_user_opens() {
    let lake = super::engine().await;
    let admin = with_ana(&lake).await;
    let (key, second) = (KeyPair::new(), KeyPair::new());
    run(&admin, &format!("ALTER USER ana SET RSA_PUBLIC_KEY = '{}'", key.public())).await;
    let now = shown(&admin, "SELECT DATE_PART(epoch_second, CURRENT_TIMESTAMP())").await;
    let now: i64 = now.parse().unwrap();
    let jwt = |key: &KeyPair, user: &str| Login::new(user).jwt(&key.sign("DEFAULT.ANA", now));
    let session = lake.login(jwt(&key, "ana").role("public")).await.unwrap();
    assert_eq!(shown(&session, "SELECT CURRENT_USER()").await, "ANA");
    for (login, expected) in [
        (jwt(&second, "ana"), "390144"),
        (jwt(&key, "nobody"), "390144"),
        (jwt(&key, "icecore"), "390144"),
        (Login::new("ana").jwt(&key.sign("DEFAULT.NOBODY", now)), "390144"),
        (Login::new("ana").jwt(PASSWORD), "390144"),
    ] {
        assert_eq!(number(&lake, login.clone()).await, expected, "{login:?}");
    }
    // One key follows the other.
    let sql = format!("ALTER USER ana SET RSA_PUBLIC_KEY_2 = '{}'", second.public());
    run(&admin, &sql).await;
    for key in [&key, &second] {
        assert_eq!(number(&lake, jwt(key, "ana")).await, "in");
    }
    run(&admin, "ALTER USER ana UNSET RSA_PUBLIC_KEY").await;
    assert_eq!(number(&lake, jwt(&key, "ana")).await, "390144");
    assert_eq!(number(&lake, jwt(&second, "ana")).await, "in");
    run(&admin, "ALTER USER ana SET DISABLED = TRUE").await;
    assert_eq!(number(&lake, jwt(&second, "ana")).await, "390144");
    let sql = "SELECT user_name, is_success, COUNT(*) \
               FROM snowflake.account_usage.login_history \
               WHERE first_authentication_factor = 'RSA_KEYPAIR' GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(shown(&admin, sql).await, "ANA|NO|5\nANA|YES|4\nICECORE|NO|1\nNULL|NO|1");
}

/// A session that is open ends with what opened it.
#[tokio::test]
async fn who_is_disabled_does_nothing_more() {
    let lake = Icecore::open("memory://").await.unwrap();
    let admin = with_ana(&lake).await;
    run(
        &admin,
        "CREATE ROLE r; GRANT ROLE r TO USER ana; CREATE DATABASE d; \
         CREATE TABLE d.public.t (a INT); GRANT USAGE ON DATABASE d TO ROLE r; \
         GRANT USAGE ON SCHEMA d.public TO ROLE r; GRANT SELECT ON TABLE d.public.t TO ROLE r",
    )
    .await;
    let ana = lake.login(Login::new("ana").password(PASSWORD).role("r")).await.unwrap();
    run(&ana, "SELECT * FROM d.public.t").await;
    run(&admin, "ALTER USER ana SET DISABLED = TRUE").await;
    for sql in ["SELECT * FROM d.public.t", "USE ROLE r", "SHOW TABLES IN SCHEMA d.public"] {
        let refused = ana.execute(sql).await;
        let seen = match refused {
            Ok(done) => !done.collect().await.unwrap().is_empty(),
            Err(_) => false,
        };
        assert!(!seen, "{sql}");
    }
    run(&admin, "ALTER USER ana SET DISABLED = FALSE").await;
    run(&ana, "SELECT * FROM d.public.t").await;
}

/// A new RSA key.
struct KeyPair(aws_lc_rs::rsa::KeyPair);

impl KeyPair {
    fn new() -> Self {
        Self(aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap())
    }

    fn public(&self) -> String {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        use aws_lc_rs::signature::KeyPair;
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        BASE64.encode(der.as_ref())
    }

    fn sign(&self, subject: &str, now: i64) -> String {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let public = BASE64.decode(self.public()).unwrap();
        let print = BASE64.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &public));
        let claims = serde_json::json!({
            "iss": format!("{subject}.SHA256:{print}"), "sub": subject, "iat": now, "exp": now + 60,
        });
        let der: Pkcs8V1Der<'_> = self.0.as_der().unwrap();
        let text = BASE64.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }
}
