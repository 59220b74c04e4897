//! The chain of what: products are described, documents put on record, settlements remembered.
//!
//! Reading order: [`payload`] is what can be asked and [`event`] what happened; [`record`] is what the chain knows;
//! [`rejection`] lists every reason to refuse; [`terms`] is what a signer reads; [`chain`] is the state machine;
//! [`view`] reads its state.
//!
//! Invariants: only admitted parties put anything on record, as the identity chain last spoke of them; nothing on
//! record is ever changed or removed; contents of documents never come here, only their hashes; every product
//! names documents that are on record.
//!
//! ```
//! use data_chain::payload::Product;
//! use ledger::Address;
//!
//! let jute = Product {
//!     name: "Jute yarn".parse()?,
//!     hs: "5307".parse()?,
//!     grade: "Sacking warp, 10 lb".parse()?,
//!     origin: "BD".parse()?,
//!     unit: "TNE".parse()?,
//!     place: "BDCGP".parse()?,
//!     documents: vec![],
//! };
//! let mills = Address([7; 20]);
//! assert_ne!(data_chain::product_id(mills, 0, &jute), data_chain::product_id(mills, 1, &jute));
//! # Ok::<(), vocabulary::WordError>(())
//! ```

pub mod chain;
pub mod event;
pub mod fuzz;
pub mod payload;
pub mod record;
pub mod rejection;
pub mod terms;
pub mod view;

pub use chain::{Config, DataChain};
pub use event::Event;
pub use payload::{Document, Payload, Product};
pub use record::product_id;
pub use rejection::Rejection;
