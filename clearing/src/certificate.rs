//! What a solver publishes to prove its clearing and how near the best that is, in the one form that is hashed.

use crate::{Amount, Answer, AssetKey, Book, Duals, MAX_DUAL, Mode, OfferKey, PartyKey, Price, Rules};
use borsh::{BorshSerialize, io};

/// What stands first in the bytes of every certificate; other words would be another format.
const FORMAT: &str = "permuta/1/clearing-certificate";

/// The names that the published files have for what a book numbers.
pub trait Names {
    /// The name of an asset.
    fn asset(&self, key: AssetKey) -> String;
    /// The name of an offer.
    fn offer(&self, key: OfferKey) -> String;
    /// The name of a party.
    fn party(&self, key: PartyKey) -> String;
}

/// A bound with the duals from which [`bound`](crate::bound()) gives it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// No clearing is worth more, in millionths of a US dollar.
    pub bound_micro_usd: u128,
    /// What proves it.
    pub duals: Duals,
}

/// A published clearing: the book with its references, the rules and the time, the rings, the bound and its duals.
///
/// Everything goes by the names that the published files have, in an order that follows from these names alone, so that
/// whoever has the files, and numbers things otherwise, comes to the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Certificate {
    format: &'static str,
    now: u64,
    rules: Rules,
    bound_micro_usd: u128,
    assets: Vec<AssetLine>,
    offers: Vec<OfferLine>,
    rings: Vec<Vec<LegLine>>,
    /// Nothing at all where there are none, as ever.
    #[borsh(serialize_with = "unless_empty")]
    lanes: Vec<LaneLine>,
}

