//! Catch-up: who is behind asks others for sealed blocks, and believes the validators of each block's era alone. What a
//! peer may ask for is bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{KomaEngine, STATUS_MS};
use crate::block::{Block, Seal};
use crate::engine::{Effect, Host, Report};
use crate::hash::{Hash, encode};
use crate::key::PublicKey;
use crate::koma::frame::{BLOCKS_BYTES, Frame, MAX_BLOCKS};
use crate::moment::{Height, Timestamp};
use crate::validity::check_body;

/// After how long somebody else is asked for blocks.
pub(super) const PATIENCE_MS: u64 = 3_000;
/// From so many missing blocks on they are asked for at once, fewer after a while without progress.
const FAR_BEHIND: u64 = 4;
/// How many sealed blocks wait to be executed before no more are asked for.
const ADOPTED: usize = 2 * MAX_BLOCKS;
/// For how many who decide nothing it is remembered how they behaved; beyond, whoever was heard longest ago is forgotten.
const GUESTS: usize = 256;
/// How often the time doubles for which somebody who fails again and again is not asked for blocks.
const DOUBLINGS: u32 = 4;
/// How many questions a validator may ask in a second before they go unanswered, and how many at once.
const QUESTIONS_PER_S: u64 = 400;

/// Somebody who is or was connected.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// How far it says that it is.
    pub(super) height: Height,
    /// How often in a row it answered with nothing of use, or not at all.
    failures: u32,
    /// Whether it was of use when it was last asked.
    useful: bool,
    /// Until when it is not asked for blocks, since it failed.
    useless_until: Timestamp,
    heard_at: Timestamp,
    /// Up to which height it was sent the seal that it lacked.
    pub(super) told: Height,
    /// The latest era that does not run here and of which was told that it speaks, and when.
    pub(super) other_era: Option<(u64, Timestamp)>,
    /// Bodies it sent of which no unit was seen.
    pub(super) unnamed: VecDeque<Hash>,
    pub(super) questions: u64,
    pub(super) questions_at: Timestamp,
}

impl KomaEngine {
    /// What is known of a peer that was just heard.
    pub(super) fn peer(&mut self, now: Timestamp, key: PublicKey) -> &mut Peer {
        if !self.peers.contains_key(&key) && self.peers.len() >= self.deciders.len() + GUESTS {
            let guests = self.peers.iter().filter(|(key, _)| !self.deciders.contains(key));
            let oldest = guests.min_by_key(|(_, peer)| peer.heard_at).map(|(key, _)| *key);
            oldest.map(|oldest| self.peers.remove(&oldest));
        }
        let peer = self.peers.entry(key).or_default();
        peer.heard_at = now;
        peer
    }

    /// Whether a question of `from`, as much work as `cost` small ones, is to be answered.
    pub(super) fn may_ask(&mut self, now: Timestamp, from: PublicKey, cost: u64) -> bool {
        let peer = self.peer(now, from);
        let since = now.0.saturating_sub(peer.questions_at.0).min(1_000);
        let earned = since * QUESTIONS_PER_S / 1_000;
        if earned > 0 {
            peer.questions = peer.questions.saturating_sub(earned);
            peer.questions_at = now;
        }
        let answered = peer.questions + cost <= QUESTIONS_PER_S;
        if answered {
            peer.questions += cost;
        }
        answered
    }

    pub(super) fn send_blocks(&self, to: PublicKey, from: Height, host: &dyn Host, out: &mut Vec<Effect>) {
        let mut blocks = Vec::new();
        let mut bytes = 0usize;
        let mut next = Height(from.0.max(1));
        while blocks.len() < MAX_BLOCKS && next <= self.head.0 {
            let Some(committed) = host.committed(next) else { break };
            bytes += encode(&committed.block).len() + encode(&committed.seal).len();
            if bytes > BLOCKS_BYTES && !blocks.is_empty() {
                break;
            }
            blocks.push((Arc::new(committed.block.clone()), committed.seal.clone()));
            next = next.next();
        }
        if !blocks.is_empty() {
            Self::send(out, Some(to), &Frame::Blocks(blocks));
        }
    }

