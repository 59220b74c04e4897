//! What an unfinished offer comes to, at reference prices and on the book as it is.

use clearing::{Amount, AssetKey, OfferKey, PartyKey};
use ledger::Address;
use serde::Serialize;

use super::book::{live_book, quote, ring_now};
use super::suggest::{Suggested, suggestions};
use crate::app::App;
use crate::error::WebError;
use crate::form::Form;
use crate::model::Model;
use crate::portal::goods::{held, read_amount};
use crate::portal::stock::{Goods, amount};
use crate::show;

/// What an offer comes to at reference prices, and what the book has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Value {
    /// What is given is worth, as text.
    pub(super) give: String,
    /// What is wanted is worth, as text.
    pub(super) want: String,
    /// What is wanted against what is given, in percent with sign.
    pub(super) limit: String,
    /// How that is shown: `bad` where the offer would take less than what it gives is worth.
    pub(super) tone: &'static str,
    /// What that means for finding a ring.
    pub(super) hint: String,
    /// What the quantity given would fetch on the book as it is.
    pub(super) quote: String,
    /// Whether a ring would close at once, or what keeps it from closing.
    pub(super) ring: String,
    /// What the open offers hold of it.
    pub(super) book: String,
    /// What could be given to get what is wanted.
    pub(super) suggestions: Vec<Suggested>,
}

/// Values the quantities of a form, as far as they are there.
pub(super) fn evaluate(
    app: &App,
    model: &mut Model<'_>,
    form: &Form,
    own: PartyKey,
) -> Result<Option<Value>, WebError> {
    let goods = Goods::load(model)?;
    let number = |name: &str| form.value(name).parse::<i64>().ok();
    let Some((want, want_asset)) = number("want").and_then(|want| Some((want, goods.asset(want)?))) else {
        return Ok(None);
    };
    let live = live_book(app)?;
    let live = live.meets(form.value("commitment") == "binding" && !form.ticked("joins_indicative"));
    let mut scratch = form.clone();
    let wanted = read_amount(&mut scratch, "want_qty", want_asset.places());
    let has: Vec<i64> =
        held(&goods, model, &Address(own.0).to_string())?.iter().map(|choice| choice.id).collect();
    let mut value = Value {
        suggestions: suggestions(live, &goods, &has, own, want, wanted),
        hint: "Choose what you give, and how much, and its value at reference prices appears here."
            .to_owned(),
        ..Value::default()
    };
    let Some((give, give_asset)) = number("give").and_then(|give| Some((give, goods.asset(give)?))) else {
        return Ok(Some(value));
    };
    value.hint.clear();
    let given = read_amount(&mut scratch, "give_qty", give_asset.places());
    let gives = given.and_then(|given| goods.worth(give, given));
    let wants = wanted.and_then(|wanted| goods.worth(want, wanted));
    value.give = gives.map(show::usd).unwrap_or_default();
    value.want = wants.map(show::usd).unwrap_or_default();
    if let (Some(gives), Some(wants)) = (gives, wants) {
        value.limit = show::percent_more(wants, gives);
        value.tone = if asked(gives, wants) < CLOSE { "bad" } else { "" };
        value.hint = hint(gives, wants);
    } else if let (Some(gives), Some(price)) = (gives, goods.price(want)) {
        // What the same value buys at reference prices.
        let unit = show::value(price, Amount::new(1).unwrap_or_default(), 0);
        if let Some(units) = gives.checked_div(unit.max(1)) {
            value.hint = format!(
                "At reference prices it is worth about {}\u{a0}{} of {}.",
                show::grouped(&units.to_string()),
                want_asset.symbol(),
                want_asset.name
            );
        }
    }
    if let Some(given) = given {
        value.quote = quote(live, &goods, own, (give, want), given);
    }
    if let (Some(give_qty), Some(want_qty)) = (given, wanted)
        && !give_qty.is_zero()
        && !want_qty.is_zero()
    {
        let key = |id: i64| AssetKey(u64::try_from(id).unwrap_or(0));
        let divisible = form.ticked("divisible");
        let min_fill = read_amount(&mut scratch, "min_fill", give_asset.places()).filter(|_| divisible);
        let offer = clearing::Offer {
            key: OfferKey(u64::MAX),
            party: own,
            give: key(give),
            give_qty,
            want: key(want),
            want_qty,
            divisible,
            min_fill: min_fill.unwrap_or_default().min(give_qty),
            valid_from: 0,
            valid_until: u64::MAX,
        };
        value.ring = ring_now(live, &goods, &offer);
    }
    let givers = model.open_offers(Some(want), None, 2_000)?;
    let takers = model.open_offers(None, Some(give), 2_000)?;
    let on_offer = givers
        .iter()
        .fold(Amount::ZERO, |sum, offer| sum.checked_add(amount(&offer.remaining)).unwrap_or(Amount::MAX));
    let direct = givers.iter().filter(|offer| offer.want == give).count();
    value.book = format!(
        "The book has {} giving {} ({}) and {} wanting {}; {} directly against yours. Others may close a ring over up to six goods.",
        show::counted(givers.len(), "offer", "offers"),
        want_asset.name,
        goods.brief(want, on_offer),
        show::counted(takers.len(), "offer", "offers"),
        give_asset.name,
        match direct {
            0 => "none stands".to_owned(),
            1 => "one stands".to_owned(),
            some => format!("{some} stand"),
        },
    );
    Ok(Some(value))
}

/// From here up to reference value, an offer is close to it, in tenths of a percent.
const CLOSE: u128 = 980;

/// What is wanted, in tenths of a percent of what is given.
fn asked(gives: u128, wants: u128) -> u128 {
    wants.saturating_mul(1_000).checked_div(gives).unwrap_or(0)
}

fn hint(gives: u128, wants: u128) -> String {
    match asked(gives, wants) {
        1_021.. => "You ask for more than reference value plus the market's band: a ring is unlikely.",
        1_001..=1_020 => "You ask for a little more than reference value: a ring is possible, but rare.",
        CLOSE..=1_000 => "Close to reference value: rings of this kind do close.",
        900..=979 => {
            "You leave room: rings close easily, and you get more than your limit where the ring allows it."
        }
        _ => "You ask for much less than reference value. Check the quantities.",
    }
    .to_owned()
}
