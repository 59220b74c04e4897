//! Three chains with nothing to say: enough to hold a settlement, and to take a transaction.

use std::sync::Arc;

use ledger::{
    Address, Application, Body, Genesis, Height, Ledger, Options, Read, Refusal, Run, SubChain, Timestamp,
};
use payment_chain::SETTLEMENTS;
use payment_chain::model::{BatchId, Settlement};

use super::story;
use crate::chains::Chains;

/// Where the story's ring settled.
const SETTLED_AT: Height = Height(3);

struct Quiet(SubChain);

impl Application for Quiet {
    fn chain(&self) -> SubChain {
        self.0
    }

    fn genesis(&self, run: &mut Run<'_>) {
        if self.0 == SubChain::Payment {
            let parties = story::ring().legs.iter().map(|leg| leg.party).collect();
            let settled = Settlement { batch: BatchId(1), parties, at: Timestamp(story::START_MS) };
            SETTLEMENTS.put(run.state_mut(), &story::settlement(), &settled);
        }
    }

    fn terms(&self, _: &dyn Read, _: Address, _: &[u8]) -> Result<String, Refusal> {
        Ok("Nothing happens.".to_owned())
    }

    fn check(&self, _: &dyn Read, body: &Body) -> Result<(), Refusal> {
        if body.payload.is_empty() { Err(Refusal::new("empty", "payload", "there is none")) } else { Ok(()) }
    }

    fn charge(&self, _: &mut Run<'_>, _: &Body) -> Result<(), Refusal> {
        Ok(())
    }

    fn open(&self, _: &mut Run<'_>) {}

    fn apply(&self, _: &mut Run<'_>, _: &Body) -> Result<(), Refusal> {
        Ok(())
    }

    fn receive(&self, _: &mut Run<'_>, _: SubChain, _: u64, _: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn due(&self, _: &dyn Read, height: Height, _: Timestamp) -> bool {
        self.0 == SubChain::Payment && height <= SETTLED_AT
    }
}

/// Three quiet chains in memory.
pub(crate) fn chains() -> Chains {
    let validator = story::key("validator");
    let start = Timestamp(story::START_MS);
    let genesis = Genesis::new(start, vec![(validator.public(), 1)], [b"", b"", b""]).unwrap();
    let open = |chain| {
        let options = Options::memory(validator.clone());
        Arc::new(Ledger::open(Arc::new(Quiet(chain)), &genesis, options).unwrap())
    };
    let chains = Chains {
        identity: open(SubChain::Identity),
        data: open(SubChain::Data),
        payment: open(SubChain::Payment),
    };
    for step in 1..=SETTLED_AT.0 {
        chains.payment.step(Timestamp(story::START_MS + step * story::STEP_MS)).unwrap();
    }
    chains
}
