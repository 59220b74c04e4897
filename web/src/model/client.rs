//! Clients of the bank API, and the answers kept for repeated requests. No word of any chain.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::Model;
use super::schema::{idempotency_keys, oauth_clients};

/// A client of the API; `secret` is an argon2id hash in PHC form, `scopes` have spaces between.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_clients)]
pub struct OauthClient {
    pub id: String,
    pub secret: String,
    pub account: String,
    pub name: String,
    pub scopes: String,
    pub created_ms: i64,
    pub revoked_ms: Option<i64>,
}

/// The answer that a client got to a request with an idempotency key; `fingerprint` is the request's hash.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct KeptAnswer {
    pub client: String,
    pub key: String,
    pub fingerprint: String,
    pub status: i64,
    pub body: String,
    pub created_ms: i64,
}

impl Model<'_> {
    /// Adds a client of the API, or replaces the one with its identifier.
    ///
    /// # Errors
    /// When the query fails.
    pub fn put_oauth_client(&mut self, client: &OauthClient) -> QueryResult<()> {
        diesel::delete(oauth_clients::table.filter(oauth_clients::id.eq(&client.id)))
            .execute(self.connection)?;
        diesel::insert_into(oauth_clients::table).values(client).execute(self.connection).map(drop)
    }

    /// A client of the API.
    ///
    /// # Errors
    /// When the query fails.
    pub fn oauth_client(&mut self, id: &str) -> QueryResult<Option<OauthClient>> {
        oauth_clients::table
            .filter(oauth_clients::id.eq(id))
            .select(OauthClient::as_select())
            .first(self.connection)
            .optional()
    }

    /// The clients of an organisation.
    ///
    /// # Errors
    /// When the query fails.
    pub fn oauth_clients_of(&mut self, account: &str) -> QueryResult<Vec<OauthClient>> {
        oauth_clients::table
            .filter(oauth_clients::account.eq(account))
            .order((oauth_clients::created_ms.asc(), oauth_clients::id.asc()))
            .select(OauthClient::as_select())
            .load(self.connection)
    }

    /// Revokes a client of an organisation; says whether there was one to revoke.
    ///
    /// # Errors
    /// When the query fails.
    pub fn revoke_oauth_client(&mut self, id: &str, account: &str, now_ms: i64) -> QueryResult<bool> {
        let changed = diesel::update(
            oauth_clients::table
                .filter(oauth_clients::id.eq(id).and(oauth_clients::account.eq(account)))
                .filter(oauth_clients::revoked_ms.is_null()),
        )
        .set(oauth_clients::revoked_ms.eq(now_ms))
        .execute(self.connection)?;
        Ok(changed > 0)
    }

    /// The answer that was kept for this key of this client.
    ///
    /// # Errors
    /// When the query fails.
    pub fn kept_answer(&mut self, client: &str, key: &str) -> QueryResult<Option<KeptAnswer>> {
        idempotency_keys::table
            .filter(idempotency_keys::client.eq(client).and(idempotency_keys::key.eq(key)))
            .select(KeptAnswer::as_select())
            .first(self.connection)
            .optional()
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// When the query fails; a unique violation when one is kept already.
    pub fn keep_answer(&mut self, answer: &KeptAnswer) -> QueryResult<()> {
        diesel::insert_into(idempotency_keys::table).values(answer).execute(self.connection).map(drop)
    }

    /// Sets the answer of a key that was taken.
    ///
    /// # Errors
    /// When the query fails.
    pub fn set_answer(&mut self, client: &str, key: &str, status: i64, body: &str) -> QueryResult<()> {
        diesel::update(
            idempotency_keys::table
                .filter(idempotency_keys::client.eq(client).and(idempotency_keys::key.eq(key))),
        )
        .set((idempotency_keys::status.eq(status), idempotency_keys::body.eq(body)))
        .execute(self.connection)
        .map(drop)
    }

    /// Frees a key that was taken before `before_ms` and still has the status `pending`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn drop_pending(&mut self, client: &str, key: &str, pending: i64, before_ms: i64) -> QueryResult<()> {
        diesel::delete(
            idempotency_keys::table
                .filter(idempotency_keys::client.eq(client).and(idempotency_keys::key.eq(key)))
                .filter(idempotency_keys::status.eq(pending).and(idempotency_keys::created_ms.lt(before_ms))),
        )
        .execute(self.connection)
        .map(drop)
    }

    /// Forgets answers kept before `before_ms`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn sweep_answers(&mut self, before_ms: i64) -> QueryResult<usize> {
        diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_ms.lt(before_ms)))
            .execute(self.connection)
    }
}
