//! The figures behind the charts: exact sums over the legs of settled rings.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::figures::LegFact;

/// Milliseconds of an hour and of a day.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The most bars of a chart over time.
const MAX_BARS: i64 = 48;

/// What was cleared in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub start_ms: i64,
    /// Rings settled.
    pub rings: usize,
    /// Worth of all legs, in millionths of a US dollar.
    pub value: u128,
}

/// What a country gave and got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountryFigure {
    /// ISO 3166-1 alpha-2; `??` for an organisation that is not in the register.
    pub country: String,
    /// Worth of what its parties gave.
    pub gave: u128,
    /// Worth of what its parties got.
    pub got: u128,
}

/// What was exchanged of a commodity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommodityFigure {
    /// The asset.
    pub asset: i64,
    /// What it is called.
    pub name: String,
    /// What it is in the Harmonized System.
    pub hs: String,
    /// How much of it, in its smallest unit.
    pub quantity: u128,
    /// What that was worth.
    pub value: u128,
}

/// What went from one country to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
    /// Legs that went this way.
    pub legs: usize,
    /// What they were worth.
    pub value: u128,
}

/// What one party gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyFigure {
    /// Its account.
    pub party: String,
    /// Rings that it was in.
    pub rings: usize,
    /// Worth of what it gave.
    pub gave: u128,
}

/// All figures as of one height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Rings settled.
    pub rings: usize,
    /// Worth of all legs, in millionths of a US dollar.
    pub value: u128,
    /// How long a bucket of `over_time` is.
    pub bucket_ms: i64,
    /// By time, without gaps, oldest first.
    pub over_time: Vec<Bucket>,
    /// By country, the one that gave most first.
    pub by_country: Vec<CountryFigure>,
    /// By commodity, the one worth most first.
    pub by_commodity: Vec<CommodityFigure>,
    /// Between countries, the one worth most first.
    pub flows: Vec<Flow>,
    /// By party, the one that gave most first.
    pub by_party: Vec<PartyFigure>,
}

/// How long buckets are so that at most [`MAX_BARS`] span `span_ms`: an hour, a day, or so many days.
fn bucket_length(span_ms: i64) -> i64 {
    if span_ms < MAX_BARS * HOUR_MS {
        return HOUR_MS;
    }
    let days = span_ms / DAY_MS + 1;
    DAY_MS * days.div_euclid(MAX_BARS).saturating_add(i64::from(days % MAX_BARS != 0)).max(1)
}

fn over_time(facts: &[LegFact]) -> (i64, Vec<Bucket>) {
    let (Some(first), Some(last)) =
        (facts.iter().map(|fact| fact.at_ms).min(), facts.iter().map(|fact| fact.at_ms).max())
    else {
        return (HOUR_MS, Vec::new());
    };
    let length = bucket_length(last - first);
    let start = first.div_euclid(length) * length;
    let count = usize::try_from((last - start) / length + 1).unwrap_or(1);
    let mut rings: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); count];
    let mut values = vec![0u128; count];
    for fact in facts {
        let at = usize::try_from((fact.at_ms - start) / length).unwrap_or(0).min(count - 1);
        rings[at].insert(&fact.settlement);
        values[at] = values[at].saturating_add(fact.value_micro_usd.get());
    }
    let mut begins = start;
    let buckets = rings.iter().zip(values).map(|(rings, value)| {
        let bucket = Bucket { start_ms: begins, rings: rings.len(), value };
        begins += length;
        bucket
    });
    (length, buckets.collect())
}

