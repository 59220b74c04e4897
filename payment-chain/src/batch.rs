//! Batches: the book closes, freezes, is cleared by whoever has the best clearing that holds, and thaws.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clearing::signing::{self, Standing};
use clearing::{Amount, Answer, AssetKey, Certificate, Names, OfferKey, PartyKey, Proof, Report, UsdValue};
use ledger::{Address, Hash, Read, Run, Tag};
use vocabulary::Role;
use vocabulary::messages::Conduct;

use crate::book::Frozen;
use crate::config::Config;
use crate::event::Event;
use crate::model::{AssetId, BatchId, Leg, OfferId, Ring, Window};
use crate::payload::{MAX_RINGS, SubmittedRing};
use crate::refused::Refused;
use crate::signing::{served, standings};
use crate::table::{
    BONDS, CERTIFICATES, CHANGED, SNAPSHOT, SUBMISSIONS, SUBMITTED_CERTIFICATES, SUBMITTED_RINGS, Submission,
    WINDOW,
};
use crate::view::{OpenBatch, open_batch};
use crate::words::Label;
use crate::{bond, book, contract, offer, party, settlement};

/// How many submissions a batch takes at most.
pub const MAX_SUBMISSIONS: usize = 64;

/// Why a submission does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClearingFault {
    /// It breaks a rule of clearing; the first that it breaks.
    #[error(transparent)]
    Rule(#[from] clearing::Fault),
    /// A binding offer stands among indicative ones without its owner's leave.
    #[error("ring {ring}: offer {offer} is binding and does not join rings that wait for signatures")]
    Apart {
        /// The ring's position.
        ring: usize,
        /// The offer.
        offer: OfferKey,
    },
    /// The declared value is not the value.
    #[error("declared {declared} and worth {worth} millionths of a US dollar")]
    Value {
        /// What the solver said.
        declared: u128,
        /// What it is, rounded down.
        worth: u128,
    },
}

/// What a clearing that holds amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Value, legs, and what each offer gives.
    pub report: Report,
    /// Its value in millionths of a US dollar, rounded down: what a solver declares.
    pub value_micro_usd: u128,
    /// Rings that execute or drop together, by position.
    pub groups: Vec<Vec<usize>>,
}

impl OpenBatch {
    /// Judges rings exactly as the chain does: what a solver runs before it declares.
    ///
    /// # Errors
    /// The first [`ClearingFault`]: of the rules of clearing, then of binding offers among indicative ones.
    pub fn judge(
        &self,
        rings: Vec<clearing::Ring>,
    ) -> Result<(Judgement, Vec<clearing::Ring>), ClearingFault> {
        let answer = Answer { rings, ..Answer::default() };
        let report = clearing::check(&self.book, &self.rules, self.now, &answer).map_err(|faults| {
            ClearingFault::Rule(*faults.first().expect("a clearing that does not hold has a fault"))
        })?;
        let groups = clearing::groups(&self.book, &answer.rings);
        for group in &groups {
            if let Some((ring, offer)) = self.misfit(group, &answer.rings) {
                return Err(ClearingFault::Apart { ring, offer });
            }
        }
        let value_micro_usd = report.value.floor_to(6).unwrap_or(u128::MAX);
        Ok((Judgement { report, value_micro_usd, groups }, answer.rings))
    }

    /// What speaks for an offer where rings or clearings compete; offers that the book does not have are certain.
    #[must_use]
    pub fn standing(&self, offer: OfferKey) -> Standing {
        let at = self.book.offer_index(offer);
        at.and_then(|at| self.standings.get(at)).copied().unwrap_or(Standing::CERTAIN)
    }

    /// By what clearings for this batch are ranked: what they are expected to bring. Nothing is checked.
    #[must_use]
    pub fn expected(&self, rings: &[clearing::Ring]) -> UsdValue {
        signing::expected(&self.book, rings, |offer| self.standing(offer))
    }

    /// Leaves out the groups of rings in which a binding offer would have to wait for signatures without its
    /// owner's leave.
    #[must_use]
    pub fn without_misfits(&self, rings: Vec<clearing::Ring>) -> Vec<clearing::Ring> {
        let groups = clearing::groups(&self.book, &rings);
        let mut kept: Vec<usize> =
            groups.into_iter().filter(|group| self.misfit(group, &rings).is_none()).flatten().collect();
        kept.sort_unstable();
        let mut rings: Vec<Option<clearing::Ring>> = rings.into_iter().map(Some).collect();
        kept.into_iter().filter_map(|at| rings[at].take()).collect()
    }

