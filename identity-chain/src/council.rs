//! What happens to those who decide: by vote, by their own wish, by evidence. Whoever decides on all chains from the era
//! after the next one on is fixed here.

use ledger::account::{ERA, RULES};
use ledger::koma::{Accusation, Evidence, Mode};
use ledger::{Address, PublicKey, Read, Run, SubChain, Timestamp};
use vocabulary::FromIdentity;

use crate::event::Event;
use crate::rules::{changeable, fits, may_be, may_decide, moot};
use crate::tables::{ALONE, BANS, BOND_NEEDED, BONDED, EVIDENCE, FOUR, LAST_PROPOSAL, PROPOSALS, VALIDATORS};
use crate::validator::{Ban, Change, Members, Outcome, Proposal, Stand, Validator, levelled, seat};

/// Those who decide, in ascending order of key.
pub(crate) fn deciding(state: &dyn Read) -> Vec<(PublicKey, Validator)> {
    let mut validators = VALIDATORS.all(state);
    validators.retain(|(_, validator)| validator.stand == Stand::Decides);
    validators
}

/// The same with nothing but their weights.
pub(crate) fn members(state: &dyn Read) -> Members {
    deciding(state).into_iter().map(|(key, validator)| (key, validator.weight)).collect()
}

/// What an organisation's validators weigh.
pub(crate) fn weight_of(deciding: &[(PublicKey, Validator)], organisation: Address) -> u128 {
    let own = deciding.iter().filter(|(_, validator)| validator.organisation == organisation);
    own.map(|(_, validator)| u128::from(validator.weight)).sum()
}

/// Whether backers weigh more than two thirds of all.
pub(crate) fn passes(deciding: &[(PublicKey, Validator)], backers: &[Address]) -> bool {
    let all: u128 = deciding.iter().map(|(_, validator)| u128::from(validator.weight)).sum();
    let backed: u128 = backers.iter().map(|organisation| weight_of(deciding, *organisation)).sum();
    3 * backed > 2 * all
}

/// The era from which on what is decided now counts.
fn era_to_come(state: &dyn Read) -> u64 {
    ERA.get(state).map_or(0, |era| era.number).saturating_add(2)
}

/// Seats the validators of the genesis; whoever is not named as one's organisation leaves it to `otherwise`.
pub(crate) fn found(run: &mut Run<'_>, named: &[(PublicKey, Address)], otherwise: Address) {
    let members = run.following();
    let total: u128 = members.iter().map(|(_, weight)| u128::from(*weight)).sum();
    if members.iter().any(|(_, weight)| 2 * u128::from(*weight) > total) {
        ALONE.put(run.state_mut(), &());
    }
    let one_owner = RULES.get(run.state()).is_none_or(|rules| rules.mode == Mode::SingleOwner);
    if members.len() >= 4 && !one_owner {
        FOUR.put(run.state_mut(), &());
    }
    for (key, weight) in members {
        let organisation = named.iter().find(|(known, _)| *known == key).map(|(_, account)| *account);
        let organisation = organisation.unwrap_or(otherwise);
        let validator = Validator { organisation, weight, stand: Stand::Decides, from_era: 0 };
        VALIDATORS.put(run.state_mut(), &key, &validator);
    }
}

/// Says in the first block who decides from the start.
pub(crate) fn announce(run: &mut Run<'_>) {
    for (key, validator) in VALIDATORS.all(run.state()) {
        run.emit(&Event::ValidatorChanged { key, validator });
    }
    tell(run);
}

pub(crate) fn propose(run: &mut Run<'_>, by: Address, change: Change, until: Timestamp) {
    let number = LAST_PROPOSAL.get(run.state()).unwrap_or(0).saturating_add(1);
    LAST_PROPOSAL.put(run.state_mut(), &number);
    run.emit(&Event::ProposalMade { number, by, change: change.clone(), until });
    PROPOSALS.put(run.state_mut(), &number, &Proposal { change, by, until, backers: vec![by] });
    changing(run, |_| {});
}

