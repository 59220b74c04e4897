//! Quotes what one asset brings in another, through live offers.
//!
//! A quote is a snapshot's answer, not an order: the asker sends `send` of one asset and receives `receive` of
//! another, the makers' limits are met exactly, and every rounding favours the makers, so that the path can be
//! settled as it is. A path passes at most six assets and visits none twice. An offer is taken up to what it gives;
//! all-or-none offers are taken whole or not at all and minimums are met, both within a path.

use clearing::{Amount, AssetKey, Book, Offer, OfferKey};
use ruint::Uint;
use ruint::aliases::U256;

/// The most assets of a path.
const MOST_ASSETS: usize = 6;

/// The most paths of a quote.
pub const MAX_PATHS: usize = 16;

/// Which amount of a quote is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strict {
    /// The amount sent is given; the most is to be received.
    Send,
    /// The amount received is given; the least is to be sent.
    Receive,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The asset sent.
    pub send: AssetKey,
    /// The asset received.
    pub receive: AssetKey,
    /// The amount given, of the asset that `strict` names.
    pub amount: Amount,
    /// Which amount is given.
    pub strict: Strict,
    /// The most paths that the amount may be split over, 1 to [`MAX_PATHS`].
    pub paths: usize,
    /// The time at which offers must be valid, epoch seconds.
    pub now: u64,
}

/// What the market answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Names the book that was asked: a hash over its live offers.
    pub snapshot: u128,
    /// The second (epoch) at which the first of the offers used ends; `now` when nothing is offered.
    pub expires: u64,
    /// What is sent in all.
    pub send: Amount,
    /// What is received in all.
    pub receive: Amount,
    /// The paths, best rate first.
    pub paths: Vec<Path>,
}

/// One path of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The assets passed, from the one sent to the one received.
    pub assets: Vec<AssetKey>,
    /// The offers used, one between each two assets.
    pub offers: Vec<OfferKey>,
    /// What is sent on this path.
    pub send: Amount,
    /// What is received on this path.
    pub receive: Amount,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The asset is not in the book.
    #[error("asset {0} is not in the book")]
    UnknownAsset(AssetKey),
    /// Sending and receiving the same asset.
    #[error("the asset sent is the asset received")]
    SameAsset,
    /// Nothing asked.
    #[error("the amount is zero")]
    ZeroAmount,
    /// No path, or more than so many.
    #[error("a quote has 1 to {MAX_PATHS} paths")]
    Paths,
}

/// A book made ready for quotes: build it once per book, ask it per keystroke.
pub struct Market<'a> {
    book: &'a Book,
    /// Live offers by the asset they want, as places in the book.
    wanting: Vec<Vec<u32>>,
    snapshot: u128,
    now: u64,
}