    /// The first offer of the group that must stay apart from the indicative ones in it, with its ring.
    fn misfit(&self, group: &[usize], rings: &[clearing::Ring]) -> Option<(usize, OfferKey)> {
        let legs = || group.iter().flat_map(|&at| rings[at].legs.iter().map(move |leg| (at, leg.offer)));
        if !legs().any(|(_, offer)| self.indicative.contains(&offer)) {
            return None;
        }
        legs().find(|(_, offer)| self.apart.contains(offer))
    }

    /// A ring with all that its page shows.
    fn ring(&self, number: usize, ring: &clearing::Ring) -> Ring {
        let legs = ring.legs.iter().map(|leg| {
            let offer = self.book.offer(leg.offer).expect("a judged ring is over offers of the book");
            let asset = self.book.asset(offer.give).expect("a book holds the assets of its offers");
            let value = asset.reference.value_of(leg.give, asset.decimals);
            Leg {
                offer: OfferId(leg.offer.0),
                party: Address(offer.party.0),
                asset: AssetId(offer.give.0),
                quantity: leg.give,
                value_micro_usd: value.floor_to(6).unwrap_or(u128::MAX),
            }
        });
        let number = u32::try_from(number).expect("a submission has few rings");
        Ring { number, legs: legs.collect() }
    }
}

/// The name of a batch in the credit record.
#[must_use]
pub fn batch_hash(batch: BatchId) -> Hash {
    Hash::of_value(Tag::Content, &("permuta/1/batch", batch))
}

/// Assets and offers by their numbers on this chain, parties by their addresses, as solvers publish them.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

impl Names for Numbers {
    fn asset(&self, key: AssetKey) -> String {
        key.to_string()
    }

    fn offer(&self, key: OfferKey) -> String {
        key.to_string()
    }

    fn party(&self, key: PartyKey) -> String {
        Address(key.0).to_string()
    }
}

/// The certificate of rings over a batch, which go without prices of their own, by the names that published files have.
#[must_use]
pub fn certificate(batch: &OpenBatch, rings: &[clearing::Ring], proof: &Proof) -> Certificate {
    let answer = Answer { rings: rings.to_vec(), ..Answer::default() };
    Certificate::new(&Numbers, &batch.book, &batch.rules, batch.now, &answer, proof)
}

/// The name of a certificate: what a solver submits, and what stands with the batch when its clearing is taken.
#[must_use]
pub fn certificate_hash(certificate: &Certificate) -> Hash {
    Hash::of(Tag::Content, &certificate.bytes())
}

/// Closes the batch of this height, if the height closes one and the book has changed since the last.
pub(crate) fn close(config: &Config, run: &mut Run<'_>) {
    let height = run.height();
    if !height.0.is_multiple_of(config.interval) || WINDOW.has(run.state(), &()) {
        return;
    }
    let batch = BatchId(height.0 / config.interval);
    if CHANGED.get(run.state(), &()).is_none_or(|last| last < batch) {
        return;
    }
    let Frozen { mut snapshot, references } = book::snapshot(config, run.state(), run.time(), Some(batch));
    if snapshot.offers.is_empty() {
        return;
    }
    snapshot.standings = standings(run.state(), &snapshot, run.time());
    let offers = snapshot.offers.len() as u64;
    let window = Window { batch, closed_at: run.time(), ends: height.plus(config.window) };
    SNAPSHOT.put(run.state_mut(), &(), &snapshot);
    WINDOW.put(run.state_mut(), &(), &window);
    run.emit(&Event::BatchClosed { batch, offers, window_ends: window.ends });
    run.emit(&Event::ReferencesFixed { batch, references });
}

/// What a solver proposes.
pub(crate) struct Proposal {
    pub(crate) batch: BatchId,
    pub(crate) declared_micro_usd: u128,
    pub(crate) bound_micro_usd: u128,
    pub(crate) certificate: Option<Hash>,
    pub(crate) rings: Vec<SubmittedRing>,
}

/// Checks of a proposal what needs no book.
pub(crate) fn check_shape(config: &Config, proposal: &Proposal) -> Result<u32, Refused> {
    let rings = proposal.rings.len();
    if rings == 0 || rings > MAX_RINGS {
        return Err(Refused::Rings { rings, most: MAX_RINGS });
    }
    let mut count = 0u32;
    for (ring, legs) in proposal.rings.iter().map(|ring| &ring.legs).enumerate() {
        if legs.len() < 2 || legs.len() > usize::from(config.max_assets) {
            return Err(Refused::Legs { ring, legs: legs.len(), most: config.max_assets });
        }
        if legs.iter().any(|(_, quantity)| quantity.is_zero()) {
            return Err(Refused::EmptyLeg { ring });
        }
        count += u32::try_from(legs.len()).expect("at most six legs");
    }
    if proposal.bound_micro_usd < proposal.declared_micro_usd {
        return Err(Refused::BoundBelowValue);
    }
    Ok(count)
}

