//! Sessions of users who prove to be them, and what is remembered of it.

use std::time::Duration;

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
