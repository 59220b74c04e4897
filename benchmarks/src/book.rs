//! Books to measure with: from files, or made from a seed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use barter_engine::files::{Source, read_book};
use clearing::{Amount, Asset, AssetKey, Book, Offer, OfferKey, PartyKey, Price};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// When all books are asked, epoch seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The assets of a book that is made.
const ASSETS: u64 = 1_200;

#[derive(clap::Args)]
pub(crate) struct BookOptions {
    /// The book's assets; without files a book is made.
    #[arg(long, value_name = "FILE", requires = "offers")]
    assets: Option<PathBuf>,
    /// The book's offers.
    #[arg(long, value_name = "FILE", requires = "assets")]
    offers: Option<PathBuf>,
    /// How many offers a book has that is made.
    #[arg(long, default_value_t = 200_000)]
    count: u64,
}

impl BookOptions {
    /// The book.
    pub(crate) fn book(&self) -> Result<Book> {
        let (Some(assets), Some(offers)) = (&self.assets, &self.offers) else {
            return made(self.count, &mut Dice::new(1));
        };
        Ok(read_book(Source::open(assets)?, Source::open(offers)?)?.book)
    }
}

/// Draws from a seed.
pub(crate) struct Dice(ChaCha12Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of 128 bits has 64")
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).expect("a place in a slice")]
    }

    /// A number below `bound`, a low one more often: half of all draws come from the first quarter.
    pub(crate) fn low(&mut self, bound: u64) -> u64 {
        self.below(bound) * self.below(bound) / bound
    }
}

/// A book in which some goods are wanted far more than others, and limits lie between 6 % below the references and 1 % above.
fn made(count: u64, dice: &mut Dice) -> Result<Book> {
    /// Millionths of a dollar.
    const USD: u64 = 1_000_000;
    let prices: Vec<u64> =
        (0..ASSETS).map(|_| dice.pick(&[1, 20, 400]) * (USD + dice.below(USD * 20))).collect();
    let decimals: Vec<u8> = (0..ASSETS).map(|_| *dice.pick(&[2, 3, 6])).collect();
    let assets = (0..).zip(prices.iter().zip(&decimals)).map(|(key, (price, decimals))| {
        let reference = Price::new(u128::from(*price), 6)?;
        Ok(Asset { key: AssetKey(key), decimals: *decimals, reference })
    });
    let assets = assets.collect::<Result<Vec<Asset>>>()?;
    let offers = (0..count).map(|number| {
        let give = dice.low(ASSETS);
        let want = (give + 1 + dice.low(ASSETS - 1)) % ASSETS;
        let value = dice.pick(&[1, 1, 1, 5, 20]) * (500 * USD + dice.below(9_500 * USD));
        let wanted = u128::from(value) * u128::from(940_000 + dice.below(70_000)) / 1_000_000;
        let units = |value: u128, asset: u64| {
            let asset = usize::try_from(asset).expect("few assets");
            let units = value * 10u128.pow(u32::from(decimals[asset])) / u128::from(prices[asset]);
            Amount::new(units.max(1)).context("a value of some dollars is an amount")
        };
        let give_qty = units(u128::from(value), give)?;
        let tenth = Amount::new(give_qty.get() / 10).context("less than an amount")?;
        let mut party = [0; 20];
        party[..8].copy_from_slice(&number.to_be_bytes());
        Ok(Offer {
            key: OfferKey(number),
            party: PartyKey(party),
            give: AssetKey(give),
            give_qty,
            want: AssetKey(want),
            want_qty: units(wanted, want)?,
            divisible: dice.below(10) > 0,
            min_fill: if dice.below(4) == 0 { tenth } else { Amount::ZERO },
            valid_from: 0,
            valid_until: NOW + 3_600,
        })
    });
    Ok(Book::new(assets, offers.collect::<Result<Vec<Offer>>>()?)?)
}

/// What a smallest unit is worth at its reference, in USD.
pub(crate) fn unit_usd(book: &Book, key: AssetKey) -> f64 {
    let asset = book.asset(key);
    asset.map_or(0.0, |asset| f64::from(asset.reference.per_smallest_unit(asset.decimals).raw()) / 1e30)
}
