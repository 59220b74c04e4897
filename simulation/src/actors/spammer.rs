//! Sends forks of its own units, units from the future, replays and questions about nothing.

use ledger::Hash;
use ledger::koma::{Have, Member, Message, Want};

use super::{Cheat, Outgoing, Target, new_unit, twin};
use crate::node::Packet;

/// How many forks of each unit.
const FORKS: u64 = 12;

pub(super) fn spoil(cheat: &mut Cheat<'_>, outgoing: Outgoing) -> Vec<Outgoing> {
    let Some(unit) = new_unit(&outgoing).cloned() else { return vec![outgoing] };
    let mut sent = vec![outgoing.clone(), outgoing];
    if cheat.dice.per_mille(300) {
        let forks = (1..FORKS).map(|later| twin(cheat, &unit, later)).collect();
        sent.push((Target::All, Packet::Message(Message::Units(forks))));
    }
    let mut future = unit.unit().clone();
    future.timestamp = future.timestamp.plus_ms(1 << 40);
    sent.push((Target::All, Packet::Message(Message::Units(vec![future.sign(cheat.key)]))));
    let count = cheat.era.validators.count();
    let have = Have { era: cheat.era.number, next: vec![0; count], faulty: Vec::new() };
    sent.push((Target::All, Packet::Message(Message::Have(have))));
    let hashes = (0..64).map(|_| Hash([u8::try_from(cheat.dice.below(256)).unwrap_or(0); 32])).collect();
    let evidence = (0..count).map(|at| Member(u16::try_from(at).unwrap_or(0))).collect();
    let want = Want { era: cheat.era.number, units: hashes, evidence };
    sent.push((Target::All, Packet::Message(Message::Want(want))));
    sent
}
