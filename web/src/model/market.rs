//! Assets, balances, transfers, requests to gateways, reference prices.

#![allow(missing_docs, reason = "the fields are the columns that migrations/ documents")]

use std::collections::BTreeMap;

use clearing::{Amount, Price};
use diesel::prelude::*;

use super::schema::{assets, balances, latest_prices, prices, requests, transfers};
use super::{Model, PaddedAmount, Page};

/// A kind of goods that is exchanged unit for unit. Number 1 is the deposit asset, without HS code.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = assets)]
pub struct Asset {
    pub id: i64,
    pub name: String,
    pub hs: Option<String>,
    pub unit: String,
    pub decimals: i64,
    pub issuer: String,
    pub product: String,
    pub supply: PaddedAmount,
    pub defined_ms: i64,
}

/// What an account holds of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = balances)]
pub struct Balance {
    pub party: String,
    pub asset: i64,
    pub available: PaddedAmount,
    pub locked: PaddedAmount,
}

/// A plain transfer.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = transfers)]
pub struct Transfer {
    pub seq: i64,
    pub height: i64,
    pub from_party: String,
    pub to_party: String,
    pub asset: i64,
    pub amount: PaddedAmount,
    pub time_ms: i64,
}

/// What a gateway was asked; `kind` is `issue` or `redeem`, `state` is `waiting`, `granted` or `refused`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = requests)]
pub struct Request {
    pub id: i64,
    pub owner: String,
    pub asset: i64,
    pub amount: PaddedAmount,
    pub kind: String,
    pub product: Option<String>,
    pub document: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub asked_ms: i64,
    pub answered_ms: Option<i64>,
}

/// A price that a feed stated: US dollars per whole unit, as a plain decimal.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = prices)]
pub struct Quote {
    pub seq: i64,
    pub height: i64,
    pub feed: String,
    pub asset: i64,
    pub price: String,
    pub as_of_ms: i64,
    pub source: String,
    pub published_ms: i64,
}

/// The last price of each feed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = latest_prices)]
pub struct LatestPrice {
    pub asset: i64,
    pub feed: String,
    pub price: String,
    pub as_of_ms: i64,
    pub source: String,
    pub published_ms: i64,
}

impl Asset {
    /// How many decimals a unit has.
    #[must_use]
    pub fn places(&self) -> u8 {
        u8::try_from(self.decimals).unwrap_or(0)
    }

    /// The symbol of its unit, `t` or `bbl`.
    #[must_use]
    pub fn symbol(&self) -> &'static str {
        self.unit.parse().map_or("?", vocabulary::UnitCode::symbol)
    }

    /// Whether it is the deposit asset, which is never traded.
    #[must_use]
    pub fn is_deposit(&self) -> bool {
        self.id == 1
    }
}

/// The median of the feeds' last prices by asset: with an even number of feeds, the lower of the two in the
/// middle. A value to look at; the one that counts is the chain's own.
#[must_use]
pub fn medians(latest: &[LatestPrice]) -> BTreeMap<i64, Price> {
    let mut by_asset: BTreeMap<i64, Vec<Price>> = BTreeMap::new();
    for quote in latest {
        if let Ok(price) = quote.price.parse::<Price>() {
            by_asset.entry(quote.asset).or_default().push(price);
        }
    }
    by_asset
        .into_iter()
        .filter_map(|(asset, mut prices)| {
            prices.sort_by_key(|price| price.value_of(Amount::MAX, 0));
            let middle = prices.len().saturating_sub(1) / 2;
            prices.get(middle).map(|price| (asset, *price))
        })
        .collect()
}