pub(crate) fn vote(run: &mut Run<'_>, by: Address, number: u64) {
    let mut proposal = PROPOSALS.get(run.state(), &number).expect("the rules found the proposal");
    proposal.backers.push(by);
    PROPOSALS.put(run.state_mut(), &number, &proposal);
    run.emit(&Event::ProposalBacked { number, by });
    changing(run, |_| {});
}

pub(crate) fn leave(run: &mut Run<'_>, key: PublicKey) {
    changing(run, |run| stand(run, key, |validator| validator.stand = Stand::Left));
}

/// Takes evidence that holds. Its validator is out for good; only where nobody else is left, or who decides can never
/// change, does it go on deciding.
pub(crate) fn ban(run: &mut Run<'_>, by: Address, accusation: &Accusation, evidence: &Evidence) {
    let Accusation { chain, era, validator: key } = *accusation;
    let ban = Ban::new(chain, era, evidence, by, run.time());
    BANS.put(run.state_mut(), &key, &ban);
    EVIDENCE.put(run.state_mut(), &key, evidence);
    let decides = run.ban(key);
    run.emit(&Event::ValidatorBanned { key, ban });
    // Whoever voted for easing knew nothing of this.
    for (number, proposal) in PROPOSALS.all(run.state()) {
        if decides && proposal.change == Change::Ease {
            close(run, number, Outcome::Moot);
        }
    }
    if let Some(Validator { organisation, .. }) = VALIDATORS.get(run.state(), &key) {
        for to in [SubChain::Data, SubChain::Payment] {
            run.send(to, &FromIdentity::Banned { validator: key, organisation });
        }
    }
    changing(run, |_| {});
}

/// Takes the payment chain's word on a bond. Whoever loses it decides no more until a vote admits it again: else the set
/// would change without a vote, as often as its organisation likes. It stays where the others could not go on without it;
/// its bond is held as long as it decides.
pub(crate) fn bonded(run: &mut Run<'_>, key: PublicKey, organisation: Address, enough: bool) {
    if enough {
        BONDED.put(run.state_mut(), &(key, organisation), &());
        changing(run, |_| {});
        return;
    }
    BONDED.remove(run.state_mut(), &(key, organisation));
    let own = VALIDATORS.get(run.state(), &key).filter(|validator| validator.organisation == organisation);
    let decides = own.is_some_and(|validator| validator.stand == Stand::Decides);
    let others = Change::Remove { key }.applied(members(run.state()));
    if decides && changeable(run.state()).is_ok() && may_decide(run.state(), &others).is_ok() {
        changing(run, |run| stand(run, key, |validator| validator.stand = Stand::Left));
    }
}

/// Closes proposals whose time ran out.
pub(crate) fn expire(run: &mut Run<'_>) {
    let now = run.time();
    for (number, proposal) in PROPOSALS.all(run.state()) {
        if proposal.until <= now {
            close(run, number, Outcome::Expired);
        }
    }
}

/// Whether a proposal's time has run out.
pub(crate) fn expiry_due(state: &dyn Read, now: Timestamp) -> bool {
    PROPOSALS.all(state).iter().any(|(_, proposal)| proposal.until <= now)
}

/// Does what `change` does and what follows from it, then tells everybody who decides if that is not who did before.
fn changing(run: &mut Run<'_>, change: impl FnOnce(&mut Run<'_>)) {
    let before = members(run.state());
    change(run);
    // Each turn closes a proposal or moves a validator on, of which there are few.
    while retire(run) || welcome(run) || decide(run) {}
    let after = members(run.state());
    if after != before {
        let members = after.into_iter().collect();
        run.set_following(members).expect("the rules let nobody else decide");
        tell(run);
    }
}

/// Tells the other chains who decides.
fn tell(run: &mut Run<'_>) {
    let seats: Vec<_> = deciding(run.state()).iter().map(|(key, validator)| seat(*key, validator)).collect();
    if seats.is_empty() {
        return;
    }
    let message = FromIdentity::Validators(seats);
    run.send(SubChain::Data, &message);
    run.send(SubChain::Payment, &message);
}

