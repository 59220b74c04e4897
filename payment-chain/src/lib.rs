//! The payment chain: assets, balances, offers, batches, contracts and settlement.

pub mod event;
pub mod model;
pub mod payload;

pub use event::Event;
pub use payload::Payload;
