//! The seam to consensus: an engine that waits for a word from elsewhere fits it, and no chain notices.

use ledger::block::Claim;
use ledger::engine::{Effect, Host, Input};
use ledger::{Block, Engine, Height, Ledger, LocalEngine, Options, PublicKey, Seal, SubChain, Timestamp};

use crate::common::*;

/// Proposes, asks bob, and calls a block final once bob has agreed.
struct AskBob {
    sealing: LocalEngine,
    proposed: Option<Block>,
    agreed: bool,
}

impl Engine for AskBob {
    fn submit(&mut self, input: Input) {
        match input {
            Input::Received { from, bytes } => {
                let proposed = self.proposed.as_ref().map(|block| block.header.hash().0.to_vec());
                self.agreed |= from == bob().public() && Some(bytes) == proposed;
            }
            Input::Executed(Claim { .. }) => self.sealing.submit(input),
        }
    }

    fn step(&mut self, now: Timestamp, host: &mut dyn Host) -> Vec<Effect> {
        if let Some(block) = self.proposed.take_if(|_| self.agreed) {
            self.agreed = false;
            return vec![Effect::Final { block: Box::new(block), era: 0, grade: 0 }];
        }
        if self.proposed.is_some() {
            return Vec::new();
        }
        let Some(block) = host.propose(now) else { return Vec::new() };
        let vote = block.header.hash().0.to_vec();
        self.proposed = Some(block);
        let send = Effect::Send { to: Some(bob().public()), bytes: vote.clone() };
        vec![Effect::Keep(vote), send, Effect::Wake(now.plus_ms(50))]
    }

    fn proof(&self, height: Height) -> Option<Seal> {
        self.sealing.proof(height)
    }
}

#[test]
fn a_block_waits_for_bob_and_then_stands() {
    let engine = AskBob { sealing: LocalEngine::new(validator()), proposed: None, agreed: false };
    let options = Options::memory(validator());
    let ledger =
        Ledger::open_with(coins(SubChain::Payment), &genesis(), options, None, Box::new(engine)).unwrap();
    ledger.submit(pay(&ledger, &alice(), &bob(), 5)).unwrap();
    assert_eq!(ledger.step(Timestamp(2_000)).unwrap(), None);
    let requests = ledger.take_requests();
    let [Effect::Keep(kept), Effect::Send { to, bytes }, Effect::Wake(Timestamp(2_050))] = &requests[..]
    else {
        unreachable!("{requests:?}")
    };
    assert_eq!((kept, *to), (bytes, Some(bob().public())));
    assert!(ledger.take_requests().is_empty());

    // A second payment comes while bob thinks, and a stranger answers for him.
    ledger.submit(pay(&ledger, &alice(), &bob(), 6)).unwrap();
    ledger.receive(PublicKey([1; 32]), bytes.clone());
    assert_eq!(ledger.step(Timestamp(2_050)).unwrap(), None);
    assert_eq!(held(&ledger, &bob()), 1000);
    ledger.receive(bob().public(), bytes.clone());
    let block = ledger.step(Timestamp(2_060)).unwrap().unwrap();
    assert_eq!((block.height(), block.block.transactions.len()), (Height(1), 1));
    assert_eq!(held(&ledger, &bob()), 1005);
    assert_eq!(ledger.step(Timestamp(2_070)).unwrap(), None);
    assert_eq!(ledger.waiting(), 0, "the second payment is in the next proposal");
    assert!(ledger.verify_all().is_ok());
}
