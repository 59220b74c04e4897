//! What the dashboards count. Sums are made here, in 128-bit integers, not in SQL.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::schema::{assets, parties, settlement_legs, settlements};
use super::{Model, PaddedAmount};

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
