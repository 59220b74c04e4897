//! Those who cheat. Each runs the honest engine and spoils what it sends.

mod equivocator;
mod spammer;
mod withholder;

use ledger::koma::{Era, VerifiedUnit};
use ledger::{KeyPair, PublicKey};

use crate::dice::Dice;
use crate::host::SimBlock;
use crate::node::Packet;
use crate::plan::Act;

/// To whom something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everybody.
    All,
    /// One node.
    One(PublicKey),
    /// One half of the validators: those with odd places, or the others.
    Half(bool),
}

/// Something on its way out.
pub type Outgoing = (Target, Packet);

/// What a cheat knows when it sends.
pub(crate) struct Cheat<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) key: &'a KeyPair,
    pub(crate) era: &'a Era,
    /// The block that it made last.
    pub(crate) block: Option<&'a SimBlock>,
}

impl Cheat<'_> {
    fn last_block(&self) -> Option<SimBlock> {
        self.block.cloned()
    }
}

/// What leaves a node that behaves like `act` instead of `outgoing`.
pub(crate) fn spoil(act: Act, cheat: &mut Cheat<'_>, outgoing: Outgoing) -> Vec<Outgoing> {
    match act {
        // A liar's clock is wrong, and twins are two nodes; what they send, they mean.
        Act::Honest | Act::Liar(_) | Act::Twins => vec![outgoing],
        Act::Equivocator => equivocator::spoil(cheat, outgoing),
        Act::Withholder => withholder::spoil(cheat, outgoing),
        Act::Spammer => spammer::spoil(cheat, outgoing),
    }
}

/// The unit that a node sends to all because it just made it.
fn new_unit(outgoing: &Outgoing) -> Option<&VerifiedUnit> {
    match outgoing {
        (Target::All, Packet::Message(ledger::koma::Message::Units(units))) => units.first(),
        _ => None,
    }
}

/// Another unit in the same place.
fn twin(cheat: &Cheat<'_>, unit: &VerifiedUnit, later_ms: u64) -> VerifiedUnit {
    let mut twin = unit.unit().clone();
    twin.timestamp = twin.timestamp.plus_ms(later_ms);
    twin.block = None;
    twin.sign(cheat.key)
}
