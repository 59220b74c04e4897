//! The chain of who: organisations register and are admitted, keys come and go, conduct is remembered.
//!
//! Reading order: [`payload`] is what can be asked and [`event`] what happened; [`party`] and [`credit`] are what
//! the chain knows; [`rejection`] lists every reason to refuse; [`terms`] is what a signer reads; [`chain`] is the
//! state machine; [`view`] reads its state; [`config`] is what the genesis fixes.
//!
//! Invariants: an account has at most one organisation and, once it has one, at least one full key; a key belongs
//! to one account; only the genesis makes operators, and one of them always stays admitted; standings move only
//! along [`party::may_follow`]; whatever other chains need to know is pushed to them, whole, each time it changes.
//!
//! ```
//! use identity_chain::payload::Registration;
//! use identity_chain::{Config, GenesisParty, IdentityChain};
//! use ledger::KeyPair;
//! use vocabulary::{Role, Roles};
//!
//! let key = KeyPair::from_seed([7; 32]).public();
//! let roles = Roles::of(&[Role::Operator]);
//! let registration = Registration {
//!     name: "Permuta Operations".parse()?,
//!     registration_number: "HRB 12345".parse()?,
//!     country: "DE".parse()?,
//!     place: Some("DEHAM".parse()?),
//!     lei: None,
//!     roles,
//! };
//! let operator = GenesisParty { registration, roles, account: key.address(), keys: vec![key] };
//! let config = Config { parties: vec![operator], registrations_per_day: 100, free_per_day: 50 };
//! assert!(IdentityChain::new(config).is_ok());
//! # Ok::<(), vocabulary::WordError>(())
//! ```

pub mod chain;
pub mod config;
pub mod credit;
pub mod event;
pub mod fuzz;
pub mod party;
pub mod payload;
pub mod rejection;
mod rules;
mod tables;
pub mod terms;
pub mod view;

pub use chain::IdentityChain;
pub use config::{Config, ConfigError, GenesisParty};
pub use credit::Credit;
pub use event::Event;
pub use party::Party;
pub use payload::{Payload, Registration};
pub use rejection::Rejection;