/// Takes a solver's proposal; it is judged when the window ends.
pub(crate) fn submit(
    config: &Config,
    run: &mut Run<'_>,
    solver: Address,
    proposal: Proposal,
) -> Result<(), Refused> {
    let state = run.state();
    party::in_role(state, solver, Role::Solver)?;
    let batch = proposal.batch;
    if WINDOW.get(state, &()).is_none_or(|window| window.batch != batch) {
        return Err(Refused::NotOpen { batch });
    }
    let legs = check_shape(config, &proposal)?;
    let bond = BONDS.get(state, &solver).unwrap_or_default();
    if bond < config.min_bond {
        let label = Label::certain(state, AssetId::DEPOSIT);
        return Err(Refused::BondTooSmall { bond, least: config.min_bond, label });
    }
    if SUBMISSIONS.has(state, &solver) {
        return Err(Refused::SubmittedAlready);
    }
    if SUBMISSIONS.all(state).len() >= MAX_SUBMISSIONS {
        return Err(Refused::TooManySubmissions { most: MAX_SUBMISSIONS });
    }
    let Proposal { declared_micro_usd, bound_micro_usd, certificate, rings, .. } = proposal;
    let submission = Submission { declared_micro_usd, bound_micro_usd, legs, at: run.height() };
    SUBMISSIONS.put(run.state_mut(), &solver, &submission);
    SUBMITTED_RINGS.put(run.state_mut(), &solver, &rings);
    if let Some(certificate) = certificate {
        SUBMITTED_CERTIFICATES.put(run.state_mut(), &solver, &certificate);
    }
    let rings = rings.len() as u64;
    run.emit(&Event::ClearingSubmitted { batch, solver, declared_micro_usd, rings });
    Ok(())
}

/// Ends a window that is over: takes the best submission that holds, executes it, and thaws the book.
pub(crate) fn end(config: &Config, run: &mut Run<'_>) {
    let Some(window) = WINDOW.get(run.state(), &()).filter(|window| window.ends <= run.height()) else {
        return;
    };
    let open = open_batch(run.state()).expect("a window has its book");
    let batch = window.batch;
    if SUBMISSIONS.all(run.state()).is_empty() {
        book::unanswered(run, batch);
    }
    let taken = take(config, run, &open);
    SNAPSHOT.remove(run.state_mut(), &());
    WINDOW.remove(run.state_mut(), &());
    let mut certified = None;
    let cleared = match taken {
        None => Event::BatchCleared { batch, solver: None, value_micro_usd: 0, bound_micro_usd: 0, rings: 0 },
        Some(Taken { solver, bound_micro_usd, certificate, judgement, rings }) => {
            if let Some(certificate) = certificate {
                CERTIFICATES.put(run.state_mut(), &batch, &certificate);
            }
            certified = certificate.map(|certificate| Event::BatchCertified { batch, solver, certificate });
            execute(config, run, &open, &judgement.groups, &rings);
            // What the clearing left may make further rings.
            book::changed(run, BatchId(batch.0.saturating_add(1)));
            let value_micro_usd = judgement.value_micro_usd;
            let rings = rings.len() as u64;
            Event::BatchCleared { batch, solver: Some(solver), value_micro_usd, bound_micro_usd, rings }
        }
    };
    run.emit(&cleared);
    if let Some(certified) = certified {
        run.emit(&certified);
    }
    offer::cancel_asked(run);
}

/// The submission that was taken.
struct Taken {
    solver: Address,
    bound_micro_usd: u128,
    certificate: Option<Hash>,
    judgement: Judgement,
    rings: Vec<clearing::Ring>,
}

