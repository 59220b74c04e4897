//! What accounts hold: every movement of value on this chain goes through here.

use clearing::Amount;
use ledger::{Address, Read, Run};

use crate::event::Event;
use crate::model::{AssetId, Balance};
use crate::refused::Refused;
use crate::table::BALANCES;
use crate::words::Label;

/// Why sums of balances hold: none is above the supply, which is an amount.
const WITHIN_SUPPLY: &str = "no balance passes its asset's supply";
/// Why what was locked is there: nothing takes from it but whoever locked it.
const IS_LOCKED: &str = "what is unlocked or given was locked before";

pub(crate) fn balance(state: &dyn Read, account: Address, asset: AssetId) -> Balance {
    BALANCES.get(state, &(account, asset)).unwrap_or_default()
}

fn set(run: &mut Run<'_>, party: Address, asset: AssetId, balance: Balance) {
    if balance == Balance::default() {
        BALANCES.remove(run.state_mut(), &(party, asset));
    } else {
        BALANCES.put(run.state_mut(), &(party, asset), &balance);
    }
    run.emit(&Event::BalanceChanged { party, asset, balance });
}

/// Adds to what is free. The caller took it from somewhere, or raises the supply by it.
pub(crate) fn credit(run: &mut Run<'_>, account: Address, asset: AssetId, amount: Amount) {
    let mut balance = balance(run.state(), account, asset);
    balance.available = balance.available.checked_add(amount).expect(WITHIN_SUPPLY);
    set(run, account, asset, balance);
}

/// What is left when `amount` is taken from what is free.
pub(crate) fn covers(
    state: &dyn Read,
    account: Address,
    asset: AssetId,
    amount: Amount,
    field: &'static str,
) -> Result<Balance, Refused> {
    let mut balance = balance(state, account, asset);
    match balance.available.checked_sub(amount) {
        Ok(rest) => {
            balance.available = rest;
            Ok(balance)
        }
        Err(_) => {
            let label = Label::of(state, asset).ok_or(Refused::UnknownAsset { asset, field })?;
            Err(Refused::Short { has: balance.available, needs: amount, label: Box::new(label), field })
        }
    }
}

/// Takes from what is free.
pub(crate) fn debit(
    run: &mut Run<'_>,
    account: Address,
    asset: AssetId,
    amount: Amount,
    field: &'static str,
) -> Result<(), Refused> {
    let balance = covers(run.state(), account, asset, amount, field)?;
    set(run, account, asset, balance);
    Ok(())
}

/// Locks what is free.
pub(crate) fn lock(
    run: &mut Run<'_>,
    account: Address,
    asset: AssetId,
    amount: Amount,
    field: &'static str,
) -> Result<(), Refused> {
    if amount.is_zero() {
        return Ok(());
    }
    let mut balance = covers(run.state(), account, asset, amount, field)?;
    balance.locked = balance.locked.checked_add(amount).expect(WITHIN_SUPPLY);
    set(run, account, asset, balance);
    Ok(())
}

/// Frees what was locked.
pub(crate) fn unlock(run: &mut Run<'_>, account: Address, asset: AssetId, amount: Amount) {
    if amount.is_zero() {
        return;
    }
    let mut balance = balance(run.state(), account, asset);
    balance.locked = balance.locked.checked_sub(amount).expect(IS_LOCKED);
    balance.available = balance.available.checked_add(amount).expect(WITHIN_SUPPLY);
    set(run, account, asset, balance);
}

/// Takes what was locked out of the account: destroyed, or about to be credited to another.
pub(crate) fn burn_locked(run: &mut Run<'_>, account: Address, asset: AssetId, amount: Amount) {
    let mut balance = balance(run.state(), account, asset);
    balance.locked = balance.locked.checked_sub(amount).expect(IS_LOCKED);
    set(run, account, asset, balance);
}

/// Gives what was locked to another, free to use.
pub(crate) fn give_locked(run: &mut Run<'_>, from: Address, to: Address, asset: AssetId, amount: Amount) {
    burn_locked(run, from, asset, amount);
    credit(run, to, asset, amount);
}
