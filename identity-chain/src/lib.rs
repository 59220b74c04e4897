//! The chain of who: organisations register and are admitted, keys come and go, conduct is remembered.
//!
//! Reading order: [`payload`] is what can be asked and [`event`] what happened; [`party`] and [`credit`] are what
//! the chain knows; [`validator`] is who decides and what may be voted on; [`rejection`] lists every reason to refuse;
//! [`terms`] is what a signer reads; [`chain`] is the state machine, `council` its part about those who decide; [`view`]
//! reads its state; [`config`] is what the genesis fixes.
//!
//! Invariants: an account has at most one organisation and, once it has one, at least one full key; a key belongs
//! to one account; only the genesis makes operators, and one of them always stays admitted; standings move only
//! along [`party::may_follow`]; whatever other chains need to know is pushed to them, whole, each time it changes; those
//! who decide are never none, can always run an era ([`ledger::koma::Validators`]), and none of them is banned unless it
//! is the only one.
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
//! let (validators, bond_needed) = (Vec::new(), false);
//! let parties = vec![operator];
//! let config = Config { parties, registrations_per_day: 100, free_per_day: 50, validators, bond_needed };
//! assert!(IdentityChain::new(config).is_ok());
//! # Ok::<(), vocabulary::WordError>(())
//! ```

pub mod chain;
pub mod config;
mod council;
pub mod credit;
pub mod event;
pub mod fuzz;
pub mod party;
pub mod payload;
pub mod rejection;
mod rules;
mod tables;
pub mod terms;
pub mod validator;
pub mod view;

pub use chain::IdentityChain;
pub use config::{Config, ConfigError, GenesisParty};
pub use credit::Credit;
pub use event::Event;
pub use party::Party;
pub use payload::{Payload, Registration};
pub use rejection::Rejection;
pub use validator::{Change, Validator};
