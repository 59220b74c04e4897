//! The consensus crate that every chain of Permuta shares. It knows no business and no network.
//!
//! Reading order: [`hash`] and [`key`] give names to bytes and to people; [`transaction`] is what a person signs;
//! [`message`] is what one chain tells another; [`block`] orders both; [`receipt`] says what came of them;
//! [`state`] is what a chain knows, and [`table`] gives it types; [`application`] is the seam to the business.
//!
//! Invariants: nothing here reads a clock, a socket or a random number; no float; no iteration order that is
//! not sorted. The same blocks give the same state root on every machine.

pub mod account;
pub mod application;
pub mod block;
pub mod execution;
pub mod hash;
pub mod key;
pub mod merkle;
pub mod message;
pub mod moment;
pub mod receipt;
pub mod state;
pub mod table;
pub mod transaction;

pub use account::{AccountKey, Scope};
pub use application::{Application, Run};
pub use block::{Block, Header, Seal};
pub use execution::{Executed, execute};
pub use hash::{Hash, Hasher, Tag};
pub use key::{Address, KeyPair, PublicKey, Signature};
pub use message::{Envelope, MessageBody, RelayedMessage};
pub use moment::{Height, SubChain, Timestamp};
pub use receipt::{Cause, Receipt, Refusal};
pub use state::{MemoryState, Read, Write};
pub use table::{Cell, Key, Table};
pub use transaction::{Body, Transaction};
