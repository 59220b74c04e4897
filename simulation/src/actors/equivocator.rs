//! Says one thing to one half of the network and another to the other half; of a proposal, two.

use ledger::koma::Message;

use super::{Cheat, Outgoing, Target, new_unit, twin};
use crate::node::Packet;

pub(super) fn spoil(cheat: &mut Cheat<'_>, outgoing: Outgoing) -> Vec<Outgoing> {
    if let (_, Packet::Message(Message::Evidence(_))) = outgoing {
        return Vec::new();
    }
    let Some(unit) = new_unit(&outgoing).filter(|_| cheat.dice.per_mille(250)).cloned() else {
        return vec![outgoing];
    };
    let mut sent = Vec::new();
    let other = match (unit.unit().block, cheat.last_block()) {
        (Some(_), Some(mut block)) => {
            block.salt += 1;
            let mut rival = unit.unit().clone();
            rival.block = Some(block.hash());
            sent.push((Target::Half(false), Packet::Body(block)));
            rival.sign(cheat.key)
        }
        _ => twin(cheat, &unit, 1),
    };
    sent.push((Target::Half(true), Packet::Message(Message::Units(vec![unit]))));
    sent.push((Target::Half(false), Packet::Message(Message::Units(vec![other]))));
    sent
}
