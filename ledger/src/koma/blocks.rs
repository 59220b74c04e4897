//! The tree of blocks that were proposed in an era, and the choice among its branches.

use crate::hash::Hash;
use crate::moment::{Height, Timestamp};

/// A block of the era, by the order in which this node came to know it; 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockIx(u32);

impl BlockIx {
    /// The block on which the era builds.
    pub const ROOT: BlockIx = BlockIx(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// A proposed block. Two units never propose one block: a block is known by the unit that proposes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockNode {
    /// The hash of the unit that proposes it; for the root, the hash of the block.
    pub id: Hash,
    /// The hash of the block.
    pub block: Hash,
    /// What it builds on; itself for the root.
    pub parent: BlockIx,
    /// Its height.
    pub height: Height,
    /// When it was proposed.
    pub time: Timestamp,
    /// Whether it ends the era.
    pub last: bool,
    /// An ancestor further away, so that any ancestor is found in logarithmic time (Myers, 1983).
    jump: BlockIx,
}

/// The tree.
#[derive(Clone, Debug)]
pub struct Blocks(Vec<BlockNode>);

impl Blocks {
    /// A tree of the root alone.
    #[must_use]
    pub fn new(root: Hash, height: Height, time: Timestamp) -> Blocks {
        let (parent, jump) = (BlockIx::ROOT, BlockIx::ROOT);
        Blocks(vec![BlockNode { id: root, block: root, parent, height, time, last: false, jump }])
    }

    /// How many there are, with the root.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them, parents before children.
    pub fn all(&self) -> impl Iterator<Item = BlockIx> + use<> {
        (0..u32::try_from(self.0.len()).expect("an era has fewer than 2^32 blocks")).map(BlockIx)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, block: BlockIx) -> &BlockNode {
        &self.0[block.index()]
    }

    pub(crate) fn push(
        &mut self,
        id: Hash,
        block: Hash,
        parent: BlockIx,
        time: Timestamp,
        last: bool,
    ) -> BlockIx {
        let above = *self.get(parent);
        let jump = *self.get(above.jump);
        let far = self.get(jump.jump);
        let same = above.height.0 - jump.height.0 == jump.height.0 - far.height.0;
        let jump = if same { jump.jump } else { parent };
        let ix = BlockIx(u32::try_from(self.0.len()).expect("an era has fewer than 2^32 blocks"));
        self.0.push(BlockNode { id, block, parent, height: above.height.next(), time, last, jump });
        ix
    }

    /// The ancestor of `block` at `height`; itself when it stands there or below.
    #[must_use]
    pub fn ancestor(&self, mut block: BlockIx, height: Height) -> BlockIx {
        loop {
            let node = self.get(block);
            if node.height <= height {
                return block;
            }
            block = if self.get(node.jump).height >= height { node.jump } else { node.parent };
        }
    }

    /// Whether `block` is `ancestor` or one of its descendants.
    #[must_use]
    pub fn descends(&self, block: BlockIx, ancestor: BlockIx) -> bool {
        self.ancestor(block, self.get(ancestor).height) == ancestor
    }

    /// The last block that both have among themselves and their ancestors.
    #[must_use]
    pub fn common(&self, a: BlockIx, b: BlockIx) -> BlockIx {
        let height = self.get(a).height.min(self.get(b).height);
        let (mut a, mut b) = (self.ancestor(a, height), self.ancestor(b, height));
        while a != b {
            // Two nodes of one height have jumps of one height.
            let (x, y) = (self.get(a), self.get(b));
            (a, b) = if x.jump == y.jump { (x.parent, y.parent) } else { (x.jump, y.jump) };
        }
        a
    }

    /// The heaviest branch, from the root down to where nobody votes for a child (GHOST): at each block the child with
    /// the heaviest votes for itself and its descendants, among equals the one with the greater identifier.
    #[must_use]
    pub fn heaviest(&self, mut votes: Vec<(BlockIx, u64)>) -> BlockIx {
        votes.sort_unstable_by_key(|(block, _)| *block);
        votes.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        let common =
            |votes: &[(BlockIx, u64)]| votes.iter().map(|(block, _)| *block).reduce(|a, b| self.common(a, b));
        // Where all votes lie below one block, every step down to it is clear.
        let mut best = common(&votes).unwrap_or(BlockIx::ROOT);
        loop {
            votes.retain(|(block, _)| *block != best);
            let height = self.get(best).height.next();
            let mut children: Vec<(BlockIx, u64)> = Vec::new();
            for (block, weight) in &votes {
                let child = self.ancestor(*block, height);
                match children.iter_mut().find(|(known, _)| *known == child) {
                    Some((_, sum)) => *sum += weight,
                    None => children.push((child, *weight)),
                }
            }
            let heaviest = children.iter().max_by_key(|(child, weight)| (*weight, self.get(*child).id));
            let Some((child, _)) = heaviest else { return best };
            votes.retain(|(block, _)| self.ancestor(*block, height) == *child);
            best = common(&votes).unwrap_or(*child);
        }
    }
}
