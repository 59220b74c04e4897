//! Which blocks are final at one threshold, in the order of the chain.

use super::blocks::BlockIx;
use super::dag::{Dag, Inserted};
use super::summit::Detector;

/// Follows the chain of blocks that are final at one threshold.
#[derive(Clone, Debug)]
pub struct Finality {
    threshold: u64,
    last: BlockIx,
    detector: Option<Detector>,
}

impl Finality {
    /// What is final at `threshold` in a graph, from its root on: call [`Finality::refresh`] when it has units already.
    #[must_use]
    pub fn new(threshold: u64) -> Finality {
        Finality { threshold, last: BlockIx::ROOT, detector: None }
    }

    /// The threshold.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The last block that is final.
    #[must_use]
    pub fn last(&self) -> BlockIx {
        self.last
    }

    /// Takes what was just inserted; returns the blocks that became final, in order.
    pub fn extend(&mut self, dag: &Dag, inserted: Inserted) -> Vec<BlockIx> {
        if inserted.caught.is_some() {
            return self.refresh(dag);
        }
        match &mut self.detector {
            Some(detector) if dag.blocks().descends(dag.vote(inserted.unit), detector.block()) => {
                detector.extend(dag, inserted.unit);
                if !detector.is_final() {
                    return Vec::new();
                }
            }
            // A vote for the last final block itself changes nothing while none of its children is voted for.
            None if dag.vote(inserted.unit) == self.last => return Vec::new(),
            Some(_) | None => {}
        }
        self.advance(dag, Some(inserted))
    }

    /// Looks at everything again, as new evidence makes necessary; returns the blocks that became final, in order.
    pub fn refresh(&mut self, dag: &Dag) -> Vec<BlockIx> {
        self.detector = None;
        self.advance(dag, None)
    }

    fn advance(&mut self, dag: &Dag, inserted: Option<Inserted>) -> Vec<BlockIx> {
        let mut found = Vec::new();
        let mut inserted = inserted;
        loop {
            // Only the child that the fork choice takes can have a quorum, which is more than half.
            let choice = dag.choice();
            let height = dag.blocks().get(self.last).height.next();
            if choice == self.last || !dag.blocks().descends(choice, self.last) {
                self.detector = None;
                return found;
            }
            let child = dag.blocks().ancestor(choice, height);
            match (&mut self.detector, inserted.take()) {
                (Some(detector), Some(new)) if detector.block() == child => {
                    // The caller's unit is in already if it votes for the child.
                    if !dag.blocks().descends(dag.vote(new.unit), child) {
                        detector.extend(dag, new.unit);
                    }
                }
                (Some(detector), None) if detector.block() == child => {}
                (detector, _) => *detector = Some(Detector::new(dag, child, self.threshold)),
            }
            if !self.detector.as_ref().is_some_and(Detector::is_final) {
                return found;
            }
            self.last = child;
            self.detector = None;
            found.push(child);
        }
    }
}
