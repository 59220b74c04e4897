//! What nodes say to each other about an era.

use borsh::{BorshDeserialize, BorshSerialize};

use super::era::Era;
use super::evidence::{Evidence, EvidenceError, VerifiedEvidence};
use super::unit::{FormError, SignedUnit, VerifiedUnit};
use super::validators::Member;
use crate::genesis::MAX_VALIDATORS;
use crate::hash::{Hash, encode};

/// The most bytes of a message.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The most units in a message, and the most that are asked for at once.
pub const MAX_UNITS: usize = 256;
/// The most bytes of units in a message, unless it has only one.
pub const UNITS_BYTES: usize = 512 << 10;

/// What a node holds of an era.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Have {
    /// The era.
    pub era: u64,
    /// For each validator the sequence number of the first unit that the node does not hold.
    pub next: Vec<u32>,
    /// Against whom it holds evidence, in ascending order.
    pub faulty: Vec<Member>,
}

/// What a node asks for by name.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Want {
    /// The era.
    pub era: u64,
    /// Units.
    pub units: Vec<Hash>,
    /// Evidence.
    pub evidence: Vec<Member>,
}

/// A message as it comes from the wire: decoded, its signatures not yet checked.
///
/// Canonical bytes: 0 (1) and a list of units; 1 (1) and [`Have`]; 2 (1) and [`Want`]; 3 (1) and evidence; lists and
/// integers as in borsh.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum WireMessage {
    /// Units, new or asked for.
    Units(Vec<SignedUnit>),
    /// "This is what I hold: send me the rest."
    Have(Have),
    /// "Send me these."
    Want(Want),
    /// Somebody cheated.
    Evidence(Box<Evidence>),
}

/// A message whose signatures hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Units, new or asked for, all of one era.
    Units(Vec<VerifiedUnit>),
    /// What the sender holds.
    Have(Have),
    /// What the sender asks for.
    Want(Want),
    /// Proof that somebody cheated.
    Evidence(VerifiedEvidence),
}

/// Why a message is refused. No honest node sends such a one, except of an era that the receiver does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// More than [`MAX_MESSAGE_BYTES`].
    #[error("a message has at most {MAX_MESSAGE_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not the canonical encoding, or a list longer than it may be.
    #[error("not the canonical encoding of a message")]
    Malformed,
    /// Of an era that the node does not run: it may be behind, or have dropped it.
    #[error("era {0} does not run here")]
    Era(u64),
    /// A unit does not hold.
    #[error(transparent)]
    Unit(#[from] FormError),
    /// Evidence does not hold.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl WireMessage {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`MessageError::TooLong`] or [`MessageError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<WireMessage, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong(bytes.len()));
        }
        let message = WireMessage::try_from_slice(bytes).map_err(|_| MessageError::Malformed)?;
        let bounded = match &message {
            WireMessage::Units(units) => (1..=MAX_UNITS).contains(&units.len()),
            WireMessage::Have(have) => {
                have.next.len() <= MAX_VALIDATORS && have.faulty.is_sorted_by(|a, b| a < b)
            }
            WireMessage::Want(want) => {
                want.units.len() <= MAX_UNITS && want.evidence.is_sorted_by(|a, b| a < b)
            }
            WireMessage::Evidence(_) => true,
        };
        if bounded { Ok(message) } else { Err(MessageError::Malformed) }
    }

    /// The era that it is about; `None` when its units are of several.
    #[must_use]
    pub fn era(&self) -> Option<u64> {
        match self {
            WireMessage::Units(units) => {
                let era = units.first()?.unit.era;
                units.iter().all(|signed| signed.unit.era == era).then_some(era)
            }
            WireMessage::Have(have) => Some(have.era),
            WireMessage::Want(want) => Some(want.era),
            WireMessage::Evidence(evidence) => Some(evidence.era()),
        }
    }

    /// Checks the signatures, and that all lists fit the era. It may run on any thread, and takes about 50 µs a unit.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn verify(self, era: &Era) -> Result<Message, MessageError> {
        match self.era() {
            None => return Err(MessageError::Malformed),
            Some(other) if other != era.number => return Err(MessageError::Era(other)),
            Some(_) => {}
        }
        let count = era.validators.count();
        let known = |members: &[Member]| members.iter().all(|member| member.index() < count);
        Ok(match self {
            WireMessage::Units(units) => {
                let units: Result<_, FormError> = units.into_iter().map(|unit| unit.verify(era)).collect();
                Message::Units(units?)
            }
            WireMessage::Have(have) if have.next.len() == count && known(&have.faulty) => Message::Have(have),
            WireMessage::Want(want) if known(&want.evidence) => Message::Want(want),
            WireMessage::Have(_) | WireMessage::Want(_) => return Err(MessageError::Malformed),
            WireMessage::Evidence(evidence) => Message::Evidence(evidence.verify(era)?),
        })
    }
}

impl Message {
    /// The bytes that [`WireMessage::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.wire())
    }

    /// As it travels.
    #[must_use]
    pub fn wire(&self) -> WireMessage {
        match self {
            Message::Units(units) => {
                WireMessage::Units(units.iter().map(|unit| unit.signed().clone()).collect())
            }
            Message::Have(have) => WireMessage::Have(have.clone()),
            Message::Want(want) => WireMessage::Want(want.clone()),
            Message::Evidence(evidence) => WireMessage::Evidence(Box::new(evidence.signed())),
        }
    }

    /// The era that it is about.
    #[must_use]
    pub fn era(&self) -> u64 {
        match self {
            Message::Units(units) => units.first().map_or(0, |unit| unit.unit().era),
            Message::Have(have) => have.era,
            Message::Want(want) => want.era,
            Message::Evidence(evidence) => evidence.units()[0].unit().era,
        }
    }
}

/// Reads a message from arbitrary bytes.
pub fn fuzz_message(bytes: &[u8]) {
    if let Ok(message) = WireMessage::decode(bytes) {
        assert_eq!(encode(&message), bytes);
        let _ = message.era();
    }
}