    /// Takes sealed blocks, each vouched for by the validators of its era.
    pub(super) fn adopt(
        &mut self,
        now: Timestamp,
        from: PublicKey,
        blocks: Vec<(Arc<Block>, Seal)>,
        host: &dyn Host,
        out: &mut Vec<Effect>,
    ) {
        let Some((_, asked_at)) = self.asked.filter(|(asked, _)| *asked == from) else { return };
        self.asked = None;
        let before = self.adopted.len();
        for (block, seal) in blocks {
            let (last, parent) = match self.adopted.back() {
                Some((block, seal)) => (block.header.height, seal.claim.block),
                None => self.head,
            };
            let height = block.header.height;
            if height <= last {
                continue;
            }
            let claim = &seal.claim;
            let members = host.validators(claim.era).unwrap_or_default();
            let follows = height == last.next() && block.header.parent == parent;
            let vouched =
                claim.chain == self.chain && claim.height == height && claim.block == block.header.hash();
            // Who decides in a later era shows once the blocks before it are executed.
            if !follows || members.is_empty() {
                break;
            }
            if !vouched || seal.verify_as(&members, self.rules.mode).is_err() || check_body(&block).is_err() {
                out.push(Effect::Report(Report::Malformed { peer: from }));
                break;
            }
            if self.pending.as_ref().is_some_and(|pending| pending.claim.height == height) {
                self.take_seal(seal.clone(), out);
            }
            self.adopted.push_back((block, seal));
            self.progress_at = now;
        }
        if self.adopted.len() > before {
            let peer = self.peer(now, from);
            (peer.failures, peer.useful) = (0, true);
        } else if self.progress_at <= asked_at {
            self.failed(now, from);
        }
    }

    /// Somebody who was asked for blocks sent nothing of use: what it said of its height counts no more, and each time it
    /// is left alone for longer.
    fn failed(&mut self, now: Timestamp, peer: PublicKey) {
        let Some(peer) = self.peers.get_mut(&peer) else { return };
        (peer.height, peer.useful) = (Height(0), false);
        peer.useless_until = now.plus_ms((2 * PATIENCE_MS) << peer.failures);
        peer.failures = (peer.failures + 1).min(DOUBLINGS);
    }

    /// Who is to be asked for blocks above `have`: of those who decide in the running or the next era as far as this node
    /// knows, the one that is furthest. Where these are no further, or gone by now, and nothing comes: whoever else says
    /// that it has them, and failed least; what it says beyond that is believed of nobody.
    fn furthest(&self, now: Timestamp, have: Height) -> Option<(Height, PublicKey)> {
        let ahead = |peer: &&Peer| peer.useless_until <= now && peer.height > have;
        let known = self.deciders.iter().filter_map(|key| Some((key, self.peers.get(key)?)));
        let best = known.filter(|(_, peer)| ahead(peer)).map(|(key, peer)| (peer.height, *key)).max();
        let stuck = self.progress_at.plus_ms(PATIENCE_MS) <= now;
        best.or_else(|| {
            let others = self
                .peers
                .iter()
                .filter(|(key, peer)| (stuck || peer.useful) && ahead(peer) && !self.deciders.contains(key));
            let least = others.min_by_key(|(_, peer)| (peer.failures, peer.useless_until));
            least.map(|(key, peer)| (peer.height, *key))
        })
    }

    /// Asks for blocks that others have and this node lacks.
    pub(super) fn catch_up(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let have = self.adopted.back().map_or(self.head.0, |(block, _)| block.header.height);
        if self.adopted.len() >= ADOPTED {
            return;
        }
        let slow = self.asked.filter(|(_, at)| at.plus_ms(PATIENCE_MS) <= now).map(|(peer, _)| peer);
        if self.asked.is_some() && slow.is_none() {
            return;
        }
        if let Some(slow) = slow {
            self.failed(now, slow);
        }
        self.asked = None;
        let Some((height, peer)) = self.furthest(now, have) else { return };
        let stalled = self.progress_at.plus_ms(STATUS_MS) <= now;
        if height.0 - have.0 >= FAR_BEHIND || stalled {
            self.asked = Some((peer, now));
            Self::send(out, Some(peer), &Frame::WantBlocks(have.next()));
        }
    }

    pub(super) fn status(&self, to: Option<PublicKey>, out: &mut Vec<Effect>) {
        let (era, height) = (self.koma.current().era().number, self.head.0);
        Self::send(out, to, &Frame::Status { era, height });
    }
}
