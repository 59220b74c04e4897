//! The consensus crate that every chain of Permuta shares. It knows no business and no network.
//!
//! Reading order: [`hash`] and [`key`] give names to bytes and to people; [`transaction`] is what a person signs;
//! [`message`] is what one chain tells another; [`block`] orders both; [`receipt`] says what came of them;
//! [`state`] is what a chain knows, and [`table`] gives it types; [`application`] is the seam to the business.
//! Then what runs a chain: [`execution`] and [`validity`] are its rules, [`tree`] authenticates its state, [`log`]
//! and [`store`] keep it, [`mempool`] and [`inbox`] hold what waits, [`engine`] is the seam to consensus,
//! [`ledger`] puts them together, [`recovery`] opens and checks it, and [`light`] needs none of them.
//!
//! Invariants: nothing here reads a clock, a socket or a random number; no float; no iteration order that is
//! not sorted. The same blocks give the same state root on every machine.

pub mod account;
pub mod application;
pub mod block;
pub mod engine;
pub mod execution;
pub mod genesis;
pub mod hash;
pub mod inbox;
mod journal;
pub mod key;
pub mod koma;
pub mod ledger;
pub mod light;
pub mod log;
pub mod mempool;
pub mod merkle;
pub mod message;
pub mod moment;
pub mod receipt;
pub mod record;
pub mod recovery;
mod saver;
pub mod state;
pub mod store;
pub mod table;
pub mod transaction;
pub mod tree;
pub mod validity;

pub use account::{AccountKey, Scope};
pub use application::{Application, Run};
pub use block::{Block, Header, Seal};
pub use engine::{Engine, LocalEngine};
pub use execution::{Executed, execute};
pub use genesis::Genesis;
pub use hash::{Hash, Hasher, Tag};
pub use inbox::DeliverError;
pub use key::{Address, KeyPair, PublicKey, Signature};
pub use ledger::{Ledger, Options, StepError, relay};
pub use light::{Fact, Proof, ProofError, Proven};
pub use mempool::{Limits, SubmitError};
pub use message::{Envelope, MessageBody, RelayedMessage};
pub use moment::{Height, SubChain, Timestamp};
pub use receipt::{Cause, Receipt, Refusal};
pub use record::Committed;
pub use recovery::{Checked, OpenError, Recovery};
pub use state::{MemoryState, Read, Write};
pub use table::{Cell, Key, Table};
pub use transaction::{Body, Transaction};
