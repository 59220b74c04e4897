//! KoMaBFT: many validators agree on one chain of blocks, and know how sure they are of each.
//!
//! The protocol is Highway (arXiv 2101.02159). Validators send signed units, each of which says what its creator has
//! seen; the units form a graph, and all else follows from the graph: how a unit votes, who cheated, and at which
//! threshold `t` a block is final. *Final at t* means: before an honest node finalises a competing block at t, more than
//! t weight has to equivocate, provably. Safety rests on the shape of the graph alone and never on timing.
//!
//! Reading order: [`validators`] and [`era`] say who decides and when; [`unit`] is what they send; [`blocks`] is the tree
//! of proposals with the fork choice; [`dag`] holds the units and checks them; [`evidence`] proves equivocation; [`summit`]
//! finds what is final, and [`finality`] follows it along the chain. Then what makes a node of it: [`schedule`] says when
//! to speak, [`pending`] waits for what is missing, [`policy`] chooses the threshold; [`instance`] is one era at one node,
//! [`machine`] runs the eras, [`message`], [`event`] and [`effect`] are all it has to do with the world. Last, [`engine`]
//! puts it in the place of a ledger's engine: bodies, seals and catch-up, in the frames of [`frame`].
//!
//! Deliberately absent: clocks, sockets, threads, floats, storage. Time and messages come in as events, and what is to
//! be kept, sent or executed goes out as effects.

pub mod blocks;
pub mod dag;
pub mod effect;
pub mod engine;
pub mod era;
pub mod event;
pub mod evidence;
pub mod finality;
pub mod frame;
pub mod instance;
pub mod machine;
pub mod message;
pub mod pending;
pub mod policy;
pub mod schedule;
pub mod summit;
pub mod unit;
pub mod validators;

pub use blocks::{BlockIx, Blocks};
pub use dag::{Dag, Inserted, Missing, Seen, UnitError, UnitIx};
pub use effect::{Effect, Fault, Proposal, Record};
pub use engine::{KomaEngine, Start};
pub use era::{End, Era, Pace};
pub use event::Event;
pub use evidence::{Accusation, AccusationError, Evidence, EvidenceError, VerifiedEvidence};
pub use finality::Finality;
pub use frame::Frame;
pub use instance::Instance;
pub use machine::{Koma, Part};
pub use message::{Have, Message, MessageError, Want, WireMessage};
pub use policy::{Alarm, Mode, Policy};
pub use summit::{Committee, Detector, Quorum};
pub use unit::{Entry, FormError, SignedUnit, Unit, VerifiedUnit};
pub use validators::{Member, Validators, ValidatorsError};
