//! What a node keeps of an era, so that it knows after a restart what it knew before.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::Block;
use crate::engine::Reached;
use crate::koma::effect::Record;
use crate::moment::{Height, Timestamp};

/// What is kept of an era.
///
/// Canonical bytes: 0 (1) and a record, 1 (1) and a block, 2 (1) and what the eras before reached, 3 (1) and since when
/// this node does not know what it said, 4 (1) and the same of one that speaks again, or 5 (1) and the height (8) up to which
/// all could leave the chain before a threshold rose.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Kept {
    Record(Record),
    Body(Arc<Block>),
    Before(Vec<Reached>),
    Silent(Timestamp),
    Speaks(Timestamp),
    Spared(Height),
}
