//! Keeps its units and the bodies of its blocks from some, so that they have to find them elsewhere.

use super::{Cheat, Outgoing, Target, new_unit};
use crate::node::Packet;

pub(super) fn spoil(cheat: &mut Cheat<'_>, outgoing: Outgoing) -> Vec<Outgoing> {
    match &outgoing {
        (Target::All, Packet::Body(body)) => {
            vec![(Target::Half(cheat.dice.per_mille(500)), Packet::Body(body.clone()))]
        }
        // It answers no questions either.
        (Target::One(_), _) if cheat.dice.per_mille(800) => Vec::new(),
        _ if new_unit(&outgoing).is_some() => {
            vec![(Target::Half(cheat.dice.per_mille(500)), outgoing.1)]
        }
        _ => vec![outgoing],
    }
}
