//! The demo market: sourced tables of facts and a seeded generator.
//!
//! Countries short of hard currency trade what they have for what they need: jute yarn for diesel, diesel
//! for wheat, wheat for jute yarn. Here two companies seldom want just what the other has, while rings of
//! three to six close often; so the demo shows what rings are for.
//!
//! Invariants: nothing here reads a clock, a file or the network; a seed decides everything; there are no
//! floats, rates are integers in parts per million. Companies are invented, facts about countries and goods
//! cite their source beside their table.
//!
//! In reading order: [`goods`] and [`countries`] are the tables; [`Company`], [`Offer`] and [`StockLot`] what
//! is generated; [`Market::generate`] makes a market; a [`Trader`] keeps it alive and answers newcomers;
//! [`suggestions`] tells a newcomer what to ask for.
//!
//! ```
//! use market::{Enquiry, Kind, Market, Trader, suggestions};
//!
//! let market = Market::generate(7, 90, 480);
//! let trader = Trader::new(market);
//!
//! // A newcomer brings 50 t of cotton yarn. What could it get?
//! let open: Vec<_> =
//!     trader.market().offers.iter().map(|offer| (offer.give, offer.want, offer.limit_ppm())).collect();
//! let best = &suggestions(trader.market(), &open, "5205", 5)[0];
//!
//! // It asks for diesel worth as much, and two to five companies answer so that a ring closes.
//! let enquiry =
//!     Enquiry { give: "5205", give_qty: 50_000, want: "2710", want_qty: 225_400, kind: Kind::Binding };
//! let answers = trader.answer_to(&enquiry, 1);
//! assert!((2..=5).contains(&answers.len()));
//! assert_eq!(answers[0].want, "5205");
//! assert_eq!(answers.last().map(|offer| offer.give), Some("2710"));
//! assert!(best.routes > 0);
//! ```

#![warn(clippy::float_arithmetic)]

mod chain;
mod company;
pub mod countries;
mod dice;
mod generate;
pub mod goods;
mod offer;
mod suggest;
mod trader;

pub use company::{Company, CompanyId, lei_is_valid, lei_with_check_digits};
pub use countries::{COUNTRIES, Country, Place, country};
pub use generate::{MIN_COMPANIES, MIN_OFFERS, Market};
pub use goods::{Commodity, GOODS, PriceSource, commodity};
pub use offer::{BAND_PPM, Incoterm, Kind, Offer, PPM, StockLot, closes, floor_ppm, limit_ppm};
pub use suggest::{OpenOffer, Suggestion, suggestions};
pub use trader::{Decision, Enquiry, Trader};
