//! What solvers set aside, out of which a false declaration is fined.

use clearing::Amount;
use ledger::{Address, Run};
use vocabulary::Role;

use crate::config::Config;
use crate::model::AssetId;
use crate::refused::Refused;
use crate::table::{BONDS, SUBMISSIONS, WINDOW};
use crate::words::Label;
use crate::{money, party};

pub(crate) fn add(run: &mut Run<'_>, solver: Address, amount: Amount) -> Result<(), Refused> {
    party::in_role(run.state(), solver, Role::Solver)?;
    if amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    money::lock(run, solver, AssetId::DEPOSIT, amount, "amount")?;
    let bond = BONDS.get(run.state(), &solver).unwrap_or_default();
    let bond = bond.checked_add(amount).expect("a bond is locked deposit, within its supply");
    BONDS.put(run.state_mut(), &solver, &bond);
    Ok(())
}

/// Who is suspended or no solver any more takes his bond back all the same: it is his.
pub(crate) fn take_back(run: &mut Run<'_>, solver: Address, amount: Amount) -> Result<(), Refused> {
    if amount.is_zero() {
        return Err(Refused::Zero { field: "amount" });
    }
    let bond = BONDS.get(run.state(), &solver).unwrap_or_default();
    let label = || Label::certain(run.state(), AssetId::DEPOSIT);
    let rest = bond.checked_sub(amount).map_err(|_| Refused::BondedLess { bond, label: label() })?;
    if let Some(window) = WINDOW.get(run.state(), &())
        && SUBMISSIONS.has(run.state(), &solver)
    {
        return Err(Refused::BondNeeded { ends: window.ends });
    }
    keep(run, solver, rest);
    money::unlock(run, solver, AssetId::DEPOSIT, amount);
    Ok(())
}

/// Moves the fine, or what the bond still has of it, to the fee account; returns how much.
pub(crate) fn fine(config: &Config, run: &mut Run<'_>, solver: Address) -> Amount {
    let bond = BONDS.get(run.state(), &solver).unwrap_or_default();
    let fine = config.fine.min(bond);
    if !fine.is_zero() {
        keep(run, solver, bond.checked_sub(fine).expect("the fine is at most the bond"));
        money::give_locked(run, solver, config.fee_account, AssetId::DEPOSIT, fine);
    }
    fine
}

fn keep(run: &mut Run<'_>, solver: Address, bond: Amount) {
    if bond.is_zero() {
        BONDS.remove(run.state_mut(), &solver);
    } else {
        BONDS.put(run.state_mut(), &solver, &bond);
    }
}
