//! Who sends a request: sessions kept on the server, named by a random cookie that the database knows only as a
//! hash; and the token that ties a form to its session.

use std::future::{Ready, ready};

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use diesel::prelude::*;
use ledger::{Hash, Hasher, PublicKey, Tag};
use vocabulary::{Role, Standing};

use crate::accounts::{User, millis, sessions, users};
use crate::db::{AnyConnection, DatabaseError};
use crate::error::WebError;
use crate::language::Lang;
use crate::page::{NavItem, Notice, Page};

/// The cookie of somebody who signed in.
pub(crate) const SESSION: &str = "permuta_session";
/// The cookie of somebody who has not; it ties the sign-in form to the browser.
pub(crate) const VISIT: &str = "permuta_visit";
/// The cookie of the chosen language.
pub(crate) const LANGUAGE: &str = "permuta_lang";

/// The cookie with the public keys of this browser, written by its scripts.
pub(crate) const KEYS: &str = "permuta_keys";

/// A session ends this long after it began, whatever happens.
const LONGEST_MS: i64 = 7 * 86_400_000;
/// A session ends after this long without a request.
const IDLE_MS: i64 = 12 * 3_600_000;
/// How exactly the last request is remembered.
const SEEN_STEP_MS: i64 = 5 * 60_000;
/// The most sessions of one login; older ones end.
const MAX_SESSIONS: usize = 20;

/// What the chains say of a signed-in party, as the read model has it.
#[derive(Clone, Debug)]
pub struct PartyFacts {
    /// How it stands.
    pub standing: Standing,
    /// What it may be.
    pub roles: vocabulary::Roles,
    /// How many contracts wait for its signature.
    pub to_sign: usize,
    /// How many requests or registrations wait for its answer.
    pub to_answer: usize,
}

/// Whoever sends a request.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The login, if signed in.
    pub user: Option<User>,
    /// What the chains say of its company, once it registered.
    pub party: Option<PartyFacts>,
    /// The language of the interface.
    pub lang: Lang,
    /// The path asked for, with its query.
    pub path: String,
    /// The token that forms carry.
    pub csrf: String,
    /// The public keys that this browser says it signs with; only used to choose among an account's keys.
    pub browser_keys: Vec<PublicKey>,
    /// Whether this is the demonstration.
    pub demo: bool,
    /// Whether validators cheated, so that people have to decide before anything is done outside.
    pub halted: bool,
}

impl Visitor {
    /// The login.
    ///
    /// # Errors
    /// [`WebError::SignIn`] when nobody is signed in.
    pub fn user(&self) -> Result<&User, WebError> {
        self.user.as_ref().ok_or_else(|| WebError::SignIn { next: self.path.clone() })
    }

    /// The account on the chains of whoever is signed in.
    ///
    /// # Errors
    /// [`WebError::SignIn`] when nobody is; [`WebError::Forbidden`] when the login has no key yet.
    pub fn address(&self) -> Result<ledger::Address, WebError> {
        self.user()?.address().ok_or(WebError::Forbidden { needs: "a login with a signing key" })
    }

    /// Whether the signed-in party has `role` and is not kept from using it.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.party.as_ref().is_some_and(|party| party.standing == Standing::Admitted && party.roles.has(role))
    }

    /// The account of a party that has `role`.
    ///
    /// # Errors
    /// [`WebError::SignIn`] when nobody is signed in, [`WebError::Forbidden`] when the role is missing.
    pub fn require(&self, role: Role) -> Result<ledger::Address, WebError> {
        let address = self.address()?;
        if self.has(role) { Ok(address) } else { Err(WebError::Forbidden { needs: needs(role) }) }
    }

    /// Whether somebody is signed in who trades, or has not registered as anything yet.
    #[must_use]
    pub fn trades(&self) -> bool {
        self.user.is_some() && self.party.as_ref().is_none_or(|party| party.roles.has(Role::Trader))
    }

    /// The account of somebody who trades.
    ///
    /// # Errors
    /// Those of [`Visitor::address`]; [`WebError::Forbidden`] for organisations with other roles only.
    pub fn trader(&self) -> Result<ledger::Address, WebError> {
        let address = self.address()?;
        if self.trades() { Ok(address) } else { Err(WebError::Forbidden { needs: needs(Role::Trader) }) }
    }

    /// The frame of a page for this reader.
    #[must_use]
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            lang: self.lang,
            nav: self.nav(),
            who: self.user.as_ref().map(|user| user.company.clone()),
            csrf: self.csrf.clone(),
            demo: self.demo,
            trades: self.trades(),
            notices: if self.halted { vec![Notice::halted()] } else { Vec::new() },
            ..Page::plain("")
        }
    }

    fn nav(&self) -> Vec<NavItem> {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut nav = Vec::new();
        let mut item = |href: &'static str, label, count| {
            let current = path == href || (href != "/" && path.starts_with(href));
            nav.push(NavItem { href, label, current, count });
        };
        let facts = self.party.as_ref();
        let to_answer = facts.map_or(0, |party| party.to_answer);
        if self.user.is_some() {
            item("/", "Home", 0);
        }
        if self.has(Role::Operator) {
            item("/admissions", "Admissions", to_answer);
        }
        if self.has(Role::Gateway) {
            item("/requests", "Requests", to_answer);
        }
        if self.has(Role::Supervisor) {
            item("/supervisor", "Supervision", 0);
        }
        if self.has(Role::Bank) {
            item("/bank", "Shared with you", 0);
        }
        item("/market", "Market", 0);
        if self.trades() {
            item("/goods", "My goods", 0);
            item("/offers", "My offers", 0);
            item("/deals", "Deals", facts.map_or(0, |party| party.to_sign));
            item("/history", "History", 0);
        }
        nav
    }
}

