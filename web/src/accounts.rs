//! Logins: who may use the portal in whose name. What a company *is* stands on the identity chain; here is only
//! how its people get in.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use diesel::prelude::*;
use ledger::{Address, PublicKey};
use vocabulary::{Country, Lei, LoCode, Role, Roles, Text};

use crate::clock;
use crate::db::{AnyConnection, DatabaseError};
use crate::error::WebError;
use crate::hashing;

mod tables {
    #![allow(missing_docs, unreachable_pub, reason = "the derived code has items without documentation")]
    diesel::table! {
        users (id) {
            id -> BigInt,
            email -> Text,
            password_hash -> Text,
            company -> Text,
            registration_number -> Text,
            country -> Text,
            place -> Text,
            lei -> Nullable<Text>,
            roles -> BigInt,
            address -> Nullable<Text>,
            language -> Text,
            created_ms -> BigInt,
        }
    }
    diesel::table! {
        sessions (id_hash) {
            id_hash -> Text,
            user_id -> BigInt,
            created_ms -> BigInt,
            seen_ms -> BigInt,
        }
    }
    diesel::table! {
        user_keys (public_key) {
            public_key -> Text,
            user_id -> BigInt,
            label -> Text,
            created_ms -> BigInt,
        }
    }
    diesel::joinable!(sessions -> users (user_id));
    diesel::allow_tables_to_appear_in_same_query!(users, sessions, user_keys);
}
pub(crate) use tables::{sessions, user_keys, users};

/// The fewest characters of a password (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it stands alone; the signing
/// key stands beside it here).
pub const MIN_PASSWORD: usize = 12;
/// The most bytes of a password that are hashed.
pub const MAX_PASSWORD: usize = 256;

/// An e-mail address, in lower case: something before and after one `@`, at most 254 bytes (RFC 5321 §4.5.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;
    fn from_str(text: &str) -> Result<Email, NotAnEmail> {
        let plain = text.len() <= 254 && text.is_ascii() && !text.bytes().any(|b| b <= b' ' || b == 127);
        match text.split_once('@') {
            Some((local, domain))
                if plain
                    && !local.is_empty()
                    && local.len() <= 64
                    && domain.contains('.')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
                    && !domain.contains('@') =>
            {
                Ok(Email(text.to_ascii_lowercase()))
            }
            _ => Err(NotAnEmail),
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address looks like name@company.example")]
pub struct NotAnEmail;

/// What a company says of itself when it signs up.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// How it is reached and how it signs in.
    pub email: Email,
    /// Its legal name.
    pub company: Text<120>,
    /// Its number in the commercial register.
    pub registration_number: Text<40>,
    /// Where it is registered.
    pub country: Country,
    /// Where it trades from.
    pub place: LoCode,
    /// Its Legal Entity Identifier, if it has one.
    pub lei: Option<Lei>,
    /// What it asks to be.
    pub roles: Roles,
    /// Its account on the chains, once a key is made.
    pub address: Option<Address>,
}

/// A login.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// Its number.
    pub id: i64,
    /// How it signs in.
    pub email: String,
    /// The company's legal name.
    pub company: String,
    /// Its number in the commercial register.
    pub registration_number: String,
    /// Where it is registered.
    pub country: String,
    /// Where it trades from.
    pub place: String,
    /// Its Legal Entity Identifier.
    pub lei: Option<String>,
    /// What it asked to be, as bits.
    pub roles: i64,
    address: Option<String>,
}

impl User {
    /// Its account on the chains, once a key is made.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.address.as_deref().and_then(|text| text.parse().ok())
    }
}

/// A password hash that fits nobody: whoever asks for an unknown login waits as long as for a wrong password.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").unwrap_or_default());

