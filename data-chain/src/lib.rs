//! The data chain.

pub mod event;
pub mod payload;

pub use event::Event;
pub use payload::Payload;