/// Puts one who is banned out, unless nobody else is left, or who decides can never change.
fn retire(run: &mut Run<'_>) -> bool {
    if changeable(run.state()).is_err() {
        return false;
    }
    let banned = |(key, validator): &(PublicKey, Validator)| {
        validator.stand != Stand::Banned && BANS.has(run.state(), key)
    };
    let Some((key, validator)) = VALIDATORS.all(run.state()).into_iter().find(banned) else { return false };
    if validator.stand == Stand::Decides && members(run.state()).len() == 1 {
        return false;
    }
    stand(run, key, |validator| validator.stand = Stand::Banned);
    if validator.stand == Stand::Decides {
        level(run);
    }
    true
}

/// Lets one decide whose bond is enough by now.
fn welcome(run: &mut Run<'_>) -> bool {
    let state = run.state();
    let members = members(state);
    let ready = |(key, validator): &(PublicKey, Validator)| {
        validator.stand == Stand::AwaitsBond
            && BONDED.has(state, &(*key, validator.organisation))
            && fits(&with(&members, *key, validator.weight)).is_ok()
    };
    let Some((key, _)) = VALIDATORS.all(state).into_iter().find(ready) else { return false };
    stand(run, key, |validator| validator.stand = Stand::Decides);
    true
}

fn with(members: &Members, key: PublicKey, weight: u64) -> Members {
    let mut members = members.clone();
    members.insert(key, weight);
    members
}

/// Closes a proposal that passed, or that is about nothing any more.
fn decide(run: &mut Run<'_>) -> bool {
    let state = run.state();
    let deciding = deciding(state);
    let ripe = |(number, proposal): (u64, Proposal)| {
        let Proposal { change, backers, .. } = proposal;
        if moot(state, &change) {
            return Some((number, None));
        }
        // What does not fit today may fit tomorrow.
        let passes = passes(&deciding, &backers) && may_be(state, &change).is_ok();
        passes.then_some((number, Some(change)))
    };
    match PROPOSALS.all(state).into_iter().find_map(ripe) {
        None => false,
        Some((number, None)) => {
            close(run, number, Outcome::Moot);
            true
        }
        Some((number, Some(change))) => {
            close(run, number, Outcome::Passed);
            enact(run, change);
            true
        }
    }
}

fn enact(run: &mut Run<'_>, change: Change) {
    match change {
        Change::Admit { key, weight, organisation, .. } => {
            let needed = BOND_NEEDED.get(run.state()).unwrap_or(false);
            let bonded = !needed || BONDED.has(run.state(), &(key, organisation));
            let stand = if bonded { Stand::Decides } else { Stand::AwaitsBond };
            let from_era = era_to_come(run.state());
            put(run, key, Validator { organisation, weight, stand, from_era });
        }
        Change::Remove { key } => stand(run, key, |validator| validator.stand = Stand::Left),
        Change::Weigh { key, weight } => stand(run, key, |validator| validator.weight = weight),
        Change::Ease => {
            run.ease();
            for to in [SubChain::Data, SubChain::Payment] {
                run.send(to, &FromIdentity::Eased);
            }
        }
    }
}

fn close(run: &mut Run<'_>, number: u64, outcome: Outcome) {
    PROPOSALS.remove(run.state_mut(), &number);
    run.emit(&Event::ProposalClosed { number, outcome });
}

/// Brings down the weights that are too high now that somebody went without a vote.
fn level(run: &mut Run<'_>) {
    let members = members(run.state());
    for (key, weight) in levelled(members.clone()) {
        if members.get(&key) != Some(&weight) {
            stand(run, key, |validator| validator.weight = weight);
        }
    }
}

fn stand(run: &mut Run<'_>, key: PublicKey, change: impl FnOnce(&mut Validator)) {
    let mut validator = VALIDATORS.get(run.state(), &key).expect("the rules found the validator");
    change(&mut validator);
    validator.from_era = era_to_come(run.state());
    put(run, key, validator);
}

fn put(run: &mut Run<'_>, key: PublicKey, validator: Validator) {
    VALIDATORS.put(run.state_mut(), &key, &validator);
    run.emit(&Event::ValidatorChanged { key, validator });
}
