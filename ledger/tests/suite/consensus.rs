//! The seam to consensus: an engine that waits for a word from elsewhere fits it, and no chain notices.

use std::sync::Arc;

use ledger::engine::{Effect, Host, Input, Standing};
use ledger::ledger::Request;
use ledger::{Block, Engine, Height, Ledger, LocalEngine, Options, PublicKey, Seal, SubChain, Timestamp};

use crate::common::*;

/// Proposes, asks bob, and calls a block final once bob has agreed.
struct AskBob {
    sealing: LocalEngine,
    proposed: Option<Arc<Block>>,
    agreed: bool,
}

impl Engine for AskBob {
    fn step(&mut self, now: Timestamp, input: Input, host: &mut dyn Host) -> Vec<Effect> {
        match input {
            Input::Received { from, bytes } => {
                let proposed = self.proposed.as_ref().map(|block| block.header.hash().0.to_vec());
                self.agreed |= from == bob().public() && Some(bytes) == proposed;
                return Vec::new();
            }
            Input::Tick => {}
            other => return self.sealing.step(now, other, host),
        }
        if let Some(block) = self.proposed.take_if(|_| self.agreed) {
            self.agreed = false;
            return vec![Effect::Final { block, era: 0, grade: 0, seal: None }];
        }
        if self.proposed.is_some() {
            return Vec::new();
        }
        let Some(block) = host.propose(now, &[]).map(Arc::new) else { return Vec::new() };
        let vote = block.header.hash().0.to_vec();
        self.proposed = Some(block);
        let send = Effect::Send { to: Some(bob().public()), bytes: vote.clone(), bulk: false };
        vec![Effect::Keep { era: 0, bytes: vote, sync: true }, send, Effect::Wake(now.plus_ms(50))]
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.sealing.proof(height)
    }

    fn standing(&self) -> Standing {
        self.sealing.standing()
    }
}

fn step(ledger: &Ledger, now: u64) -> Vec<Request> {
    let mut requests = Vec::new();
    assert_eq!(ledger.step_with(Timestamp(now), &mut |request| requests.push(request)).unwrap(), None);
    requests
}

#[test]
fn a_block_waits_for_bob_and_then_stands() {
    let engine = AskBob { sealing: LocalEngine::new(validator(), 1), proposed: None, agreed: false };
    let options = Options::memory(validator());
    let ledger =
        Ledger::open_with(coins(SubChain::Payment), &genesis(), options, None, Box::new(engine)).unwrap();
    ledger.submit(pay(&ledger, &alice(), &bob(), 5)).unwrap();
    let requests = step(&ledger, 2_000);
    let [Request::Send { to, bytes, .. }, Request::Wake(Timestamp(2_050))] = &requests[..] else {
        unreachable!("{requests:?}")
    };
    assert_eq!(*to, Some(bob().public()));

    // A second payment comes while bob thinks, and a stranger answers for him.
    ledger.submit(pay(&ledger, &alice(), &bob(), 6)).unwrap();
    ledger.receive(PublicKey([1; 32]), bytes.clone());
    assert!(step(&ledger, 2_050).is_empty());
    assert_eq!(held(&ledger, &bob()), 1000);
    ledger.receive(bob().public(), bytes.clone());
    let block = ledger.step(Timestamp(2_060)).unwrap().unwrap();
    assert_eq!((block.height(), block.block.transactions.len()), (Height(1), 1));
    assert_eq!(held(&ledger, &bob()), 1005);
    assert_eq!(step(&ledger, 2_070).len(), 2);
    assert_eq!(ledger.waiting(), 1, "the second payment waits until its block stands");
    assert!(ledger.verify_all().is_ok());
}