impl<'a> Market<'a> {
    /// Readies the offers of `book` that are valid at `now`.
    #[must_use]
    pub fn new(book: &'a Book, now: u64) -> Market<'a> {
        let mut wanting = vec![Vec::new(); book.assets().len()];
        let mut snapshot = Fnv::default();
        for (at, offer) in (0u32..).zip(book.offers()) {
            if offer.is_valid_at(now) {
                wanting[place(book, offer.want)].push(at);
                snapshot.offer(offer);
            }
        }
        Market { book, wanting, snapshot: snapshot.0, now }
    }

    /// Answers `ask`. What cannot be had is left out: the amounts may be less than asked, and zero.
    ///
    /// # Errors
    /// A [`QuoteError`] in the order of its variants.
    pub fn quote(&self, ask: &Ask) -> Result<Quote, QuoteError> {
        for asset in [ask.send, ask.receive] {
            if self.book.asset(asset).is_none() {
                return Err(QuoteError::UnknownAsset(asset));
            }
        }
        if ask.send == ask.receive {
            return Err(QuoteError::SameAsset);
        }
        if ask.amount.is_zero() {
            return Err(QuoteError::ZeroAmount);
        }
        if !(1..=MAX_PATHS).contains(&ask.paths) {
            return Err(QuoteError::Paths);
        }
        let (from, to) = (place(self.book, ask.send), place(self.book, ask.receive));
        let mut spent = vec![false; self.book.offers().len()];
        let mut left = ask.amount.get();
        let mut quote = Quote {
            snapshot: self.snapshot,
            expires: u64::MAX,
            send: Amount::ZERO,
            receive: Amount::ZERO,
            paths: vec![],
        };
        // An offer serves one path: what it has left after that is no longer the cheapest way.
        for _ in 0..MAX_PATHS * 8 {
            if quote.paths.len() == ask.paths || left == 0 {
                break;
            }
            let Some(offers) = self.cheapest(from, to, &spent) else { break };
            match self.walk(&offers, left, ask.strict) {
                Walked::Path(path) => {
                    left -= match ask.strict {
                        Strict::Send => path.send.get(),
                        Strict::Receive => path.receive.get(),
                    };
                    for &at in &offers {
                        spent[at as usize] = true;
                        quote.expires = quote.expires.min(self.book.offers()[at as usize].valid_until);
                    }
                    quote.send = quote.send.checked_add(path.send).unwrap_or(Amount::MAX);
                    quote.receive = quote.receive.checked_add(path.receive).unwrap_or(Amount::MAX);
                    quote.paths.push(path);
                }
                Walked::Stuck(at) => spent[at as usize] = true,
            }
        }
        if quote.paths.is_empty() {
            quote.expires = self.now;
        }
        Ok(quote)
    }

    /// The path of the least product of limits over offers not spent: layered over at most five offers. Guessed in
    /// floats; amounts are exact.
    fn cheapest(&self, from: usize, to: usize, spent: &[bool]) -> Option<Vec<u32>> {
        const NONE: u32 = u32::MAX;
        let assets = self.book.assets().len();
        let mut costs = vec![vec![f64::INFINITY; assets]];
        let mut came: Vec<Vec<u32>> = vec![vec![NONE; assets]];
        costs[0][from] = 0.0;
        for hop in 1..MOST_ASSETS {
            let before = &costs[hop - 1];
            let mut cost = before.clone();
            let mut by = vec![NONE; assets];
            for (asset, wanting) in self.wanting.iter().enumerate() {
                if before[asset].is_infinite() || asset == to {
                    continue;
                }
                for &at in wanting.iter().filter(|at| !spent[**at as usize]) {
                    let offer = &self.book.offers()[at as usize];
                    let give = place(self.book, offer.give);
                    let rate =
                        crate::scene::float(offer.want_qty.get()) / crate::scene::float(offer.give_qty.get());
                    let through = before[asset] + rate.ln();
                    if through < cost[give] - 1e-12 && !self.visits(&came, hop - 1, asset, give) {
                        cost[give] = through;
                        by[give] = at;
                    }
                }
            }
            costs.push(cost);
            came.push(by);
        }
        let mut path = Vec::new();
        let mut asset = to;
        for hop in (1..MOST_ASSETS).rev() {
            let at = came[hop][asset];
            if at != NONE {
                path.push(at);
                asset = place(self.book, self.book.offers()[at as usize].want);
            }
        }
        path.reverse();
        (!path.is_empty() && asset == from).then_some(path)
    }

    /// Whether the best path to `asset` in `hops` passes `other`.
    fn visits(&self, came: &[Vec<u32>], hops: usize, asset: usize, other: usize) -> bool {
        let mut at = asset;
        for hop in (0..=hops).rev() {
            if at == other {
                return true;
            }
            let by = came[hop][at];
            if by != u32::MAX {
                at = place(self.book, self.book.offers()[by as usize].want);
            }
        }
        at == other
    }

    /// Pushes as much as asked along `offers`, in whole units.
    fn walk(&self, offers: &[u32], left: u128, strict: Strict) -> Walked {
        let chain: Vec<&Offer> = offers.iter().map(|at| &self.book.offers()[*at as usize]).collect();
        // The most that can arrive at the end, found from the front: each offer gives at most what it has and what
        // it is paid for.
        let mut most = if strict == Strict::Send { left } else { u128::MAX };
        for offer in &chain {
            most = offer.give_qty.get().min(given_for(offer, most));
        }
        let receive = if strict == Strict::Receive { most.min(left) } else { most };
        // Then back: what each must give is what the next wants for it, rounded up in the maker's favour.
        let mut needed = receive;
        let mut gives = Vec::with_capacity(chain.len());
        for (offer, at) in chain.iter().zip(offers).rev() {
            if needed == 0 || needed > offer.give_qty.get() || needed < offer.least_fill().get() {
                return Walked::Stuck(*at);
            }
            gives.push(needed);
            needed = wanted_for(offer, needed);
        }
        let (Ok(send), Ok(receive)) = (Amount::new(needed), Amount::new(receive)) else {
            return Walked::Stuck(offers[0]);
        };
        if send.is_zero() || (strict == Strict::Send && needed > left) {
            return Walked::Stuck(offers[0]);
        }
        let mut assets: Vec<AssetKey> = chain.iter().map(|offer| offer.want).collect();
        assets.extend(chain.last().map(|offer| offer.give));
        Walked::Path(Path { assets, offers: chain.iter().map(|offer| offer.key).collect(), send, receive })
    }
}

/// What became of one chain of offers.
enum Walked {
    /// It carries this.
    Path(Path),
    /// This offer refuses the amount.
    Stuck(u32),
}

/// The most that `offer` gives for `paid`, rounded down, not looking at what it has.
fn given_for(offer: &Offer, paid: u128) -> u128 {
    let given: Uint<256, 4> =
        U256::from(paid) * U256::from(offer.give_qty.get()) / U256::from(offer.want_qty.get());
    u128::try_from(given).unwrap_or(u128::MAX)
}

/// The least that `offer` wants for giving `given`, rounded up.
fn wanted_for(offer: &Offer, given: u128) -> u128 {
    let product = U256::from(given) * U256::from(offer.want_qty.get());
    let (quotient, rest) = product.div_rem(U256::from(offer.give_qty.get()));
    u128::try_from(quotient).unwrap_or(u128::MAX).saturating_add(u128::from(!rest.is_zero()))
}

fn place(book: &Book, asset: AssetKey) -> usize {
    book.asset_index(asset).expect("a book holds the assets of its offers")
}

/// FNV-1a over 128 bits: names a snapshot, protects nothing.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn offer(&mut self, offer: &Offer) {
        self.bytes(&offer.key.0.to_le_bytes());
        self.bytes(&offer.party.0);
        self.bytes(&offer.give.0.to_le_bytes());
        self.bytes(&offer.give_qty.get().to_le_bytes());
        self.bytes(&offer.want.0.to_le_bytes());
        self.bytes(&offer.want_qty.get().to_le_bytes());
        self.bytes(&[u8::from(offer.divisible)]);
        self.bytes(&offer.min_fill.get().to_le_bytes());
        self.bytes(&offer.valid_until.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
