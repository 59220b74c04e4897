//! What can be asked of the identity chain.

use borsh::BorshSerialize;
use ledger::koma::Evidence;
use ledger::koma::unit::MAX_UNIT_BYTES;
use ledger::{Address, PublicKey, Refusal, Timestamp};
use vocabulary::{Country, Lei, LoCode, Roles, Text};

use crate::validator::Change;

/// The most bytes that a request may have in canonical form, unless it brings evidence.
pub const MAX_PAYLOAD_BYTES: usize = 4 << 10;
/// The most bytes of a request that brings evidence.
pub const MAX_ACCUSATION_BYTES: usize = 1 + 2 * MAX_UNIT_BYTES;
/// How a request begins that brings evidence.
const ACCUSE: u8 = 13;
/// How far ahead the end of a one-time code may lie, in milliseconds: 30 days.
pub const MAX_INVITATION_MS: u64 = 30 * Timestamp::DAY_MS;
/// How far ahead the end of a credit grant may lie, in milliseconds: ten years.
pub const MAX_GRANT_MS: u64 = 3_653 * Timestamp::DAY_MS;

/// Who an organisation says it is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Registration {
    /// The legal name.
    pub name: Text<120>,
    /// Its number in the commercial register of its country.
    pub registration_number: Text<40>,
    /// Where it is registered.
    pub country: Country,
    /// Where it trades from.
    pub place: Option<LoCode>,
    /// Its Legal Entity Identifier, if it has one.
    pub lei: Option<Lei>,
    /// What it asks to be.
    pub roles: Roles,
}

/// A request to the identity chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Payload {
    /// Enters an organisation under the sender's account, to be admitted. One that was turned down may enter
    /// itself again.
    Register(Registration),
    /// Adds a key to the sender's account. A key belongs to one account at a time.
    AddKey {
        /// The new key.
        key: PublicKey,
    },
    /// Takes a key from the sender's account; the last full key stays.
    RemoveKey {
        /// The key to take.
        key: PublicKey,
    },
    /// Lets the holder of a one-time code enrol one further key.
    InviteKey {
        /// The public key of the code.
        code: PublicKey,
        /// From here on the code is void; at most 30 days ahead.
        until: Timestamp,
    },
    /// Enrols a key, signed by a one-time code, which is used up.
    EnrolKey {
        /// The new key.
        key: PublicKey,
    },
    /// Admits a registered organisation, or gives an admitted one other roles (operator).
    Admit {
        /// Which.
        party: Address,
        /// What it may be; at least one role, and never operator.
        roles: Roles,
    },
    /// Turns a registered organisation down (operator).
    Refuse {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Suspends an admitted organisation (operator or supervisor); nobody himself, nor the last operator.
    Suspend {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Lifts a suspension (operator or supervisor).
    Reinstate {
        /// Which.
        party: Address,
        /// Why.
        reason: Text<200>,
    },
    /// Lets another organisation read the sender's credit record until a date; a new grant replaces the old one.
    ShareCredit {
        /// Who may read.
        with: Address,
        /// Until when; at most ten years ahead. A moment in the past withdraws.
        until: Timestamp,
    },
    /// Proposes a change of those who decide, and agrees to it (an organisation that runs a validator).
    Propose {
        /// What is to change.
        change: Change,
        /// From here on the proposal is void; at most 30 days ahead.
        until: Timestamp,
    },
    /// Agrees to a proposal, with the weight of the sender's validators. Once more than two thirds of the weight agree,
    /// it is done.
    Vote {
        /// The proposal.
        proposal: u64,
    },
    /// Takes a validator of the sender's out, without a vote.
    Leave {
        /// Its key.
        validator: PublicKey,
    },
    /// Brings evidence that a validator equivocated (an admitted organisation, or a validator with its own key).
    Accuse {
        /// The evidence.
        evidence: Box<Evidence>,
    },
}

vocabulary::decode_by_field!(struct Registration { name, registration_number, country, place, lei, roles });
vocabulary::decode_by_field!(enum Payload {
    0 => Register(registration),
    1 => AddKey { key },
    2 => RemoveKey { key },
    3 => InviteKey { code, until },
    4 => EnrolKey { key },
    5 => Admit { party, roles },
    6 => Refuse { party, reason },
    7 => Suspend { party, reason },
    8 => Reinstate { party, reason },
    9 => ShareCredit { with, until },
    10 => Propose { change, until },
    11 => Vote { proposal },
    12 => Leave { validator },
    13 => Accuse { evidence },
});

impl Payload {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// A [`Refusal`] with the code `too-long` or `malformed` that names the field at fault.
    pub fn decode(bytes: &[u8]) -> Result<Payload, Refusal> {
        let most = if bytes.first() == Some(&ACCUSE) { MAX_ACCUSATION_BYTES } else { MAX_PAYLOAD_BYTES };
        if bytes.len() > most {
            let reason = format!("at most {most} bytes, not {}", bytes.len());
            return Err(Refusal::new("too-long", "payload", reason));
        }
        vocabulary::field::decode(bytes)
    }
}