fn unless_empty<W: io::Write>(lanes: &Vec<LaneLine>, writer: &mut W) -> io::Result<()> {
    if lanes.is_empty() { Ok(()) } else { lanes.serialize(writer) }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
struct LaneLine {
    give: String,
    want: String,
    dual: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
struct LegLine {
    offer: String,
    give: Amount,
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
struct AssetLine {
    name: String,
    decimals: u8,
    reference: Price,
    /// What it traded at: the reference, unless a uniform clearing says otherwise.
    price: Price,
    dual: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
struct OfferLine {
    name: String,
    party: String,
    give: String,
    give_qty: Amount,
    want: String,
    want_qty: Amount,
    divisible: bool,
    min_fill: Amount,
    valid_from: u64,
    valid_until: u64,
}

impl Certificate {
    /// The certificate of `answer` over `book` at `now` (epoch seconds).
    #[must_use]
    pub fn new(
        names: &impl Names,
        book: &Book,
        rules: &Rules,
        now: u64,
        answer: &Answer,
        proof: &Proof,
    ) -> Certificate {
        let prices = answer.prices.as_slice();
        let price = |key, reference| prices.iter().find(|one| one.0 == key).map_or(reference, |one| one.1);
        let mut assets: Vec<AssetLine> = (book.assets().iter().enumerate())
            .map(|(at, asset)| AssetLine {
                name: names.asset(asset.key),
                decimals: asset.decimals,
                reference: asset.reference,
                price: price(asset.key, asset.reference),
                dual: proof.duals.assets.get(at).copied().unwrap_or(0),
            })
            .collect();
        assets.sort_by(|a, b| a.name.cmp(&b.name));
        let mut offers: Vec<OfferLine> = (book.offers().iter())
            .map(|offer| OfferLine {
                name: names.offer(offer.key),
                party: names.party(offer.party),
                give: names.asset(offer.give),
                give_qty: offer.give_qty,
                want: names.asset(offer.want),
                want_qty: offer.want_qty,
                divisible: offer.divisible,
                min_fill: offer.min_fill,
                valid_from: offer.valid_from,
                valid_until: offer.valid_until,
            })
            .collect();
        offers.sort_by(|a, b| a.name.cmp(&b.name));
        let mut rings: Vec<Vec<LegLine>> = (answer.rings.iter())
            .map(|ring| {
                let leg = |leg: &crate::Leg| LegLine { offer: names.offer(leg.offer), give: leg.give };
                let mut legs: Vec<LegLine> = ring.legs.iter().map(leg).collect();
                // A ring has no beginning: it is told from its first name on.
                let first = (0..legs.len()).min_by(|a, b| legs[*a].cmp(&legs[*b])).unwrap_or(0);
                legs.rotate_left(first);
                legs
            })
            .collect();
        rings.sort();
        let mut lanes: Vec<LaneLine> = (proof.duals.lanes.iter())
            .filter(|(_, dual)| rules.mode == Mode::Uniform && **dual > 0)
            .map(|((give, want), dual)| LaneLine {
                give: names.asset(*give),
                want: names.asset(*want),
                dual: *dual.min(&MAX_DUAL),
            })
            .collect();
        lanes.sort();
        let (format, rules, bound_micro_usd) = (FORMAT, *rules, proof.bound_micro_usd);
        Certificate { format, now, rules, bound_micro_usd, assets, offers, rings, lanes }
    }

    /// The bound, in millionths of a US dollar.
    #[must_use]
    pub const fn bound_micro_usd(&self) -> u128 {
        self.bound_micro_usd
    }

    /// The duals above zero, by the asset's name, in parts of [`DUAL_WHOLE`](crate::DUAL_WHOLE).
    pub fn duals(&self) -> impl Iterator<Item = (&str, u64)> {
        self.assets.iter().filter(|asset| asset.dual > 0).map(|asset| (asset.name.as_str(), asset.dual))
    }

    /// The canonical bytes, in borsh: the format's name; the time (8 bytes), mode (1), band in parts per million (4) and most
    /// assets (1); the bound (16); then three lists. Assets, ascending by the bytes of their names: name, decimals (1),
    /// reference and price (16 and 1 each, without trailing zeros), dual (8). Offers, ascending likewise: name, party, give,
    /// its quantity (16), want, its quantity, whether divisible (1), minimum (16), valid from and until (8 each). Rings, each
    /// a list of name and quantity in the order of delivery from its least name on, ascending. Where lanes have duals a fourth
    /// list follows: names of the assets given and wanted, dual (8), ascending.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory does not fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asset, Band, Leg, Mode, Offer, Prices, Ring};

    /// Names that sort in another order than the keys.
    struct Market;

    impl Names for Market {
        fn asset(&self, key: AssetKey) -> String {
            ["wheat", "jute", "tea"][usize::try_from(key.0).unwrap()].to_owned()
        }

        fn offer(&self, key: OfferKey) -> String {
            format!("o{}", 9 - key.0)
        }

        fn party(&self, key: PartyKey) -> String {
            format!("p{}", key.0[0])
        }
    }

    #[derive(Clone)]
    struct Clearing {
        assets: Vec<Asset>,
        offers: Vec<Offer>,
        rules: Rules,
        now: u64,
        answer: Answer,
        proof: Proof,
    }

    fn amount(units: u128) -> Amount {
        Amount::new(units).unwrap()
    }

    fn offer(key: u64, give: u64, want: u64) -> Offer {
        Offer {
            key: OfferKey(key),
            party: PartyKey([u8::try_from(key).unwrap(); 20]),
            give: AssetKey(give),
            give_qty: amount(500),
            want: AssetKey(want),
            want_qty: amount(400),
            divisible: true,
            min_fill: amount(10),
            valid_from: 1,
            valid_until: 99,
        }
    }

    /// Wheat for jute against jute for wheat.
    fn clearing() -> Clearing {
        let asset = |key| Asset { key: AssetKey(key), decimals: 3, reference: "10.50".parse().unwrap() };
        let leg = |offer| Leg { offer: OfferKey(offer), give: amount(258) };
        Clearing {
            assets: (0..2).map(asset).collect(),
            offers: vec![offer(1, 0, 1), offer(2, 1, 0)],
            rules: Rules::default(),
            now: 7,
            answer: Answer { rings: vec![Ring { legs: vec![leg(1), leg(2)] }], prices: Prices::default() },
            proof: Proof {
                bound_micro_usd: 258,
                duals: Duals { assets: vec![7, 1 << 40], ..Duals::default() },
            },
        }
    }

    fn bytes(of: &Clearing) -> Vec<u8> {
        let book = Book::new(of.assets.clone(), of.offers.clone()).unwrap();
        Certificate::new(&Market, &book, &of.rules, of.now, &of.answer, &of.proof).bytes()
    }

    #[test]
    fn a_certificate_is_hashed_over_these_bytes() {
        let word = |bytes: &mut Vec<u8>, text: &str| {
            bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        let mut told = Vec::new();
        word(&mut told, "permuta/1/clearing-certificate");
        told.extend([7, 0, 0, 0, 0, 0, 0, 0]);
        told.push(0);
        told.extend(20_000u32.to_le_bytes());
        told.push(6);
        told.extend(258u128.to_le_bytes());
        told.extend([2, 0, 0, 0]);
        for (name, dual) in [("jute", 1u64 << 40), ("wheat", 7)] {
            word(&mut told, name);
            told.push(3);
            for _ in ["reference", "price"] {
                told.extend(105u128.to_le_bytes());
                told.push(1);
            }
            told.extend(dual.to_le_bytes());
        }
        told.extend([2, 0, 0, 0]);
        for (name, party, give, want) in [("o7", "p2", "jute", "wheat"), ("o8", "p1", "wheat", "jute")] {
            word(&mut told, name);
            word(&mut told, party);
            word(&mut told, give);
            told.extend(500u128.to_le_bytes());
            word(&mut told, want);
            told.extend(400u128.to_le_bytes());
            told.push(1);
            told.extend(10u128.to_le_bytes());
            told.extend(1u64.to_le_bytes());
            told.extend(99u64.to_le_bytes());
        }
        told.extend([1, 0, 0, 0, 2, 0, 0, 0]);
        for name in ["o7", "o8"] {
            word(&mut told, name);
            told.extend(258u128.to_le_bytes());
        }
        assert_eq!(bytes(&clearing()), told);
        // Where there is one price, lanes prove something too.
        let uniform = Clearing { rules: Rules { mode: Mode::Uniform, ..Rules::default() }, ..clearing() };
        let without_lanes = bytes(&uniform);
        let mut with_lanes = uniform.clone();
        let pair = |give, want| (AssetKey(give), AssetKey(want));
        with_lanes.proof.duals.lanes = [(pair(0, 1), 3), (pair(1, 0), 5)].into();
        let mut told = without_lanes.clone();
        told.extend([2, 0, 0, 0]);
        for (give, want, dual) in [("jute", "wheat", 5u64), ("wheat", "jute", 3)] {
            word(&mut told, give);
            word(&mut told, want);
            told.extend(dual.to_le_bytes());
        }
        assert_eq!(bytes(&with_lanes), told);
        with_lanes.proof.duals.lanes = [(pair(0, 1), 0)].into();
        assert_eq!(bytes(&with_lanes), without_lanes, "a lane that counts nothing is none");
        let in_rings = Clearing { rules: Rules::default(), ..with_lanes };
        assert_eq!(bytes(&in_rings), bytes(&clearing()), "in ring mode there is no proof by lanes");
    }

    #[test]
    fn whatever_is_changed_in_what_was_published_changes_the_bytes() {
        type Change = (&'static str, fn(&mut Clearing));
        let changes: [Change; 19] = [
            ("a reference", |of| of.assets[0].reference = "10.51".parse().unwrap()),
            ("decimals", |of| of.assets[0].decimals = 2),
            ("an asset more", |of| of.assets.push(Asset { key: AssetKey(2), ..of.assets[0] })),
            ("what is offered", |of| of.offers[0].give_qty = amount(501)),
            ("what is asked", |of| of.offers[0].want_qty = amount(401)),
            ("whose offer it is", |of| of.offers[0].party.0[0] = 9),
            ("what it gives", |of| (of.offers[0].give, of.offers[0].want) = (AssetKey(1), AssetKey(0))),
            ("divisible", |of| of.offers[0].divisible = false),
            ("the minimum", |of| of.offers[0].min_fill = amount(11)),
            ("valid from", |of| of.offers[0].valid_from = 2),
            ("valid until", |of| of.offers[0].valid_until = 98),
            ("an offer less", |of| of.offers.truncate(of.offers.len() - 1)),
            ("a leg", |of| of.answer.rings[0].legs[0].give = amount(257)),
            ("a ring less", |of| of.answer.rings.clear()),
            ("the band", |of| of.rules.band = Band::from_ppm(20_001).unwrap()),
            ("the mode", |of| of.rules.mode = Mode::Lots),
            ("the time", |of| of.now = 8),
            ("the bound", |of| of.proof.bound_micro_usd = 259),
            ("the duals", |of| of.proof.duals.assets.swap(0, 1)),
        ];
        for (what, change) in changes {
            let mut changed = clearing();
            change(&mut changed);
            assert_ne!(bytes(&changed), bytes(&clearing()), "{what}");
        }
    }

    #[test]
    fn the_order_of_rings_and_where_one_begins_change_nothing() {
        let mut two = clearing();
        two.answer.rings.push(Ring { legs: vec![Leg { offer: OfferKey(1), give: amount(5) }] });
        let mut turned = two.clone();
        turned.answer.rings.reverse();
        turned.answer.rings[1].legs.rotate_left(1);
        assert_eq!(bytes(&turned), bytes(&two));
    }

    #[test]
    fn a_price_that_is_the_reference_says_as_much_as_none() {
        let of = |price: &str| {
            let mut priced = clearing();
            priced.answer.prices = Prices::new(vec![(AssetKey(0), price.parse().unwrap())]);
            bytes(&priced)
        };
        assert_eq!(of("10.5"), bytes(&clearing()));
        assert_ne!(of("10.6"), bytes(&clearing()));
    }
}
