//! What a correct clearing is, in integers only.
//!
//! Offers say: *I give up to so much of A and want at least so much B per A.* A clearing is a set of
//! [`Ring`]s: two to six offers over as many assets, each delivering to the one before it, the last closing the
//! ring. This crate holds the [`Book`], the [`Answer`] and the exact [`check`]; whoever searches for answers
//! (with floats or by luck) is believed only through it.
//!
//! Invariants:
//! - no floats, no clock, no threads, no hash-map order: the same input gives the same result everywhere;
//! - amounts stay within 10^27, prices within 10^12 USD and twelve decimals, so every product fits 512 bits;
//! - the work of a check is linear in the answer (times the logarithm of the book), apart from sorting; that of a bound is
//!   at most some ten looks at each asset for each pair of assets, and linear in the book where these are too many.
//!
//! ```
//! use clearing::{Amount, Answer, Asset, AssetKey, Band, Book, Leg, Mode, Offer, OfferKey, PartyKey, Ring, Rules};
//!
//! let amount = |n: u128| Amount::new(n).unwrap();
//! let asset = |key| Asset { key: AssetKey(key), decimals: 0, reference: "1".parse().unwrap() };
//! let offer = |key, party: u8, give, want, qty| Offer {
//!     key: OfferKey(key),
//!     party: PartyKey([party; 20]),
//!     give: AssetKey(give),
//!     give_qty: amount(qty),
//!     want: AssetKey(want),
//!     want_qty: amount(qty),
//!     divisible: true,
//!     min_fill: Amount::ZERO,
//!     valid_from: 0,
//!     valid_until: 10,
//! };
//! // Jute for diesel against diesel for jute.
//! let book = Book::new(vec![asset(1), asset(2)], vec![offer(1, 1, 1, 2, 100), offer(2, 2, 2, 1, 60)]).unwrap();
//! let ring = Ring { legs: vec![Leg { offer: OfferKey(1), give: amount(60) }, Leg { offer: OfferKey(2), give: amount(60) }] };
//! let rules = Rules { mode: Mode::Ring, band: Band::from_ppm(20_000).unwrap(), max_assets: 6 };
//! let report = clearing::check(&book, &rules, 5, &Answer { rings: vec![ring], ..Answer::default() }).unwrap();
//! assert_eq!(report.value.to_string(), "120");
//! ```

mod amount;
mod answer;
mod book;
mod bound;
mod certificate;
mod check;
mod groups;
mod lanes;
mod price;
mod ratio;
mod reach;
pub mod signing;

pub use amount::{Amount, AmountError};
pub use answer::{Answer, Band, Leg, MAX_LEGS, Mode, Prices, Ring, Rules, RulesError};
pub use book::{Asset, AssetKey, Book, BookError, Offer, OfferKey, PartyKey, crossing};
pub use bound::{DUAL_WHOLE, Duals, MAX_DUAL, bound, reachable};
pub use certificate::{Certificate, Names, Proof};
pub use check::{Fault, MAX_FAULTS, ROUGH_LEG, Report, check, check_ring, floor, ring_value};
pub use groups::groups;
pub use price::{MAX_DECIMALS, Price, PriceError, UsdValue};
pub use ratio::Ratio;
