//! Silence after a lost disk: a node that does not know what it said says nothing until it can contradict nothing.

use super::KomaEngine;
use super::kept::Kept;
use crate::engine::{Effect, Report};
use crate::hash::encode;
use crate::key::PublicKey;
use crate::koma::era::Era;

impl KomaEngine {
    /// While this node does not know what it said in the era: hears from the others whether they know of anything. Once
    /// a quorum does not, nothing that it may have said counts.
    pub(super) fn listen(&mut self, from: PublicKey, era: &Era, next: &[u32], out: &mut Vec<Effect>) {
        let current = self.koma.current().era().number;
        let Some(heard) = self.listening.as_mut().filter(|_| era.number == current) else { return };
        let Some(own) = era.validators.find(&self.own) else { return };
        if era.validators.find(&from).is_none() {
            return;
        }
        if next.get(own.index()).is_none_or(|next| *next > 0) {
            heard.remove(&from);
            return;
        }
        heard.insert(from);
        let weigh =
            |key: &PublicKey| era.validators.find(key).map_or(0, |member| era.validators.weight(member));
        let weight = heard.iter().map(weigh).sum::<u64>();
        let bears = u128::from(era.validators.total()) + u128::from(era.validators.classical());
        // A quorum without this node: more of it than may cheat would have seen what it said in any other quorum.
        let said = !self.koma.current().dag().lane(own).is_empty();
        if !said && 2 * u128::from(weight) > bears {
            self.listening = None;
            self.mark(current, out);
            self.koma.listen(false);
            out.push(Effect::Report(Report::Speaking { era: current }));
        }
    }

    /// Remembers across restarts whether this node is silent.
    pub(super) fn mark(&self, era: u64, out: &mut Vec<Effect>) {
        let since = self.lost_at.unwrap_or_default();
        let kept = if self.listening.is_some() { Kept::Silent(since) } else { Kept::Speaks(since) };
        out.push(Effect::Keep { era, bytes: encode(&kept), sync: true });
    }
}
