//! Connections between validators. They carry opaque frames of named chains, in three lanes, between nodes that prove
//! who they are; what a frame means is nobody's business here.
//!
//! Reading order: [`authority`] signs certificates, [`identity`] is a validator's key with one, [`trust`] decides whose
//! count; [`config`] holds every limit; [`frame`] and `hello` are what travels; `session` is one connection, `peers`
//! says which of two stays, [`network`] listens and calls; [`inbox`] is where frames come out, [`status`] what a page
//! shows; [`refusal`] names every reason to refuse. [`proxy`] spoils a network for tests.
//!
//! Invariants:
//! - Nobody gets a frame in without a certificate of a trusted authority for the key of a known validator, that holds now
//!   and was not revoked, and without the right version, genesis and chains.
//! - Every queue and every frame is bounded. A peer that sends too much, too fast or nonsense loses its connection; one
//!   that is slow is waited for in its own lane alone.
//! - Time and randomness come in through [`Outside`]; only intervals are measured here.

pub mod authority;
pub mod config;
pub mod frame;
mod hello;
pub mod identity;
pub mod inbox;
pub mod network;
mod pace;
mod peers;
pub mod proxy;
mod queue;
pub mod refusal;
mod session;
pub mod status;
mod tls;
pub mod trust;

pub use authority::{Authority, Serial, Validity};
pub use config::{Config, Lane, Limits, Outside, Peer, Room, Timing};
pub use hello::fuzz_hello;
pub use identity::Identity;
pub use inbox::{Event, Inbox, Received};
pub use network::{Network, SendError, Sent, StartError, To};
pub use refusal::{Parting, Refusal};
pub use status::Status;
pub use trust::Trust;
