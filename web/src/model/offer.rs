//! Offers and the batches that clear them.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::schema::{batches, dropped_rings, fines, offers, submissions};
use super::{Model, PaddedAmount, Page};

/// An offer. `commitment` is `binding` or `indicative`; `state` is `open`, `filled`, `cancelled` or `expired`;
/// `divisible` and `joins_indicative` are 1 for yes; `cancel_height` is where a window ends after which it is taken
/// back.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = offers)]
pub struct Offer {
    pub id: i64,
    pub owner: String,
    pub give: i64,
    pub give_qty: PaddedAmount,
    pub want: i64,
    pub want_qty: PaddedAmount,
    pub divisible: i64,
    pub min_fill: PaddedAmount,
    pub commitment: String,
    pub joins_indicative: i64,
    pub valid_until_ms: i64,
    pub incoterm: String,
    pub place: String,
    pub remaining: PaddedAmount,
    pub in_contracts: PaddedAmount,
    pub state: String,
    pub joins: i64,
    pub cancel_height: Option<i64>,
    pub posted_ms: i64,
    pub changed_ms: i64,
}

/// A batch. `state` is `frozen` while its window is open, then `cleared`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = batches)]
pub struct Batch {
    pub id: i64,
    pub closed_height: i64,
    pub closed_ms: i64,
    pub offers: i64,
    pub window_ends: i64,
    pub state: String,
    pub solver: Option<String>,
    pub value_micro_usd: Option<PaddedAmount>,
    pub bound_micro_usd: Option<PaddedAmount>,
    pub rings: Option<i64>,
    pub cleared_height: Option<i64>,
    pub cleared_ms: Option<i64>,
    pub certificate: Option<String>,
}

/// A clearing that a solver handed in.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = submissions)]
pub struct Submission {
    pub seq: i64,
    pub batch: i64,
    pub solver: String,
    pub declared_micro_usd: PaddedAmount,
    pub rings: i64,
    pub time_ms: i64,
    /// What it is expected to bring, by which it was ranked.
    pub expected_micro_usd: Option<PaddedAmount>,
}

/// A fine for a false declaration, in the smallest unit of the deposit asset.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = fines)]
pub struct Fine {
    pub seq: i64,
    pub height: i64,
    pub batch: i64,
    pub solver: String,
    pub fine: PaddedAmount,
    pub fault: String,
    pub time_ms: i64,
}

/// A ring that was dropped before it executed, because `party` may not trade any more.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = dropped_rings)]
pub struct DroppedRing {
    pub seq: i64,
    pub height: i64,
    pub batch: i64,
    pub party: String,
    pub legs: i64,
    pub value_micro_usd: PaddedAmount,
    pub time_ms: i64,
}

impl Offer {
    /// Whether it is in the book or about to join it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
}

impl Model<'_> {
    /// An offer.
    ///
    /// # Errors
    /// When the query fails.
    pub fn offer(&mut self, id: i64) -> QueryResult<Option<Offer>> {
        offers::table.filter(offers::id.eq(id)).select(Offer::as_select()).first(self.connection).optional()
    }

    /// The offers of an organisation, newest first, below `before`; only open ones if so asked.
    ///
    /// # Errors
    /// When the query fails.
    pub fn offers_of(
        &mut self,
        owner: &str,
        only_open: bool,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<Offer>> {
        let mut query = offers::table
            .filter(offers::owner.eq(owner.to_owned()))
            .filter(offers::id.lt(before.unwrap_or(i64::MAX)))
            .order(offers::id.desc())
            .limit(limit + 1)
            .select(Offer::as_select())
            .into_boxed();
        if only_open {
            query = query.filter(offers::state.eq("open"));
        }
        Ok(Page::cut(query.load(self.connection)?, limit, |offer| offer.id))
    }

    /// Open offers with something left, that give and want what is asked (either may be left open), oldest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn open_offers(
        &mut self,
        give: Option<i64>,
        want: Option<i64>,
        limit: i64,
    ) -> QueryResult<Vec<Offer>> {
        let mut query = offers::table
            .filter(offers::state.eq("open").and(offers::remaining.ne(PaddedAmount::from(0))))
            .order(offers::id.asc())
            .limit(limit)
            .select(Offer::as_select())
            .into_boxed();
        if let Some(give) = give {
            query = query.filter(offers::give.eq(give));
        }
        if let Some(want) = want {
            query = query.filter(offers::want.eq(want));
        }
        query.load(self.connection)
    }

    /// How many open offers with something left want each asset.
    ///
    /// # Errors
    /// When the query fails.
    pub fn wanted_counts(&mut self) -> QueryResult<Vec<(i64, i64)>> {
        offers::table
            .filter(offers::state.eq("open").and(offers::remaining.ne(PaddedAmount::from(0))))
            .group_by(offers::want)
            .select((offers::want, diesel::dsl::count_star()))
            .load(self.connection)
    }

    /// Of open offers with something left, oldest first: what it gives, what it wants, and how much it has left to give.
    ///
    /// # Errors
    /// When the query fails.
    pub fn open_book(&mut self, limit: i64) -> QueryResult<Vec<(i64, i64, PaddedAmount)>> {
        offers::table
            .filter(offers::state.eq("open").and(offers::remaining.ne(PaddedAmount::from(0))))
            .order(offers::id.asc())
            .limit(limit)
            .select((offers::give, offers::want, offers::remaining))
            .load(self.connection)
    }

    /// How many offers are open.
    ///
    /// # Errors
    /// When the query fails.
    pub fn open_offer_count(&mut self) -> QueryResult<i64> {
        offers::table.filter(offers::state.eq("open")).count().get_result(self.connection)
    }

    /// The last batches, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn batches(&mut self, limit: i64) -> QueryResult<Vec<Batch>> {
        batches::table.order(batches::id.desc()).limit(limit).select(Batch::as_select()).load(self.connection)
    }

    /// A batch by its number.
    ///
    /// # Errors
    /// When the query fails.
    pub fn batch(&mut self, id: i64) -> QueryResult<Option<Batch>> {
        batches::table.filter(batches::id.eq(id)).select(Batch::as_select()).first(self.connection).optional()
    }

    /// The last batch of which a clearing was taken, if that came with a certificate.
    ///
    /// # Errors
    /// When the query fails.
    pub fn last_certified(&mut self) -> QueryResult<Option<Batch>> {
        batches::table
            .filter(batches::solver.is_not_null())
            .order(batches::id.desc())
            .select(Batch::as_select())
            .first(self.connection)
            .optional()
            .map(|last| last.filter(|batch: &Batch| batch.certificate.is_some()))
    }

    /// What solvers handed in for a batch, in order.
    ///
    /// # Errors
    /// When the query fails.
    pub fn submissions(&mut self, batch: i64) -> QueryResult<Vec<Submission>> {
        submissions::table
            .filter(submissions::batch.eq(batch))
            .order(submissions::seq.asc())
            .select(Submission::as_select())
            .load(self.connection)
    }

    /// Fines, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn fines(&mut self, limit: i64) -> QueryResult<Vec<Fine>> {
        fines::table.order(fines::seq.desc()).limit(limit).select(Fine::as_select()).load(self.connection)
    }

    /// Rings that were dropped because a party may not trade any more, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn dropped_rings(&mut self, limit: i64) -> QueryResult<Vec<DroppedRing>> {
        dropped_rings::table
            .order(dropped_rings::seq.desc())
            .limit(limit)
            .select(DroppedRing::as_select())
            .load(self.connection)
    }
}
