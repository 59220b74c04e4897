//! What organisations set aside for their validators: taken as a fine from who equivocated, given back a while after the
//! validator has left.

use clearing::Amount;
use ledger::account::BANNED;
use ledger::{Address, PublicKey, Read, Run, SubChain};
use vocabulary::{FromPayment, Seat};

use crate::config::Config;
use crate::event::Event;
use crate::model::{AssetId, Surety};
use crate::refused::Refused;
use crate::table::{RUN_BY, SURETIES};
use crate::words::{Label, Moment};
use crate::{money, party};

fn surety(state: &dyn Read, validator: PublicKey, organisation: Address) -> Surety {
    SURETIES.get(state, &(validator, organisation)).unwrap_or_default()
}

pub(crate) fn add(
    config: &Config,
    run: &mut Run<'_>,
    organisation: Address,
    validator: PublicKey,
    amount: Amount,
) -> Result<(), Refused> {
    party::admitted(run.state(), organisation)?;
    if BANNED.has(run.state(), &validator) {
        return Err(Refused::ValidatorBanned);
    }
    match RUN_BY.get(run.state(), &validator) {
        Some(account) if account != organisation => return Err(Refused::RunByAnother { account }),
        Some(_) | None => {}
    }
    if amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    money::lock(run, organisation, AssetId::DEPOSIT, amount, "amount")?;
    let mut surety = surety(run.state(), validator, organisation);
    surety.amount = surety.amount.checked_add(amount).expect("a bond is locked deposit, within its supply");
    if least(config).is_some_and(|least| surety.amount >= least) {
        // It answers again, and waits anew when it is to be taken back.
        surety.free_from = None;
    }
    keep(config, run, validator, organisation, surety);
    Ok(())
}

/// Who is suspended takes his bond back all the same, once it answers for nothing any more: it is his. What is enough to
/// decide on is not given at once: the identity chain may have let the validator decide already, and is told first.
pub(crate) fn take_back(
    config: &Config,
    run: &mut Run<'_>,
    organisation: Address,
    validator: PublicKey,
    amount: Amount,
) -> Result<(), Refused> {
    if amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    let mut surety = surety(run.state(), validator, organisation);
    let label = || Label::certain(run.state(), AssetId::DEPOSIT);
    let rest = surety.amount.checked_sub(amount);
    let rest = rest.map_err(|_| Refused::BondedLess { bond: surety.amount, label: label() })?;
    if RUN_BY.get(run.state(), &validator) == Some(organisation) {
        return Err(Refused::StillDecides);
    }
    if let Some(from) = surety.free_from.filter(|from| run.time() < *from) {
        return Err(Refused::Unbonding { from: Moment(from) });
    }
    if least(config).is_some() && enough(config, surety) {
        surety.free_from = Some(run.time().plus_ms(config.unbonding_ms));
        keep(config, run, validator, organisation, surety);
        return Ok(());
    }
    surety.amount = rest;
    keep(config, run, validator, organisation, surety);
    money::unlock(run, organisation, AssetId::DEPOSIT, amount);
    Ok(())
}

/// Takes the identity chain's word on who decides. From who decides no more, the bond is held a while longer: what it said
/// while it decided may still turn out to be equivocation.
pub(crate) fn hear(config: &Config, run: &mut Run<'_>, seats: &[Seat]) -> Result<(), Refused> {
    run.set_following(seats.iter().map(|seat| (seat.validator, seat.weight)).collect())?;
    for (validator, organisation) in RUN_BY.all(run.state()) {
        let stays = seats.iter().any(|seat| (seat.validator, seat.organisation) == (validator, organisation));
        if stays {
            continue;
        }
        RUN_BY.remove(run.state_mut(), &validator);
        let mut surety = surety(run.state(), validator, organisation);
        if !surety.amount.is_zero() {
            surety.free_from = Some(run.time().plus_ms(config.unbonding_ms));
            keep(config, run, validator, organisation, surety);
        }
    }
    for Seat { validator, organisation, .. } in seats {
        if RUN_BY.get(run.state(), validator) == Some(*organisation) {
            continue;
        }
        RUN_BY.put(run.state_mut(), validator, organisation);
        let mut surety = surety(run.state(), *validator, *organisation);
        if surety.free_from.take().is_some() {
            keep(config, run, *validator, *organisation, surety);
        }
    }
    Ok(())
}

/// A validator equivocated: all that was bonded for it goes where solvers' fines go, also while it waits to be taken back.
/// Whoever runs it now need not be who ran it then, so each bond under its key answers.
pub(crate) fn slash(config: &Config, run: &mut Run<'_>, validator: PublicKey) {
    run.ban(validator);
    for ((_, organisation), Surety { amount: fine, .. }) in SURETIES.under(run.state(), &validator) {
        keep(config, run, validator, organisation, Surety::default());
        money::give_locked(run, organisation, config.fee_account, AssetId::DEPOSIT, fine);
        run.emit(&Event::ValidatorFined { validator, organisation, fine });
    }
}

/// The least bond that this genesis asks for, if it asks for one.
fn least(config: &Config) -> Option<Amount> {
    Some(config.min_validator_bond).filter(|least| !least.is_zero())
}

/// Whether a bond is enough to decide on: what waits to be taken back is not.
fn enough(config: &Config, surety: Surety) -> bool {
    least(config).is_none_or(|least| surety.amount >= least && surety.free_from.is_none())
}

/// Writes a bond down, and tells the identity chain when it becomes enough or is so no more.
fn keep(config: &Config, run: &mut Run<'_>, validator: PublicKey, organisation: Address, surety: Surety) {
    let before = enough(config, self::surety(run.state(), validator, organisation));
    let enough = enough(config, surety);
    if surety.amount.is_zero() {
        SURETIES.remove(run.state_mut(), &(validator, organisation));
    } else {
        SURETIES.put(run.state_mut(), &(validator, organisation), &surety);
    }
    run.emit(&Event::SuretyChanged { validator, organisation, surety });
    if before != enough {
        run.send(SubChain::Identity, &FromPayment::Bond { validator, organisation, enough });
    }
}
