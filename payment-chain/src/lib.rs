//! The payment chain: assets, balances, offers, batches, contracts and settlement.
//!
//! Reading order: [`model`] is what it keeps, [`payload`] what can be asked, [`event`] what happened, [`refused`]
//! why not; [`config`] is what a genesis fixes. Then the rules, one noun a file: parties, assets, prices, offers,
//! the book and its batches, contracts, settlements, bonds, shares. [`view`] reads all of it; [`audit`] adds it up.
//!
//! Invariants:
//! - per asset, what is available and locked over all accounts is its supply, after every block;
//! - everything locked is locked for an open binding offer, a waiting contract, a redemption or a bond;
//! - a ring settles whole or not at all; what an offer gave, has left and has tied up is what it offered;
//! - nobody trusts a solver: what it submits is judged by [`clearing::check`];
//! - standing, roles and keys come from the identity chain alone;
//! - no float, no clock, no order that is not sorted.
//!
//! ```
//! use ledger::{Address, Application, Height, MemoryState, Run, SubChain, Timestamp};
//! use payment_chain::{Config, PaymentChain, model::AssetId, view};
//!
//! let (operator, mill) = (Address([1; 20]), Address([2; 20]));
//! let mut config = Config::with_operator(operator);
//! config.deposit.endowments.push((mill, clearing::Amount::new(2_500).unwrap()));
//! let chain = PaymentChain::new(config).unwrap();
//! let mut state = MemoryState::default();
//! chain.genesis(&mut Run::new(SubChain::Payment, Height(0), Timestamp(0), &mut state));
//! let deposit = view::balance(&state, mill, AssetId::DEPOSIT);
//! assert_eq!(deposit.available.display(2), "25.00");
//! assert_eq!(view::audit(&state).unwrap().balances, 1);
//! ```

mod asset;
pub mod audit;
mod batch;
mod bond;
mod book;
mod chain;
pub mod config;
mod contract;
pub mod event;
mod lapse;
pub mod model;
mod money;
mod offer;
mod party;
pub mod payload;
mod price;
pub mod refused;
mod settlement;
mod share;
mod signing;
mod surety;
mod table;
mod terms;
pub mod view;
mod words;

pub use asset::MAX_REQUESTS;
pub use batch::{
    ClearingFault, Judgement, MAX_SUBMISSIONS, Numbers, batch_hash, certificate, certificate_hash,
};
pub use chain::PaymentChain;
pub use config::{Config, ConfigError, Deposit};
pub use contract::contract_hash;
pub use event::Event;
pub use lapse::LAPSE_DAYS;
pub use offer::MAX_BOOK;
pub use payload::{Payload, fuzz_event, fuzz_message, fuzz_payload};
pub use refused::Refused;
pub use settlement::settlement_hash;
pub use share::MAX_SHARE_DAYS;
pub use signing::{LEAST_WORD_MICRO_USD, WORDS_REMEMBERED};
pub use table::{BALANCES, BONDS, CERTIFICATES, OFFERS, SETTLEMENTS, SHARES, SURETIES};
pub use terms::VERSION as TERMS_VERSION;
pub use words::{Label, Quantity};
