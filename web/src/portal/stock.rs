//! Goods as pages show them: an asset with its name, unit and reference price.

use std::collections::BTreeMap;

use clearing::{Amount, Price};

use crate::error::WebError;
use crate::model::market::{Asset, medians};
use crate::model::{Model, PaddedAmount};
use crate::show;

/// All assets with their reference prices, as one page needs them.
pub(crate) struct Goods {
    assets: BTreeMap<i64, Asset>,
    prices: BTreeMap<i64, Price>,
}

impl Goods {
    /// Reads assets and prices.
    pub(crate) fn load(model: &mut Model<'_>) -> Result<Goods, WebError> {
        Ok(Goods { assets: model.assets()?, prices: medians(&model.latest_prices(None)?) })
    }

    /// The asset of this number.
    pub(crate) fn asset(&self, id: i64) -> Option<&Asset> {
        self.assets.get(&id)
    }

    /// The assets that are traded, by name.
    pub(crate) fn traded(&self) -> Vec<&Asset> {
        let mut traded: Vec<&Asset> = self.assets.values().filter(|asset| !asset.is_deposit()).collect();
        traded.sort_by_cached_key(|asset| (asset.name.to_lowercase(), asset.id));
        traded
    }

    /// What the asset is called.
    pub(crate) fn name(&self, id: i64) -> String {
        self.asset(id).map_or_else(|| format!("asset {id}"), |asset| asset.name.clone())
    }

    /// The reference price of a whole unit.
    pub(crate) fn price(&self, id: i64) -> Option<Price> {
        self.prices.get(&id).copied()
    }

    /// `412 t`.
    pub(crate) fn brief(&self, id: i64, amount: Amount) -> String {
        match self.asset(id) {
            Some(asset) => format!("{}\u{a0}{}", show::brief(amount, asset.places()), asset.symbol()),
            None => amount.to_string(),
        }
    }

    /// `412.000 t`.
    pub(crate) fn exact(&self, id: i64, amount: Amount) -> String {
        match self.asset(id) {
            Some(asset) => format!("{}\u{a0}{}", show::exact(amount, asset.places()), asset.symbol()),
            None => amount.to_string(),
        }
    }

    /// What is got for a unit of what is given: `0.2869 t`.
    pub(crate) fn rate(&self, give: i64, given: Amount, get: i64, got: Amount) -> Option<String> {
        let (give, get) = (self.asset(give)?, self.asset(get)?);
        Some(format!("{} {}", show::rate(got, get.places(), given, give.places())?, get.symbol()))
    }

    /// That rate in full: `0.2869 t robusta coffee per t jute yarn`.
    pub(crate) fn rate_in_full(&self, give: i64, given: Amount, get: i64, got: Amount) -> Option<String> {
        let rate = self.rate(give, given, get, got)?;
        Some(format!("{rate} {} per {} {}", self.name(get), self.asset(give)?.symbol(), self.name(give)))
    }

    /// What an amount is worth at the reference price, in millionths of a dollar.
    pub(crate) fn worth(&self, id: i64, amount: Amount) -> Option<u128> {
        let asset = self.asset(id)?;
        Some(show::value(self.price(id)?, amount, asset.places()))
    }

    /// That worth as text; a dash where there is no price.
    pub(crate) fn worth_text(&self, id: i64, amount: Amount) -> String {
        self.worth(id, amount).map_or_else(|| "no price".to_owned(), show::usd)
    }
}

/// An asset in a list to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) hs: String,
    pub(crate) unit: String,
    pub(crate) price: String,
    pub(crate) note: String,
}

impl Choice {
    /// `asset` with a note, for instance the balance.
    pub(crate) fn new(goods: &Goods, asset: &Asset, note: String) -> Choice {
        Choice {
            id: asset.id,
            name: asset.name.clone(),
            hs: asset.hs.clone().unwrap_or_default(),
            unit: asset.symbol().to_owned(),
            price: goods.price(asset.id).map(|price| show::grouped(&price.to_string())).unwrap_or_default(),
            note,
        }
    }

    /// Whether it fits what somebody is looking for: part of the name, or the beginning of the HS code.
    pub(crate) fn fits(&self, sought: &str) -> bool {
        let sought = sought.to_lowercase();
        sought
            .split_whitespace()
            .all(|word| self.name.to_lowercase().contains(word) || self.hs.starts_with(word))
    }
}

/// The amount of a column.
pub(crate) fn amount(padded: &PaddedAmount) -> Amount {
    padded.amount()
}