impl Figures {
    /// Adds up `facts`; `countries` says where each party is registered.
    #[must_use]
    pub fn of(facts: &[LegFact], countries: &BTreeMap<String, String>) -> Figures {
        let country = |party: &str| countries.get(party).map_or("??", String::as_str);
        let mut settlements = BTreeSet::new();
        let mut value = 0u128;
        let mut by_country: BTreeMap<&str, (u128, u128)> = BTreeMap::new();
        let mut by_commodity: BTreeMap<i64, CommodityFigure> = BTreeMap::new();
        let mut flows: BTreeMap<(&str, &str), (usize, u128)> = BTreeMap::new();
        let mut by_party: BTreeMap<&str, (BTreeSet<&str>, u128)> = BTreeMap::new();
        for fact in facts {
            let worth = fact.value_micro_usd.get();
            settlements.insert(fact.settlement.as_str());
            value = value.saturating_add(worth);
            let (from, to) = (country(&fact.party), country(&fact.to_party));
            let gave = &mut by_country.entry(from).or_default().0;
            *gave = gave.saturating_add(worth);
            let got = &mut by_country.entry(to).or_default().1;
            *got = got.saturating_add(worth);
            let commodity = by_commodity.entry(fact.asset).or_insert_with(|| CommodityFigure {
                asset: fact.asset,
                name: fact.asset_name.clone(),
                hs: fact.hs.clone().unwrap_or_default(),
                quantity: 0,
                value: 0,
            });
            commodity.quantity = commodity.quantity.saturating_add(fact.quantity.get());
            commodity.value = commodity.value.saturating_add(worth);
            let flow = flows.entry((from, to)).or_default();
            *flow = (flow.0 + 1, flow.1.saturating_add(worth));
            let party = by_party.entry(fact.party.as_str()).or_default();
            party.0.insert(fact.settlement.as_str());
            party.1 = party.1.saturating_add(worth);
        }
        let (bucket_ms, over_time) = over_time(facts);
        let mut by_country: Vec<CountryFigure> = by_country
            .into_iter()
            .map(|(country, (gave, got))| CountryFigure { country: country.to_owned(), gave, got })
            .collect();
        by_country.sort_by(|a, b| b.gave.cmp(&a.gave).then_with(|| a.country.cmp(&b.country)));
        let mut by_commodity: Vec<CommodityFigure> = by_commodity.into_values().collect();
        by_commodity.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.asset.cmp(&b.asset)));
        let mut flows: Vec<Flow> = flows
            .into_iter()
            .map(|((from, to), (legs, value))| Flow { from: from.to_owned(), to: to.to_owned(), legs, value })
            .collect();
        flows.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to))));
        let mut by_party: Vec<PartyFigure> = by_party
            .into_iter()
            .map(|(party, (rings, gave))| PartyFigure { party: party.to_owned(), rings: rings.len(), gave })
            .collect();
        by_party.sort_by(|a, b| b.gave.cmp(&a.gave).then_with(|| a.party.cmp(&b.party)));
        Figures {
            rings: settlements.len(),
            value,
            bucket_ms,
            over_time,
            by_country,
            by_commodity,
            flows,
            by_party,
        }
    }
}

/// `part` of `whole` in whole percent, rounded down; 0 of nothing.
#[must_use]
pub fn percent(part: u128, whole: u128) -> u128 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PaddedAmount;

    fn leg(settlement: &str, at_ms: i64, party: &str, to: &str, asset: i64, value: u128) -> LegFact {
        LegFact {
            settlement: settlement.to_owned(),
            height: 1,
            at_ms,
            party: party.to_owned(),
            to_party: to.to_owned(),
            asset,
            asset_name: format!("asset {asset}"),
            hs: None,
            quantity: PaddedAmount::from(value / 10),
            value_micro_usd: PaddedAmount::from(value),
        }
    }

    #[test]
    fn every_leg_counts_once_wherever_it_is_summed() {
        let countries =
            [("dhaka", "BD"), ("hanoi", "VN")].map(|(party, code)| (party.to_owned(), code.to_owned()));
        let facts = [
            leg("a", 0, "dhaka", "hanoi", 2, 70),
            leg("a", 0, "hanoi", "dhaka", 3, 60),
            leg("b", HOUR_MS * 5, "dhaka", "nowhere", 2, 50),
        ];
        let figures = Figures::of(&facts, &BTreeMap::from(countries));
        assert_eq!((figures.rings, figures.value), (2, 180));
        assert_eq!(
            figures.over_time.iter().map(|bucket| bucket.value).collect::<Vec<_>>(),
            [130, 0, 0, 0, 0, 50]
        );
        assert_eq!(figures.over_time.iter().map(|bucket| bucket.rings).sum::<usize>(), 2);
        let countries: Vec<_> =
            figures.by_country.iter().map(|row| (&*row.country, row.gave, row.got)).collect();
        assert_eq!(countries, [("BD", 120, 60), ("VN", 60, 70), ("??", 0, 50)]);
        assert_eq!(
            figures.by_commodity.iter().map(|row| (row.asset, row.value)).collect::<Vec<_>>(),
            [(2, 120), (3, 60)]
        );
        assert_eq!(figures.flows.iter().map(|flow| flow.value).sum::<u128>(), figures.value);
        assert_eq!(figures.by_party[0], PartyFigure { party: "dhaka".to_owned(), rings: 2, gave: 120 });
    }

    #[test]
    fn a_chart_over_years_has_no_more_bars_than_fit() {
        for days in [1, 2, 3, 47, 48, 49, 400, 4000] {
            let facts = [leg("a", 0, "x", "y", 1, 1), leg("b", days * DAY_MS, "x", "y", 1, 1)];
            let figures = Figures::of(&facts, &BTreeMap::new());
            assert!(figures.over_time.len() <= 50, "{days} days: {} bars", figures.over_time.len());
        }
        assert!(Figures::of(&[], &BTreeMap::new()).over_time.is_empty());
    }
}
