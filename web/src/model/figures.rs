//! What the dashboards count. Sums are made here, in 128-bit integers, not in SQL.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::schema::{assets, parties, settlement_legs, settlements};
use super::{Model, PaddedAmount};
use crate::projector::EVENTS_PER_BLOCK;

/// A leg of a settlement with all that charts are made of.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct LegFact {
    /// The settlement.
    pub settlement: String,
    /// The height of the payment chain that settled it.
    pub height: i64,
    /// When it settled.
    pub at_ms: i64,
    /// Who gave.
    pub party: String,
    /// Who received.
    pub to_party: String,
    /// The asset.
    pub asset: i64,
    /// What it is called.
    pub asset_name: String,
    /// What it is in the Harmonized System.
    pub hs: Option<String>,
    /// How much of it, in its smallest unit.
    pub quantity: PaddedAmount,
    /// Its worth in millionths of a US dollar.
    pub value_micro_usd: PaddedAmount,
}

impl Model<'_> {
    /// Every leg settled up to `height` of the payment chain, in order.
    ///
    /// # Errors
    /// When the query fails.
    pub fn leg_facts(&mut self, height: i64) -> QueryResult<Vec<LegFact>> {
        settlement_legs::table
            .inner_join(settlements::table.on(settlements::id.eq(settlement_legs::settlement)))
            .inner_join(assets::table.on(assets::id.eq(settlement_legs::asset)))
            .filter(settlements::height.le(height))
            .order((settlement_legs::seq.asc(), settlement_legs::position.asc()))
            .select((
                settlement_legs::settlement,
                settlements::height,
                settlements::at_ms,
                settlement_legs::party,
                settlement_legs::to_party,
                settlement_legs::asset,
                assets::name,
                assets::hs,
                settlement_legs::quantity,
                settlement_legs::value_micro_usd,
            ))
            .load(self.connection)
    }

    /// What the sums over all that settled up to `height` of the payment chain follow from: while neither number
    /// changes, they do not. The first is the place of the last settlement, the second counts organisations.
    ///
    /// # Errors
    /// When the query fails.
    pub fn figures_key(&mut self, height: i64) -> QueryResult<(i64, i64)> {
        let last: Option<i64> = settlements::table
            .filter(settlements::seq.lt(height.saturating_add(1).saturating_mul(EVENTS_PER_BLOCK)))
            .select(diesel::dsl::max(settlements::seq))
            .first(self.connection)?;
        let organisations = parties::table.count().get_result(self.connection)?;
        Ok((last.unwrap_or(-1), organisations))
    }

    /// The country of every organisation, by address.
    ///
    /// # Errors
    /// When the query fails.
    pub fn countries(&mut self) -> QueryResult<BTreeMap<String, String>> {
        let rows: Vec<(String, String)> =
            parties::table.select((parties::address, parties::country)).load(self.connection)?;
        Ok(rows.into_iter().collect())
    }
}