/// Judges submissions in the order of what they are expected to bring (ties: larger declared value, fewer legs, then
/// earlier, then by address) until one holds; fines those before it. All submissions are gone afterwards.
fn take(config: &Config, run: &mut Run<'_>, open: &OpenBatch) -> Option<Taken> {
    let rings_of = |state: &dyn Read, solver: &Address| -> Vec<clearing::Ring> {
        let submitted = SUBMITTED_RINGS.get(state, solver).unwrap_or_default();
        submitted.into_iter().map(clearing::Ring::from).collect()
    };
    // All rings of all solvers are not held at once.
    let rank = |(solver, submission): (Address, Submission)| {
        let expected = open.expected(&rings_of(run.state(), &solver));
        (Reverse(expected), Reverse(submission.declared_micro_usd), submission.legs, submission.at, solver)
    };
    let submissions: BTreeMap<Address, Submission> = SUBMISSIONS.all(run.state()).into_iter().collect();
    let mut order: Vec<_> = submissions.iter().map(|(solver, head)| rank((*solver, *head))).collect();
    order.sort_unstable();
    for (Reverse(expected), .., solver) in &order {
        let expected_micro_usd = expected.floor_to(6).unwrap_or(u128::MAX);
        run.emit(&Event::ClearingRanked { batch: open.batch, solver: *solver, expected_micro_usd });
    }
    let mut taken = None;
    for (.., solver) in order {
        let submission = submissions[&solver];
        let rings = taken.is_none().then(|| rings_of(run.state(), &solver));
        SUBMISSIONS.remove(run.state_mut(), &solver);
        SUBMITTED_RINGS.remove(run.state_mut(), &solver);
        let certificate = SUBMITTED_CERTIFICATES.get(run.state(), &solver);
        SUBMITTED_CERTIFICATES.remove(run.state_mut(), &solver);
        let Some(rings) = rings else { continue };
        let declared = submission.declared_micro_usd;
        match open.judge(rings) {
            Ok((judgement, rings)) if judgement.value_micro_usd == declared => {
                let bound_micro_usd = submission.bound_micro_usd;
                taken = Some(Taken { solver, bound_micro_usd, certificate, judgement, rings });
            }
            Ok((judgement, _)) => {
                let worth = judgement.value_micro_usd;
                punish(config, run, open.batch, solver, ClearingFault::Value { declared, worth });
            }
            Err(fault) => punish(config, run, open.batch, solver, fault),
        }
    }
    taken
}

fn punish(config: &Config, run: &mut Run<'_>, batch: BatchId, solver: Address, fault: ClearingFault) {
    let fine: Amount = bond::fine(config, run, solver);
    run.emit(&Event::SolverFined { batch, solver, fine, fault: fault.to_string() });
    let at = run.time();
    // No leg of it moved, so none was worth anything.
    settlement::record(run, solver, Conduct::FalseDeclaration, batch_hash(batch), 0, at);
}

/// Executes what was taken, group by group: binding rings settle at once, rings with an indicative offer become a
/// contract, and a group is dropped when a party of it may not trade any more or does not cover what it gives.
fn execute(
    config: &Config,
    run: &mut Run<'_>,
    open: &OpenBatch,
    groups: &[Vec<usize>],
    rings: &[clearing::Ring],
) {
    let batch = open.batch;
    for group in groups {
        let rings: Vec<Ring> = group.iter().map(|&at| open.ring(at, &rings[at])).collect();
        let mut legs = rings.iter().flat_map(|ring| &ring.legs);
        let barred = legs.find(|leg| !party::may_trade(run.state(), leg.party)).map(|leg| leg.party);
        if let Some(party) = barred.or_else(|| settlement::uncovered(run.state(), &rings)) {
            for ring in rings {
                run.emit(&Event::RingDropped { batch, ring, party });
            }
            continue;
        }
        let waits = |leg: &Leg| open.indicative.contains(&OfferKey(leg.offer.0));
        if rings.iter().flat_map(|ring| &ring.legs).any(waits) {
            contract::make(config, run, batch, rings);
        } else {
            served(run, &rings);
            for ring in rings {
                settlement::settle(run, batch, None, ring);
            }
        }
    }
}

/// Whether a batch or a window needs heights to pass.
pub(crate) fn due(config: &Config, state: &dyn Read, height: ledger::Height) -> bool {
    let closes = BatchId(height.0.div_ceil(config.interval));
    WINDOW.has(state, &()) || CHANGED.get(state, &()).is_some_and(|last| closes <= last)
}

impl From<SubmittedRing> for clearing::Ring {
    fn from(ring: SubmittedRing) -> clearing::Ring {
        let leg = |(OfferId(offer), give)| clearing::Leg { offer: OfferKey(offer), give };
        clearing::Ring { legs: ring.legs.into_iter().map(leg).collect() }
    }
}

impl From<&clearing::Ring> for SubmittedRing {
    fn from(ring: &clearing::Ring) -> SubmittedRing {
        SubmittedRing { legs: ring.legs.iter().map(|leg| (OfferId(leg.offer.0), leg.give)).collect() }
    }
}
