//! Sessions of users who prove to be them.

mod attempts;
mod history;
mod proof;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use icecore_governance::{Access, TokenRules, User, UserId, verify_jwt, verify_password};
use icecore_types::{Code, Error, Name, Result, Secret};

use crate::Icecore;
use crate::engine::Engine;
use crate::session::{Session, SessionBuilder};
use crate::statement::NetworkPolicies;

use proof::Proof;

pub(crate) use history::{LoginRow, Logins};

/// A user who asks for a session, and what proves it. Nothing shows the proof.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::{Icecore, Login};
/// let lake = Icecore::open("memory://").await?;
/// let session = lake.session().role("useradmin").await?;
/// session.execute("CREATE USER ana PASSWORD = 'Hidden-77'").await?;
///
/// let login = Login::new("ana").password("Hidden-77").client("notebook", "1.0");
/// assert!(!format!("{login:?}").contains("Hidden-77"));
/// assert!(lake.login(login).await.is_ok());
/// let wrong = lake.login(Login::new("ana").password("hidden-77")).await.unwrap_err();
/// let unknown = lake.login(Login::new("bob").password("Hidden-77")).await.unwrap_err();
/// assert_eq!(wrong.message(), unknown.message());
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
#[must_use = "nobody is logged in until it is given to Icecore::login"]
pub struct Login {
    user: String,
    proof: Proof,
    address: Option<IpAddr>,
    client: Option<(String, String)>,
    role: Option<String>,
    database: Option<String>,
    schema: Option<String>,
}

impl Icecore {
    /// A session of a user who proves to be one: for a server, which must not
    /// trust its callers. It stands in LOGIN_HISTORY, also when it fails.
    ///
    /// # Errors
    /// `Denied`, and never why, for an unknown user, a wrong proof and a
    /// disabled user; `Denied` for an address that the account's network policy
    /// keeps out, and for a role that the user does not have.
    pub async fn login(&self, login: Login) -> Result<Session> {
        login.open(self.engine()).await
    }
}