impl Model<'_> {
    /// Every asset, by number.
    ///
    /// # Errors
    /// When the query fails.
    pub fn assets(&mut self) -> QueryResult<BTreeMap<i64, Asset>> {
        let rows: Vec<Asset> = assets::table.select(Asset::as_select()).load(self.connection)?;
        Ok(rows.into_iter().map(|asset| (asset.id, asset)).collect())
    }

    /// An asset.
    ///
    /// # Errors
    /// When the query fails.
    pub fn asset(&mut self, id: i64) -> QueryResult<Option<Asset>> {
        assets::table.filter(assets::id.eq(id)).select(Asset::as_select()).first(self.connection).optional()
    }

    /// What an account holds, by asset; empty balances are left out.
    ///
    /// # Errors
    /// When the query fails.
    pub fn balances_of(&mut self, party: &str) -> QueryResult<Vec<Balance>> {
        let nothing = PaddedAmount::from(0u128);
        balances::table
            .filter(balances::party.eq(party))
            .filter(balances::available.ne(nothing.clone()).or(balances::locked.ne(nothing)))
            .order(balances::asset.asc())
            .select(Balance::as_select())
            .load(self.connection)
    }

    /// What an account holds of one asset.
    ///
    /// # Errors
    /// When the query fails.
    pub fn balance(&mut self, party: &str, asset: i64) -> QueryResult<Option<Balance>> {
        balances::table
            .filter(balances::party.eq(party).and(balances::asset.eq(asset)))
            .select(Balance::as_select())
            .first(self.connection)
            .optional()
    }

    /// Every balance of an asset that is not empty: what must add up to its supply.
    ///
    /// # Errors
    /// When the query fails.
    pub fn holders(&mut self, asset: i64) -> QueryResult<Vec<Balance>> {
        let nothing = PaddedAmount::from(0u128);
        balances::table
            .filter(balances::asset.eq(asset))
            .filter(balances::available.ne(nothing.clone()).or(balances::locked.ne(nothing)))
            .order(balances::party.asc())
            .select(Balance::as_select())
            .load(self.connection)
    }

    /// Transfers from or to an account, newest first, below `before`.
    ///
    /// # Errors
    /// When the query fails.
    pub fn transfers_of(
        &mut self,
        party: &str,
        before: Option<i64>,
        limit: i64,
    ) -> QueryResult<Page<Transfer>> {
        let rows = transfers::table
            .filter(transfers::from_party.eq(party).or(transfers::to_party.eq(party)))
            .filter(transfers::seq.lt(before.unwrap_or(i64::MAX)))
            .order(transfers::seq.desc())
            .limit(limit + 1)
            .select(Transfer::as_select())
            .load(self.connection)?;
        Ok(Page::cut(rows, limit, |transfer| transfer.seq))
    }

    /// A request to a gateway.
    ///
    /// # Errors
    /// When the query fails.
    pub fn request(&mut self, id: i64) -> QueryResult<Option<Request>> {
        requests::table
            .filter(requests::id.eq(id))
            .select(Request::as_select())
            .first(self.connection)
            .optional()
    }

    /// The requests of an account, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn requests_of(&mut self, owner: &str, limit: i64) -> QueryResult<Vec<Request>> {
        requests::table
            .filter(requests::owner.eq(owner))
            .order(requests::id.desc())
            .limit(limit)
            .select(Request::as_select())
            .load(self.connection)
    }

    /// The requests that wait for `issuer`, oldest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn requests_for(&mut self, issuer: &str) -> QueryResult<Vec<Request>> {
        requests::table
            .inner_join(assets::table.on(assets::id.eq(requests::asset)))
            .filter(assets::issuer.eq(issuer).and(requests::state.eq("waiting")))
            .order(requests::id.asc())
            .select(Request::as_select())
            .load(self.connection)
    }

    /// The last price of each feed, of all assets or of one.
    ///
    /// # Errors
    /// When the query fails.
    pub fn latest_prices(&mut self, asset: Option<i64>) -> QueryResult<Vec<LatestPrice>> {
        let mut query = latest_prices::table
            .order((latest_prices::asset.asc(), latest_prices::feed.asc()))
            .select(LatestPrice::as_select())
            .into_boxed();
        if let Some(asset) = asset {
            query = query.filter(latest_prices::asset.eq(asset));
        }
        query.load(self.connection)
    }

    /// What the feeds said of an asset, newest first.
    ///
    /// # Errors
    /// When the query fails.
    pub fn quotes(&mut self, asset: i64, limit: i64) -> QueryResult<Vec<Quote>> {
        prices::table
            .filter(prices::asset.eq(asset))
            .order(prices::seq.desc())
            .limit(limit)
            .select(Quote::as_select())
            .load(self.connection)
    }
}
