//! Who decides on the chains, and what is set aside for it.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::schema::{parties, sureties, validators};
use super::{Model, PaddedAmount};

/// The most validators that are shown.
const MOST: i64 = 1_000;

/// A validator that is or was.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = validators)]
pub struct Validator {
    pub key: String,
    pub organisation: String,
    pub weight: i64,
    pub stand: String,
    pub from_era: i64,
    pub changed_ms: i64,
    pub banned_chain: Option<String>,
    pub banned_era: Option<i64>,
}

/// What an organisation set aside for a validator.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = sureties)]
pub struct Surety {
    pub validator: String,
    pub organisation: String,
    pub amount: PaddedAmount,
    pub free_from_ms: Option<i64>,
}

impl Model<'_> {
    /// Validators that are or were, the heaviest first, with the names of their organisations.
    ///
    /// # Errors
    /// When the query fails.
    pub fn validators(&mut self) -> QueryResult<Vec<(Validator, Option<String>)>> {
        validators::table
            .left_join(parties::table.on(parties::address.eq(validators::organisation)))
            .order((validators::weight.desc(), validators::key.asc()))
            .limit(MOST)
            .select((Validator::as_select(), parties::name.nullable()))
            .load(self.connection)
    }

    /// What is set aside for validators.
    ///
    /// # Errors
    /// When the query fails.
    pub fn sureties(&mut self) -> QueryResult<Vec<Surety>> {
        let order = (sureties::validator.asc(), sureties::organisation.asc());
        sureties::table.order(order).limit(MOST).select(Surety::as_select()).load(self.connection)
    }
}
