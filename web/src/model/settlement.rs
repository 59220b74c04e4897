//! Settlements: rings whose every leg moved, and who may see them.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use diesel::prelude::*;

use super::schema::{settlement_grants, settlement_legs, settlements};
use super::{Model, PaddedAmount, Page};

/// A settlement. `height` and `receipt_index` are where on the payment chain its receipt stands.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = settlements)]
pub struct Settlement {
    pub id: String,
    pub seq: i64,
    pub height: i64,
    pub receipt_index: i64,
    pub batch: i64,
    pub contract: Option<i64>,
    pub legs: i64,
    pub value_micro_usd: PaddedAmount,
    pub grade: i64,
    pub at_ms: i64,
}

/// A leg: `party` gave `quantity` of `asset` to `to_party`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = settlement_legs)]
pub struct SettlementLeg {
    pub settlement: String,
    pub position: i64,
    pub seq: i64,
    pub offer: i64,
    pub party: String,
    pub to_party: String,
    pub asset: i64,
    pub quantity: PaddedAmount,
    pub value_micro_usd: PaddedAmount,
}

/// Leave to see a settlement from the side of `by_party`, good before `until_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = settlement_grants)]
pub struct SettlementGrant {
    pub settlement: String,
    pub by_party: String,
    pub with_party: String,
    pub until_ms: i64,
    pub granted_ms: i64,
}

impl Model<'_> {
    /// A settlement.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlement(&mut self, id: &str) -> QueryResult<Option<Settlement>> {
        settlements::table
            .filter(settlements::id.eq(id))
            .select(Settlement::as_select())
            .first(self.connection)
            .optional()
    }

    /// The legs of a settlement, in ring order.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlement_legs(&mut self, id: &str) -> QueryResult<Vec<SettlementLeg>> {
        settlement_legs::table
            .filter(settlement_legs::settlement.eq(id))
            .order(settlement_legs::position.asc())
            .select(SettlementLeg::as_select())
            .load(self.connection)
    }

    /// The settlements of a contract, ring by ring.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlements_of_contract(&mut self, contract: i64) -> QueryResult<Vec<Settlement>> {
        settlements::table
            .filter(settlements::contract.eq(contract))
            .order(settlements::seq.asc())
            .select(Settlement::as_select())
            .load(self.connection)
    }

    /// Settlements, newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlements(&mut self, before: Option<i64>, limit: i64) -> QueryResult<Page<Settlement>> {
        let rows = settlements::table
            .filter(settlements::seq.lt(before.unwrap_or(i64::MAX)))
            .order(settlements::seq.desc())
            .limit(limit + 1)
            .select(Settlement::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |settlement| settlement.seq))
    }

    /// How many rings settled.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlement_count(&mut self) -> QueryResult<i64> {
        settlements::table.count().get_result(self.connection)
    }

    /// The settlements that an organisation took part in, newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlements_of(
        &mut self,
        party: &str,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<Settlement>> {
        let own = settlement_legs::table
            .filter(settlement_legs::party.eq(party))
            .select(settlement_legs::settlement);
        let rows = settlements::table
            .filter(settlements::id.eq_any(own))
            .filter(settlements::seq.lt(before.unwrap_or(i64::MAX)))
            .order(settlements::seq.desc())
            .limit(limit + 1)
            .select(Settlement::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |settlement| settlement.seq))
    }

    /// What an offer gave in settlements, oldest first: its fills.
    ///
    /// # Errors
    /// When the query fails.
    pub fn fills(&mut self, offer: i64) -> QueryResult<Vec<SettlementLeg>> {
        settlement_legs::table
            .filter(settlement_legs::offer.eq(offer))
            .order(settlement_legs::seq.asc())
            .select(SettlementLeg::as_select())
            .load(self.connection)
    }

    /// The grants, good at `now_ms`, by which `reader` may see a settlement.
    ///
    /// # Errors
    /// When the query fails.
    pub fn grants_on(
        &mut self,
        settlement: &str,
        reader: &str,
        now_ms: i64,
    ) -> QueryResult<Vec<SettlementGrant>> {
        settlement_grants::table
            .filter(settlement_grants::settlement.eq(settlement))
            .filter(settlement_grants::with_party.eq(reader).and(settlement_grants::until_ms.gt(now_ms)))
            .order(settlement_grants::by_party.asc())
            .select(SettlementGrant::as_select())
            .load(self.connection)
    }

    /// The grants that a party of a settlement gave.
    ///
    /// # Errors
    /// When the query fails.
    pub fn grants_by(&mut self, settlement: &str, party: &str) -> QueryResult<Vec<SettlementGrant>> {
        settlement_grants::table
            .filter(settlement_grants::settlement.eq(settlement))
            .filter(settlement_grants::by_party.eq(party))
            .order(settlement_grants::with_party.asc())
            .select(SettlementGrant::as_select())
            .load(self.connection)
    }

    /// The settlements that `reader` may see at `now_ms` by a grant, newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn settlements_shared_with(
        &mut self,
        reader: &str,
        now_ms: i64,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<Settlement>> {
        let shared = settlement_grants::table
            .filter(settlement_grants::with_party.eq(reader).and(settlement_grants::until_ms.gt(now_ms)))
            .select(settlement_grants::settlement);
        let rows = settlements::table
            .filter(settlements::id.eq_any(shared))
            .filter(settlements::seq.lt(before.unwrap_or(i64::MAX)))
            .order(settlements::seq.desc())
            .limit(limit + 1)
            .select(Settlement::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |settlement| settlement.seq))
    }
}