/// Argon2id with its recommended parameters (19 MiB, two passes), in PHC form.
///
/// # Errors
/// [`WebError::Internal`] when the system has no randomness to give.
pub fn hash_password(password: &str) -> Result<String, WebError> {
    let password = password.to_owned();
    hashing::apart(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
        .ok_or_else(|| WebError::internal("no thread hashes passwords"))?
        .map_err(|error| WebError::internal(error.to_string()))
}

fn password_fits(password: &str, hash: &str) -> bool {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    let fits = move || {
        PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    hashing::apart(fits).unwrap_or(false)
}

/// Whether `secret` fits `hash`. Takes as long when there is none.
pub(crate) fn fits_or_wastes_time(secret: &str, hash: Option<&str>) -> bool {
    let fits = password_fits(secret, hash.unwrap_or(NOBODY.as_str()));
    fits && hash.is_some()
}

fn bits(roles: Roles) -> i64 {
    roles.iter().fold(0, |bits, role| bits | 1 << (role as u8))
}

/// The roles of the bits that a login keeps.
#[must_use]
pub fn roles_of(bits: i64) -> Roles {
    let chosen: Vec<Role> = Role::ALL.into_iter().filter(|role| bits & 1 << (*role as u8) != 0).collect();
    Roles::of(&chosen)
}

/// Makes a login. `None` when the address is taken already.
///
/// # Errors
/// [`DatabaseError`].
pub fn create(
    connection: &mut AnyConnection,
    user: &NewUser,
    password_hash: &str,
) -> Result<Option<User>, DatabaseError> {
    if by_email(connection, &user.email)?.is_some() {
        return Ok(None);
    }
    let made = diesel::insert_into(users::table)
        .values((
            users::email.eq(user.email.as_str()),
            users::password_hash.eq(password_hash),
            users::company.eq(user.company.as_str()),
            users::registration_number.eq(user.registration_number.as_str()),
            users::country.eq(user.country.as_str()),
            users::place.eq(user.place.as_str()),
            users::lei.eq(user.lei.as_ref().map(Lei::as_str)),
            users::roles.eq(bits(user.roles)),
            users::address.eq(user.address.map(|address| address.to_string())),
            users::language.eq("en"),
            users::created_ms.eq(millis()),
        ))
        .execute(connection);
    match made {
        Ok(_) => Ok(by_email(connection, &user.email)?.map(|(user, _)| user)),
        Err(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _)) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes every login, with its sessions and the API's clients: they are those of another network.
///
/// # Errors
/// When the database fails.
pub fn forget_all(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    use crate::model::schema::{idempotency_keys, oauth_clients};
    Ok(connection.transaction::<_, diesel::result::Error, _>(|connection| {
        diesel::delete(sessions::table).execute(connection)?;
        diesel::delete(user_keys::table).execute(connection)?;
        diesel::delete(users::table).execute(connection)?;
        diesel::delete(idempotency_keys::table).execute(connection)?;
        diesel::delete(oauth_clients::table).execute(connection)?;
        Ok(())
    })?)
}

fn by_email(connection: &mut AnyConnection, email: &Email) -> Result<Option<(User, String)>, DatabaseError> {
    Ok(users::table
        .filter(users::email.eq(email.as_str()))
        .select((User::as_select(), users::password_hash))
        .first(connection)
        .optional()?)
}

/// The login of `email`, if `password` is right. Takes as long for an unknown one.
///
/// # Errors
/// [`DatabaseError`].
pub fn check_login(
    connection: &mut AnyConnection,
    email: &Email,
    password: &str,
) -> Result<Option<User>, DatabaseError> {
    let found = by_email(connection, email)?;
    let hash = found.as_ref().map_or(NOBODY.as_str(), |(_, hash)| hash);
    let fits = password_fits(password, hash);
    Ok(found.filter(|_| fits).map(|(user, _)| user))
}

/// The login's account from now on is the one of `key`. An account once set stays.
///
/// # Errors
/// [`DatabaseError`].
pub fn set_key(
    connection: &mut AnyConnection,
    user: i64,
    key: PublicKey,
    label: &str,
) -> Result<(), DatabaseError> {
    diesel::update(users::table.filter(users::id.eq(user)).filter(users::address.is_null()))
        .set(users::address.eq(key.address().to_string()))
        .execute(connection)?;
    note_key(connection, user, key, label)
}

/// Remembers what a key is called. A key that is known already keeps its name.
///
/// # Errors
/// [`DatabaseError`].
pub fn note_key(
    connection: &mut AnyConnection,
    user: i64,
    key: PublicKey,
    label: &str,
) -> Result<(), DatabaseError> {
    let known: i64 =
        user_keys::table.filter(user_keys::public_key.eq(key.to_string())).count().get_result(connection)?;
    if known == 0 {
        diesel::insert_into(user_keys::table)
            .values((
                user_keys::public_key.eq(key.to_string()),
                user_keys::user_id.eq(user),
                user_keys::label.eq(label),
                user_keys::created_ms.eq(millis()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Names of the keys that a login made, by public key.
///
/// # Errors
/// [`DatabaseError`].
pub fn key_labels(connection: &mut AnyConnection, user: i64) -> Result<Vec<(String, String)>, DatabaseError> {
    Ok(user_keys::table
        .filter(user_keys::user_id.eq(user))
        .order(user_keys::created_ms.asc())
        .select((user_keys::public_key, user_keys::label))
        .load(connection)?)
}

pub(crate) fn millis() -> i64 {
    i64::try_from(clock::now().0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_is_taken_in_lower_case_or_not_at_all() {
        assert_eq!(
            "Amina@Dhaka-Mills.example".parse::<Email>().unwrap().as_str(),
            "amina@dhaka-mills.example"
        );
        for wrong in
            ["", "amina", "@x.example", "amina@", "a b@x.example", "a@x@y.example", "a@example", "a@.x."]
        {
            assert_eq!(wrong.parse::<Email>(), Err(NotAnEmail), "{wrong}");
        }
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let hash = hash_password("jute for diesel, fairly").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(password_fits("jute for diesel, fairly", &hash));
        assert!(!password_fits("jute for diesel, unfairly", &hash));
        assert!(!password_fits("", "not a hash"));
    }

    #[test]
    fn roles_survive_the_database() {
        let roles = Roles::of(&[Role::Trader, Role::Gateway]);
        assert_eq!(roles_of(bits(roles)), roles);
    }
}