impl Login {
    /// Of the user of this name, which is a SQL identifier.
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            proof: Proof::Password(Secret::new("")),
            address: None,
            client: None,
            role: None,
            database: None,
            schema: None,
        }
    }

    /// The user's password.
    pub fn password(mut self, password: &str) -> Self {
        self.proof = Proof::Password(Secret::new(password));
        self
    }

    /// The text of a programmatic access token of the user, which a network
    /// policy must stand before.
    pub fn token(mut self, text: &str) -> Self {
        self.proof = Proof::Token(Secret::new(text));
        self
    }

    /// A JSON Web Token that the user's private key signed with RS256: its
    /// `iss` is `ACCOUNT.USER.SHA256:fingerprint`, its `sub` `ACCOUNT.USER`,
    /// and `exp` is at most an hour after `iat`. The account is DEFAULT.
    pub fn jwt(mut self, text: &str) -> Self {
        self.proof = Proof::Jwt(Secret::new(text));
        self
    }

    /// From where the request came.
    pub fn from(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The program that asks, as it says, and its version.
    pub fn client(mut self, name: &str, version: &str) -> Self {
        self.client = Some((name.to_owned(), version.to_owned()));
        self
    }

    /// The role to begin in; that of the user's default if none is named.
    pub fn role(mut self, name: &str) -> Self {
        self.role = Some(name.to_owned());
        self
    }

    /// The database to begin in.
    pub fn database(mut self, name: &str) -> Self {
        self.database = Some(name.to_owned());
        self
    }

    /// The schema to begin in.
    pub fn schema(mut self, name: &str) -> Self {
        self.schema = Some(name.to_owned());
        self
    }

    /// Opens the session, and remembers how that went.
    pub(crate) async fn open(self, engine: &Arc<Engine>) -> Result<Session> {
        let head = engine.latest().await?;
        let access = engine.access.of(&head)?;
        let name = Name::parse(&self.user).ok();
        let user = name.as_ref().and_then(|name| access.user_id(name));
        let entry = user.and_then(|user| access.user(user));
        let policies = NetworkPolicies::of(&head, entry.map(User::definition))?;
        let opened = match self.comes_in(&policies).await {
            Ok(()) => self.enter(engine, (&access, user), policies.any()).await,
            Err(refused) => Err(refused),
        };
        engine.logins.record(LoginRow {
            event: engine.env.ids.next() as u64 >> 1,
            at: engine.now(),
            // What is no user may be a password in the wrong place.
            user: user.and_then(|user| access.user(user)).map(|user| user.name().clone()),
            address: self.address,
            factor: self.proof.factor(),
            client: self.client.clone(),
            error: opened.as_ref().err().map(LoginRow::error_of),
        });
        if engine.settings.audit.strict {
            // What is not on record did not happen.
            engine.logins.flush().await?;
        }
        // That there is a policy of the user's own says that there is the user.
        opened.map_err(|error| match policies.of_user {
            Some(_) if error.code() == Code::ADDRESS_REFUSED => self.proof.refused(),
            _ => error,
        })
    }

    /// Judged before any proof: who may not come in does not guess. Where the
    /// policy is the user's own it takes as long as a wrong password.
    async fn comes_in(&self, policies: &NetworkPolicies) -> Result<()> {
        let judged = self.judged(policies);
        if let (Err(_), Some(_), Proof::Password(given)) = (&judged, &policies.of_user, &self.proof)
        {
            let given = given.clone();
            off_thread(move || verify_password(None, &given)).await?;
        }
        judged
    }

    fn judged(&self, policies: &NetworkPolicies) -> Result<()> {
        let Some(policy) = policies.of_user.as_ref().or(policies.of_account.as_ref()) else {
            return Ok(());
        };
        let Some(address) = self.address else {
            let what = "a login without an address, which a network policy judges";
            return Err(Error::new(Code::ADDRESS_REFUSED, what)
                .with_help("Login::from says where the request came from"));
        };
        policy.admits(address)
    }

    /// Past the network policies, if there are any.
    async fn enter(
        &self,
        engine: &Arc<Engine>,
        (access, user): (&Access, Option<UserId>),
        governed: bool,
    ) -> Result<Session> {
        let builder = SessionBuilder::new(Arc::clone(engine));
        match &self.proof {
            Proof::Password(given) => {
                if !self.is_password(engine, (access, user), given).await? {
                    return Err(self.proof.refused());
                }
                self.begin(builder.user(&self.user)).await
            }
            Proof::Jwt(given) => {
                if !verify_jwt(access, user, given, engine.now()) {
                    return Err(self.proof.refused());
                }
                self.begin(builder.user(&self.user)).await
            }
            Proof::Token(given) => {
                let role = self.role.as_deref().map(Name::parse).transpose()?;
                let asked = (role.as_ref(), governed);
                let rules = TokenRules::default();
                let principal = rules.open(access, (user, given), asked, engine.now())?;
                self.begin(builder.opened(principal)).await
            }
        }
    }

    /// The same work whoever it is and whatever is wrong.
    async fn is_password(
        &self,
        engine: &Engine,
        (access, user): (&Access, Option<UserId>),
        given: &Secret,
    ) -> Result<bool> {
        let now = engine.now();
        let entry = user.and_then(|user| access.user(user));
        let mut guesses = match user {
            Some(user) => Some(engine.logins.attempts().turn(user).await),
            None => None,
        };
        let locked = guesses.as_ref().is_some_and(|guesses| guesses.is_locked(now));
        let stored = entry.and_then(|user| user.definition().password.clone());
        let given = given.clone();
        let right = off_thread(move || verify_password(stored.as_deref(), &given)).await?;
        if let Some(guesses) = guesses.as_mut().filter(|_| !locked) {
            guesses.tried(right, now);
        }
        let enabled = entry.is_some_and(|user| !user.definition().disabled);
        Ok(right && enabled && !locked)
    }

    async fn begin(&self, mut builder: SessionBuilder) -> Result<Session> {
        if let Some(role) = &self.role {
            builder = builder.role(role);
        }
        if let Some(database) = &self.database {
            builder = builder.database(database);
        }
        if let Some(schema) = &self.schema {
            builder = builder.schema(schema);
        }
        builder.await
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("address", &self.address)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Does what takes long away from the threads that serve others.
///
/// # Errors
/// `Internal` if it stops without an end.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|stopped| Error::internal("work on a password").with_source(stopped))
}