fn needs(role: Role) -> &'static str {
    match role {
        Role::Trader => "an admitted trader",
        Role::Bank => "an admitted bank",
        Role::Supervisor => "a supervisor",
        Role::Gateway => "a gateway",
        Role::Arbitrator => "an arbitrator",
        Role::Operator => "the operator",
        Role::Solver => "a solver",
        Role::Feed => "a price feed",
    }
}

impl FromRequest for Visitor {
    type Error = WebError;
    type Future = Ready<Result<Visitor, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = request.extensions().get::<Visitor>().cloned();
        ready(visitor.ok_or_else(|| WebError::internal("the session layer did not run for this path")))
    }
}

/// A new random cookie value.
///
/// # Errors
/// [`WebError::Internal`] when the system has no randomness to give.
pub(crate) fn fresh_token() -> Result<String, WebError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| WebError::internal(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// The token of forms: it follows from the cookie and this server's secret, so nothing needs storing.
pub(crate) fn csrf_token(secret: &[u8; 32], cookie: &str) -> String {
    Hasher::new(Tag::Content).chain(b"csrf").chain(secret).chain(cookie.as_bytes()).finish().to_string()
}

fn stored(token: &str) -> String {
    Hash::of(Tag::Content, token.as_bytes()).to_string()
}

/// Begins a session and gives its cookie's value; ends the oldest ones above [`MAX_SESSIONS`].
pub(crate) fn begin(connection: &mut AnyConnection, user: i64) -> Result<String, WebError> {
    let token = fresh_token()?;
    let now = millis();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id_hash.eq(stored(&token)),
            sessions::user_id.eq(user),
            sessions::created_ms.eq(now),
            sessions::seen_ms.eq(now),
        ))
        .execute(connection)?;
    let mine: Vec<String> = sessions::table
        .filter(sessions::user_id.eq(user))
        .order((sessions::created_ms.desc(), sessions::id_hash.asc()))
        .select(sessions::id_hash)
        .load(connection)?;
    for old in mine.into_iter().skip(MAX_SESSIONS) {
        diesel::delete(sessions::table.filter(sessions::id_hash.eq(old))).execute(connection)?;
    }
    diesel::delete(sessions::table.filter(sessions::created_ms.lt(now - LONGEST_MS))).execute(connection)?;
    Ok(token)
}

/// Ends a session.
pub(crate) fn end(connection: &mut AnyConnection, token: &str) -> Result<(), DatabaseError> {
    diesel::delete(sessions::table.filter(sessions::id_hash.eq(stored(token)))).execute(connection)?;
    Ok(())
}

/// The login behind a session cookie, if the session still runs.
pub(crate) fn find(connection: &mut AnyConnection, token: &str) -> Result<Option<User>, DatabaseError> {
    if token.len() != 64 {
        return Ok(None);
    }
    let id = stored(token);
    let found: Option<(User, i64, i64)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id_hash.eq(&id))
        .select((User::as_select(), sessions::created_ms, sessions::seen_ms))
        .first(connection)
        .optional()?;
    let now = millis();
    match found {
        Some((user, created, seen)) if now - created < LONGEST_MS && now - seen < IDLE_MS => {
            if now - seen > SEEN_STEP_MS {
                diesel::update(sessions::table.filter(sessions::id_hash.eq(&id)))
                    .set(sessions::seen_ms.eq(now))
                    .execute(connection)?;
            }
            Ok(Some(user))
        }
        _ => Ok(None),
    }
}

/// A cookie that scripts cannot read and other sites do not send along with forms.
pub(crate) fn cookie(name: &'static str, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(7))
        .finish()
}

/// The order to forget a cookie.
pub(crate) fn forget(name: &'static str) -> Cookie<'static> {
    let mut cookie = cookie(name, String::new(), false);
    cookie.make_removal();
    cookie
}
